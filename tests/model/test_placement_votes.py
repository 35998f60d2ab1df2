"""Placement by tables made by hand: what the votes say in plain Python, and sites that are known base by base."""

import numpy as np
import pytest
import torch

from modeling_dnacse import DnacseConfig
from modeling_dnacse.fitting.site_table import encode
from modeling_dnacse.kmers import OTHER
from modeling_dnacse.placement import DOUBT, FULL_VOTE, SUPPORT, DnacsePlacement, Placement
from modeling_dnacse.reading.sequences import reverse_complement

GENE = 240
REACH = 6
FIRST_KEPT = 4  # sites that have no embeddings, before and after those that have


def empty_table(gene: int = GENE, *, k: int = 7, **options: object) -> DnacsePlacement:
    """A table without votes; the outermost sites have no embeddings."""
    sites = gene - 2 * FIRST_KEPT
    config = DnacseConfig(
        **{"num_hidden_layers": 0, "hidden_size": 16, "num_attention_heads": 1, "intermediate_size": 8, "kmer": 3},
        **{"gene_sites": gene, "site_kmer": k, "sites": sites, "site_reach": REACH} | options,
    )
    table = DnacsePlacement(config)
    table.kept_sites.copy_(torch.arange(FIRST_KEPT, FIRST_KEPT + sites))
    return table


def number_of(kmer: np.ndarray) -> int:
    """The row of a k-mer."""
    return int(kmer @ 4 ** np.arange(len(kmer) - 1, -1, -1))


def random_gene(seed: int = 0, length: int = GENE) -> str:
    return "".join(np.random.default_rng(seed).choice(list("ACGT"), length))


def learn(table: DnacsePlacement, gene: str, start: int = 0, votes: int = FULL_VOTE) -> DnacsePlacement:
    """Put a gene into a table: each of its k-mers votes for its site only."""
    letters = encode(gene)
    rows = [number_of(letters[site : site + table.k]) for site in range(len(gene) - table.k + 1)]
    assert len(set(rows)) == len(rows)
    for site, row in enumerate(rows):
        table.kmer_sites[row, 0], table.kmer_votes[row, 0] = start + site, votes
    return table


def batch_of(sequences: list[str], left: int = 0) -> torch.Tensor:
    """Encode and pad, also on the left."""
    width = left + max(map(len, sequences)) + 3
    text = np.full((len(sequences), width), OTHER)
    for row, sequence in zip(text, sequences, strict=True):
        row[left : left + len(sequence)] = encode(sequence)
    return torch.from_numpy(text)


def placed_by_hand(table: DnacsePlacement, sequence: str) -> tuple[int, bool, float, np.ndarray, np.ndarray]:
    """Offset, strand, share, the base at each kept site and which bases are supported, with one offset, by loops."""
    k, candidates = table.k, table.kmer_sites.shape[1]
    strands = [encode(sequence), encode(reverse_complement(sequence))]
    totals: dict[tuple[int, bool], int] = {}
    for reverse, letters in enumerate(strands):
        for place in range(len(letters) - k + 1):
            if (kmer := letters[place : place + k]).max() < OTHER:
                for choice in range(candidates):
                    key = int(table.kmer_sites[number_of(kmer), choice]) - place, bool(reverse)
                    totals[key] = totals.get(key, 0) + int(table.kmer_votes[number_of(kmer), choice])
    most = max(totals.values())
    offset, reverse = min(key for key, total in totals.items() if total == most)
    letters, near = strands[reverse], set()
    windows = [letters[place : place + k] for place in range(len(letters) - k + 1)]
    for place, kmer in enumerate(windows):
        if kmer.max() < OTHER:
            sites, votes = table.kmer_sites[number_of(kmer)], table.kmer_votes[number_of(kmer)].int()
            if int(votes[sites == place + offset].sum()) >= SUPPORT:
                near |= set(range(place - table.support, place + k + table.support))
    bases = np.full(len(table.kept_sites), OTHER)
    supported = np.array([table.support == 0 or place in near for place in range(len(letters))])
    for number, site in enumerate(table.kept_sites.tolist()):
        if 0 <= site - offset < len(letters) and supported[site - offset]:
            bases[number] = letters[site - offset]
    share = most / (FULL_VOTE * (sum(kmer.max() < OTHER for kmer in windows) + DOUBT))
    return offset, reverse, share, bases, supported[::-1] if reverse else supported


@pytest.mark.parametrize("support", [0, 2])
def test_votes_are_counted_as_by_hand(support):
    """Tables and sequences at random, so that votes are close and often equal; padding on either side."""
    rng = np.random.default_rng(support)
    table = empty_table(60, k=3, site_candidates=3, site_support=support)
    for _ in range(6):
        table.kmer_sites[:64] = torch.from_numpy(rng.integers(0, 58, (64, 3))).short()
        table.kmer_votes[:64] = torch.from_numpy(rng.choice([0, 30, 34, 63, 64, 255], (64, 3))).byte()
        sequences = ["".join(rng.choice(list("ACGTN"), 40, p=[0.24] * 4 + [0.04])) for _ in range(8)]
        sequences = ["A" + sequence[: int(rng.integers(10, 39))] + "C" for sequence in sequences]
        for left in (0, 5):
            text = batch_of(sequences, left)
            found = table(text)
            sites = table.sites_of(text, found)
            for row, sequence in enumerate(sequences):
                offset, reverse, share, bases, supported = placed_by_hand(table, sequence)
                assert (int(found.offset[row]), bool(found.reverse[row])) == (offset, reverse)
                assert float(found.share[row]) == pytest.approx(share, rel=1e-6)
                assert np.array_equal(found.bases[row], bases)
                here = slice(left, left + len(sequence))
                is_base = encode(sequence) < OTHER
                assert np.array_equal(found.supported[row, here].numpy()[is_base], supported[is_base])
                places = np.arange(len(sequence))
                expected = offset + (places[::-1] if reverse else places)
                assert np.array_equal(sites[row, here], np.where(is_base & supported, expected, -1))
                assert (sites[row, : here.start] == -1).all() and (sites[row, here.stop :] == -1).all()


def test_of_equal_votes_the_lowest_offset_wins_and_then_the_strand_as_given():
    table = empty_table(30, k=3, site_candidates=2)
    row = number_of(encode("AAC"))
    table.kmer_sites[row], table.kmer_votes[row] = torch.tensor([9, 5]).short(), torch.tensor([80, 80]).byte()
    other = number_of(encode("GTT"))  # its reverse complement
    table.kmer_sites[other], table.kmer_votes[other] = torch.tensor([5, 9]).short(), torch.tensor([80, 80]).byte()
    found = table(batch_of(["AAC", "GTT"]))
    assert found.offset.tolist() == [5, 5] and found.reverse.tolist() == [False, False]


@pytest.mark.parametrize("support", [0, 3])
@pytest.mark.parametrize(
    ("size", "mended"), [(1, True), (-1, True), (REACH, True), (-REACH, True), (REACH + 1, False)]
)
def test_the_sites_behind_an_indel_are_those_of_the_gene(support, size, mended):
    """Bases put in (above 0) or left out (below) at one place; up to the reach, both parts keep their sites."""
    gene = random_gene()
    table = learn(empty_table(site_block=16, site_support=support), gene)
    cut = 136  # no k-mer that votes lies between it and the next boundary of blocks
    inserted = random_gene(9, 60)[:size] if size > 0 else ""
    broken = gene[:cut] + inserted + gene[cut + max(-size, 0) :]
    truth = np.concatenate([np.arange(cut), np.full(len(inserted), -1), np.arange(cut + max(-size, 0), GENE)])
    for sequence, sites_of in ((broken, truth), (reverse_complement(broken), truth[::-1])):
        text = batch_of([sequence, gene], left=2)
        found = table(text)
        sites = table.sites_of(text, found)[0, 2 : 2 + len(sequence)].numpy()
        letters = encode(sequence)
        far = np.abs(np.arange(len(sequence)) - (cut if sequence == broken else len(sequence) - cut)) > 3 + abs(size)
        assert np.array_equal(sites[far], sites_of[far]) == mended
        assert mended == (np.count_nonzero(sites == sites_of) > len(sequence) - 8 - max(size, 0))
        used = sites[(sites >= 0) & (sites < GENE)]
        assert len(set(used.tolist())) == len(used)
        expected = np.full(GENE, OTHER)
        expected[used] = (3 - letters if found.reverse[0] else letters)[(sites >= 0) & (sites < GENE)]
        assert np.array_equal(found.bases[0], expected[FIRST_KEPT:-FIRST_KEPT])
        assert bool(found.reverse[0]) == (sequence != broken)
        if mended:
            kmers_in_place = len(broken) - table.k + 1 - (table.k - 1 + max(size, 0))
            votes = kmers_in_place * FULL_VOTE - FULL_VOTE - 38 * abs(size)  # the price of one change
            assert float(found.share[0]) == pytest.approx(
                votes / FULL_VOTE / (len(broken) - table.k + 1 + DOUBT), rel=1e-5
            )
    whole = table(batch_of([gene]))
    assert not whole.shifts.any() and float(whole.share) == pytest.approx((GENE - 6) / (GENE - 6 + DOUBT))
    assert np.array_equal(whole.bases[0], encode(gene)[FIRST_KEPT:-FIRST_KEPT])


@pytest.mark.parametrize("support", [0, 3])
@pytest.mark.parametrize("between", [22, 90])
def test_bases_beside_deletions_have_their_sites_to_the_base(support, between):
    """Two bases are left out, and one farther behind, wherever blocks begin; also in blocks that are neighbours."""
    gene = random_gene()
    table = learn(empty_table(site_block=16, site_support=support), gene)
    sequences, truths = [], []
    for cut in range(30, 80):
        other = cut + 2 + between
        if gene[cut] != gene[cut + 2] and gene[other] != gene[other + 1]:  # the place of the gaps is certain
            sequences.append(gene[8:cut] + gene[cut + 2 : other] + gene[other + 1 : 230])
            truths.append([*range(8, cut), *range(cut + 2, other), *range(other + 1, 230)])
    assert len(sequences) > 20
    for turn in (False, True):
        text = batch_of([reverse_complement(sequence) for sequence in sequences] if turn else sequences)
        found = table(text)
        assert found.reverse.tolist() == [turn] * len(sequences)
        sites = table.sites_of(text, found)
        for row, (sequence, truth) in enumerate(zip(sequences, truths, strict=True)):
            assert sites[row, : len(sequence)].tolist() == (truth[::-1] if turn else truth)
            held = dict(zip(truth, encode(sequence).tolist(), strict=True))
            assert found.bases[row].tolist() == [held.get(int(site), OTHER) for site in table.kept_sites]


@pytest.mark.parametrize("support", [0, 3])
def test_a_deletion_in_the_last_block_is_mended(support):
    """Blocks end with the gene and its reach; only the last one has votes for the bases behind the deletion."""
    gene, cut = random_gene(2, 244), 232
    assert gene[cut] not in (gene[cut - 1], gene[cut + 1])  # the place of the gap is certain
    table = learn(empty_table(len(gene), site_block=16, site_support=support), gene)
    text = batch_of([gene[:cut] + gene[cut + 1 :]])
    found = table(text)
    votes = (226 + 5) * FULL_VOTE - FULL_VOTE - 38
    assert float(found.share) == pytest.approx(votes / FULL_VOTE / (237 + DOUBT), rel=1e-5)
    assert table.sites_of(text, found)[0, :243].tolist() == [*range(cut), *range(cut + 1, 244)]


def test_a_sequence_without_uncovered_bases_keeps_one_offset():
    """Although its second half has more votes for another one."""
    gene = random_gene()
    table = learn(empty_table(site_block=16, site_support=3, site_candidates=2), gene)
    letters = encode(gene)
    for site in range(120, GENE - 6):
        row = number_of(letters[site : site + 7])
        table.kmer_sites[row, 1], table.kmer_votes[row] = site + 2, torch.tensor([100, 155]).byte()
    found = table(batch_of([gene]))
    assert not found.shifts.any() and found.supported.all()
    assert float(found.share) == pytest.approx((120 * 255 + 114 * 100) / 255 / (234 + DOUBT))


def test_votes_for_other_sites_support_no_base():
    table = empty_table(60, k=3, site_block=16, site_support=1)
    near, shifts = torch.arange(20)[None], torch.zeros((1, table.blocks)).long()
    blocks = shifts, 16 * torch.arange(table.blocks)[None]
    sites = torch.stack((near, near + 2), 2)  # of each k-mer: that of the offset, and another
    for votes, supported in (([SUPPORT - 1, FULL_VOTE], False), ([SUPPORT, 0], True)):
        found = table.near_own_votes(sites, torch.tensor(votes).expand(1, 20, 2), near, *blocks)
        assert found.tolist() == [[supported] * 22]


def test_an_exported_graph_computes_the_same(monkeypatch):
    """There both ways are computed, and one is chosen for each sequence."""
    gene = random_gene()
    table = learn(empty_table(site_block=16, site_support=3), gene)
    text = batch_of([gene, gene[:100] + gene[103:], reverse_complement(gene[:150] + "ACG" + gene[150:]), gene[40:90]])
    expected = table(text)
    monkeypatch.setattr(torch.compiler, "is_exporting", lambda: True)
    got = table(text)
    for name, one, other in zip(Placement._fields, expected, got, strict=True):
        assert torch.equal(one, other), name


@pytest.mark.parametrize(
    "options", [{}, {"site_block": 16}, {"site_block": 16, "site_support": 3}, {"site_support": 3}]
)
def test_each_of_two_markers_has_its_own_axis(options):
    """Two genes of unequal length, the second on sites from 100 on; a base beyond its marker has no site."""
    first, second = random_gene(0, 100), random_gene(1, 140)
    table = empty_table(markers=["a", "b"], marker_starts=[0, 100], **options)
    learn(table, first)
    learn(table, second, start=100)
    assert table.marker_of_site.tolist() == [0] * 100 + [1] * 140
    sequences = [first, second, reverse_complement(second[30:100]), first[20:] + "ACGTAGGT", "GATACCAG" + second[:80]]
    sequences.append(second[60:] + "ACGTAGGT")  # beyond the whole axis
    text = batch_of(sequences, left=1)
    found = table(text)
    assert found.marker.tolist() == [0, 1, 1, 0, 1, 1]
    assert found.offset.tolist() == [0, 100, 130, 20, 92, 160]
    truths = [
        np.arange(100),
        np.arange(100, 240),
        np.arange(130, 200)[::-1],
        np.r_[np.arange(20, 100), [-1] * 8],
        np.r_[[-1] * 8, np.arange(100, 180)],
        np.r_[np.arange(160, 240), [-1] * 8],
    ]
    sites = table.sites_of(text, found)
    for row, (sequence, truth) in enumerate(zip(sequences, truths, strict=True)):
        assert np.array_equal(sites[row, 1 : 1 + len(sequence)], truth)
        letters = encode(sequence)
        expected = np.full(GENE, OTHER)
        expected[truth[truth >= 0]] = (3 - letters if found.reverse[row] else letters)[truth >= 0]
        assert np.array_equal(found.bases[row], expected[FIRST_KEPT:-FIRST_KEPT])


def test_a_marker_of_indels_gets_its_votes_of_blocks():
    """The marker is that of most votes near the offset, also where a deletion divides them."""
    first, second = random_gene(0, 100), random_gene(1, 140)
    table = empty_table(markers=["a", "b"], marker_starts=[0, 100], site_block=16)
    learn(table, first)
    learn(table, second, start=100)
    chimera = first[60:100] + second[10:40] + second[43:70]  # 40 bp of one offset, 57 of two
    found = table(batch_of([chimera]))
    assert found.marker.tolist() == [1]
    weak = learn(empty_table(markers=["a", "b"], marker_starts=[0, 100]), second, start=100, votes=1)
    assert weak(batch_of([second])).marker.tolist() == [1]  # what has no vote counts for no marker
