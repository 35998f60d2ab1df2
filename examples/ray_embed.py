"""Embed files on a Ray cluster or on workers of this machine: a Ray Data pipeline that reads, embeds, writes parquet.

    pip install "ray[data]"
    python examples/ray_embed.py A.fasta.gz B.fasta.gz OUT_FOLDER --model MODEL --workers 2

On a cluster, set RAY_ADDRESS, give files and a folder that every node sees, and --gpus 1 for one GPU for each worker.
Files are read in parallel, one task each; memory does not grow with their size. Ray restarts a lost worker, but a
stopped pipeline begins again, and the order of the rows is not fixed: join them by id. `dnacse embed` in several
processes needs no Ray, keeps the order and continues where it was stopped.
"""

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
import ray

from modeling_dnacse import embed
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.machine.outputs import check_new_folder
from modeling_dnacse.reading.labels import read_labelled


def read(files: dict[str, np.ndarray], batch_records: int) -> Iterator[dict[str, list[str]]]:
    """The ids and sequences of files, `batch_records` at a time."""
    for path in files["item"]:
        records = read_labelled(str(path))
        while batch := list(islice(records, batch_records)):
            yield {key: [record[key] for record in batch] for key in ("id", "sequence")}


class Embedder:
    """A worker, which loads the model once."""

    def __init__(self, model: str, device: str) -> None:
        """Load the model."""
        self.model, self.tokenizer = load_encoder(model)
        self.device = device

    def __call__(self, batch: dict[str, np.ndarray]) -> pa.Table:
        """Give columns id and embedding, as `dnacse embed` writes them."""
        vectors = embed(self.model, self.tokenizer, batch["sequence"].tolist(), device=self.device)
        embedding = pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])
        return pa.table({"id": pa.array(batch["id"].tolist()), "embedding": embedding})


def main() -> None:
    """Build the pipeline and run it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("inputs", nargs="+", help="FASTA, FASTQ, CSV, TSV or parquet")
    parser.add_argument("output", help="a folder")
    parser.add_argument("--model", required=True)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--gpus", type=float, default=0, help="of each worker; default: %(default)s")
    parser.add_argument("--batch_records", type=int, default=4096, help="default: %(default)s")
    args = parser.parse_args()
    try:
        check_new_folder(Path(args.output), args.inputs, parents=True)
    except ValueError as error:
        parser.error(str(error))
    (
        ray.data.from_items(args.inputs, override_num_blocks=len(args.inputs))
        .map_batches(read, batch_size=1, fn_kwargs={"batch_records": args.batch_records}, num_cpus=0.1)
        .map_batches(
            Embedder,
            fn_constructor_args=(args.model, "cuda" if args.gpus else "cpu"),
            batch_size=args.batch_records,
            compute=ray.data.ActorPoolStrategy(size=args.workers),
            num_cpus=0.8,  # reading and writing need some of each core too
            num_gpus=args.gpus,
        )
        .write_parquet(args.output, ray_remote_args={"num_cpus": 0.1})
    )


if __name__ == "__main__":
    main()
