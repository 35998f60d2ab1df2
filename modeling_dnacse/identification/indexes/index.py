"""An index of a labelled library: a folder with everything that was computed from the library, which opens at once.

| file | holds |
|---|---|
| index.json | the model and its fingerprint, options, sources, the ends of calibrations, hashes of the other files |
| references.parquet | `id`, and the columns `labels.RANK`, `below.RANK` and `metadata.NAME` |
| encoded.safetensors | `bases`, `votes`, `placed` and `reverse`, see `AtSites`; or `vectors` |
| calibrations.safetensors | `NUMBER.FIELD` of each calibration, see `CalibrationData` |
| cells.safetensors | the inverted file of a large library, see `Cells` |

Tensors are memory-mapped. An index holds no code. It can be a repository on the Hub; `hub_index` fetches it.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from ...kmers import OTHER
from ...loading.model_folders import SHIPPED, SHIPPED_BARCODES
from ...machine.control_characters import CONTROLS
from ...reading.label_policy import RANK_ORDER
from ...vectors.at_sites import AtSites
from ...vectors.cell_search import Cells
from ..calibration.by_queries import StoredCalibration
from ..calibration.cases import CalibrationData
from ..encoding import Encoded
from ..references import Column, References
from .index_files import (
    CALIBRATIONS,
    CELLS,
    DESCRIPTION,
    ENCODED,
    FORMAT,
    REFERENCES,
    REMEDY,
    VERSION,
    digest_of,
    read_description,
)

LARGEST_COSINE = 1.001  # rounding adds to 1
LARGEST_CLOSENESS = 50.0  # that of 2**32 references of a species is 14
GROUPS = ("labels", "below", "metadata")  # of columns, in the order of `References`


class Index(NamedTuple):
    """What an index holds."""

    folder: Path
    model: str  # folder name or Hub id
    fingerprint: str  # of the model
    options: dict[str, Any]  # those that change vectors
    sources: Sequence[Mapping[str, Any]]  # name, records and digest of each file of references
    references: References
    encoded: Encoded
    calibrations: Sequence[StoredCalibration]
    cells: Cells | None = None  # the inverted file of a large library

    def shipped_model(self) -> str:
        """The shipped model with this name; if there is none, the default one, whose fingerprint is then refused."""
        return next((str(folder) for folder in SHIPPED_BARCODES if folder.name == self.model), str(SHIPPED))


def write_index(index: Index) -> None:
    """Write an index to a folder that does not exist."""
    folder = index.folder
    folder.mkdir()
    groups = zip(GROUPS, index.references[1:], strict=True)
    columns = {"id": pa.array(index.references.ids, pa.string())}
    for group, named in groups:
        columns |= {f"{group}.{key}": pa.array(list(column), pa.string()) for key, column in named.items()}
    with (folder / REFERENCES).open("wb") as file:
        pq.write_table(pa.table(columns), file, compression="zstd")
    tensors = {} if index.encoded.sites is None else index.encoded.sites._asdict()
    if index.encoded.vectors is not None:
        tensors["vectors"] = index.encoded.vectors
        if index.encoded.lengths is not None:
            tensors["lengths"] = index.encoded.lengths
    _write_tensors(tensors, folder / ENCODED)
    stored = {
        f"{number}.{field}": part
        for number, calibration in enumerate(index.calibrations)
        for field, part in calibration.data._asdict().items()
    }
    _write_tensors(stored, folder / CALIBRATIONS)
    if index.cells is not None:
        _write_tensors(index.cells._asdict(), folder / CELLS)
    description = {
        "format": FORMAT,
        "version": VERSION,
        "model": index.model,
        "fingerprint": index.fingerprint,
        "options": index.options,
        "sources": list(index.sources),
        "references": len(index.references.ids),
        "calibrations": [calibration.ends.tolist() for calibration in index.calibrations],
        "files": {path.name: digest_of(path) for path in sorted(folder.iterdir())},
    }
    (folder / DESCRIPTION).write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")


def read_index(folder: Path) -> Index:
    """Read an index and check that it is whole.

    Raises:
        ValueError: it is no index, or a file is missing, damaged or of another index.
    """
    description = read_description(folder)
    for name, digest in description["files"].items():
        if digest_of(folder / name) != digest:
            raise ValueError(f"{folder / name} is damaged, or of another index; {REMEDY}")
    try:
        references = _read_references(folder / REFERENCES)
        tensors = _read_tensors(folder / ENCODED)
        if (vectors := tensors.pop("vectors", None)) is None:
            encoded = Encoded(None, AtSites(**tensors))
        else:
            encoded = Encoded(vectors, None, tensors.get("lengths"))  # indexes of earlier versions have none
        parts = _read_tensors(folder / CALIBRATIONS)
        calibrations = [
            StoredCalibration(
                np.array(ends, np.float64),
                CalibrationData(*(parts[f"{number}.{field}"] for field in CalibrationData._fields)),
            )
            for number, ends in enumerate(description["calibrations"])
            if f"{number}.taxon" in parts  # those of earlier versions are of other cases, so they serve no queries
        ]
        _check_encoded(encoded)
        ranks = sum(any(column) for column in references.labels.values())
        for calibration in calibrations:
            _check_calibration(calibration, ranks, by_sites=encoded.sites is not None)
        if not len(references.ids) == len(encoded) == description["references"]:
            raise ValueError(f"{len(references.ids):,} references and {len(encoded):,} sequences")
        cells = Cells(**_read_tensors(folder / CELLS)) if CELLS in description["files"] else None
        _check_cells(cells)
    except (KeyError, TypeError, ValueError, OverflowError, OSError, SafetensorError, pa.ArrowException) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0][:200]
        raise ValueError(f"{folder} cannot be read as an index ({reason}); {REMEDY}") from None
    return Index(
        folder,
        description["model"],
        description["fingerprint"],
        description["options"],
        description["sources"],
        references,
        encoded,
        calibrations,
        cells,
    )


def _check_encoded(encoded: Encoded) -> None:
    parts: dict[str, Any] = {"vectors": encoded.vectors} if encoded.sites is None else encoded.sites._asdict()
    if encoded.lengths is not None:
        parts["lengths"] = encoded.lengths
    kinds = {"bases": (np.uint8, 2), "votes": (np.float32, 1), "placed": (bool, 1), "reverse": (bool, 1)}
    _check_arrays(parts, kinds | {"vectors": (np.float32, 2), "lengths": (np.int32, 1)})
    if any(len(part) != len(encoded) for part in parts.values()):
        raise ValueError("its arrays are of different lengths")
    if encoded.sites is not None and encoded.sites.bases.max(initial=0) > OTHER:
        raise ValueError("bases hold what is no base")
    if encoded.sites is not None and not (encoded.sites.votes >= 0).all():
        raise ValueError("votes are below 0")


def _check_cells(cells: Cells | None) -> None:
    floats = {"vectors": (np.float16, 2), "lengths": (np.float32, 2), "means": (np.float32, 2)}
    if cells is not None:
        _check_arrays(cells._asdict(), floats | {"core": (bool, 1), "bits": (np.uint64, 2)})


def _check_arrays(parts: Mapping[str, np.ndarray], kinds: Mapping[str, tuple[type, int]]) -> None:
    """Check types and axes of arrays, and that their numbers are finite."""
    for name, part in parts.items():
        if (part.dtype, part.ndim) != kinds[name]:
            raise ValueError(f"{name} is of another kind")
        if part.dtype.kind == "f" and part.size:
            ends = torch.stack(torch.from_numpy(part).aminmax())  # NaN if any number is; no copy of the array
            if not ends.isfinite().all():
                raise ValueError(f"{name} hold NaN or infinity")


def _check_calibration(stored: StoredCalibration, ranks: int, by_sites: bool) -> None:
    data, count = stored.data, stored.data.similarity.shape[-1:]
    wanted = {"similarity": "f", "evidence": "f", "closeness": "f", "right": "b", "judged": "b"}
    wanted |= {"known_from": "i", "taxon": "i"}
    for name, kind in wanted.items():
        part = getattr(data, name)
        shape = count if name in ("similarity", "closeness", "known_from", "taxon") else (ranks, *count)
        if part.dtype.kind != kind or part.shape != shape:
            raise ValueError(f"{name} of a calibration is of another kind or size")
    if len(data.known_from) and not 0 <= data.known_from.min() <= data.known_from.max() <= ranks:
        raise ValueError("known_from of a calibration is no rank")
    if not (np.abs(data.similarity) <= LARGEST_COSINE).all():  # NaN is not
        raise ValueError("a similarity of a calibration is no cosine")
    largest = np.array([LARGEST_CLOSENESS, *[1] * (ranks - 1)])[:ranks, None]  # gaps at the higher ranks
    for part, most in ((data.closeness, LARGEST_CLOSENESS), (data.evidence, largest)):
        if not (np.isnan(part) | (np.abs(part) <= most)).all():  # NaN: there is no name
            raise ValueError("closeness or evidence of a calibration is out of its range")
    if np.isnan(data.evidence[data.judged]).any():
        raise ValueError("a calibration judges names without evidence")
    sizes = (0, 9) if by_sites else (0, 1, 9)  # see `ends_of`
    if stored.ends.ndim != 1 or len(stored.ends) not in sizes or not np.isfinite(stored.ends).all():
        raise ValueError("the ends of a calibration are no numbers")


def _read_references(path: Path) -> References:
    with path.open("rb") as file:
        table = pq.read_table(file)
    groups: dict[str, dict[str, Column]] = {group: {} for group in GROUPS}
    for name in table.column_names:
        group, _, key = name.partition(".")
        if group in groups:
            groups[group][key] = _strings(table[name])
    _strings(pa.chunked_array([table.column_names]))  # which are written as those of the table of hits
    ranks = [rank for rank in RANK_ORDER if rank in groups["labels"]]
    groups["labels"] = {rank: groups["labels"][rank] for rank in ranks}
    if pc.count_distinct(table["id"]).as_py() < len(table):  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError("an id is there twice")
    return References(_strings(table["id"]), *groups.values())


def _strings(column: pa.ChunkedArray) -> Column:
    """Texts; equal ones share their memory."""
    if not pa.types.is_string(column.type):
        raise ValueError(f"names are {column.type}, not text")
    encoded = column.combine_chunks().dictionary_encode()
    if pc.any(pc.match_substring_regex(encoded.dictionary, CONTROLS)).as_py():  # pyright: ignore[reportAttributeAccessIssue]
        raise ValueError("a name holds a control character")
    return encoded.dictionary.to_numpy(zero_copy_only=False)[encoded.indices.to_numpy()]


def _write_tensors(tensors: Mapping[str, np.ndarray], path: Path) -> None:
    shared = {key: torch.from_numpy(np.ascontiguousarray(part)) for key, part in tensors.items()}
    save_file(shared, path)  # that of safetensors.numpy would copy them all


def _read_tensors(path: Path) -> dict[str, np.ndarray]:
    with safe_open(path, "pt") as file:  # unlike "np", which reads the whole file, this maps it
        return {key: file.get_tensor(key).numpy() for key in file.keys()}  # noqa: SIM118 it is no dict
