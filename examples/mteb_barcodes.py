"""Judge an embedding model on barcodes by MTEB: clusters of your labelled file against its taxa.

    pip install mteb
    python examples/mteb_barcodes.py LABELLED.fasta [MODEL]

LABELLED is any labelled file (docs/formats.md), MODEL a folder or Hub id that sentence-transformers loads; by default
it is the shipped one. For each rank, MTEB clusters samples of the vectors by k-means, into as many clusters as there
are taxa, and prints the V-measure. Nothing is fetched but a model that is named by its Hub id.
"""

import argparse
import sys
from pathlib import Path
from typing import Any, ClassVar

import mteb
from datasets import Dataset, DatasetDict
from mteb.abstasks.clustering import AbsTaskClustering
from mteb.abstasks.task_metadata import TaskMetadata
from sentence_transformers import SentenceTransformer

from modeling_dnacse.loading.model_folders import SHIPPED
from modeling_dnacse.reading.labels import read_records

RANKS = ("order", "family", "genus", "species")


class BarcodeClustering(AbsTaskClustering):
    """Clusters of barcodes against their taxa, from a file."""

    file: ClassVar[Path]
    metadata = TaskMetadata(
        name="BarcodeClustering",
        description="Clustering of DNA barcodes by order, family, genus and species.",
        dataset={"path": "a file of the user", "revision": "1"},
        type="Clustering",
        category="t2c",
        eval_splits=["test"],
        eval_langs=["eng-Latn"],  # MTEB knows no other alphabet for DNA
        main_score="v_measure",
    )
    max_fraction_of_documents_to_embed = None
    input_column_name = "sequence"
    label_column_name = "taxa"

    def load_data(self, *_: Any, **__: Any) -> None:
        """Read the file; a record without a name at some rank is left out."""
        records = [record for record in read_records(self.file) if all(map(record.labels.get, RANKS))]
        if not records:
            raise ValueError(f"{self.file}: no record has an order, family, genus and species; see docs/formats.md")
        rows = [{"sequence": r.sequence, "taxa": [r.labels[rank] for rank in RANKS]} for r in records]
        self.dataset = DatasetDict({"test": Dataset.from_list(rows)})
        self.data_loaded = True


def main(arguments: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("labelled", type=Path)
    parser.add_argument("model", nargs="?", default=str(SHIPPED))
    args = parser.parse_args(arguments)
    BarcodeClustering.file = args.labelled
    try:
        BarcodeClustering().load_data()
        model = SentenceTransformer(args.model, trust_remote_code=True)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    (result,) = mteb.evaluate(model, BarcodeClustering(), cache=None).task_results
    (scores,) = result.scores["test"]
    for level, rank in enumerate(RANKS):
        values = scores["v_measures"][f"Level {level}"]
        sys.stdout.write(f"{rank}: V-measure {sum(values) / len(values):.3f} over {len(values)} samples\n")


if __name__ == "__main__":
    main()
