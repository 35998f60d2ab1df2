"""Offsets of blocks against plain loops: the best of all paths, where it changes, and the segments that it makes."""

import itertools

import pytest
import torch

from modeling_dnacse.local_offsets import COST, COST_OF_BASE, best_path, box_sums, cut_between, segment_of


def worth(votes, path, block: int, reach: int) -> int:
    """Votes along a path of offsets less its costs; offsets may not fall by more than a block."""
    total = sum(int(row[offset + reach]) for row, offset in zip(votes, path, strict=True))
    for before, after in itertools.pairwise(path):
        if after - before < -block:
            return -(2**20)
        total -= (after != before) * (COST + COST_OF_BASE * abs(after - before))
    return total


@pytest.mark.parametrize(("blocks", "reach", "block"), [(1, 1, 16), (4, 1, 16), (4, 2, 1), (3, 3, 2)])
def test_the_best_path_is_that_of_all_paths(blocks, reach, block):
    generator = torch.Generator().manual_seed(0)
    votes = torch.randint(0, 1000, (20, blocks, 2 * reach + 1), generator=generator).int()
    best, found = best_path(votes, block, reach)
    for row, value, path in zip(votes, best[:, 0].tolist(), found.tolist(), strict=True):
        paths = itertools.product(range(-reach, reach + 1), repeat=blocks)
        assert value == max(worth(row, other, block, reach) for other in paths)
        assert value == worth(row, path, block, reach)


def test_blocks_without_votes_keep_the_offset_and_changes_come_early():
    votes = torch.zeros(1, 7, 3).int()
    votes[0, 2, 1] = votes[0, 5, 2] = 900
    assert best_path(votes, 16, 1)[1].tolist() == [[0, 0, 0, 1, 1, 1, 1]]
    best, found = best_path(torch.zeros(2, 3, 5).int(), 16, 2)
    assert best.tolist() == [[0], [0]] and found.shape == (2, 3) and (found == found[:, :1]).all()


@pytest.mark.parametrize("behind", [0, 3])
def test_boundaries_are_where_the_votes_change(behind):
    generator, block = torch.Generator().manual_seed(0), 4
    left, right = (torch.randint(0, 3, (30, 5, 2 * block), generator=generator) for _ in range(2))
    shifts = torch.randint(-1, 2, (30, 6), generator=generator)
    begins = cut_between(left, right, shifts, behind)
    for row in range(30):
        expected = [0]
        for number in range(5):
            cut = (number + 1) * block
            if shifts[row, number] != shifts[row, number + 1]:
                gains = [0, *itertools.accumulate((left - right)[row, number].tolist())]
                place = gains.index(max(gains))
                cut = number * block + (place - 1 + behind if place else 0)
            expected.append(max(cut, expected[-1]))
        assert begins[row].tolist() == expected


def test_segments_are_those_that_begin_before_a_position():
    begins = torch.tensor([[0, 1], [2, 2], [5, 9]])
    places = torch.arange(-2, 13)[None]
    found = segment_of(places, begins, 10)
    for row, starts in enumerate(begins.tolist()):
        inside = [min(max(place, 0), 9) for place in places[0].tolist()]
        assert found[row].tolist() == [sum(start <= place for start in starts) - 1 for place in inside]


@pytest.mark.parametrize("radius", [0, 1, 3])
def test_sums_over_windows_are_those_of_a_loop(radius):
    values = torch.randint(0, 9, (2, 6, 2), generator=torch.Generator().manual_seed(radius))
    found = box_sums(values, radius)
    for place in range(6):
        window = values[:, max(0, place - radius) : place + radius + 1]
        assert torch.equal(found[:, place], window.sum(1))
