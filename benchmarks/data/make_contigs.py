"""Cut genomes into a labelled table of contigs: assemblies or organelles in, one TSV with the splits' names out.

    python benchmarks/data/make_contigs.py --genomes genomes --merge_identity 0.95 --output contigs.tsv.gz
    python benchmarks/data/make_contigs.py --table organelle_genomes.tsv.gz --shortest 1000 --longest 5000 \\
        --output organelle_contigs.tsv.gz

The source says which species are seen (see `genomes`). With `--unseen_share` unseen species are drawn again by a hash
of the name, for an evaluation over more species: only for methods that were not trained on the source's own train
split.

A genome is cut without gaps or overlaps into pieces whose lengths are drawn (`draw_lengths`). A rest at the end of a
sequence that is shorter than the shortest piece is dropped, and so is a piece with a larger share of N than `MOST_N`.
The share of the bases that is left is told. Of a seen species, the first `TRAIN_SHARE` of each genome's pieces are
`train` and the rest `test`.

Some named species cannot be distinguished by their genomes. `--merge_identity` merges species if two of their genomes
share the k-mers expected at that identity. The merged species is named after all of them, and is unseen only if all
were. 0.95 is the boundary of bacterial species (Jain et al. 2018, doi:10.1038/s41467-018-07641-9); it would merge
distinct species of animals.

De-duplication: a repeat of an earlier piece, on either strand, is dropped. So is a piece outside of train that shares
half of its 31-mers with the train pieces (about 98 % identity), which happens with a second strain of a species.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.genomes import ROLES, Genome, draw_unseen, merge_species, read_genomes, read_table, unite_roles
from benchmarks.data.labelled_tables import check_table, write_labelled
from benchmarks.data.name_hashes import seed_of
from benchmarks.data.readers import files_of_source, pin
from benchmarks.data.sketches import NONE, sketch
from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.sequences import reverse_complement

TRAIN_SHARE = 0.7  # of a genome's pieces
MOST_N = 0.01
SIGMA = 0.5  # of the logarithm of lengths: 95 % of the draws are within 0.38 to 2.7 times the median
SCALE = 20  # of the sketches: 125 k-mers of 2,500 bp
MOST_SHARED = 0.5  # of a piece's k-mers with train


class Piece(NamedTuple):
    """A contig of the table."""

    id: str
    sequence: str
    labels: dict[str, str]
    split: str


def draw_lengths(bases: int, shortest: int, longest: int, shape: str, rng: np.random.Generator) -> np.ndarray:
    """Draw the lengths of successive pieces of a sequence.

    Args:
        bases: Length of the sequence in bp.
        shortest: Shortest piece, in bp.
        longest: Longest piece, in bp.
        shape: "uniform" between both, or "lognormal" with the median sqrt(shortest * longest) and `SIGMA`; a length
            outside of both is drawn again.
        rng: Source of randomness.

    Returns:
        Lengths (pieces,) whose sum is at most `bases`, with less than `longest` bp left.

    >>> lengths = draw_lengths(100_000, 2500, 20_000, "lognormal", np.random.default_rng(0))
    >>> bool(lengths.min() >= 2500), bool(lengths.max() <= 20_000), bool(lengths.sum() > 80_000)
    (True, True, True)
    """
    count = bases // shortest
    if shape == "uniform":
        lengths = rng.integers(shortest, longest + 1, count)
    else:
        lengths, left = np.empty(0, dtype=np.int64), np.inf
        while left > longest:  # a narrow range keeps few of the draws
            drawn = np.exp(rng.normal(np.log(shortest * longest) / 2, SIGMA, 4 * count + 100)).astype(np.int64)
            lengths = np.append(lengths, drawn[(drawn >= shortest) & (drawn <= longest)][:count])
            left = bases - lengths.sum()
    fitting = int(np.searchsorted(np.cumsum(lengths), bases, side="right"))
    rest = bases - int(lengths[:fitting].sum())
    return np.append(lengths[:fitting], rest) if shortest <= rest <= longest else lengths[:fitting]


def cut(genome: Genome, shortest: int, longest: int, shape: str, seed: int) -> list[Piece]:
    """Cut a genome into pieces, in its order; the draw depends on the seed and the genome's id alone."""
    rng = np.random.default_rng(seed_of(genome.id, seed))
    pieces = []
    for sequence in genome.sequences:
        ends = np.cumsum(draw_lengths(len(sequence), shortest, longest, shape, rng))
        pieces += [sequence[a:b] for a, b in zip([0, *ends[:-1]], ends, strict=True)] if len(ends) else []
    first = round(TRAIN_SHARE * len(pieces))
    return [
        Piece(f"{genome.id}_{number}", piece, genome.labels, split)
        for number, piece in enumerate(pieces)
        if piece.count("N") <= MOST_N * len(piece)
        for split in [genome.role if genome.role != "seen" else "train" if number < first else "test"]
    ]


def drop_repeats(pieces: Sequence[Piece]) -> tuple[list[Piece], dict[str, int]]:
    """Drop repeated pieces and pieces that share too much with train, see the head of this file.

    Returns:
        The pieces that stay, and how many were dropped as `repeated` and as `leaking`.
    """
    kept, seen = [], set()
    for piece in sorted(pieces, key=lambda piece: piece.split != "train"):  # train first: a repeat leaves the test
        canonical = hash(min(piece.sequence, reverse_complement(piece.sequence)))
        if canonical not in seen:
            kept.append(piece)
        seen.add(canonical)
    trained = [sketch(piece.sequence, SCALE) for piece in kept if piece.split == "train"]
    known = np.unique(np.concatenate([[NONE], *trained]))  # NONE is no k-mer; it is above all of them
    distinct = []
    for piece in tqdm(kept, desc="comparing with train", unit=" pieces", leave=False):
        kmers = sketch(piece.sequence, SCALE) if piece.split != "train" else known[:0]
        if np.sum(known[np.searchsorted(known, kmers)] == kmers) <= MOST_SHARED * len(kmers):
            distinct.append(piece)
    return distinct, {"repeated": len(pieces) - len(kept), "leaking": len(kept) - len(distinct)}


def cap(pieces: Sequence[Piece], most: int, seed: int) -> list[Piece]:
    """Draw at most `most` pieces of each species in each split."""
    groups: dict[tuple[str, str], list[int]] = {}
    for index, piece in enumerate(pieces):
        groups.setdefault((piece.labels["species"], piece.split), []).append(index)
    kept: list[int] = []
    for (species, split), indices in groups.items():
        rng = np.random.default_rng(seed_of(f"{species} {split}", seed))
        kept += rng.permutation(indices)[:most].tolist()
    return [pieces[index] for index in sorted(kept)]


def parse(arguments: list[str] | None) -> argparse.Namespace:
    """Parse and check the command line."""
    parser = argparse.ArgumentParser(description="Cut genomes into a table of contigs.", allow_abbrev=False)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--genomes", type=Path, help="folder with index.tsv and one .fa.gz per genome")
    source.add_argument("--table", help="labelled source with one genome per row, see readers.py")
    parser.add_argument("--output", type=Path, required=True, help="the table, .tsv or .tsv.gz")
    parser.add_argument("--shortest", type=at_least(1), default=2500, help="shortest piece, bp; default: %(default)s")
    parser.add_argument("--longest", type=at_least(1), default=20_000, help="longest piece, bp; default: %(default)s")
    parser.add_argument(
        "--lengths", choices=("lognormal", "uniform"), default="lognormal", help="how lengths are drawn"
    )
    parser.add_argument(
        "--most", type=at_least(1), default=100, help="pieces per species and split; default: %(default)s"
    )
    parser.add_argument("--merge_identity", type=between(0.0, 1), help="0..1, merge species with genomes this similar")
    parser.add_argument(
        "--unseen_share", type=between(0.0, 1), help="0..1, draw this share of the species as unseen_test"
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    options = parsed(parser, arguments)
    if options.shortest > options.longest:
        parser.error(f"--shortest is {options.shortest} and --longest {options.longest}; raise --longest")
    return options


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when arguments or files were wrong."""
    options = parse(arguments)
    try:
        folder, given = options.genomes, options.genomes or options.table
        read = [folder / "index.tsv", *folder.glob("*.fa.gz")] if folder else files_of_source(options.table)
        check_outputs([options.output], read)
        check_table(options.output)
        source = read_genomes(options.genomes) if options.genomes else read_table(pin(options.table))
        genomes = list(tqdm(source, desc="reading", unit=" genomes", leave=False))
        if options.unseen_share is not None:
            genomes = draw_unseen(genomes, options.unseen_share)
        genomes, mixed = unite_roles(genomes)
        if mixed:
            told = f"each takes the first of {', '.join(ROLES)}: {mixed[0]} …"
            sys.stderr.write(f"{len(mixed)} species have genomes in several splits; {told}\n")
        if options.merge_identity is not None:
            genomes, united = merge_species(genomes, options.merge_identity)
            sys.stdout.write("".join(f"one species by their genomes: {name}\n" for name in united))
        pieces = [p for g in genomes for p in cut(g, options.shortest, options.longest, options.lengths, options.seed)]
        distinct, dropped = drop_repeats(pieces)
        chosen = cap(distinct, options.most, options.seed)
        rows = (piece.labels | {"id": piece.id, "sequence": piece.sequence, "split": piece.split} for piece in chosen)
        if not chosen:
            raise ValueError(f"{given}: none of {len(genomes)} genomes makes a piece; add some, or lower --shortest")
        write_labelled(rows, options.output)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"make_contigs.py: {sentence_of(error)}\n")
        return 2
    bases, left = sum(map(len, chain(*(g.sequences for g in genomes)))), sum(len(piece.sequence) for piece in pieces)
    sys.stdout.write(
        f"{len(pieces)} pieces of {len(genomes)} genomes, {100 * left / bases:.1f} % of their bases: "
        f"{dropped['repeated']} dropped as repeated, "
        f"{dropped['leaking']} as near-duplicates of training pieces, {len(distinct) - len(chosen)} above "
        f"{options.most} a species\n"
    )
    for split, count in Counter(piece.split for piece in chosen).items():
        species = {piece.labels["species"] for piece in chosen if piece.split == split}
        sys.stdout.write(f"{split}: {count} pieces of {len(species)} species\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
