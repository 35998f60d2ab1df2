"""Model cards say what they must, and their metadata hold the results of the committed files."""

import json
import re
from pathlib import Path

import pytest
from huggingface_hub import ModelCard
from huggingface_hub.repocard_data import model_index_to_eval_results

from benchmarks.report.model_index import with_model_index

ROOT = Path(__file__).parents[3]
CARDS = sorted(ROOT.glob("checkpoints/*/README.md"))
TABLE = "<!-- results:coi.test:knn -->\n<!-- /results:coi.test:knn -->\n"


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_the_results_of_a_card_are_those_of_the_files(path):
    name, card = path.parent.name, ModelCard.load(path)
    model, results = model_index_to_eval_results(card.data.to_dict()["model-index"])
    assert model == name and len(results) > 5
    for result in results:
        data, task = result.dataset_type, result.dataset_config
        file = ROOT / "benchmarks" / "results" / data / f"{data}.{task}.{name}.{result.dataset_split}.json"
        written = json.loads(file.read_text())
        assert written["data_sha256"] == result.dataset_revision
        assert round(written["metrics"][result.metric_type]["value"], 4) == result.metric_value


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_a_card_tells_licence_data_limits_and_how_to_reproduce_it(path):
    card = ModelCard.load(path)
    assert card.data.license == "mit" and card.data.library_name == "transformers" and card.data.metrics
    recipe = re.search(r"trainer/recipes/\w+\.sh", card.content)
    assert recipe and path.parent.name in (ROOT / recipe[0]).read_text()
    assert "**Training data**" in card.content and "**Limits**" in card.content


def test_results_are_replaced_and_text_is_kept():
    text = f"---\nlicense: mit\nmodel-index: wrong\n---\n\n# Model\n\n{TABLE}"
    result = {"model": "ours", "task": "knn", "data": "coi.tsv", "data_sha256": "x"}
    results = [result | {"metrics": {"genus_unseen": {"value": 0.5}}}, result | {"model": "other", "metrics": {}}]
    made = with_model_index(text, "ours", {"coi.test": results})
    assert with_model_index(made, "ours", {"coi.test": results}) == made
    assert made.endswith(f"# Model\n\n{TABLE}")
    assert [one.metric_value for one in ModelCard(made).data.eval_results] == [0.5]
