"""Make the sample that README.md identifies: library.fasta, queries.fasta and, for whoever checks, truth.tsv.

    python examples/sample/make.py

The species are simulated, their names made up. So that they look like barcodes of animals, their common ancestor is a
consensus of COI: the commonest base at each of the 658 sites of the Folmer region.
"""

import sys
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.simulate import BASES, BRANCHES, RATE_SHAPE, RATES, SPECIMEN_BRANCH, evolve, plan_tree
from modeling_dnacse.reading.sequences import reverse_complement

FOLDER = Path(__file__).resolve().parent
SPECIES, RECORDS, SEED = 90, 4, 1
RANKS = ("species", "genus", "family", "order")
CONSENSUS = (
    "AACTTTATATTTTATTTTTGGAGTTTGAGCAGGAATAGTAGGAACTTCTTTAAGATTATTAATTCGAGCAGAATTAGGAAATCCAGGATCTTTAATTGGAGATGAT"
    "CAAATTTATAATGTAATTGTTACAGCTCATGCTTTTATTATAATTTTTTTTATAGTTATACCTATTATAATTGGAGGATTTGGAAATTGATTAGTTCCTTTAATAT"
    "TAGGAGCCCCTGATATAGCTTTCCCTCGAATAAATAATATAAGATTTTGACTATTACCCCCTTCTTTAACTCTATTAATTTCAAGAAGAATTGTAGAAAATGGAGC"
    "AGGAACAGGATGAACAGTTTACCCCCCTCTATCATCTAATATTGCTCATGGAGGAGCATCAGTAGATTTAGCTATTTTTTCTCTACATTTAGCAGGAATTTCTTCA"
    "ATTTTAGGAGCTATTAATTTTATTACAACAATTATTAATATACGATCAAATGGAATAACATTTGATCAAATACCTTTATTTGTTTGATCTGTAGTAATTACAGCTT"
    "TTTTACTACTACTATCTTTACCAGTTTTAGCAGGAGCTATTACTATACTATTAACAGATCGAAATTTAAATACATCATTTTTTGACCCTGCAGGAGGAGGAGATCC"
    "AATTTTATATCAACATTTATTT"
)


def grow(rng: np.random.Generator) -> list[tuple[dict[str, str], list[str]]]:
    """The labels and the records' sequences of each species."""
    rates = np.resize(RATES, len(CONSENSUS)) * rng.gamma(RATE_SHAPE, 1 / RATE_SHAPE, len(CONSENSUS))
    nodes = np.array([["ACGT".index(base) for base in CONSENSUS]], np.uint8)
    parents, labels = plan_tree(SPECIES)
    for rank, limits in BRANCHES.items():
        nodes = evolve(nodes[parents[rank]], np.exp(rng.uniform(*np.log(limits), len(parents[rank]))), rates, rng)
    copies = evolve(nodes.repeat(RECORDS, 0), rng.uniform(*SPECIMEN_BRANCH, SPECIES * RECORDS), rates, rng)
    sequences = [BASES[row].tobytes().decode() for row in copies]
    return [(label, sequences[i * RECORDS : (i + 1) * RECORDS]) for i, label in enumerate(labels)]


def main() -> None:
    """Write the three files: the last genus and two species of each genus are in no library."""
    rng = np.random.default_rng(SEED)
    species = grow(rng)
    lost = species[-1][0]["genus"]
    known = [(label, sequences) for label, sequences in species if label["role"] == "seen" and label["genus"] != lost]
    new = [(label, sequences) for label, sequences in species if label["role"] != "seen" and label["genus"] != lost]
    whole = [(label, sequences[0], "whole barcode") for label, sequences in known[::9]]
    pieces = [(label, sequences[0][200:500], "300 bp of a barcode") for label, sequences in known[4::20]]
    turned = [(label, reverse_complement(sequences[0]), "the other strand") for label, sequences in known[6::40]]
    unknown = [(label, sequences[0], "a species that the library lacks") for label, sequences in new[::8]]
    unknown += [(label, sequences[0], "a genus that the library lacks") for label, sequences in species[-1:]]
    random = [({"species": ""}, "".join(rng.choice(list("ACGT"), len(CONSENSUS))), "random bases")]
    queries = list(enumerate([*whole, *pieces, *turned, *unknown, *random], 1))
    write(
        "library.fasta",
        [
            f">ref{number}.{copy} " + " ".join(f"{rank}={label[rank]}" for rank in RANKS) + f"\n{sequence}"
            for number, (label, sequences) in enumerate(known, 1)
            for copy, sequence in enumerate(sequences[1:], 1)
        ],
    )
    write("queries.fasta", [f">query{number}\n{sequence}" for number, (_, sequence, _) in queries])
    truth = [f"query{number}\t{label['species']}\t{kind}" for number, (label, _, kind) in queries]
    write("truth.tsv", ["id\tspecies\tkind", *truth])


def write(name: str, lines: list[str]) -> None:
    """Write a file beside this one."""
    (FOLDER / name).write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
