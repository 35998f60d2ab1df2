"""Compare methods of naming on the same altered validation queries, with train as the library; JSON out.

    python benchmarks/studies/sites.py --data coi.tsv.gz --model runs/coi-sites --output sites.json \\
        --methods cosine shared 7mers vsearch128 vsearch1 encoder:checkpoints/dnacse-barcode-mini

The nearest reference gives the name: the genus (and family) of queries of `unseen_val`, the species of queries of
`val`. Queries are whole, windows of 300 and 150 bp at random places, half of them of the other strand, or with 5 % and
10 % of their bases substituted. Each accuracy comes twice, over queries and over species. Methods:

- `cosine`: of the vectors of `--model`, which has sites;
- `shared`: compared over the sites that both sequences cover (modeling_dnacse/vectors/shared_sites.py);
- `encoder:FOLDER`: cosine of another encoder's vectors; `7mers`: of square roots of 7-mer frequencies, strands merged;
- `vsearch128`, `vsearch1`: --maxaccepts 128 --maxrejects 256 and --maxaccepts 1, --id 0.5, both strands.
"""

import argparse
import json
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from benchmarks.methods.alignment_tools import best_hits, vsearch_rows
from benchmarks.methods.method import Split
from benchmarks.methods.programs import find_program, write_fasta
from benchmarks.methods.programs import run as run_program
from benchmarks.report.result_files import write_json
from benchmarks.scoring.alterations import cut_windows, flip_half, mutate
from benchmarks.studies.command_line import has_parts, run_study, splits_of
from modeling_dnacse import embed
from modeling_dnacse.commands.options import at_least
from modeling_dnacse.fitting.kmer_spectra import kmer_counts
from modeling_dnacse.fitting.site_table import encode
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.plain_messages import plain_messages
from modeling_dnacse.machine.signals import ending_on_signals
from modeling_dnacse.vectors.at_sites import read_sites
from modeling_dnacse.vectors.neighbours import nearest
from modeling_dnacse.vectors.shared_sites import SiteSearch

VSEARCH = {"vsearch128": ["--maxaccepts", 128, "--maxrejects", 256], "vsearch1": ["--maxaccepts", 1]}
OF_MODEL = ("cosine", "shared")  # of --model
METHODS = (*OF_MODEL, "7mers", *VSEARCH)
ENCODER = "encoder:"


def alter(sequences: list[str], seed: int) -> dict[str, list[str]]:
    """The forms of the queries: whole, fragments, with errors."""
    places = np.random.default_rng(seed).random(len(sequences))
    windows = {f"{length} bp": flip_half(cut_windows(sequences, length, places), seed) for length in (300, 150)}
    errors = {f"{rate:.0%} errors": mutate(sequences, rate, seed) for rate in (0.05, 0.1)}
    return {"full": sequences} | windows | errors


def sample(split: Split, most: int, seed: int) -> Split:
    """At most `most` rows, as drawn."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(split.ids))[:most])
    labels = {rank: names[rows] for rank, names in split.labels.items()}
    return Split(split.ids[rows], [split.sequences[row] for row in rows], labels)


def accuracy(right: np.ndarray, species: np.ndarray) -> dict[str, float]:
    """In per cent, over queries and as the mean over species.

    >>> accuracy(np.array([True, True, False]), np.array(["a", "a", "b"]))
    {'micro': 66.67, 'species': 50.0}
    """
    _, group = np.unique(species, return_inverse=True)
    means = np.bincount(group, right) / np.bincount(group)
    return {"micro": round(100 * float(right.mean()), 2), "species": round(100 * float(means.mean()), 2)}


def auroc(known: np.ndarray, absent: np.ndarray) -> float:
    """How often a known query has the higher score, in per cent; a tie counts half."""
    order = np.argsort(np.concatenate([absent, known]), kind="stable")
    scores = np.concatenate([absent, known])[order]
    _, first, counts = np.unique(scores, return_index=True, return_counts=True)
    ranks = np.repeat(first + (counts + 1) / 2, counts)
    total = ranks[order >= len(absent)].sum() - len(known) * (len(known) + 1) / 2
    return round(100 * float(total / (len(known) * len(absent))), 2)


class Vectors:
    """Nearest references by cosine; what `embed` gives."""

    def __init__(self, name: str, references: list[str]) -> None:
        """Embed the references."""
        self.model, self.tokenizer = load_encoder(name)
        self.references = embed(self.model, self.tokenizer, references, normalize=True)

    def __call__(self, queries: list[str], k: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Rows and cosines of the k nearest (q, k)."""
        return nearest(embed(self.model, self.tokenizer, queries, normalize=True), self.references, k)


class SharedSites:
    """Nearest references over the sites that both cover."""

    def __init__(self, vectors: Vectors, references: Split) -> None:
        """Place the references."""
        self.model, self.tokenizer = vectors.model, vectors.tokenizer
        placed = read_sites(self.model, self.tokenizer, references.sequences)
        _, species = np.unique(references.labels["species"], return_inverse=True)
        self.search = SiteSearch(self.model.sites, placed.bases, species)

    def __call__(self, queries: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and scores of the nearest (q, 1)."""
        found = self.search(read_sites(self.model, self.tokenizer, queries).bases)
        return found.rows[:, :1], found.score[:, :1]


class Kmers:
    """Cosine of square roots of 7-mer frequencies, strands merged."""

    def __init__(self, references: list[str]) -> None:
        """Count the references."""
        self.references = torch.from_numpy(self.profiles(references))

    @staticmethod
    def profiles(sequences: list[str]) -> np.ndarray:
        """Unit vectors (n, 8192) float32."""
        roots = np.sqrt(kmer_counts([encode(sequence) for sequence in sequences], 7))
        return roots / np.maximum(np.linalg.norm(roots, axis=1, keepdims=True), 1e-9)

    def __call__(self, queries: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and cosines of the nearest (q, 1)."""
        return nearest(self.profiles(queries), self.references)


class Vsearch:
    """The best hit of vsearch."""

    def __init__(self, options: list[Any], references: list[str], folder: Path) -> None:
        """Write the references."""
        self.options, self.folder = options, folder
        write_fasta(folder / "references.fa", references)

    def __call__(self, queries: list[str]) -> tuple[np.ndarray, np.ndarray]:
        """Rows and identities of the best hit (q, 1), -1 and 0 where there is none."""
        table, query_file = self.folder / "hits.tsv", self.folder / "queries.fa"
        write_fasta(query_file, queries)
        command = [
            find_program("vsearch", "vsearch"),
            "--usearch_global",
            query_file,
            "--db",
            self.folder / "references.fa",
        ]
        command += ["--strand", "both", "--id", "0.5", *self.options, "--qmask", "none", "--dbmask", "none", "--quiet"]
        run_program([*command, "--userout", table, "--userfields", "query+target+ids+mism+gaps", "--threads", 1])
        hits = best_hits(len(queries), vsearch_rows(table))
        return hits.index[:, None], hits.score[:, None]


def measure(name: str, search: Any, train: Split, unseen: Split, seen: Split, seed: int) -> dict[str, Any]:
    """Score all forms of all queries: accuracies, AUROC of known against absent species, queries per second."""
    result: dict[str, Any] = {"genus": {}, "family": {}, "species": {}, "auroc": {}, "queries_per_second": {}}
    scores: dict[tuple[str, str], np.ndarray] = {}
    for split, queries, ranks in (("absent", unseen, ("genus", "family")), ("known", seen, ("species",))):
        for form, sequences in alter(queries.sequences, seed).items():
            start = time.perf_counter()
            rows, score = search(sequences)
            rate = len(sequences) / (time.perf_counter() - start)
            result["queries_per_second"][form] = round(rate, 1)
            scores[split, form] = score[:, 0]
            for rank in ranks:
                called = np.where(rows[:, 0] >= 0, train.labels[rank][rows[:, 0]], "")
                result[rank][form] = accuracy(called == queries.labels[rank], queries.labels["species"])
    for form in result["species"]:
        result["auroc"][form] = auroc(scores["known", form], scores["absent", form])
    print(name, json.dumps(result), flush=True)  # noqa: T201 - a command line
    return result


def run_all(args: argparse.Namespace) -> None:
    """Measure and write.

    Raises:
        ValueError: An option or a file is wrong.
    """
    for method in args.methods:
        if method not in METHODS and not method.startswith(ENCODER):
            raise ValueError(f"--methods: no method {method}; the methods are {', '.join(METHODS)}, {ENCODER}FOLDER")
        if method in OF_MODEL and not args.model:
            raise ValueError(f"{method} needs a model with sites: give its folder to --model")
    splits = splits_of(args.data, "train", "val", "unseen_val")
    train = splits["train"]
    unseen, seen = (sample(splits[s], n, args.seed) for s, n in zip(("unseen_val", "val"), args.queries, strict=True))
    done = read_object(args.output, "give another --output") if args.output.exists() else {}
    vectors = Vectors(args.model, train.sequences) if args.model else None
    with TemporaryDirectory() as folder:
        for method in args.methods:
            if method in VSEARCH:
                search: Any = Vsearch(VSEARCH[method], train.sequences, Path(folder))
            elif method == "7mers":
                search = Kmers(train.sequences)
            elif method.startswith(ENCODER):
                search = Vectors(method.removeprefix(ENCODER), train.sequences)
            else:
                search = SharedSites(vectors, train) if vectors and method == "shared" else vectors
            name = method if method in VSEARCH or method == "7mers" else f"{args.name}{Path(method).name}"
            done[name] = measure(name, search, train, unseen, seen, args.seed)
            write_json(done, args.output)


@plain_messages()
@ending_on_signals()
def main(arguments: list[str] | None = None) -> int:
    """Run the command line: 0, or 2 when something was wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0], allow_abbrev=False)
    parser.add_argument("--data", required=True)
    parser.add_argument("--model", help="a model with sites")
    parser.add_argument("--output", required=True, type=Path, help="JSON; results of other methods in it are kept")
    parser.add_argument("--methods", nargs="+", required=True)
    parser.add_argument(
        "--queries", nargs=2, type=at_least(1), default=[900, 500], help="queries of unseen_val and of val"
    )
    parser.add_argument("--name", default="", help="prefix for the names of the model's methods")
    parser.add_argument("--seed", type=at_least(0), default=0)
    return run_study(run_all, parser, arguments, has_parts("genus", "species", "auroc"))


if __name__ == "__main__":
    sys.exit(main())
