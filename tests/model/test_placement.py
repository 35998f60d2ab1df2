"""Placement and vectors of sites: what must not change them, and that every way of running a model agrees."""

import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoModel, AutoTokenizer, PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseForContrastiveLearning, DnacseModel, ManifoldMixup, embed
from modeling_dnacse.embedding.tokenization import Ids, letter_tokenizer, vocabulary_of
from modeling_dnacse.fitting.site_table import encode, place
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.loading.onnx_encoder import OnnxEncoder
from modeling_dnacse.loading.onnx_export import export_onnx
from modeling_dnacse.local_offsets import best_path, change_costs
from modeling_dnacse.reading.sequences import clean_sequence, reverse_complement
from tests.support.marker import GENE, simulate_marker
from tests.support.strangers import stranger

ODD = ["ACGT", "A", "NNNNN", "ACGTNACGTAC", "acgttgcaacgRYKN-ACGTTGACCA", "N" * 50 + "ACGTACGTACGTAAC"]


@pytest.fixture(scope="module", params=["site_folder", "indel_folder"])
def folder(request):
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def loaded(folder):
    return load_checkpoint(DnacseModel, str(folder))


@pytest.fixture(scope="module")
def coding_gene(site_folder):
    return load_checkpoint(DnacseModel, str(site_folder))


@pytest.fixture(scope="module")
def local_offsets(indel_folder):
    return load_checkpoint(DnacseModel, str(indel_folder))


@pytest.fixture(scope="module")
def reads() -> list[str]:
    """Whole genes with and without indels, pieces, both strands, some with N, and what is not of the marker."""
    rng = np.random.default_rng(3)
    genes = [record["sequence"] for record in simulate_marker(seed=2, genera=4)]
    genes[6:] = [record["sequence"] for record in simulate_marker(seed=1, genera=4, indels=True)]
    pieces = [gene[30:130] for gene in genes[:5]] + [genes[0][:70] + "NNN" + genes[0][73:]]
    junk = ["".join(rng.choice(list("ACGT"), length)) for length in (60, 150, 900)]
    reads = genes[:9] + pieces + junk
    return reads + [reverse_complement(read) for read in reads[::2]]


def place_all(model: DnacseModel, sequences: list[str]):
    return place(model.sites.placement, [encode(sequence) for sequence in sequences])


def test_a_piece_is_placed_where_its_whole_is(coding_gene):
    model, _ = coding_gene
    rng = np.random.default_rng(0)
    whole = [record["sequence"] for record in simulate_marker(seed=2) if len(record["sequence"]) == GENE]
    starts = rng.integers(GENE - 100, size=len(whole))
    pieces = [gene[start : start + 100] for gene, start in zip(whole, starts, strict=True)]
    others = [reverse_complement(piece) if row % 2 else piece for row, piece in enumerate(pieces)]
    of_whole, of_piece = place_all(model, whole), place_all(model, others)
    assert np.mean(of_piece.offset == of_whole.offset + starts) > 0.95
    assert np.mean(of_piece.reverse == np.arange(len(whole)) % 2) > 0.95
    covered = (of_piece.bases < OTHER) & (of_piece.offset == of_whole.offset + starts)[:, None]
    assert np.array_equal(of_piece.bases[covered], of_whole.bases[covered])


def test_errors_of_sequencing_cost_the_bases_near_them_only(coding_gene):
    """A gene keeps one offset; behind a base that is left out, and one that is put in, the bases have their sites."""
    placement = coding_gene[0].sites.placement
    whole = [record["sequence"] for record in simulate_marker(seed=1) if len(record["sequence"]) == GENE][:12]
    broken = [gene[:130] + gene[131:250] + "A" + gene[250:] for gene in whole]
    before, after = place_all(coding_gene[0], whole), place_all(coding_gene[0], broken)
    placement.block, block = 0, placement.block
    plain, lost = place_all(coding_gene[0], whole), place_all(coding_gene[0], broken)
    placement.block = block
    assert np.array_equal(before.bases, plain.bases)
    covered = after.bases < OTHER
    assert covered.mean() > 0.95 > 0.8 > (lost.bases < OTHER).mean()
    assert np.mean((after.bases == before.bases)[covered]) > 0.98
    assert after.share.min() > lost.share.max()


def true_sites(sequence: str, gene: str) -> np.ndarray:
    """Site of each base by the indels that a global alignment of few changes finds, -1 for inserted ones."""
    costs = np.zeros((len(sequence) + 1, len(gene) + 1))
    costs[0], costs[:, 0] = np.arange(len(gene) + 1), np.arange(len(sequence) + 1)
    for row, base in enumerate(sequence, 1):
        for column, other in enumerate(gene, 1):
            costs[row, column] = min(
                costs[row - 1, column - 1] + (base != other) * 0.6,
                costs[row - 1, column] + 1,
                costs[row, column - 1] + 1,
            )
    row, column, sites = len(sequence), len(gene), np.full(len(sequence), -1)
    while row and column:
        if costs[row, column] == costs[row - 1, column - 1] + (sequence[row - 1] != gene[column - 1]) * 0.6:
            row, column = row - 1, column - 1
            sites[row] = column
        elif costs[row, column] == costs[row - 1, column] + 1:
            row -= 1
        else:
            column -= 1
    return sites


def test_bases_behind_an_indel_have_the_site_that_other_genera_have_there(local_offsets):
    placement = local_offsets[0].sites.placement
    gene = "".join(np.random.default_rng(0).choice(list("ACGT"), GENE))
    records = [record["sequence"] for record in simulate_marker(seed=1, genera=32, indels=True)[:72:6]]
    found = place(placement, [encode(sequence) for sequence in records])
    table = np.full((len(records), GENE), -1)
    for row, sequence, sites in zip(table, records, found.sites, strict=True):
        truth = true_sites(sequence, gene)
        row[truth[truth >= 0]] = sites[truth >= 0]
    usual = np.median(table, axis=0)
    assert np.mean((table == usual)[table >= 0]) > 0.85
    assert np.mean(table >= 0) > 0.9
    with_indels = np.array([len(sequence) != GENE for sequence in records])
    behind = (table == usual)[with_indels, 350:]
    assert behind.mean() > 0.8


@pytest.mark.parametrize("name", ["coding_gene", "local_offsets"])
def test_each_base_has_its_site(name, request):
    """`bases` and `sites_of` tell the same, of either strand; no two bases have one site."""
    model, _ = request.getfixturevalue(name)
    placement = model.sites.placement
    genes = [record["sequence"] for record in simulate_marker(seed=1, genera=32, indels=name == "local_offsets")]
    for sequence in [
        *genes[:12],
        reverse_complement(genes[0]),
        genes[0][50:170],
        reverse_complement(genes[3][90:300]),
    ]:
        text = torch.from_numpy(np.pad(encode(sequence), (3, 9), constant_values=OTHER)[None].astype(int))
        found = placement(text)
        sites = placement.sites_of(text, found)[0]
        kept = {int(site): row for row, site in enumerate(placement.kept_sites)}
        expected = torch.full_like(found.bases[0], OTHER)
        placed = [(int(site), int(base)) for site, base in zip(sites, text[0], strict=True) if int(site) in kept]
        assert len({site for site, _ in placed}) == len(placed) > 100
        for site, base in placed:
            expected[kept[site]] = 3 - base if found.reverse[0] else base
        assert torch.equal(expected, found.bases[0])


@pytest.mark.parametrize("exporting", [False, True])
def test_the_path_is_the_best_of_all(exporting, monkeypatch):
    """Against all paths of three blocks, and with empty blocks around, which an exported graph does not leave out."""
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: exporting)
    votes = torch.from_numpy(np.random.default_rng(0).integers(0, 1500, (20, 3, 7)).astype(np.int32))
    costs = change_costs(2, 3, votes.device)
    best, path = best_path(torch.nn.functional.pad(votes, (0, 0, 2, 4)), 2, 3)
    assert path.shape == (20, 9)
    for number, of_blocks in enumerate(votes):
        totals = {
            way: int(of_blocks[range(3), way].sum() - costs[way[1], way[0]] - costs[way[2], way[1]])
            for way in itertools.product(range(7), repeat=3)
        }
        assert best[number] == max(totals.values()) == totals[tuple((path[number, 2:5] + 3).tolist())]
    assert torch.equal(path[:, :2], path[:, 2:3].expand(-1, 2))
    assert torch.equal(path[:, 5:], path[:, 4:5].expand(-1, 4))


@pytest.mark.parametrize("name", ["coding_gene", "local_offsets"])
def test_junk_is_not_placed(name, request):
    model, _ = request.getfixturevalue(name)
    genes = [
        record["sequence"]
        for record in simulate_marker(seed=2 - (name == "local_offsets"), genera=32, indels=name == "local_offsets")
    ]
    rng = np.random.default_rng(1)
    junk = [rng.choice(list("ACGT"), length) for length in (60, 150, 400) for _ in range(20)]
    junk += [rng.permutation(list(gene)) for gene in genes[:20]]
    junk_votes = place_all(model, ["".join(letters) for letters in junk]).share
    votes = place_all(model, genes).share
    assert junk_votes.max() < model.config.least_share < votes.min()


def test_both_strands_have_one_vector_to_the_bit(loaded, reads):
    model, tokenizer = loaded
    expected = embed(model, tokenizer, reads + ODD)
    got = embed(model, tokenizer, [reverse_complement(clean_sequence(read)) for read in reads + ODD])
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("side", ["left", "right"])
def test_neither_padding_nor_the_batch_changes_a_vector(loaded, reads, side):
    model, tokenizer = loaded
    expected = embed(model, tokenizer, reads, batch_tokens=1)
    np.testing.assert_allclose(embed(model, tokenizer, reads[::-1])[::-1], expected, atol=1e-5)
    batch = tokenizer(reads, padding=True, padding_side=side, return_tensors="pt")
    with torch.no_grad():
        got = model(**batch, pooled_only=True).pooler_output
    np.testing.assert_allclose(got, expected, atol=1e-5)


def test_the_mean_of_token_states_is_the_vector(loaded, reads):
    model, tokenizer = loaded
    for side in ("left", "right"):
        batch = tokenizer(reads + ODD, padding=True, padding_side=side, return_tensors="pt")
        with torch.no_grad():
            output = model(**batch)
        mask = batch["attention_mask"][:, :, None]
        mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
        torch.testing.assert_close(mean, output.pooler_output, atol=1e-4, rtol=0)
        assert not (output.last_hidden_state * (1 - mask)).any()


def test_the_marker_is_chosen_by_the_sequence(two_marker_folder):
    """Whole genes, and pieces of the other strand; a sequence has bases at the sites of its marker only."""
    model, tokenizer = load_checkpoint(DnacseModel, str(two_marker_folder))
    assert model.config.markers == ["first", "second"]
    first = [record["sequence"] for record in simulate_marker(seed=1)]
    second = [record["sequence"] for record in simulate_marker(seed=1, indels=True, gene_seed=7)]
    sequences = first + second
    pieces = [reverse_complement(sequence[90:200]) for sequence in sequences]
    with torch.no_grad():
        found, of_pieces = (
            model(**tokenizer(texts, padding=True, return_tensors="pt"), pooled_only=True)
            for texts in (sequences, pieces)
        )
    truth = np.repeat([0, 1], [len(first), len(second)])
    assert np.mean(found.markers.numpy() == truth) > 0.99
    assert np.mean(of_pieces.markers.numpy() == truth) > 0.97
    bases = place_all(model, sequences).bases
    is_first = model.sites.placement.kept_sites.numpy() < model.config.marker_starts[1]
    assert (bases[found.markers.numpy() == 1][:, is_first] == OTHER).all()
    assert (bases[found.markers.numpy() == 0][:, ~is_first] == OTHER).all()
    alone = embed(model, tokenizer, sequences, batch_tokens=1)
    np.testing.assert_allclose(found.pooler_output, alone, atol=1e-4)


def test_with_several_markers_states_and_strands_agree(two_marker_folder, reads):
    model, tokenizer = load_checkpoint(DnacseModel, str(two_marker_folder))
    second = [record["sequence"] for record in simulate_marker(seed=1, indels=True, gene_seed=7)]
    texts = reads + second[:9] + ODD
    batch = tokenizer(texts, padding=True, return_tensors="pt")
    with torch.no_grad():
        output = model(**batch)
    mask = batch["attention_mask"][:, :, None]
    mean = (output.last_hidden_state * mask).sum(1) / mask.sum(1)
    torch.testing.assert_close(mean, output.pooler_output, atol=1e-4, rtol=0)
    other = embed(model, tokenizer, [reverse_complement(clean_sequence(text)) for text in texts])
    np.testing.assert_array_equal(other, embed(model, tokenizer, texts))


def test_votes_are_told(loaded, reads):
    model, tokenizer = loaded
    with torch.no_grad():
        votes = model(**tokenizer([reads[0], "ACGGT" * 30], return_tensors="pt", padding=True)).votes
    assert votes[0] > 2 * model.config.least_share > 2 * votes[1]


def test_every_block_has_the_same_length(loaded, reads):
    model, tokenizer = loaded
    first, second = np.split(embed(model, tokenizer, reads[:9]), [model.sites.blocks[0]], axis=1)
    np.testing.assert_allclose(np.linalg.norm(first, axis=1), np.linalg.norm(second, axis=1), rtol=1e-5)


def test_what_is_not_placed_is_told_apart_by_its_kmers(loaded):
    model, tokenizer = loaded
    rng = np.random.default_rng(5)
    contigs = ["".join(rng.choice(list("ACGT"), 1500, p=p)) for p in ([0.4, 0.1, 0.1, 0.4], [0.1, 0.4, 0.4, 0.1])]
    halves = [half for contig in contigs for half in (contig[:750], contig[750:])]
    vectors = embed(model, tokenizer, halves, normalize=True)
    cosines = vectors @ vectors.T
    assert cosines[0, 1] > 0.5 > cosines[0, 2]


def test_any_way_of_attention_gives_the_same(folder, loaded, reads):
    expected = embed(*loaded, reads)
    for attention in ("eager", "sdpa", "packed"):
        model = DnacseModel.from_pretrained(folder, attn_implementation=attention)
        np.testing.assert_array_equal(embed(model, loaded[1], reads), expected)


def test_a_tokenizer_of_pairs_gives_the_same_bases(loaded, tiny_folder, reads):
    """The model reads bases, however the tokens are cut; a run of N is one token there, so those are left out."""
    model, tokenizer = loaded
    pairs = PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    config = DnacseConfig(
        **model.config.to_diff_dict() | {"vocab_size": len(pairs), "vocabulary": vocabulary_of(pairs)}
    )
    other = DnacseModel(config).eval()
    state = {
        name: value
        for name, value in model.state_dict().items()
        if not name.endswith(("spelling", "word_embeddings.weight"))
    }
    other.load_state_dict(state, strict=False)
    known = [read for read in reads if "N" not in read]
    np.testing.assert_allclose(embed(other, pairs, known), embed(model, tokenizer, known), atol=1e-5)
    batch = pairs(known, padding=True, return_tensors="pt")
    with torch.no_grad():
        output = other(**batch)
    mask = batch["attention_mask"][:, :, None]
    torch.testing.assert_close(
        (output.last_hidden_state * mask).sum(1) / mask.sum(1), output.pooler_output, atol=1e-4, rtol=0
    )


def test_letters_by_table_are_those_of_the_tokenizer(tiny_folder):
    tokenizer = letter_tokenizer()
    ids = Ids(tokenizer)
    assert ids.by_letter
    for text in ["A", "ACGTNNA", "acgu-RYN ACGT", "NNN"]:
        assert ids([clean_sequence(text)])[0].tolist() == tokenizer(text)["input_ids"]
    pairs = PreTrainedTokenizerFast.from_pretrained(tiny_folder)
    assert not Ids(pairs).by_letter
    assert Ids(pairs)(["ACGTTGCANNA"])[0].tolist() == pairs("ACGTTGCANNA")["input_ids"]


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=pytest.mark.slow) for name in ("site_folder", "two_marker_folder")],
)
def test_the_graph_gives_the_same(name, reads, tmp_path, request):
    folder = str(request.getfixturevalue(name))
    assert export_onnx(folder, tmp_path / "graph") < 1e-4
    graph, (model, tokenizer) = OnnxEncoder(tmp_path / "graph"), load_checkpoint(DnacseModel, folder)
    expected = embed(model, tokenizer, reads + ODD)
    np.testing.assert_allclose(embed(graph, tokenizer, reads + ODD), expected, atol=1e-4)


def test_a_stranger_gets_the_same(indel_folder, local_offsets, reads, tmp_path):
    """AutoModel, sentence-transformers and the pipeline, where our package cannot be imported."""
    expected = embed(*local_offsets, reads)
    code = f"""
    import json
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer, pipeline
    reads = {reads!r}
    tokenizer = AutoTokenizer.from_pretrained(repository, trust_remote_code=True)
    model = AutoModel.from_pretrained(repository, trust_remote_code=True).eval()
    with torch.no_grad():
        ours = model(**tokenizer(reads, padding=True, return_tensors="pt")).pooler_output.tolist()
    theirs = SentenceTransformer(repository, trust_remote_code=True, device="cpu").encode(reads).tolist()
    pipe = pipeline("dna-embedding", model=repository, trust_remote_code=True)
    print(json.dumps([ours, theirs, [vector.tolist() for vector in pipe(reads)]]))
    """
    for vectors in stranger(code, indel_folder, tmp_path):
        np.testing.assert_allclose(vectors, expected, atol=1e-4)


def test_the_table_is_stored_in_small_integers(site_folder):
    stored = load_file(site_folder / "model.safetensors")
    assert stored["sites.placement.kmer_sites"].dtype == torch.int16
    assert stored["sites.placement.kmer_votes"].dtype == torch.uint8
    assert stored["sites.weight"].dtype == torch.float16


def test_mixing_two_sequences_lies_between_them(folder, loaded, reads):
    """MI-Mix at the input of a layer that is not there: of sums of rows (i-Mix)."""
    model = DnacseForContrastiveLearning.from_pretrained(folder).eval()
    batch = loaded[1](reads[:2], padding=True, return_tensors="pt")
    mixup = ManifoldMixup(0, torch.tensor([1, 0]), torch.tensor([1.0, 0.6]))
    plain, mixed = model(**batch).embeddings, model(**batch, mixup=mixup).embeddings
    torch.testing.assert_close(mixed[0], plain[0])
    cosines = torch.nn.functional.cosine_similarity(mixed[1][None], plain)
    assert cosines.min() > torch.nn.functional.cosine_similarity(plain[0], plain[1], dim=0)


def test_an_old_checkpoint_has_nothing_of_sites(tiny_folder):
    model = DnacseModel.from_pretrained(tiny_folder)
    assert model.sites is None
    assert not any("site" in name for name in model.state_dict())
    assert AutoModel.from_pretrained(tiny_folder).config.sites == 0
    tokens = AutoTokenizer.from_pretrained(tiny_folder)(["ACGTTGCA"], return_tensors="pt")
    assert model(**tokens, pooled_only=True).votes is None


def test_what_cannot_be_is_refused(loaded):
    model, _ = loaded
    with pytest.raises(ValueError, match="needs input_ids"):
        model(inputs_embeds=torch.zeros(1, 3, model.config.hidden_size))
    options = model.config.to_diff_dict()
    for wrong, message in (
        ({"num_hidden_layers": 1}, "no layers"),
        ({"site_blocks": [1]}, "its sum must be"),
        ({"kmer": 0}, "k-mers"),
    ):
        with pytest.raises(ValueError, match=message):
            DnacseConfig(**options | wrong)
