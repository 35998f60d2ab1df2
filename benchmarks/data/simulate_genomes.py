"""Simulate contigs of genomes along a species tree: a command line in, one labelled TSV out.

    python benchmarks/data/simulate_genomes.py --output contigs.tsv --species 60 --seed 0

The model of evolution, stated so that scores on these data can be interpreted. The tree, names and roles are those of
`simulate.py`; a genome is one sequence without genes.

- Signature: every node has a weight for each of the 256 tetranucleotides, Gaussian at the root (`ROOT_SPREAD`);
  a child adds Gaussian steps of `SPREADS[rank]`. A genome's probability is proportional to exp(sum of the weights of
  its tetranucleotides), so that relatives have similar k-mer profiles, as real genomes do.
- Substitution: events on a site are Poisson(branch); branch lengths are log-uniform within `BRANCHES`. An event
  proposes a transition with probability `TRANSITIONS`, else one of the two transversions, and is accepted with min(1,
  ratio of the probabilities) (Metropolis et al. 1953), so that genomes move towards their own signature. The root has
  had `BURN_IN` events per site.
- Insertion and deletion: Poisson(branch x length x `INDELS`) events at random places, half of each kind, of a
  geometric length of mean `INDEL_LENGTH`; what is inserted copies a stretch from elsewhere in the genome.
- Strains: `strains` genomes per species, each on its own branch (`STRAIN_BRANCH`).
- Contigs: cut as `make_contigs.py` cuts genomes, with sequencing errors: substitutions at `error_rate` per base, then
  de-duplicated. Half of them are on the other strand.
"""

import argparse
import sys
from pathlib import Path

import numpy as np

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.data.genomes import Genome
from benchmarks.data.labelled_tables import check_table, write_labelled
from benchmarks.data.make_contigs import cut, drop_repeats
from benchmarks.data.simulate import BASES, TRANSITIONS, plan_tree
from modeling_dnacse.commands.options import at_least, between, parsed
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.sequences import reverse_complement

BRANCHES = {"order": (0.5, 1.0), "family": (0.4, 0.8), "genus": (0.3, 0.6), "species": (0.15, 0.4)}
STRAIN_BRANCH = (0.002, 0.01)
ROOT_SPREAD = 0.2
SPREADS = {"order": 0.15, "family": 0.12, "genus": 0.10, "species": 0.2}
BURN_IN = 2.0
INDELS = 0.03  # a substitution proposed
INDEL_LENGTH = 4.0


def tetranucleotides(genome: np.ndarray) -> np.ndarray:
    """Number the overlapping tetranucleotides, (bases,) codes 0-3 -> (bases - 3,) codes 0-255.

    >>> tetranucleotides(np.array([0, 0, 0, 1, 2], dtype=np.uint8)).tolist()
    [1, 6]
    """
    wide = genome.astype(np.int64)
    return wide[:-3] << 6 | wide[1:-2] << 4 | wide[2:-1] << 2 | wide[3:]


def substitute(genome: np.ndarray, branch: float, weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Let bases change towards a signature (see the head of this file).

    Args:
        genome: Base codes 0-3 (A C G T), (bases,).
        branch: Expected proposals per site.
        weights: Weight of each tetranucleotide (256,).
        rng: Source of randomness.

    Returns:
        The descendant (bases,).
    """
    bases = genome.copy()
    events = rng.poisson(branch, len(bases))
    events[:3] = events[-3:] = 0  # the ends lie in fewer windows
    while (active := events > 0).any():
        for phase in range(4):  # sites four apart share no window, so that they may change at once
            sites = np.flatnonzero(active[phase::4]) * 4 + phase
            flip = np.where(rng.random(len(sites)) < TRANSITIONS, 2, rng.choice([1, 3], len(sites))).astype(np.uint8)
            gain = np.zeros(len(sites))
            for offset in range(4):  # the four windows that hold the site
                window = sum(bases[sites - offset + i].astype(np.int64) << 2 * (3 - i) for i in range(4))
                gain += weights[window ^ flip.astype(np.int64) << 2 * (3 - offset)] - weights[window]
            accepted = np.log(rng.random(len(sites))) < gain
            bases[sites[accepted]] ^= flip[accepted]
        events[active] -= 1
    return bases


def insert_and_delete(genome: np.ndarray, branch: float, rng: np.random.Generator) -> np.ndarray:
    """Insert copies of stretches and delete stretches (see the head of this file)."""
    parts, last = [], 0
    for place in np.sort(rng.integers(0, len(genome), rng.poisson(branch * len(genome) * INDELS))):
        size = int(rng.geometric(1 / INDEL_LENGTH))
        parts.append(genome[last:place])
        if rng.random() < 0.5:
            source = int(rng.integers(0, len(genome)))
            parts.append(genome[source : source + size])
            last = max(last, place)
        else:
            last = max(last, place + size)
    return np.concatenate([*parts, genome[last:]])


def simulate_genomes(species: int = 60, length: int = 60_000, strains: int = 1, seed: int = 0) -> list[Genome]:
    """Simulate genomes by the model in the head of this file.

    Args:
        species: Number of species, six to a genus, of which the first four are seen.
        length: bp of the root's genome.
        strains: Genomes per species.
        seed: Seed of everything drawn.

    >>> [genome.id for genome in simulate_genomes(species=2, length=1000)]
    ['sim0', 'sim1']
    """
    if min(species, strains) < 1 or length < 100:
        raise ValueError(
            f"got {species} species, {strains} strains and {length} bp, but at least 1, 1 and 100 are needed."
        )
    rng = np.random.default_rng(seed)
    parents, labels = plan_tree(species)
    weights = [rng.normal(0, ROOT_SPREAD, 256)]
    nodes = [substitute(rng.integers(0, 4, length).astype(np.uint8), BURN_IN, weights[0], rng)]

    def descend(genome: np.ndarray, limits: tuple[float, float], signature: np.ndarray) -> np.ndarray:
        branch = float(np.exp(rng.uniform(*np.log(limits))))
        return insert_and_delete(substitute(genome, branch, signature, rng), branch, rng)

    for rank, limits in BRANCHES.items():
        weights = [weights[parent] + rng.normal(0, SPREADS[rank], 256) for parent in parents[rank]]
        pairs = zip(parents[rank], weights, strict=True)
        nodes = [descend(nodes[parent], limits, signature) for parent, signature in pairs]
    genomes = []
    for label, node, signature in zip(labels, nodes, weights, strict=True):
        role = label.pop("role")
        for _ in range(strains):
            sequence = BASES[descend(node, STRAIN_BRANCH, signature)].tobytes().decode()
            genomes.append(Genome(f"sim{len(genomes)}", [sequence], label, role))
    return genomes


def read_contig(sequence: str, error_rate: float, rng: np.random.Generator) -> str:
    """Sequence a contig: substitution errors, and the other strand half of the time."""
    letters = np.frombuffer(sequence.encode(), dtype=np.uint8).copy()
    wrong = np.flatnonzero(rng.random(len(letters)) < error_rate)
    codes = np.searchsorted(BASES, letters[wrong])
    letters[wrong] = BASES[codes ^ rng.integers(1, 4, len(wrong))]
    read = letters.tobytes().decode()
    return reverse_complement(read) if rng.random() < 0.5 else read


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when arguments were wrong."""
    parser = argparse.ArgumentParser(description="Simulate contigs along a species tree.", allow_abbrev=False)
    parser.add_argument("--output", type=Path, required=True, help="the table, .tsv or .tsv.gz")
    parser.add_argument("--species", type=at_least(1), default=60)
    parser.add_argument("--strains", type=at_least(1), default=1, help="genomes per species; default: %(default)s")
    parser.add_argument(
        "--genome_length", type=at_least(1), default=100_000, help="genome length, bp; default: %(default)s"
    )
    parser.add_argument("--shortest", type=at_least(1), default=2500, help="shortest contig, bp; default: %(default)s")
    parser.add_argument("--longest", type=at_least(1), default=10_000, help="longest contig, bp; default: %(default)s")
    parser.add_argument("--lengths", choices=("lognormal", "uniform"), default="lognormal")
    parser.add_argument(
        "--error_rate", type=between(0.0, 0.5), default=0.0, help="sequencing errors per base; default: %(default)s"
    )
    parser.add_argument("--seed", type=at_least(0), default=0)
    options = parsed(parser, arguments)
    if options.shortest > options.longest:
        parser.error(f"--shortest is {options.shortest} and --longest {options.longest}; raise --longest")
    try:
        check_outputs([options.output])
        check_table(options.output)
        genomes = simulate_genomes(options.species, options.genome_length, options.strains, options.seed)
        pieces = [p for g in genomes for p in cut(g, options.shortest, options.longest, options.lengths, options.seed)]
        contigs, dropped = drop_repeats(pieces)
        if not contigs:
            raise ValueError(
                f"none of {len(genomes)} genomes makes a contig; lower --shortest, or raise --genome_length"
            )
        rng = np.random.default_rng(options.seed)
        reads = (contig._replace(sequence=read_contig(contig.sequence, options.error_rate, rng)) for contig in contigs)
        rows = (read.labels | {"id": read.id, "sequence": read.sequence, "split": read.split} for read in reads)
        write_labelled(rows, options.output)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"simulate_genomes.py: {sentence_of(error)}\n")
        return 2
    sys.stdout.write(
        f"{len(contigs)} contigs of {len(genomes)} genomes of {options.species} species, "
        f"{sum(dropped.values())} dropped as repeats or near-duplicates of training contigs\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
