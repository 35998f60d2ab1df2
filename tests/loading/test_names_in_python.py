"""The names of shipped models are taken in Python as `--model` takes them."""

from pathlib import Path

import pytest

from modeling_dnacse import BarcodeClassifier, DnacseModel, DnaEmbedder, Identifier, load_checkpoint
from modeling_dnacse.loading.model_folders import ALL_SHIPPED, SHIPPED

SEQUENCES, CLASSES = ["ACGTTGCAACGGTACC", "GATTACAGATTACAGG"], ["a", "b"]
SAMPLE = Path(__file__).parents[2] / "examples" / "sample" / "library.fasta"


@pytest.mark.parametrize("kind", [DnaEmbedder, BarcodeClassifier])
def test_estimators_take_the_name_of_a_shipped_model(kind):
    digests = {kind(model=model).fit(SEQUENCES, CLASSES).model_digest_ for model in (SHIPPED.name, SHIPPED, None)}
    assert len(digests) == 1


def test_an_identifier_and_its_index_take_the_name_of_a_shipped_model(tmp_path):
    identifier = Identifier.from_fasta(SAMPLE, model=SHIPPED.name)
    assert identifier.model == str(SHIPPED)
    identifier.save(tmp_path / "index")
    assert Identifier.from_index(tmp_path / "index", model=SHIPPED.name).model == str(SHIPPED)


def test_load_checkpoint_takes_the_name_of_a_shipped_model():
    for folder in ALL_SHIPPED:
        assert load_checkpoint(DnacseModel, folder.name)[0].config._name_or_path == str(folder)


def test_a_folder_here_with_the_name_of_a_shipped_model_is_taken(tiny_folder, tmp_path, monkeypatch):
    (tmp_path / SHIPPED.name).symlink_to(tiny_folder)
    monkeypatch.chdir(tmp_path)
    assert load_checkpoint(DnacseModel, SHIPPED.name)[0].config.hidden_size == 48
