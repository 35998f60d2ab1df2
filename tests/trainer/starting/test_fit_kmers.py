"""The route without sites: a model of k-mers, and what is seen of strands and mixed markers before."""

import numpy as np

from modeling_dnacse import embed
from modeling_dnacse.embedding.options import EmbedOptions
from modeling_dnacse.embedding.tokenization import letter_tokenizer
from modeling_dnacse.fitting.kmer_model import fit_kmer_model
from modeling_dnacse.fitting.site_model import Records
from modeling_dnacse.fitting.site_table import encode
from modeling_dnacse.fitting.strands import on_other_strand, share_of_strangers, turned
from modeling_dnacse.identification.encoding import Encoder
from modeling_dnacse.reading.sequences import reverse_complement
from tests.support.marker import simulate_marker


def records_of(rows):
    genera, species = (np.array([row[rank] for row in rows]) for rank in ("genus", "species"))
    return Records([encode(row["sequence"]) for row in rows], genera, species)


def test_a_model_of_kmers_finds_the_genus_on_either_strand_and_places_nothing():
    rows = simulate_marker(seed=1, indels=True)
    is_new = np.array([row["species"].endswith("b") for row in rows])
    known = [row for row, new in zip(rows, is_new, strict=True) if not new]
    model, tokenizer = fit_kmer_model(records_of(known)), letter_tokenizer()
    assert not Encoder(model, tokenizer, EmbedOptions()).has_sites
    vectors = embed(model, tokenizer, [row["sequence"] for row in rows], normalize=True)
    turned_round = embed(model, tokenizer, [reverse_complement(row["sequence"]) for row in rows], normalize=True)
    np.testing.assert_allclose(vectors, turned_round, atol=1e-5)
    nearest = (vectors[is_new] @ vectors[~is_new].T).argmax(1)
    genera = np.array([row["genus"] for row in rows])
    assert np.mean(genera[~is_new][nearest] == genera[is_new]) > 0.9


def test_turned_records_are_found():
    texts = records_of(simulate_marker(seed=1)).texts
    is_turned = np.random.default_rng(0).random(len(texts)) < 0.4
    mixed = [turned(text) if other else text for text, other in zip(texts, is_turned, strict=True)]
    assert (on_other_strand(mixed) == is_turned).all()


def test_records_of_two_markers_of_the_same_genera_have_little_in_common():
    one, other = (records_of(simulate_marker(seed=1, gene_seed=gene)) for gene in (0, 7))
    assert share_of_strangers(one.texts, one.genera) < 0.1
    both = share_of_strangers([*one.texts, *other.texts], np.concatenate([one.genera, other.genera]))
    assert both > 0.3
