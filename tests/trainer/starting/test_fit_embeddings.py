"""Token embeddings in closed form: the discriminants are what they claim, and the start names genera better."""

import json
import os

import numpy as np
import pytest
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseModel, embed
from modeling_dnacse.fitting.discriminants import Scatters, discriminants, embedding_rows
from modeling_dnacse.fitting.feature_frequencies import count_tokens, frequencies_of
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.reading.labels import read_labelled
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.families import TINY, random_families
from trainer.fit_embeddings import CONSTANT_COLUMNS, main

CALM = TINY | {"initializer_range": 0.02}  # layers that change little before they are trained, as in real models


@pytest.fixture(scope="module")
def families(tmp_path_factory):
    """Genera of two species: half of a species' sequence is its genus'."""
    rng = np.random.default_rng(5)
    lines = ["id\tsequence\tspecies\tgenus"]
    for genus in range(16):
        shared = "".join(rng.choice(list("ACGT"), 150))
        for species in "ab":
            own = "".join(rng.choice(list("ACGT"), 150))
            for record in range(3):
                lines.append(f"r{genus}{species}{record}\t{shared}{own}\tGenus{genus} {species}\tGenus{genus}")
    path = tmp_path_factory.mktemp("data") / "families.tsv"
    path.write_text("\n".join(lines) + "\n")
    return path


def fit(tmp_path, tiny_folder, data, *options: str, architecture=TINY) -> int:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "dnacse", **architecture}))
    arguments = ["--train_file", str(data), "--config_name", str(tmp_path / "config.json")]
    arguments += ["--tokenizer_name", str(tiny_folder), "--output_dir", str(tmp_path / "start"), *options]
    try:
        main(arguments)
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_frequencies_count_tokens(tiny_folder):
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    sequences = list(random_families(seed=3).values())[:5]
    counts = count_tokens(tokenizer, sequences).toarray()
    ids = tokenizer(sequences[2], add_special_tokens=False)["input_ids"]
    np.testing.assert_array_equal(counts[2], np.bincount(ids, minlength=len(tokenizer)))
    one = frequencies_of(DnacseModel(DnacseConfig(**TINY)), tokenizer, sequences).toarray()
    np.testing.assert_allclose(one, counts / counts.sum(1, keepdims=True))
    both_strands = DnacseModel(DnacseConfig(**TINY, both_strands=True))
    both = frequencies_of(both_strands, tokenizer, sequences).toarray()
    other = frequencies_of(both_strands, tokenizer, [reverse_complement(s) for s in sequences]).toarray()
    np.testing.assert_allclose(both, other)
    assert both.sum(1) == pytest.approx(1)


def test_scatters_are_those_of_the_whole_table():
    rng = np.random.default_rng(0)
    from scipy.sparse import csr_array

    table, classes = rng.random((30, 6)), rng.integers(0, 4, 30)
    sizes = np.bincount(classes)
    scatters = Scatters(6, sizes)
    for block in np.array_split(np.arange(30), 4):
        scatters.add(csr_array(table[block]), classes[block])
    mean, within, of_all = scatters.finish(sizes)
    weights = 1 / np.sqrt(sizes[classes])
    weights /= weights.sum()
    np.testing.assert_allclose(mean, weights @ table)
    np.testing.assert_allclose(of_all, (table - mean).T @ ((table - mean) * weights[:, None]), atol=1e-6)
    means = np.stack([table[classes == c].mean(0) for c in range(4)])[classes]  # weights are equal within a class
    np.testing.assert_allclose(within, (table - means).T @ ((table - means) * weights[:, None]), atol=1e-6)


def test_directions_whiten_the_scatter_within_classes():
    rng = np.random.default_rng(1)
    within, of_all = (a @ a.T for a in (rng.normal(size=(5, 9)), rng.normal(size=(5, 9))))
    directions = discriminants(within, of_all + within, 3, 0.5)
    ridge = 0.5 * np.trace(within) / 5
    np.testing.assert_allclose(directions.T @ (within + ridge * np.eye(5)) @ directions, np.eye(3), atol=1e-9)
    gains = np.diag(directions.T @ (of_all + within) @ directions)
    assert np.all(np.diff(gains) < 0)


def test_the_start_tells_genera_better_than_a_random_one(tmp_path, tiny_folder, families):
    assert fit(tmp_path, tiny_folder, families, "--both_strands", architecture=CALM) == 0
    model = DnacseModel.from_pretrained(tmp_path / "start")
    assert model.config.both_strands
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / "start")
    rows = [line.split("\t") for line in families.read_text().splitlines()[1:]]
    sequences, species, genera = ([row[column] for row in rows] for column in (1, 2, 3))

    def genus_right(encoder) -> float:
        vectors = embed(encoder, tokenizer, sequences)
        vectors -= vectors.mean(0)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        other = np.array(species)[:, None] != np.array(species)
        nearest = np.where(other, vectors @ vectors.T, -np.inf).argmax(1)
        return float(np.mean(np.array(genera)[nearest] == genera))

    assert genus_right(model) > genus_right(DnacseModel(model.config)) + 0.1
    # the strands of a sequence share a vector without being asked to
    np.testing.assert_allclose(
        embed(model, tokenizer, sequences[:3]),
        embed(model, tokenizer, [reverse_complement(s) for s in sequences[:3]]),
        atol=1e-5,
    )
    one = embed(model, tokenizer, sequences[:3], both_strands=False)
    assert np.abs(one - embed(model, tokenizer, sequences[:3])).max() > 1e-3


def test_rows_are_centred_and_of_unit_variance():
    rng = np.random.default_rng(2)
    mean = rng.dirichlet(np.ones(11))
    rows = embedding_rows(rng.normal(size=(11, 5)) + 3, mean)
    np.testing.assert_allclose(mean @ rows, 0, atol=1e-12)
    assert mean @ (rows**2).sum(1) == pytest.approx(5)


def linearity(tmp_path, tiny_folder, families, constant: str) -> float:
    """Correlation of the start's vectors with what a model without LayerNorm and layers would give."""
    small = CALM | {"kmer": 5, "num_hidden_layers": 1}
    (tmp_path / constant).mkdir()
    assert fit(tmp_path / constant, tiny_folder, families, "--constant", constant, architecture=small) == 0
    model = DnacseModel.from_pretrained(tmp_path / constant / "start")
    tokenizer = PreTrainedTokenizerFast.from_pretrained(tmp_path / constant / "start")
    sequences = [line.split("\t")[1] for line in families.read_text().splitlines()[1:]]
    vectors = embed(model, tokenizer, sequences)
    assert np.abs(vectors.mean(0)).max() < 0.05
    assert np.abs(vectors[:, :CONSTANT_COLUMNS]).max() == 0  # the constant stays inside
    assert np.abs(vectors[:, CONSTANT_COLUMNS:]).max(0).min() > 0
    kmers = model.embeddings.kmer_embeddings
    assert kmers is not None
    linear = frequencies_of(model, tokenizer, sequences) @ kmers.weight[1:].detach().numpy()
    return float(np.corrcoef(vectors.ravel(), (linear - linear.mean(0)).ravel())[0, 1])


def test_the_constant_keeps_layer_norm_from_levelling_tokens(tmp_path, tiny_folder, families):
    with_constant, without = (linearity(tmp_path, tiny_folder, families, constant) for constant in ("1", "0"))
    assert with_constant > 0.9
    assert with_constant > without


def test_what_cannot_be_fitted_is_one_sentence(tmp_path, tiny_folder, fasta, caplog):
    lonely = tmp_path / "lonely.fasta"
    lonely.write_text(">a species=Aus bus\nACGTACGTACGT\n>b species=Cus dus\nTTTTACGTACGT\n")
    assert fit(tmp_path, tiny_folder, lonely) == 2
    assert "two records of one are needed" in caplog.text
    assert fit(tmp_path, tiny_folder, fasta, architecture=TINY | {"pooling": "cls"}) == 2
    assert "the model pools by 'cls'" in caplog.text
    (tmp_path / "start").mkdir()
    (tmp_path / "start" / "config.json").write_text("{}")
    assert fit(tmp_path, tiny_folder, fasta) == 2
    assert "is there already" in caplog.text


def test_long_sequences_are_told_before_they_are_embedded(tmp_path, tiny_folder, families, monkeypatch, caplog):
    """A sequence of 320 kb was embedded for a minute, silently."""
    monkeypatch.setattr("trainer.fit_embeddings.LONG", 200)
    monkeypatch.setattr("trainer.fit_embeddings.center", lambda *_: caplog.records.append("embedded"))
    with caplog.at_level("INFO"):
        assert fit(tmp_path, tiny_folder, families, architecture=CALM) == 0
    told = [record if record == "embedded" else record.getMessage() for record in caplog.records]
    assert told[-4:-1] == [
        "embedding 96 sequences to centre the vectors, the longest of 300 bp",
        "the time for a sequence grows with the square of its length, so this may take minutes",
        "embedded",
    ]


def test_a_kept_fit_serves_other_layers(tmp_path, tiny_folder, families, monkeypatch, caplog):
    """As on a machine that has no time to fit: the layers may be others, and there may be none."""
    kept = tmp_path / "fitted.npy"
    assert fit(tmp_path, tiny_folder, families, "--fitted", str(kept), architecture=CALM) == 0
    fitted = np.load(kept)
    assert fitted.dtype == np.float16 and fitted.shape == (TINY["vocab_size"], TINY["hidden_size"] - CONSTANT_COLUMNS)
    monkeypatch.setattr("trainer.fit_embeddings.fit", None)  # it must not be called
    (tmp_path / "other").mkdir()
    without = CALM | {"num_hidden_layers": 0}
    assert fit(tmp_path / "other", tiny_folder, families, "--fitted", str(kept), architecture=without) == 0
    model, tokenizer = load_checkpoint(DnacseModel, str(tmp_path / "other" / "start"))
    np.testing.assert_allclose(model.embeddings.word_embeddings.weight[:, CONSTANT_COLUMNS:].detach(), fitted)
    vectors = embed(model, tokenizer, [row["sequence"] for row in read_labelled(families)])
    assert np.abs(vectors.mean(0)).max() < 1e-3 * np.abs(vectors).max() and vectors.std() > 0
    (tmp_path / "wide").mkdir()
    wide = CALM | {"hidden_size": 54}
    assert fit(tmp_path / "wide", tiny_folder, families, "--fitted", str(kept), architecture=wide) == 2
    assert "holds embeddings of 96 x 46 numbers, the model needs 96 x 52" in caplog.text
    damaged = {"empty": b"", "cut": kept.read_bytes()[:500], "text": b"hello", "zip": b"PK\x03\x04"}
    for name, content in damaged.items():
        (tmp_path / f"{name}.npy").write_bytes(content)
    np.save(tmp_path / "nan.npy", fitted * np.nan)
    np.save(tmp_path / "whole.npy", fitted.astype(int))
    for name in (*damaged, "nan", "whole"):
        path = tmp_path / f"{name}.npy"
        assert fit(tmp_path / "wide", tiny_folder, families, "--fitted", str(path), architecture=wide) == 2
        assert f"{path} " in caplog.text, name


def test_a_fifo_as_fitted_embeddings_is_not_waited_for(tmp_path, tiny_folder, families, caplog):
    os.mkfifo(tmp_path / "f.npy")
    assert fit(tmp_path, tiny_folder, families, "--fitted", str(tmp_path / "f.npy")) == 2
    assert "f.npy is no regular file; write its content to a file first" in caplog.text


def test_too_little_shrinkage_is_told(tmp_path, tiny_folder, families, caplog):
    assert fit(tmp_path, tiny_folder, families, "--shrinkage", "0") == 2
    assert "--shrinkage 0.0 leaves no solution" in caplog.text
    assert not (tmp_path / "start").exists()
