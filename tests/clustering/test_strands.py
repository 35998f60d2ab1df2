"""Strands of records beside the representatives of their clusters."""

import random

import numpy as np
import pytest

from modeling_dnacse.clustering.entries import list_entries
from modeling_dnacse.clustering.representatives import opposite_strands
from modeling_dnacse.commands.cluster_files import Grouping, write_uc
from modeling_dnacse.reading.sequences import reverse_complement


@pytest.fixture
def listing(tmp_path):
    """Two sequences of one species, the second on the other strand, a part of it, and one of 5 bases."""
    whole = "".join(random.Random(0).choices("ACGT", k=300))
    near = reverse_complement(whole[:100] + "A" + whole[100:])
    (tmp_path / "in.fasta").write_text(f">a\n{whole}\n>b\n{near}\n>c\n{whole[50:]}\n>d\n{near[:90]}\n>e\nACGTA\n")
    return list_entries(tmp_path / "in.fasta")


def test_records_on_the_other_strand_of_their_representative(listing):
    assert opposite_strands(listing.file, np.array([0, 0, 0, 1, 1])).tolist() == [False, True, False, False, False]


def test_strands_of_a_uc_are_found_where_clusters_do_not_know_them(listing, tmp_path):
    """They were all +."""
    found = Grouping(np.array([0, 0, 0, 0, 1]), np.array([0, 4]), np.ones(5))
    write_uc(tmp_path / "out.uc", listing, found, [])
    hits = [line.split("\t") for line in (tmp_path / "out.uc").read_text().splitlines() if line[0] == "H"]
    assert {hit[8]: hit[4] for hit in hits} == {"b": "-", "c": "+", "d": "-"}
