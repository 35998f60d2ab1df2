"""Fine-tuning: a tiny checkpoint learns planted species, again the same, from training rows, in input order."""

import json

import numpy as np
import pytest
import torch
from transformers import AutoTokenizer, BertConfig, BertModel, PreTrainedTokenizerFast

from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.scoring.sequence_classification import Examples, Recipe, accuracy, classify, fine_tune, load_classifier
from benchmarks.tasks.classification.fine_tune import score

RECIPE = Recipe(
    epochs=12,
    batch_size=8,
    learning_rate=3e-3,
    max_tokens=64,
    seed=0,
    device="cpu",
    batch_tokens=256,
    trust_remote_code=False,
)
OPTIONS = {"epochs": 12, "batch_size": 8, "learning_rate": 3e-3, "max_tokens": 64}


def families(seed: int, records: int) -> Split:
    """Records of four species: each one sequence, the same whatever the seed, 5 % substituted in each record."""
    ancestors = np.random.default_rng(99).choice(list("ACGT"), (4, 60))
    rng = np.random.default_rng(seed)
    sequences, species = [], []
    for number in rng.permutation(np.repeat(np.arange(4), records)):
        mutated = np.where(rng.random(60) < 0.05, rng.choice(list("ACGT"), 60), ancestors[number])
        sequences.append("".join(mutated[: 60 - rng.integers(20)]))
        species.append(f"Genus {'abcd'[number]}")
    return Split(np.arange(len(species)).astype(str), sequences, {"species": np.array(species)})


@pytest.fixture(scope="module")
def splits() -> tuple[Split, Split, Split]:
    return families(0, records=10), families(1, records=3), families(2, records=6)


@pytest.fixture
def tiny(tiny_folder) -> Method:
    return Method("tiny", "", 0, checkpoint=str(tiny_folder))


@pytest.mark.slow
def test_planted_species_are_learnt_and_left_out_rows_counted(tiny, splits):
    train, validation, seen = splits
    species = seen.labels["species"].copy()
    species[:2] = "", "Genus new"
    metrics = score(tiny, train, validation, seen._replace(labels={"species": species}), seed=0, **OPTIONS)
    assert metrics["accuracy"]["value"] > 0.9
    assert {key: metrics["accuracy"][key] for key in ("scored", "left_out", "classes")} == {
        "scored": 22,
        "left_out": 2,
        "classes": 4,
    }
    low, high = metrics["accuracy_macro"]["interval"]
    assert low <= metrics["accuracy_macro"]["value"] <= high


@pytest.mark.slow
def test_the_same_seed_gives_the_same_answers_and_shuffled_labels_give_chance(tiny, splits):
    train, validation, seen = splits
    classes = {name: number for number, name in enumerate(np.unique(train.labels["species"]))}
    learnt, chosen = (
        Examples(split.sequences, np.array([classes[name] for name in split.labels["species"]]))
        for split in (train, validation)
    )
    short = RECIPE._replace(epochs=2)
    first, second = (fine_tune(tiny, learnt, chosen, seen.sequences, short) for _ in range(2))
    assert np.array_equal(first, second)
    shuffled = learnt._replace(classes=np.random.default_rng(3).permutation(learnt.classes))
    found = fine_tune(tiny, shuffled, chosen, seen.sequences, RECIPE._replace(epochs=4))
    truth = np.array([classes[name] for name in seen.labels["species"]])
    assert (found == truth).mean() < 0.7


def test_the_epoch_that_validation_prefers_classifies(tiny, splits, monkeypatch):
    train, validation, _ = splits
    right = []

    def preferring_the_second(prediction):
        right.append(accuracy(prediction)["accuracy"])
        return {"accuracy": 0.9 if len(right) == 2 else 0.1}

    monkeypatch.setattr("benchmarks.scoring.sequence_classification.accuracy", preferring_the_second)
    metrics = score(tiny, train, validation, seed=0, **OPTIONS | {"epochs": 5})
    assert len(right) == 5
    assert right[1] not in (right[0], right[-1])
    assert metrics["accuracy"]["value"] == pytest.approx(right[1])


def test_answers_are_in_input_order_whatever_the_batches(tiny, splits):
    """Trainer.predict returns them in the order of its length groups."""
    torch.manual_seed(0)
    network, tokenizer, limit = load_classifier(tiny.checkpoint, 50, RECIPE)
    sequences = splits[0].sequences
    found = classify(network, tokenizer, sequences, limit, batch_tokens=200)
    one_by_one = [classify(network, tokenizer, [sequence], limit, batch_tokens=1)[0] for sequence in sequences]
    assert found.tolist() == one_by_one
    assert len(set(one_by_one)) > 1
    assert classify(network, tokenizer, [], limit, batch_tokens=1).shape == (0,)


def test_a_network_that_gives_nan_has_no_answers(tiny, splits):
    """The first class was the answer to each query, with an accuracy and its interval."""
    network, tokenizer, limit = load_classifier(tiny.checkpoint, 50, RECIPE)
    with torch.no_grad():
        next(network.parameters()).fill_(torch.nan)
    with pytest.raises(ValueError, match="gives NaN or infinity: its weights may be damaged, or the learning rate"):
        classify(network, tokenizer, splits[0].sequences, limit, batch_tokens=200)


def test_any_encoder_is_fine_tuned_and_cut_at_its_limit(tmp_path, tiny_folder, splits):
    """A BERT of 16 positions, as other Hub encoders have limits."""
    PreTrainedTokenizerFast.from_pretrained(tiny_folder).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=16,
    )
    BertModel(config).save_pretrained(tmp_path)
    bert = Method("bert", "", 0, checkpoint=str(tmp_path))
    metrics = score(bert, *splits, seed=0, **OPTIONS | {"epochs": 1})
    assert metrics["accuracy"]["scored"] == 24
    assert load_classifier(str(tmp_path), 4, RECIPE)[2] == 16


def test_a_head_for_other_classes_is_replaced(tmp_path, tiny, splits):
    network, tokenizer, _ = load_classifier(tiny.checkpoint, 7, RECIPE)
    network.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["architectures"] == ["DnacseForSequenceClassification"]
    metrics = score(Method("again", "", 0, checkpoint=str(tmp_path)), *splits, seed=0, **OPTIONS | {"epochs": 1})
    assert metrics["accuracy"]["classes"] == 4


def test_what_cannot_be_fine_tuned_is_said(tiny, splits):
    train, validation, seen = splits
    with pytest.raises(Unsuited, match="kmer6 is no checkpoint"):
        score(Method("kmer6", "", 0), *splits, seed=0)
    empty = Split(np.array([], dtype=str), [], {"species": np.array([], dtype=str)})
    with pytest.raises(ValueError, match="0 to choose the epoch by"):
        score(tiny, train, empty, seen, seed=0)
    with pytest.raises(ValueError, match="got 0 species to learn"):
        score(tiny, empty, validation, seen, seed=0)
