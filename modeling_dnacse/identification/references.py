"""The file of a labelled library in; ids, names and encoded sequences of its records out."""

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import islice, tee
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..machine.stamps import check_stamp, stamp_of
from ..reading.label_policy import BELOW_SPECIES, RANK_ORDER
from ..reading.rereading import RecordFile
from ..reading.sequences import AlphabetCounts
from ..reading.taxonomies import is_tree, read_taxonomy
from .doubtful_names import doubts

if TYPE_CHECKING:
    import numpy as np

    from .encoding import Encoded, Encoder

HIT = ("id", "hit", "reference", "similarity", "identity", "overlap")  # columns of the table of hits
CHECKED = 256  # vectors of a file that are computed again for comparison
REMEDY = "embed the library again, with the model and the options of this call"
SAME_COSINE = 0.999  # or more between two vectors that differ only by rounding, or by storing one as int8

Column = Sequence[str]  # (r,), "": nothing is known
Say = Callable[[str], object]  # takes a line for the user


class References(NamedTuple):
    """Ids of a library's records, and their names at each rank, species first.

    Ranks that no record has are left out. `below` holds subspecies and BINs. `metadata` holds the other columns of the
    library's table.
    """

    ids: Column
    labels: Mapping[str, Column]
    below: Mapping[str, Column]
    metadata: Mapping[str, Column]

    def columns(self) -> dict[str, Column]:
        """The columns that the table of hits shows; a metadata column whose name is taken gets apostrophes."""
        names = {"id": self.ids, **self.labels, **self.below}
        taken = {*HIT, *names}
        for key, column in self.metadata.items():
            name = key
            while name in taken or (name != key and name in self.metadata):
                name += "'"
            names[name] = column
        return names


class LibraryFile(NamedTuple):
    """The file of a library, and the references that were read from it."""

    file: RecordFile
    references: References


def say_on_stderr(line: str) -> None:
    """Write a line for the user."""
    sys.stderr.write(line + "\n")


def read_references(
    path: Path, taxonomy: Path | None = None, say: Say = say_on_stderr, split: str | None = None
) -> LibraryFile:
    """Read ids and names, check every record, and say what the library holds.

    Args:
        path: The library.
        taxonomy: Names of its records, see `read_taxonomy`, in place of those in the library itself.
        say: Receives lines for the user.
        split: Only the records of this split; None: all.

    Raises:
        ValueError: as `RecordFile` and `read_taxonomy`; or no record has a species, or none is in the taxonomy.
    """
    named, by_taxon = None, False
    if taxonomy is not None:
        stamp = stamp_of(taxonomy)
        named, by_taxon = read_taxonomy(taxonomy), is_tree(taxonomy)
        check_stamp(taxonomy, stamp)
    file, counts, styles = RecordFile(path, split), AlphabetCounts(), Counter()
    ids: list[str] = []
    names: dict[str, list[str]] = {"species": []}
    placeholders: Counter[str] = Counter()
    metadata: dict[str, list[str]] = {}
    unknown = 0
    for record in file.read(counts, metadata=True):
        labels, given_species = record.labels, record.given_species
        if named is not None:
            keys = (record.taxid or record.id,) if by_taxon else (record.id, record.taxid)
            matches = [named[key] for key in keys if key in named]
            if len(matches) > 1 and matches[0] != matches[1]:
                raise ValueError(
                    f"{taxonomy}: it names id {record.id} and taxid {record.taxid} of one record differently; remove "
                    f"the column of taxids from {path}, or rename its ids"
                )
            found = matches[0] if matches else None
            unknown += found is None
            if found is not None:
                labels, given_species = dict(found), ""
        for rank in labels:
            if rank not in names:
                names[rank] = [""] * len(ids)
        for rank, column in names.items():
            column.append(sys.intern(labels.get(rank, "")))
        for key in record.metadata:
            if key not in metadata:
                metadata[key] = [""] * len(ids)
        for key, column in metadata.items():
            column.append(sys.intern(record.metadata.get(key, "")))
        ids.append(record.id)
        styles[record.style] += 1
        if given_species and "species" not in labels:
            placeholders[given_species] += 1
    say(f"{path}: {counts.summary()}")
    if taxonomy is not None and unknown == len(ids):
        raise ValueError(f"{taxonomy}: none of the {len(ids):,} records of {path} is in it; the ids must be equal")
    say(f"{path}: {describe_labels(styles, names, taxonomy, unknown)}")
    if placeholders:
        examples = ", ".join(repr(name) for name, _ in placeholders.most_common(3))
        say(
            f"{path}: {placeholders.total():,} records have no species but a placeholder, open nomenclature, or a "
            f"genus or epithet alone, as in {examples}"
        )
    if not any(names["species"]):
        raise ValueError(
            f"{path}: none of {len(ids):,} references has a species; name them in a column species, in the headers, "
            "as in >id species=Apis mellifera, or in a table of their own: --taxonomy FILE (docs/formats.md)"
        )
    for line in doubts(names):
        say(f"{path}: {line}")
    ordered = {rank: names[rank] for rank in RANK_ORDER if rank in names}
    below = {rank: names[rank] for rank in BELOW_SPECIES if rank in names}
    return LibraryFile(file, References(ids, ordered, below, metadata))


def describe_labels(
    styles: Counter[str], names: Mapping[str, Sequence[str]], taxonomy: Path | None, unknown: int
) -> str:
    """Say which styles were recognised, and how many records have a name at each rank.

    >>> describe_labels(Counter({"SINTAX": 3}), {"species": ["a", "a", ""], "genus": ["x", "x", "y"]}, None, 0)
    'recognised as SINTAX; records with a name (names): species 2 (1), genus 3 (2)'
    """
    known = [f"{style} ({count:,} records)" if len(styles) > 1 else style for style, count in styles.most_common()]
    said = "recognised as " + ", ".join(known)
    if taxonomy is not None:
        said += f", with the taxonomy of {taxonomy}" + (f", which lacks {unknown:,} records" if unknown else "")
    ranks = []
    for rank in (*BELOW_SPECIES, *RANK_ORDER):
        if count := sum(map(bool, names.get(rank, ()))):
            ranks.append(f"{rank} {count:,} ({len(set(names[rank]) - {''}):,})")
    return f"{said}; records with a name (names): {', '.join(ranks) or 'none'}"


def encode_references(
    library: LibraryFile,
    encoder: "Encoder",
    vectors: Path | None = None,
    *,
    by_sites: bool | None = None,
    say: Say = say_on_stderr,
    quiet: bool = False,
) -> "Encoded":
    """Encode a library: by sites if most of its references can be placed, else by vectors.

    Args:
        library: The library, as `read_references` found it.
        encoder: The model.
        vectors: Vectors that `dnacse embed` made of it, used if it is not encoded by sites.
        by_sites: Encode by sites, or by vectors; None: by sites if most references can be placed.
        say: Receives lines for the user.
        quiet: Show no progress bar.

    Raises:
        ValueError: as `load_vectors`.
    """
    import numpy as np

    from ..kmers import OTHER
    from ..machine.progress import progress_bar
    from .encoding import LEAST_PLACED, Encoded, lengths_of, places

    path = library.file.path
    given = None if vectors is None else load_vectors(vectors, library, encoder)
    if vectors is not None and path.stat().st_mtime > vectors.stat().st_mtime:
        say(
            f"{path} is newer than {vectors}, of which {CHECKED} vectors were compared; embed it again if any of its "
            "sequences changed"
        )
    count = len(library.references.ids)
    sequences = (record.sequence for record in library.file.read())
    if encoder.has_sites and by_sites is not False:
        with progress_bar(count, "library", quiet) as bar:
            placed = encoder.place(sequences, count, bar.update)
        lost = int((~placed.placed).sum())
        if by_sites or count - lost >= LEAST_PLACED * count:
            if lost:
                first = library.references.ids[int(np.flatnonzero(~placed.placed)[0])]
                say(
                    f"{path}: {lost:,} of {count:,} references do not look like the marker, such as {first}, and are "
                    "never found"
                )
            placed.bases[~placed.placed] = OTHER
            return Encoded(None, placed)
        say(f"{path}: the marker is not that of the model, so sequences are compared by their k-mers")
        sequences = (record.sequence for record in library.file.read())
    elif places(encoder.model) and by_sites is not False:
        say(f"{path}: --dimensions, --window_tokens and --both_strands are of vectors, so vectors are compared")
    if given is not None:
        return Encoded(given, None, lengths_of(sequences))
    made = np.empty((count, encoder.options.vector_width(encoder.model)), np.float32)
    lengths = np.empty(count, np.int32)
    first = 0
    with progress_bar(count, "library", quiet) as bar:
        sequences, again = tee(sequences)  # the two stay within a block of each other
        for block in encoder.blocks(sequences, False, bar.update):
            made[first : first + len(block)] = block.vectors
            lengths[first : first + len(block)] = lengths_of(islice(again, len(block)))
            first += len(block)
    return Encoded(made, None, lengths)


def load_vectors(path: Path, given: LibraryFile, encoder: "Encoder") -> "np.ndarray":
    """Read the vectors of a library from a file that `dnacse embed` made: (r, d) float32.

    Some of them are computed again. This detects another model or other options, whatever the file claims to be.

    Raises:
        ValueError: the file holds no vectors, or those of other records or of another model.
    """
    import numpy as np

    from ..embedding.embed import embed_blocks
    from ..vectors.files import read_vectors

    library, ids = given.file.path, list(given.references.ids)
    blocks, first = [], 0
    for names, block in read_vectors(path):
        if names != ids[first : first + len(names)]:
            raise ValueError(
                f"{path} has other ids than {library}, from record {first + 1} on or soon after; {REMEDY}"
            )
        blocks.append(block)
        first += len(names)
    if first != len(ids):
        raise ValueError(f"{path} has {first:,} vectors, {library} {len(ids):,} records; {REMEDY}")
    vectors = np.concatenate(blocks)
    rows = np.unique(np.linspace(0, len(ids) - 1, CHECKED).astype(int))
    wanted = set(rows.tolist())
    sequences = [record.sequence for row, record in enumerate(given.file.read()) if row in wanted]
    expected = np.concatenate(list(embed_blocks(encoder.model, encoder.tokenizer, sequences, encoder.options)))
    stored = vectors[rows]
    if expected.shape != stored.shape:
        raise ValueError(
            f"{path} has vectors of {stored.shape[1]} numbers, the model gives {expected.shape[1]}; {REMEDY}"
        )
    lengths = np.linalg.norm(expected, axis=1) * np.linalg.norm(stored, axis=1)
    if not np.all(np.einsum("nd,nd->n", expected, stored) >= SAME_COSINE * lengths):
        raise ValueError(f"{path} has other vectors than the model gives with these options; {REMEDY}")
    return vectors
