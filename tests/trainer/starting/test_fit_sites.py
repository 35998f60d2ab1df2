"""Tables and rows of sites in closed form: what is learnt of a simulated marker, and what is refused."""

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseConfig, DnacseModel, embed
from modeling_dnacse.fitting.site_discriminant import base_frequencies, crop, indicators, scatters, site_rows
from modeling_dnacse.fitting.site_table import complete_ones, encode, learn_table, place
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.marker import COLUMNS, GENE, fit_arguments, simulate_marker, write_marker
from trainer import fit_sites


def run(*arguments: str) -> int:
    try:
        fit_sites.main(list(arguments))
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


def test_the_table_is_learnt_without_coordinates():
    """Half of the pieces are of the other strand, and a fifth of the whole genes begin up to 7 bp late."""
    rng = np.random.default_rng(0)
    texts, truth, reverse = [], [], []
    for row, record in enumerate(simulate_marker(seed=4)):
        sequence, start = record["sequence"], 0
        if len(sequence) == GENE:
            start = int(rng.integers(8)) if rng.random() < 0.2 else 0
            sequence = sequence[start:]
        flip = len(sequence) == 250 and row % 2 == 1
        texts.append(encode(reverse_complement(sequence) if flip else sequence))
        truth.append(start)
        reverse.append(flip)
    config = DnacseConfig(site_candidates=2)
    table, _ = learn_table(config, texts, np.arange(len(texts)) // 6, most=300, margin=50, least_share=0.08, seed=0)
    found = place(table, texts)
    whole = np.array([len(text) > 300 for text in texts])
    shift = found.offset[whole] - np.array(truth)[whole]
    assert np.mean(shift == np.median(shift)) > 0.95
    assert abs(np.median(shift) - 50) < 10
    assert found.reverse.tolist() == reverse


def test_complete_ones_are_of_one_length():
    lengths = np.array([650] * 30 + [1500, 1510, 1520] * 10 + [900, 2100])
    assert np.array_equal(complete_ones(lengths), np.isin(lengths, [1500, 1510, 1520]))


def test_scatters_are_those_of_the_whole_table():
    rng = np.random.default_rng(0)
    bases = rng.integers(0, 5, (40, 7)).astype(np.uint8)
    classes, weights = np.arange(40) % 6, rng.random(40) + 0.1
    frequencies = base_frequencies(bases, weights)
    parts = [bases, crop(bases, 2, 4, rng)]
    within, of_all = scatters(parts, classes, weights, frequencies)
    table = np.concatenate([indicators(part, frequencies).numpy() for part in parts])
    both, shares = np.tile(classes, 2), np.tile(weights, 2) / (2 * weights.sum())
    centred = table - shares @ table
    np.testing.assert_allclose(of_all, (centred * shares[:, None]).T @ centred, atol=1e-6)
    means = np.stack([np.average(table[both == c], axis=0, weights=shares[both == c]) for c in range(6)])
    apart = table - means[both]
    np.testing.assert_allclose(within, (apart * shares[:, None]).T @ apart, atol=1e-6)


def test_a_piece_lies_in_what_is_covered():
    rng = np.random.default_rng(0)
    bases = np.full((50, 100), OTHER, np.uint8)
    bases[:, 20:80] = rng.integers(0, 4, (50, 60))
    pieces = crop(bases, 10, 30, rng)
    covered = pieces < OTHER
    assert np.array_equal(pieces[covered], bases[covered])
    assert covered.sum(1).min() == 10
    assert covered.sum(1).max() == 30


def test_rows_have_mean_0_at_each_site():
    rng = np.random.default_rng(1)
    bases, classes = rng.integers(0, 4, (60, 5)).astype(np.uint8), np.arange(60) % 20
    frequencies = base_frequencies(bases, np.ones(60))
    rows = site_rows(*scatters([bases], classes, np.ones(60), frequencies), frequencies, [3, 2], [0.5, 5.0])
    assert rows.shape == (20, 5)
    torch.testing.assert_close(
        (frequencies[:, :, None] * rows.view(5, 4, 5)).sum(1), torch.zeros(5, 5), atol=1e-5, rtol=0
    )
    torch.testing.assert_close(rows.split([3, 2], 1)[1].square().mean().sqrt(), torch.tensor(1.0))


def test_genera_of_new_species_are_named(site_folder):
    """New species of the genera that were learnt, whole and pieces of 100 bp of either strand."""
    model, tokenizer = load_checkpoint(DnacseModel, str(site_folder))
    records = simulate_marker(seed=1)
    rng = np.random.default_rng(9)
    queries, truth = [], []
    for record in records[::6]:
        for _ in range(4):
            letters = np.array(list(record["sequence"]))
            new = np.where(rng.random(len(letters)) < 0.06, rng.choice(list("ACGT"), len(letters)), letters)
            start = int(rng.integers(len(new) - 100))
            queries += ["".join(new), reverse_complement("".join(new[start : start + 100]))]
            truth += [record["genus"]] * 2
    references = embed(model, tokenizer, [record["sequence"] for record in records], normalize=True)
    nearest = (embed(model, tokenizer, queries, normalize=True) @ references.T).argmax(1)
    right = np.array([records[row]["genus"] for row in nearest]) == np.array(truth)
    assert right[::2].mean() == 1
    assert right[1::2].mean() > 0.7


def test_the_folder_says_what_it_is(site_folder):
    config = DnacseConfig.from_pretrained(site_folder)
    assert (config.num_hidden_layers, config.hidden_size, config.site_blocks) == (0, COLUMNS, [COLUMNS - 8, 8])
    assert abs(config.sites - GENE) < 20
    assert "16 genera" in (site_folder / "README.md").read_text()


def test_one_seed_one_model(tmp_path):
    data = write_marker(tmp_path / "marker.tsv", simulate_marker(seed=1, genera=6))
    for name in ("one", "two"):
        assert run(*fit_arguments(data, tmp_path / name)) == 0
    one, two = (DnacseModel.from_pretrained(tmp_path / name).state_dict() for name in ("one", "two"))
    for name, tensor in one.items():
        torch.testing.assert_close(tensor, two[name])


def test_what_cannot_be_is_refused(tmp_path, caplog):
    data = write_marker(tmp_path / "marker.tsv", simulate_marker(seed=1, genera=1))
    assert run("--train_file", str(data), "--train_split", "train", "--output_dir", str(tmp_path / "a")) == 2
    assert "two genera are needed" in caplog.text
    assert run(*fit_arguments(data, tmp_path / "b"), "--ridge", "1") == 2
    assert "as many as there are blocks" in caplog.text
    assert run(*fit_arguments(data, tmp_path / "c"), "--markers", "one", "two") == 2
    assert "give one name a file" in caplog.text
    assert run("--train_file", str(data), "--output_dir", str(tmp_path)) == 2
    assert "is there already" in caplog.text
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--crop", "600", "100"], "--crop 600 100 must rise; give lengths such as 100 300 700"),
        (["--ridge", "1e-9", "1e-9"], "--ridge 1e-09 1e-09 leaves no solution"),
        (["--most", "1"], "too few sequences are left to learn the table of sites from: give a larger --most"),
    ],
)
def test_fragments_and_samples_that_cannot_be_are_refused(tmp_path, caplog, options, words):
    """Messages of numpy came out, without an option."""
    data = write_marker(tmp_path / "marker.tsv", simulate_marker(seed=1))
    assert run(*fit_arguments(data, tmp_path / "out"), *options) == 2
    assert words in caplog.text


def test_a_library_too_small_for_two_halves_is_refused():
    """It gave "not enough values to unpack"."""
    texts = [encode(record["sequence"]) for record in simulate_marker(seed=4)[:1]]
    with pytest.raises(ValueError, match="too few sequences are left to learn .* more, of about one length"):
        learn_table(DnacseConfig(), texts, np.zeros(1, int), most=300, margin=50, least_share=0.08, seed=0)
