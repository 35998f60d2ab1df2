"""Teach models of sites which barcodes are of one species: labelled barcodes in, `species_merges` of config.json out.

    python trainer/fit_merges.py --model checkpoints/dnacse-barcode-mini --train_file coi.tsv.gz --train_split train

Samples of many kinds and of three sizes are drawn from the labelled barcodes, since what a merge of a tree means
depends on the sample: any barcodes, whole genera, few barcodes a species, many, close species, pieces. Each is
clustered by `site_linkage`. A logistic regression then learns from all merges which join one species
(modeling_dnacse/clustering/species_merges.py). What counts is the share of pairs across a merge that are of one
species; all merges count alike. Copies and parts of others in a sample count once, as there.

With several models, a file of barcodes for each.

43,668 barcodes of COI: 3 minutes on one thread, 3 GB of memory.
"""

import argparse
import logging
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("torch", "transformers", "dnaio")

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits

from modeling_dnacse import DnacseModel
from modeling_dnacse.clustering.site_linkage import site_linkage
from modeling_dnacse.clustering.species_merges import FARTHEST, features, means, stand_ins
from modeling_dnacse.clustering.tree_cuts import Nodes, nodes_of
from modeling_dnacse.commands.options import at_least, parsed
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.config_values import CONFIG, change_config
from modeling_dnacse.machine.outputs import same_file
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.vectors.at_sites import read_sites, unit_sums
from trainer.command_line import run_command
from trainer.records.chosen_split import read_training

logger = logging.getLogger("fit_merges")
SIZES = (1000, 300, 100)  # barcodes of a sample, one size after another
PIECES = (150, 658)  # sites
RIDGE = 3e-4  # half of it times the squared weights is added to the mean loss


class Barcodes(NamedTuple):
    """n labelled barcodes at their sites."""

    bases: np.ndarray  # (n, sites) uint8
    species: np.ndarray  # (n,) str
    genera: np.ndarray  # (n,) str


class Merges(NamedTuple):
    """m merges of trees."""

    features: np.ndarray  # (m, COUNT)
    vectors: np.ndarray  # (m, hidden) means of unit vectors
    same: np.ndarray  # (m,) share of the pairs across the merge that are of one species
    weights: np.ndarray  # (m,) those of a tree add up to 1


def some(groups: np.ndarray, rng: np.random.Generator, most: int | None = None) -> Iterator[np.ndarray]:
    """Rows of one group after another, in random order, at most so many of each."""
    rows = rng.permutation(len(groups))
    order = rows[np.argsort(groups[rows], kind="stable")]
    starts = np.flatnonzero(np.append(True, groups[order][1:] != groups[order][:-1]))
    members = np.split(order, starts[1:])
    for group in rng.permutation(len(members)).tolist():
        yield members[group][:most]


def draw(
    among: np.ndarray, groups: np.ndarray, size: int, rng: np.random.Generator, most: int | None = None
) -> np.ndarray:
    """Draw whole groups, or `most` of each, among these rows until there are `size`."""
    drawn, count = [], 0
    for rows in some(groups[among], rng, most):
        if count + len(rows) <= 1.1 * size:
            drawn.append(among[rows])
            count += len(rows)
        if count >= size:
            break
    return np.concatenate(drawn) if drawn else among[:0]


def samples(barcodes: Barcodes, size: int, rng: np.random.Generator) -> Iterator[Barcodes]:
    """One sample of each kind, of about so many barcodes."""
    everything = np.arange(len(barcodes.species))
    _, code, counts = np.unique(barcodes.species, return_inverse=True, return_counts=True)
    kinds = dict(set(zip(barcodes.species.tolist(), barcodes.genera.tolist(), strict=True)))
    in_genus = Counter(kinds.values())
    rich = np.array([in_genus[genus] >= 3 for genus in barcodes.genera])
    capped = np.concatenate([everything[:0], *some(barcodes.species, rng, most=10)])
    for rows in (
        rng.permutation(everything)[:size],
        draw(everything, barcodes.genera, size, rng),
        draw(everything, barcodes.species, size, rng, most=3),
        draw(everything[counts[code] >= 6], barcodes.species, size, rng, most=20),
        draw(np.intersect1d(capped, np.flatnonzero(rich)), barcodes.genera, size, rng),
    ):
        yield Barcodes(*(part[rows] for part in barcodes))
    rows = draw(everything, barcodes.genera, size, rng)
    bases = np.array([piece(row, rng) for row in barcodes.bases[rows]], np.uint8).reshape(
        len(rows), barcodes.bases.shape[1]
    )
    yield Barcodes(bases, barcodes.species[rows], barcodes.genera[rows])


def piece(bases: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Keep a stretch of the covered sites of one barcode, (sites,)."""
    covered = np.flatnonzero(bases < OTHER)
    length = min(int(rng.integers(PIECES[0], PIECES[1] + 1)), len(covered))
    start = int(rng.integers(len(covered) - length + 1))
    kept = np.full_like(bases, OTHER)
    sites = covered[start : start + length]
    kept[sites] = bases[sites]
    return kept


def same_species(nodes: Nodes, species: np.ndarray) -> np.ndarray:
    """Share of the pairs across each merge that are of one species, (m,)."""
    names = [Counter([name]) for name in species.tolist()]
    shares = np.empty(len(nodes.parts))
    for merge, (one, other) in enumerate(nodes.parts.tolist()):
        small, large = sorted((names[one], names[other]), key=len)
        pairs = sum(count * large[name] for name, count in small.items())
        shares[merge] = pairs / (nodes.size[one] * nodes.size[other])
        names.append(small + large)
    return shares


def merges_of(model: DnacseModel, barcodes: Barcodes, rounds: int, seed: int) -> Iterator[Merges]:
    """The merges of the tree of each sample that has any."""
    rng = np.random.default_rng(seed)
    sites: Any = model.sites  # which has placed the barcodes
    for number in range(rounds):
        for drawn in samples(barcodes, SIZES[number % len(SIZES)], rng):
            sample = Barcodes(*(part[np.unique(stand_ins(drawn.bases))] for part in drawn))
            nodes = nodes_of(site_linkage(sample.bases, 1 - FARTHEST))
            count = len(nodes.parts)
            if count:
                vectors = means(nodes, unit_sums(sites, sample.bases))
                same = same_species(nodes, sample.species)
                yield Merges(features(nodes), vectors, same, np.full(count, 1 / count))


def fit(merges: Merges) -> np.ndarray:
    """Fit the regression: the constant, the weights of features and those of the vector, in one array."""
    centre, scale = merges.features.mean(0), np.maximum(merges.features.std(0), 1e-6)
    columns = np.concatenate([(merges.features - centre) / scale, merges.vectors], 1)
    x, same, share = (torch.from_numpy(part).double() for part in (columns, merges.same, merges.weights))
    share = share / share.sum()
    fitted = torch.zeros(1 + x.shape[1], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([fitted], max_iter=500, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        optimizer.zero_grad()
        entropy = binary_cross_entropy_with_logits(fitted[0] + x @ fitted[1:], same, share, reduction="sum")
        total = entropy + RIDGE / 2 * (fitted[1:] ** 2).sum()
        total.backward()
        return total

    optimizer.step(loss)
    weights = fitted.detach().numpy().copy()
    count = len(scale)
    weights[1 : 1 + count] /= scale
    weights[0] -= weights[1 : 1 + count] @ centre
    return weights


def text_of(weights: np.ndarray) -> str:
    """Weights as config.json holds them."""
    return " ".join(f"{weight:.4g}" for weight in weights)


def read_barcodes(model: DnacseModel, tokenizer: object, file: str, split: str | None) -> Barcodes:
    """Read labelled barcodes and place them; those without a species, and those that have no place, are left out."""
    if model.sites is None:
        raise ValueError(f"{model.name_or_path} has no sites; give a model of trainer/fit_sites.py")
    rows = [row for row in read_training([file], split) if row["species"]]
    if not rows:
        raise ValueError(f"{file}: no record has a species; add a column species")
    read = read_sites(model, tokenizer, [row["sequence"] for row in rows])  # pyright: ignore[reportArgumentType]
    species, genera = (np.array([row[rank] for row in rows])[read.placed] for rank in ("species", "genus"))
    return Barcodes(read.bases[read.placed], species, genera)


def run(args: argparse.Namespace) -> None:
    """Fit the weights of each model and write them.

    Raises:
        ValueError: there are not as many files as models, a model is given twice or has no sites, or its file has too
            few barcodes. No model is changed then.
    """
    if len(args.model) != len(args.train_file):
        raise ValueError(f"got {len(args.model)} models and {len(args.train_file)} files; give a file for each model")
    if twice := next((one for one, other in combinations(args.model, 2) if same_file(one, other)), None):
        raise ValueError(f"{twice} is given twice; give each model once")
    fitted = []
    for folder, file in zip(args.model, args.train_file, strict=True):
        model, tokenizer = load_checkpoint(DnacseModel, str(folder))
        barcodes = read_barcodes(model.eval(), tokenizer, file, args.train_split)
        trees = list(merges_of(model, barcodes, args.rounds, args.seed))
        if not trees:
            raise ValueError(
                f"{file}: {len(barcodes.species)} barcodes have a species and a place in {folder}, too few for "
                "a tree; give barcodes of the model's marker, of several genera, with species"
            )
        merges = Merges(*map(np.concatenate, zip(*trees, strict=True)))
        fitted.append((folder / CONFIG, text_of(fit(merges))))
        logger.info("%s: %d merges of %d barcodes", file, len(merges.same), len(barcodes.species))
    for path, weights in fitted:
        change_config(path, species_merges=weights)
        logger.info("%s: species_merges", path)


def parse_arguments(arguments: list[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description="Teach models of sites what one species is.", allow_abbrev=False)
    add = parser.add_argument
    add("--model", nargs="+", required=True, type=Path, help="folders of models that know sites; changed in place")
    add("--train_file", nargs="+", required=True, help="FASTA, FASTQ, CSV, TSV or parquet, with species; one a model")
    add("--train_split", help="use only the records of this split")
    add("--rounds", type=at_least(1), default=12, help="samples of each of the six kinds; default: %(default)s")
    add("--seed", type=at_least(0), default=0, help="of the draws")
    return parsed(parser, arguments)


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence and exit status 2."""
    run_command(run, parse_arguments(arguments), joins_files=False)


if __name__ == "__main__":
    main()
