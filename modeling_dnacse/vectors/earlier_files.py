"""A file in; whether `dnacse embed` wrote it, so that the next run may replace it, out."""

import json
import zipfile
from pathlib import Path

from .formats import ids_file

COLUMNS = (["id", "embedding"], ["id", "embedding", "scale"])


def is_earlier(path: Path) -> bool:
    """Whether a file holds vectors in the layout of this package for its suffix; damaged files do not."""
    try:
        return {
            ".npy": is_npy,
            ".npz": is_npz,
            ".parquet": is_parquet,
            ".safetensors": is_safetensors,
            ".h5ad": is_h5ad,
        }[path.suffix](path)
    except (ValueError, OSError, zipfile.BadZipFile, RuntimeError):  # also RecursionError, of nested JSON
        return False


def is_npy(path: Path) -> bool:
    """Whether it is a NumPy array with a file of ids beside it."""
    with path.open("rb") as file:
        return file.read(6) == b"\x93NUMPY" and ids_file(path).is_file()


def is_npz(path: Path) -> bool:
    """Whether its first arrays are the vectors and their ids."""
    with zipfile.ZipFile(path) as archive:
        return archive.namelist()[:2] == ["embeddings.npy", "ids.npy"]


def is_parquet(path: Path) -> bool:
    """Whether its columns are those of vectors."""
    import pyarrow.parquet as pq

    with path.open("rb") as file:
        return pq.read_schema(file).names in COLUMNS


def is_safetensors(path: Path) -> bool:
    """Whether its tensors are those of vectors; their header is short."""
    with path.open("rb") as file:
        size = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(size)) if size < 1000 else None
        return isinstance(header, dict) and set(header) - {"scales"} == {"embeddings", "ids"}


def is_h5ad(path: Path) -> bool:
    """Whether it is AnnData with nothing but vectors and names: no analysis was added to it."""
    import h5py  # pyright: ignore[reportMissingImports]

    with h5py.File(path) as file:
        added = [key for key in ("layers", "obsm", "obsp", "uns", "varm", "varp") if len(file.get(key, ()))]
        return {"X", "obs"} <= set(file) and file["obs"].attrs.get("_index") == "id" and not added
