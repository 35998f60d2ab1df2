"""A folder or a table of genomes in, genomes with their species out, each species seen or unseen.

- A folder holds `index.tsv` (genome_id, species, genus, split) and `<genome_id>.fa.gz`; its species are train or test.
  Test species become `unseen_test`, and of the train species a share of `UNSEEN_VAL`, chosen by a hash of the name,
  becomes `unseen_val`.
- A table is a labelled source with one genome per row; its species stay unseen_val, unseen_test, novel_test, or are
  seen: those of train, val, test or no split.

A species has one role: where its genomes differ, it is seen (`unite_roles`).

The genomes of some named species cannot be distinguished (Escherichia and Shigella): `merge_species` merges them.
"""

import csv
import io
import warnings
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import sparse

from benchmarks.data.name_hashes import position_of
from benchmarks.data.readers import SEEN, read_source
from benchmarks.data.sketches import K, sketch
from modeling_dnacse.reading.labels import RANKS
from modeling_dnacse.reading.sequences import open_ascii, read_fasta, restore

COLUMNS = ("genome_id", "species", "genus", "split")  # of the index
ROLES = ("seen", "unseen_val", "unseen_test", "novel_test")  # a seen species outranks an unseen one
UNSEEN_VAL = 0.15  # of the species
SCALE = 100  # of the sketches: 160 k-mers of a mitochondrial genome, 7,000 of 0.7 Mbp


class Genome(NamedTuple):
    """One assembly: its sequences, labels by rank, and `seen` or the unseen split of its species."""

    id: str
    sequences: list[str]
    labels: dict[str, str]
    role: str


def read_genomes(folder: Path) -> Iterator[Genome]:
    """Read a folder of assemblies, in the order of its index.

    Raises:
        ValueError: The index lacks a column, rows or fields, or names a split other than train and test, or a file is
            damaged.
    """
    index = folder / "index.tsv"
    with io.TextIOWrapper(open_ascii(str(index)), "ascii", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)
        if missing := [column for column in COLUMNS if column not in (rows.fieldnames or ())]:
            raise ValueError(f"{index}: the first line names no column {', '.join(missing)}; add what is missing")
        row = None
        for fields in rows:
            row = {column: restore(fields[column] or "") for column in COLUMNS}
            if row["split"] not in ("train", "test") or not all(row.values()):
                raise ValueError(
                    f"{index}: got the row {row}; each needs genome_id, species, genus, and a split, train or test."
                )
            sequences = [record.sequence for record in read_fasta(folder / f"{row['genome_id']}.fa.gz")]
            labels = dict.fromkeys(RANKS, "") | {"species": row["species"], "genus": row["genus"]}
            role = "unseen_test" if row["split"] == "test" else "seen"
            if role == "seen" and position_of(row["species"], "unseen_val") < UNSEEN_VAL:
                role = "unseen_val"
            yield Genome(row["genome_id"], sequences, labels, role)
        if row is None:
            raise ValueError(f"{index}: no rows; add one for each genome")


def read_table(source: str) -> Iterator[Genome]:
    """Read a labelled source with one genome per row; rows without a species are left out.

    Raises:
        ValueError: As `read_source`, or a split has an unknown name.
    """
    nameless = 0
    for row in read_source(source):
        nameless += not row["species"]
        if row["split"] not in (*SEEN, *ROLES[1:], ""):
            raise ValueError(
                f"{source}: genome {row['id']!r} has the split {row['split']!r}, but it takes "
                f"{', '.join((*SEEN, *ROLES[1:]))} or none: rename it"
            )
        if row["species"]:
            role = row["split"] if row["split"] in ROLES else "seen"
            yield Genome(row["id"], [row["sequence"]], {rank: row[rank] for rank in RANKS}, role)
    if nameless:
        warnings.warn(f"{source}: {nameless} genomes without a species are left out; name it", stacklevel=2)


def draw_unseen(genomes: Iterable[Genome], share: float) -> list[Genome]:
    """Draw by a hash of the name which species are unseen: a share in unseen_test, `UNSEEN_VAL` of the rest in val."""
    drawn = []
    for genome in genomes:
        species = genome.labels["species"]
        role = "unseen_val" if position_of(species, "unseen_val") < UNSEEN_VAL else "seen"
        role = "unseen_test" if position_of(species, "unseen_test") < share else role
        drawn.append(genome._replace(role=role))
    return drawn


def unite_roles(genomes: Sequence[Genome]) -> tuple[list[Genome], list[str]]:
    """Give each species one role, the first of `ROLES` among its genomes.

    Returns:
        The genomes, and the species of which some had another role.
    """
    roles: dict[str, set[str]] = {}
    for genome in genomes:
        roles.setdefault(genome.labels["species"], set()).add(genome.role)
    first = {species: min(found, key=ROLES.index) for species, found in roles.items()}
    united = [genome._replace(role=first[genome.labels["species"]]) for genome in genomes]
    return united, [species for species, found in roles.items() if len(found) > 1]


def merge_species(genomes: Sequence[Genome], identity: float) -> tuple[list[Genome], list[str]]:
    """Give one name to species of which two genomes are at least this similar (single linkage).

    Two genomes are similar when the smaller sketch shares identity ** K of its k-mers with the other, see `sketches`.

    Args:
        genomes: Genomes of any species.
        identity: 0..1.

    Returns: The genomes with their new names and one role per species, as `unite_roles`; and the new names.
    """
    sketches = [np.unique(np.concatenate([sketch(s, SCALE) for s in g.sequences])) for g in genomes]
    sizes = np.array([len(kept) for kept in sketches])
    _, columns = np.unique(np.concatenate(sketches), return_inverse=True)
    rows = np.repeat(np.arange(len(genomes)), sizes)
    holds = sparse.csr_array((np.ones(len(rows), dtype=np.int32), (rows, columns)))  # (genomes, k-mers)
    shared = (holds @ holds.T).tocoo()
    alike = shared.data >= identity**K * np.minimum(sizes[shared.row], sizes[shared.col])
    names, species = np.unique([genome.labels["species"] for genome in genomes], return_inverse=True)
    links = (species[shared.row[alike]], species[shared.col[alike]])
    graph = sparse.coo_array((np.ones(len(links[0])), links), shape=(len(names), len(names)))
    _, group = sparse.csgraph.connected_components(graph, directed=False)
    joined = [" / ".join(names[group == g]) for g in range(group.max() + 1)]
    merged, _ = unite_roles(
        [
            genome._replace(labels=genome.labels | {"species": joined[g]})
            for genome, g in zip(genomes, group[species], strict=True)
        ]
    )
    return merged, [name for name, size in zip(joined, np.bincount(group), strict=True) if size > 1]
