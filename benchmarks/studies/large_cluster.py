"""What clustering many barcodes costs, and what is lost by doing it in blocks, in one run; JSON and a picture out.

    python benchmarks/studies/large_cluster.py --input runs/large/library.fasta --folder runs/large \
        --output benchmarks/studies/results/large_cluster.json --plot benchmarks/studies/results/large_cluster.png

The input is a FASTA of labelled barcodes of the shipped model's marker, such as the library of large_index.py.
`dnacse cluster` runs in a process of its own, whose resident memory is read. Its clusters are compared with the
species in the headers. The first `--compare` records are clustered in blocks and by all pairs, too.
"""

import argparse
import csv
import sys
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score
from sklearn.metrics.cluster import contingency_matrix

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.studies.command_line import has_keys, run_study, write_whole
from benchmarks.studies.large_index import DNACSE, draw, watched
from modeling_dnacse import DnacseModel
from modeling_dnacse.clustering import large_samples
from modeling_dnacse.clustering.species_merges import cluster_species
from modeling_dnacse.commands.cluster import EARLIER
from modeling_dnacse.commands.options import at_least
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.loading.model_folders import SHIPPED
from modeling_dnacse.machine.atomic import all_or_none
from modeling_dnacse.machine.earlier_outputs import check_replaced
from modeling_dnacse.machine.outputs import check_outputs
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.provenance import device_name
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.vectors.at_sites import read_sites

MOST = 100_000  # sequences whose clusters are compared by AMI, too


def agreement(first: Any, second: Any) -> dict[str, float]:
    """How well two clusterings agree.

    Returns:
        ARI; purity, the share of items in the largest part that their cluster of the second shares with one of the
        first; inverse purity, the same with both exchanged; AMI unless they are large, since its time is quadratic.
    """
    shared = contingency_matrix(first, second, sparse=True)
    indexes = {
        "ari": adjusted_rand_score(first, second),
        "purity": shared.max(axis=0).sum() / len(first),
        "inverse_purity": shared.max(axis=1).sum() / len(first),
    }
    if len(first) <= MOST:
        indexes["ami"] = adjusted_mutual_info_score(first, second)
    return {name: round(float(index), 4) for name, index in indexes.items()}


@torch.inference_mode()
def place(path: Path, count: int) -> tuple[DnacseModel, list[str], np.ndarray]:
    """Of the first records, those that are of the shipped model's marker: the model, their species and bases.

    Raises:
        ValueError: There are fewer than two.
    """
    records = list(islice(read_labelled(path), count))
    model, tokenizer = load_encoder(str(SHIPPED))
    bases = read_sites(model, tokenizer, [record["sequence"] for record in records]).bases
    placed = np.flatnonzero((bases < OTHER).any(1))
    if len(placed) < 2:
        raise ValueError(f"{path}: {len(placed)} of the first records are of the marker of {SHIPPED.name}; give COI")
    return model, [records[row]["species"] for row in placed], bases[placed]


@torch.inference_mode()
def blocks_beside_all_pairs(model: DnacseModel, species: list[str], bases: np.ndarray) -> dict[str, Any]:
    """Cluster records in blocks, and once more by all pairs: agreement with each other and with species."""
    by_pairs = cluster_species(model, bases).labels
    large_samples.LARGE = 0
    in_blocks = cluster_species(model, bases).labels
    return {
        "sequences": len(species),
        "blocks": sum(1 for _ in large_samples.divide(model, bases)),
        "blocks and all pairs": agreement(by_pairs, in_blocks),
        "all pairs and species": agreement(species, by_pairs),
        "blocks and species": agreement(species, in_blocks),
    }


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    clusters = args.folder / "clusters.tsv"
    check_outputs([clusters, args.output, args.plot], [args.input])
    check_replaced(clusters, EARLIER["tsv"], "clusters as tsv", None)
    compared = place(args.input, args.compare)
    run = watched([*DNACSE, "cluster", args.input, "-o", clusters])
    with clusters.open(newline="") as file:
        labels = [row["cluster"] for row in csv.DictReader(file, delimiter="\t")]
    species = [record["species"] for record in read_labelled(args.input)]
    about: dict[str, Any] = {
        "sequences": len(labels),
        "species": len(set(species)),
        "clusters": len(set(labels)),
        "device": device_name(torch.device("cpu")),
        "agreement": agreement(np.unique(species, return_inverse=True)[1], np.unique(labels, return_inverse=True)[1]),
        "runs": {"cluster": run},
    }
    sys.stderr.write(f"{about['clusters']:,} clusters: {about['agreement']}\n")
    about["comparison"] = blocks_beside_all_pairs(*compared)
    with all_or_none():
        write_whole(about, args.output)
        draw(args.plot, about["runs"])


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    add = parser.add_argument
    add("--input", required=True, type=Path)
    add("--folder", required=True, type=Path, help="of the clusters")
    add("--compare", type=at_least(1), default=20_000)
    add("--output", required=True, type=Path)
    add("--plot", required=True, type=Path)
    return run_study(run_all, parser, arguments, has_keys("species", "clusters", "runs"), "input")


if __name__ == "__main__":
    sys.exit(main())
