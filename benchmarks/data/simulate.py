"""Simulate labelled barcodes along a species tree: a command line in, FASTA files and one labelled TSV out.

    python benchmarks/data/simulate.py --output demo/data --species 200 --seed 0

The model of evolution, so that scores on these data can be interpreted:

- Tree: order > family > genus > species, each child on its own branch. Branch lengths (substitutions per site) are
  log-uniform within the limits in `BRANCHES`: the nearest species is mostly 2-8 % apart. Genus branches are short
  beside species branches, as in real COI, so that the genus of an unseen species is a hard question while a seen
  species is an easy one.
- Substitution: events on a site are Poisson(branch x rate of the site). The rate is the codon position's (`RATES`:
  third positions evolve fastest) times a Gamma of mean 1, drawn once per site. An event proposes a transition with
  probability `TRANSITIONS`, else one of the two transversions, and is accepted with min(1, frequency(new) /
  frequency(old)), which keeps the AT-rich base composition of animal mitochondria (Metropolis et al. 1953). A codon
  that became a stop (TAA, TAG) goes back to what it was: the barcode stays open.
- Record: a specimen branch of its own (within-species variation up to 1 %), for half of them a random fragment of
  `shortest` bp or more, then sequencing errors: substitutions at `error_rate` per base, indels of 1 or 2 bases at a
  fifth of that rate.

Ours, since no library has all of this: pyvolve and msprime know no insertions and deletions, AliSim of IQ-TREE is a
program of its own. `simulate_genomes.py` simulates contigs along the same tree.

Splits carry the names of the real data: train, val and test share species; unseen_val and unseen_test hold species
that are in no other split, of genera that are in train.
"""

import argparse
import itertools
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.labelled_tables import write_labelled
from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.machine.atomic import written_whole
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals

BASES = np.frombuffer(b"ACGT", dtype=np.uint8)  # A and G, C and T are transitions: the code with bit 1 flipped
FREQUENCIES = np.array([0.28, 0.18, 0.16, 0.38])
LENGTH = 658  # bp, the Folmer region
RATES = (0.45, 0.15, 2.4)  # by codon position, mean 1
RATE_SHAPE = 0.8
TRANSITIONS = 0.75
BRANCHES = {"order": (0.05, 0.12), "family": (0.012, 0.05), "genus": (0.005, 0.03), "species": (0.014, 0.12)}
SPECIMEN_BRANCH = (0.0, 0.005)
INDELS_PER_SUBSTITUTION = 0.2  # of the sequencing errors
SPECIES_PER_GENUS, GENERA_PER_FAMILY, FAMILIES_PER_ORDER = 6, 4, 4
SPLITS = ("train", "val", "test", "unseen_val", "unseen_test")


def evolve(ancestors: np.ndarray, branches: np.ndarray, rates: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Evolve each sequence along its branch, keeping the reading frame open.

    Args:
        ancestors: Base codes 0-3 (A C G T), (sequences, sites).
        branches: Branch lengths in expected proposals per site, (sequences,).
        rates: Relative rate of each site, (sites,).
        rng: Source of randomness.

    Returns:
        The descendants, (sequences, sites).
    """
    bases = ancestors.copy()
    events = rng.poisson(branches[:, None] * rates)  # (sequences, sites)
    while (active := events > 0).any():
        old = bases[active]
        flip = np.where(rng.random(old.size) < TRANSITIONS, 2, rng.choice([1, 3], old.size)).astype(np.uint8)
        new = old ^ flip
        accepted = rng.random(old.size) < FREQUENCIES[new] / FREQUENCIES[old]
        bases[active] = np.where(accepted, new, old)
        events[active] -= 1
    codons, before = (x[:, : LENGTH // 3 * 3].reshape(len(x), -1, 3) for x in (bases, ancestors))
    stops = is_stop(codons)
    codons[stops] = before[stops]
    return bases


def is_stop(codons: np.ndarray) -> np.ndarray:
    """Mark the stop codons TAA and TAG, (..., 3) base codes -> (...) bool."""
    return (codons[..., 0] == 3) & (codons[..., 1] == 0) & (codons[..., 2] % 2 == 0)


def plan_tree(species: int) -> tuple[dict[str, np.ndarray], list[dict[str, str]]]:
    """Lay out a tree without lengths: the parents of the nodes of each rank, the labels and `role` of each species.

    Roles: four in six species are `seen`; the others of a genus are unseen_test or unseen_val, in turn.
    """
    parents = {"species": np.arange(species) // SPECIES_PER_GENUS}
    parents["genus"] = np.arange(parents["species"][-1] + 1) // GENERA_PER_FAMILY
    parents["family"] = np.arange(parents["genus"][-1] + 1) // FAMILIES_PER_ORDER
    parents["order"] = np.zeros(parents["family"][-1] + 1, dtype=int)
    names = latin_names()
    genera = [next(names) for _ in range(len(parents["genus"]))]
    labels = []
    for index, genus in enumerate(parents["species"]):
        family = parents["genus"][genus]
        labels.append(
            {
                "species": f"{genera[genus]}us {next(names).lower()}i",
                "genus": f"{genera[genus]}us",
                "family": f"{genera[family * GENERA_PER_FAMILY]}idae",
                "order": f"{genera[parents['family'][family] * FAMILIES_PER_ORDER * GENERA_PER_FAMILY]}iformes",
                "class": "Simulata",
                "phylum": "Simulozoa",
                "role": "seen" if index % SPECIES_PER_GENUS < 4 else ("unseen_test", "unseen_val")[genus % 2],
            }
        )
    return parents, labels


def grow_tree(species: int, rng: np.random.Generator) -> tuple[list[dict[str, str]], np.ndarray, np.ndarray]:
    """Draw the tree, the species' labels (one dict each), their sequences (species, sites) and the sites' rates."""
    rates = np.resize(RATES, LENGTH) * rng.gamma(RATE_SHAPE, 1 / RATE_SHAPE, LENGTH)
    nodes = rng.choice(4, size=(1, LENGTH), p=FREQUENCIES).astype(np.uint8)
    codons = nodes[:, : LENGTH // 3 * 3].reshape(-1, 3)
    codons[is_stop(codons), 0] = 0  # TAA, TAG -> AAA, AAG
    parents, labels = plan_tree(species)
    for rank, limits in BRANCHES.items():
        branches = np.exp(rng.uniform(*np.log(limits), size=len(parents[rank])))
        nodes = evolve(nodes[parents[rank]], branches, rates, rng)
    return labels, nodes, rates


def latin_names() -> Iterator[str]:
    """Yield distinct, speakable stems: Babal, Dabal, Fabal, ... (the first syllable turns fastest)."""
    syllables = [consonant + vowel for vowel in "aeiou" for consonant in "bdfglmnprstvz"]
    return (f"{a}{b}{c}".capitalize() for c, b, a in itertools.product("lrnsdt", syllables, syllables))


def read_out(bases: np.ndarray, shortest: int, error_rate: float, rng: np.random.Generator) -> str:
    """Sequence one specimen, (sites,) base codes: a fragment half of the time, then substitution and indel errors."""
    length = rng.integers(shortest, LENGTH + 1) if rng.random() < 0.5 else LENGTH
    start = rng.integers(0, LENGTH - length + 1)
    read = bases[start : start + length].copy()
    wrong = rng.random(length) < error_rate
    read[wrong] ^= rng.integers(1, 4, wrong.sum()).astype(np.uint8)
    indels = np.flatnonzero(rng.random(length) < INDELS_PER_SUBSTITUTION * error_rate)
    for site in indels[::-1]:  # from the end: earlier sites keep their place
        size = int(rng.integers(1, 3))
        inserted = rng.integers(0, 4, size).astype(np.uint8) if rng.random() < 0.5 else np.empty(0, np.uint8)
        read = np.concatenate([read[:site], inserted, read[site if inserted.size else site + size :]])
    return BASES[read].tobytes().decode()


def simulate(
    species: int = 200, records_per_species: int = 20, seed: int = 0, shortest: int = 400, error_rate: float = 0.002
) -> list[dict[str, str]]:
    """Simulate labelled barcodes by the model in the head of this file.

    Args:
        species: Number of species, six to a genus, of which the first four are seen in training.
        records_per_species: Sequences per species.
        seed: Seed of everything drawn.
        shortest: Length of the shortest fragment in bp.
        error_rate: Sequencing errors, in substitutions per base.

    Returns:
        Records with the keys of `labelled_tables.COLUMNS`, in order of species. Of a seen species about 15 % of the
        records are test, 10 % val, and at least one is train.

    >>> records = simulate(species=12, records_per_species=3)
    >>> len(records), records[0]["split"], records[0]["species"].split()[0] == records[0]["genus"]
    (36, 'train', True)
    """
    if species < 1 or records_per_species < 1:
        raise ValueError(
            f"got {species} species with {records_per_species} records each, but both must be at least 1: "
            "raise --species or --records_per_species."
        )
    if not 1 <= shortest <= LENGTH or not 0 <= error_rate <= 0.5:
        raise ValueError(
            f"got --shortest {shortest} and --error_rate {error_rate}, but a fragment has 1 to {LENGTH} bp and the "
            "rate is 0 to 0.5."
        )
    rng = np.random.default_rng(seed)
    labels, ancestors, rates = grow_tree(species, rng)
    records = []
    for label, ancestor in zip(labels, ancestors, strict=True):
        role = label.pop("role")
        copies = np.repeat(ancestor[None], records_per_species, axis=0)
        specimens = evolve(copies, rng.uniform(*SPECIMEN_BRANCH, records_per_species), rates, rng)
        drawn = rng.choice(SPLITS[:3], size=records_per_species, p=(0.75, 0.10, 0.15))
        drawn[0] = "train"
        for specimen, split in zip(specimens, drawn, strict=True):
            name = f"sim{len(records):06d}"
            split = str(split) if role == "seen" else role
            records.append(
                {"id": name, "sequence": read_out(specimen, shortest, error_rate, rng), **label, "split": split}
            )
    return records


def write_records(records: list[dict[str, str]], folder: Path) -> None:
    """Write `barcodes.tsv` and one FASTA file per split to a new folder, which appears complete."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(folder) as draft:
        draft.mkdir()
        write_labelled(records, draft / "barcodes.tsv")
        for split in SPLITS:
            entries = (
                f">{r['id']} species={r['species']} genus={r['genus']} family={r['family']}\n{r['sequence']}\n"
                for r in records
                if r["split"] == split
            )
            (draft / f"{split}.fasta").write_text("".join(entries))


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description="Simulate labelled barcodes along a species tree.", allow_abbrev=False
    )
    parser.add_argument("--output", type=Path, required=True, help="new folder: barcodes.tsv, a FASTA per split")
    parser.add_argument("--species", type=at_least(1), default=200)
    parser.add_argument("--records_per_species", type=at_least(1), default=20)
    parser.add_argument("--seed", type=at_least(0), default=0)
    parser.add_argument(
        "--shortest", type=at_least(1), default=400, help="bp of the shortest fragment; default: %(default)s"
    )
    parser.add_argument(
        "--error_rate", type=between(0.0, 1), default=0.002, help="sequencing errors per base; default: %(default)s"
    )
    options = parsed(parser, arguments)
    try:
        check_new_folder(options.output, [], parents=True)
        records = simulate(
            options.species, options.records_per_species, options.seed, options.shortest, options.error_rate
        )
        write_records(records, options.output)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"simulate.py: {sentence_of(error)}\n")
        return 2
    counts = ", ".join(f"{split} {sum(r['split'] == split for r in records)}" for split in SPLITS)
    sys.stdout.write(f"{len(records)} barcodes of {options.species} species in {options.output}: {counts}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
