"""A labelled library and a model in; an `Identifier`, which names sequences as `dnacse identify` does, out.

The library is read from a file, or from an index that was made of it (indexes/). Probabilities are calibrated on the
library's own records, cut to the part of the marker that the queries cover. A calibration serves all queries that
cover the same part.

The file is long since the public methods carry their documentation.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice, tee
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..embedding.given import given_options
from ..embedding.options import EmbedOptions
from ..loading.encoders import load_encoder
from ..loading.model_digests import digest_of_vectors
from ..loading.model_folders import check_model, given_model
from ..machine.atomic import written_whole
from ..machine.file_names import given_path
from ..reading.given_sequences import SHOWN
from ..reading.rereading import RecordFile
from ..vectors.cell_search import Cells, CellSearch
from ..vectors.model_choice import choose_model
from ..vectors.shared_sites import NEAREST
from .calibration.by_queries import StoredCalibration, new_calibration, rows_held_out
from .calibration.cases import CalibrationData, describe_calibration
from .call_blocks import NamedBlock, call_blocks
from .call_rules import ByRank, CallRule, call_rule, check_probability
from .call_table import call_columns, call_row, require_pandas
from .encoding import Encoded, Encoder, ends_of, lengths_of, make_encoder
from .indexes.index import Index, read_index, write_index
from .indexes.index_files import REMEDY
from .indexes.index_record import check_fits, shaping_of, source_of
from .indexes.joining import join_encoded, join_references
from .large_libraries import is_large, make_large_library
from .library import Library, make_library
from .queries import Query, check_numbers, queries_of
from .references import HIT, LibraryFile, References, Say, encode_references, read_references, say_on_stderr

if TYPE_CHECKING:
    import pandas as pd


def ignore(_: object) -> None:
    """Ignore a message, or a number of sequences."""


class Identifier:
    """Identifies sequences with a labelled library."""

    def __init__(
        self,
        model: str,
        encoder: Encoder,
        references: References,
        encoded: Encoded,
        sources: Sequence[Mapping[str, Any]],
        calibrations: Sequence[StoredCalibration] = (),
        cells: Cells | None = None,
    ) -> None:
        """Prepare the search; see `from_fasta` and `from_index`."""
        self.model, self.encoder, self.references, self.sources = model, encoder, references, list(sources)
        self.calibrations = list(calibrations)
        sites = None if encoded.sites is None else encoder.model.sites
        if sites is not None and is_large(encoded):
            self.library: Library = make_large_library(encoded, references.labels, sites, cells)
        else:
            device = str(encoder.options.device or "cpu")
            self.library = make_library(encoded, references.labels, sites=sites, device=device)
        self.columns = references.columns()
        self.file: RecordFile | None = None  # of all references

    @classmethod
    def from_fasta(
        cls,
        path: str | Path,
        *,
        model: str | None = None,
        taxonomy: str | Path | None = None,
        options: EmbedOptions | None = None,
    ) -> "Identifier":
        """Read and encode a library.

        Args:
            path: FASTA, FASTQ, CSV, TSV, parquet or .qza with labels, see docs/formats.md.
            model: Folder, Hub id or name of a shipped model; None: the shipped one for the library's marker.
            taxonomy: The names of its records, if they are in a separate file.
            options: How sequences are embedded, and where.

        Raises:
            ValueError: a file is wrong, no record has a species, or there is no such model.
        """
        file, options = Path(given_path(path)), given_options(options)
        model = None if model is None else given_model(model)
        check_model(model)
        library = read_references(file, None if taxonomy is None else Path(given_path(taxonomy)), ignore)
        model = model_for(model, library, ignore)
        encoder = make_encoder(*load_encoder(model, str(options.device or "cpu")), options)
        return cls.from_library(model, encoder, library, say=ignore, quiet=True)

    @classmethod
    def from_library(
        cls, model: str, encoder: Encoder, library: LibraryFile, vectors: Path | None = None, **shown: Any
    ) -> "Identifier":
        """Encode a library that was read; `shown` as in `encode_references`."""
        encoded = encode_references(library, encoder, vectors, **shown)
        made = cls(model, encoder, library.references, encoded, [source_of(library)])
        made.file = library.file
        return made

    @classmethod
    def from_index(
        cls, folder: str | Path, *, model: str | None = None, options: EmbedOptions | None = None
    ) -> "Identifier":
        """Open an index that `save` or `dnacse index` made.

        Args:
            folder: The index.
            model: That which it was made with: folder, Hub id or name of a shipped model; None: it was a shipped one.
            options: How sequences are embedded, as when it was made, and where.

        Raises:
            ValueError: it is no index, is damaged, or was made with another model or other options.
        """
        options = given_options(options)
        model = None if model is None else given_model(model)
        check_model(model)
        index = read_index(Path(given_path(folder)))
        model = model or index.shipped_model()
        return cls.from_stored(model, make_encoder(*load_encoder(model, str(options.device or "cpu")), options), index)

    @classmethod
    def from_stored(cls, model: str, encoder: Encoder, index: Index) -> "Identifier":
        """Use an index that was read.

        Raises:
            ValueError: it was made with another model or other options, or its parts do not belong together.
        """
        check_fits(index, model, encoder)
        try:
            return cls(
                model, encoder, index.references, index.encoded, *(index.sources, index.calibrations, index.cells)
            )
        except ValueError as error:
            raise ValueError(f"{index.folder} cannot be read as an index ({error}); {REMEDY}") from None

    def save(self, folder: str | Path) -> None:
        """Write an index, with all calibrations so far, to a folder that does not exist yet.

        Raises:
            ValueError: the folder exists, its parent does not, or another process is writing it.
        """
        place = Path(given_path(folder))
        if place.exists() and not place.is_dir():
            raise ValueError(f"{place} is a file; give the name of a new folder")
        with written_whole(place) as hidden:
            write_index(self.stored(hidden))

    def stored(self, folder: Path) -> Index:
        """The content of an index in this folder, with all calibrations so far."""
        return Index(
            folder,
            Path(self.model).name if Path(self.model).is_dir() else self.model,
            digest_of_vectors(self.model),
            shaping_of(self.encoder.options),
            self.sources,
            self.references,
            self.library.encoded,
            self.calibrations,
            self.library.search.cells if isinstance(self.library.search, CellSearch) else None,
        )

    def extended(self, library: LibraryFile, **shown: Any) -> "Identifier":
        """An identifier with further references; it has no calibrations, since the library is another one.

        Args:
            library: The references, as `read_references` found them.
            shown: As in `encode_references`.

        Raises:
            ValueError: the two share an id.
        """
        known = set(self.references.ids)
        if twice := next((name for name in library.references.ids if name in known), None):
            raise ValueError(f"{library.file.path}: id {twice!r} is in the index already; rename or remove it")
        by_sites = self.library.encoded.sites is not None
        added = encode_references(library, self.encoder, by_sites=by_sites, **shown)
        references = join_references(self.references, library.references)
        encoded = join_encoded(self.library.encoded, added)
        return Identifier(self.model, self.encoder, references, encoded, [*self.sources, source_of(library)])

    def calibrate(self, queries: Iterable[Query] | None = None, say: Say = ignore) -> None:
        """Calibrate for sequences like `queries`; None: for sequences like the library's own.

        `say` is told how many of the queries cannot be placed on the sites. If none can, nothing is stored.
        """
        block = self.library.encoded
        if queries is not None:
            _, block = next(self._encoded(queries, ignore))
            lost = 0 if block.sites is None else int((~block.sites.placed).sum())
            if lost:
                say(f"{lost:,} of {len(block):,} sequences do not look like the library's marker")
            if lost == len(block):
                return
        self._calibration_for(block)

    def calls(
        self,
        queries: Iterable[Query],
        *,
        rule: CallRule | None = None,
        expected_new: float | None = None,
        top: int = 0,
        report: Callable[[int], object] = ignore,
        say: Say = ignore,
    ) -> Iterator[NamedBlock]:
        """Name a stream of queries, a block at a time.

        Args:
            queries: The queries.
            rule: How sure the calls must be; None: a precision of 0.95.
            expected_new: Share of queries whose species the library lacks; None: estimated from the first block.
            top: Number of hits to list for each query, at most `NEAREST`.
            report: Receives the number of queries of each block.
            say: Is told if an index has no calibration for these queries, and receives the description of theirs.

        Raises:
            ValueError: an argument is out of its range.
        """
        rule = rule or call_rule()
        rule.at(tuple(self.library.names))
        if expected_new is not None:
            check_probability("--expected_new", expected_new)
        if not 0 <= top <= NEAREST:
            raise ValueError(f"top is {top}; it must be from 0 to {NEAREST}")

        def calibration_for(block: Encoded) -> CalibrationData:
            data = self._calibration_for(block, say)
            say(self.describe(data))
            return data

        blocks = self._encoded(queries, report)
        yield from call_blocks(
            self.library, self.columns, blocks, calibration_for, rule=rule, expected_new=expected_new, top=top
        )

    def identify(
        self,
        sequences: Iterable[str],
        ids: Iterable[str] | None = None,
        *,
        precision: ByRank | None = None,
        confidence: ByRank | None = None,
        expected_new: float | None = None,
    ) -> "pd.DataFrame":
        """Identify sequences: the call table of `dnacse identify`, as a DataFrame.

        Args:
            sequences: DNA, in either case.
            ids: Their ids; by default they are numbered from 1.
            precision: Share of the calls at a rank that should be right: a number, or one by rank, as in {"species":
                0.95, "genus": 0.8}; without this and `confidence`, 0.95.
            confidence: Instead, least probability of each call, likewise.
            expected_new: Share of the sequences whose species the library lacks; None: estimated from them.

        Returns:
            A row for each sequence, with the columns of the call table; NaN: not calibrated.

        Raises:
            ValueError: a sequence is not DNA, or an argument is out of its range.
        """
        pandas = require_pandas()
        check_numbers(precision=precision, confidence=confidence, expected_new=expected_new)
        ranks = list(self.library.names)
        blocks = self.calls(
            queries_of(sequences, ids), rule=call_rule(precision, confidence), expected_new=expected_new
        )
        rows = [call_row(call, ranks) for block in blocks for call in block.calls]
        return pandas.DataFrame(rows, columns=call_columns(ranks)).astype({"overlap": "Int64"})

    def nearest(self, sequences: Iterable[str], ids: Iterable[str] | None = None, *, top: int = 5) -> "pd.DataFrame":
        """The nearest references of sequences: the table of hits of `dnacse identify --top`, as a DataFrame.

        Args:
            sequences: DNA, in either case.
            ids: Their ids; by default they are numbered from 1.
            top: Number of references for each sequence.

        Raises:
            ValueError: a sequence is not DNA, or an argument is out of its range.
        """
        pandas = require_pandas()
        if not isinstance(top, Integral) or isinstance(top, bool):
            raise ValueError(f"top is {top!r:.{SHOWN}}; it must be a whole number from 0 to {NEAREST}")
        blocks = self.calls(queries_of(sequences, ids), top=top)
        rows = [hit for block in blocks for call in block.calls for hit in call.hits]
        return pandas.DataFrame(rows, columns=self.hit_columns()).astype({"overlap": "Int64"})

    def hit_columns(self) -> list[str]:
        """The names of the columns of the table of hits."""
        return [*HIT, *(key for key in self.columns if key != "id")]

    def describe(self, data: CalibrationData) -> str:
        """Say what the library holds, and which probabilities cannot be calibrated on it."""
        return describe_calibration(self.library, data)

    def _encoded(
        self, queries: Iterable[Query], report: Callable[[int], object]
    ) -> Iterator[tuple[list[Query], Encoded]]:
        records, again = tee(queries)  # the two stay within two blocks of each other
        sequences = (query.sequence for query in records)
        for block in self.encoder.blocks(sequences, self.library.encoded.sites is not None, report):
            asked = list(islice(again, len(block)))
            lengths = None if block.vectors is None else lengths_of(query.sequence for query in asked)
            yield asked, Encoded(block.vectors, block.sites, lengths)

    def _calibration_for(self, block: Encoded, say: Say = ignore) -> CalibrationData:
        ends = ends_of(block)
        for stored in self.calibrations:
            if stored.serves(ends):
                return stored.data
        if self.calibrations:
            say("calibrating for queries unlike those before; dnacse index --calibrate_for QUERIES stores this")
        held_out = rows_held_out(self.references.ids, getattr(self.encoder.model.config, "held_out", None))
        self.calibrations.append(new_calibration(self.library, self.encoder, self.file, block, held_out))
        return self.calibrations[-1].data


def identify(
    sequences: Iterable[str], reference: str | Path, ids: Iterable[str] | None = None, **options: Any
) -> "pd.DataFrame":
    """Identify sequences with a labelled library or an index; `options` as in `Identifier.identify`, and `model`.

    To identify several batches, make one `Identifier`.
    """
    model = options.pop("model", None)
    opened = Identifier.from_index if Path(given_path(reference)).is_dir() else Identifier.from_fasta
    return opened(reference, model=model).identify(sequences, ids, **options)


def model_for(model: str | None, library: LibraryFile, say: Say = say_on_stderr) -> str:
    """The given model, or the shipped one for the library's marker."""
    return choose_model(model, lambda: (record.sequence for record in library.file.read()), say)
