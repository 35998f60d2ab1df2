"""The learnt k-mer baseline: what is a pair, what the loss is, and that training is repeatable, useful and kept."""

from pathlib import Path

import numpy as np
import pytest
import torch

from benchmarks.methods import kmer_mlp
from benchmarks.methods.kmer_mlp import BASELINES, contrastive_loss, draw_pairs, draw_partners, species_codes, train
from benchmarks.methods.kmers import kmer_frequencies
from benchmarks.methods.method import Split, nearest_rows
from tests.support.families import random_families


def split_of(seed: int, records: int = 4) -> Split:
    families = random_families(seed, species=12, records=records, length=300)
    species = np.array([header.split("species=")[1] for header in families])
    return Split(np.array(list(families)), list(families.values()), {"species": species})


@pytest.fixture(scope="module")
def training() -> Split:
    return split_of(seed=0)


@pytest.fixture(autouse=True)
def brief(monkeypatch):
    monkeypatch.setattr(kmer_mlp, "FEWEST_STEPS", 12)


def test_partners_are_other_records_of_the_species():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 40, size=100)
    counts = np.bincount(codes)
    drawn = np.stack([draw_partners(codes, rng) for _ in range(200)])
    assert (codes[drawn] == codes).all()
    assert ((drawn == np.arange(100)) == (counts[codes] == 1)).all()
    for row in np.flatnonzero(counts[codes] == 3):  # both others have their turn
        assert len(np.unique(drawn[:, row])) == 2


def test_unknown_species_are_no_species():
    codes = species_codes(np.array(["", "a", "", "a"]))
    assert codes[1] == codes[3]
    assert len(np.unique(codes)) == 3


def test_pairs_are_records_of_a_species_or_overlapping_pieces(monkeypatch):
    monkeypatch.setattr(kmer_mlp, "BATCH", 2)
    sequences = ["AAAA", "CCCC", "GGTT", "CCCG", "T"]
    codes = np.array([0, 1, 2, 1, 3])
    third = [float(np.float32(count / 3)) for count in range(3)].__getitem__
    kinds = {}
    for left, right, species in draw_pairs(sequences, codes, lambda s: kmer_frequencies(s, 1), seed=0):
        for one, other, code in zip(left.tolist(), right.tolist(), species.tolist(), strict=True):
            kinds.setdefault(code, set()).add((tuple(one), tuple(other)))
    assert kinds[0] == {((1, 0, 0, 0), (1, 0, 0, 0))}
    assert kinds[1] == {((0, 1, 0, 0), (0, 0.75, 0.25, 0)), ((0, 0.75, 0.25, 0), (0, 1, 0, 0))}
    assert kinds[2] == {((0, 0, third(2), third(1)), (0, 0, third(1), third(2)))}
    assert kinds[3] == {((0, 0, 0, 1), (0, 0, 0, 1))}


def test_loss_equals_its_definition():
    rng = np.random.default_rng(1)
    left, right = rng.normal(size=(2, 5, 3))
    codes = np.array([0, 1, 2, 1, 3])
    vectors, species = np.concatenate([left, right]), np.concatenate([codes, codes])
    vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    terms = np.exp(vectors @ vectors.T / 0.1)
    losses = []
    for row in range(10):
        positive = terms[row, (row + 5) % 10]
        losses.append(-np.log(positive / (positive + terms[row, species != species[row]].sum())))
    found = contrastive_loss(torch.tensor(left), torch.tensor(right), torch.tensor(codes), 0.1)
    assert found.item() == pytest.approx(np.mean(losses))


@pytest.mark.parametrize(
    ("name", "parameters", "copies", "steps"), [("kmer_mlp", 263_936, 25, 60), ("kmer_mlp6", 1_197_824, 100, 20)]
)
def test_learns_what_varies_within_species(name, parameters, copies, steps, monkeypatch):
    """Each record ends in one of four repeats: k-mers pair by repeat, the network learns not to."""
    monkeypatch.setattr(kmer_mlp, "FEWEST_STEPS", steps)
    rng = np.random.default_rng(2)
    repeats = [unit * copies for unit in ("AC", "AG", "AT", "CG")]
    known, new = (["".join(rng.choice(list("ACGT"), 200)) for _ in range(species)] for species in (24, 12))
    sequences = [core + repeat for core in known for repeat in repeats]
    training = Split(np.arange(96).astype(str), sequences, {"species": np.repeat(known, 4)})
    references = [core + repeats[row % 4] for row, core in enumerate(new)]
    queries = [core + repeats[(row + 1) % 4] for row, core in enumerate(new)]

    def accuracy(encode):
        (index,) = nearest_rows(encode(queries), encode(references))
        return np.mean(index == np.arange(12))

    method = BASELINES[name](name, training, None)
    assert method.parameters == parameters
    assert method.encode(queries).shape == (12, 256)
    assert method.encode(queries).dtype == np.float32
    assert accuracy(kmer_mlp.PROFILES[name]) == 0
    assert accuracy(method.encode) > 0.7


def test_embedding_is_repeatable_and_independent_of_the_batch(training, monkeypatch):
    """The published code never leaves training mode, so that identical calls differ."""
    encode = BASELINES["kmer_mlp"]("kmer_mlp", training, None).encode
    together = encode(training.sequences)
    assert np.array_equal(together, encode(training.sequences))
    monkeypatch.setattr(kmer_mlp, "BLOCK", 5)
    np.testing.assert_allclose(encode(training.sequences), together, atol=1e-5)


def test_ambiguous_letters_are_no_error(training):
    """The published code raises KeyError on N."""
    vectors = BASELINES["kmer_mlp"]("kmer_mlp", training, None).encode(["ACGTNNNACGT", "NNNN", ""])
    assert np.isfinite(vectors).all()


def test_training_repeats_itself_and_leaves_torchs_randomness_alone(training):
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    first = BASELINES["kmer_mlp"]("kmer_mlp", training, None)
    assert torch.equal(torch.rand(1), expected)
    assert BASELINES["kmer_mlp"]("kmer_mlp", training, None).revision == first.revision


def test_weights_are_kept_by_content(training, tmp_path, monkeypatch):
    first = BASELINES["kmer_mlp"]("kmer_mlp", training, tmp_path / "cache")
    monkeypatch.setattr(kmer_mlp, "train", lambda *_: pytest.fail("trained again"))
    again = BASELINES["kmer_mlp"]("kmer_mlp", training, tmp_path / "cache")
    assert again.revision == first.revision
    assert np.array_equal(again.encode(training.sequences), first.encode(training.sequences))
    assert [path.suffix for path in (tmp_path / "cache").iterdir()] == [".safetensors"]


@pytest.mark.parametrize("change", ["sequence", "species", "name"])
def test_other_content_is_learnt_anew(training, change, tmp_path):
    first = BASELINES["kmer_mlp"]("kmer_mlp", training, tmp_path)
    sequences, species, name = list(training.sequences), training.labels["species"].copy(), "kmer_mlp"
    if change == "sequence":
        sequences[0] = sequences[0][:-1]
    elif change == "species":
        species[0] = species[-1]
    else:
        name = "kmer_mlp6"
    other = BASELINES[name](name, Split(training.ids, sequences, {"species": species}), tmp_path)
    assert other.revision != first.revision
    assert len(list(tmp_path.iterdir())) == 2


def test_an_interrupted_write_leaves_no_weights(training, tmp_path, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        BASELINES["kmer_mlp"]("kmer_mlp", training, tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_record_a_species_is_enough():
    alone = split_of(seed=3, records=1)
    weights = train("kmer_mlp", alone.sequences, alone.labels["species"])
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


@pytest.mark.parametrize("species", [[], ["a"], ["a", "a"]])
def test_fewer_than_two_species_teach_nothing(species):
    with pytest.raises(ValueError, match="kmer_mlp learns to tell species apart.*fewer than two"):
        train("kmer_mlp", ["ACGTACGT"] * len(species), np.array(species, dtype=str))


def test_without_a_training_split():
    with pytest.raises(ValueError, match="kmer_mlp is trained on labelled sequences.*no split train"):
        BASELINES["kmer_mlp"]("kmer_mlp", None, None)
