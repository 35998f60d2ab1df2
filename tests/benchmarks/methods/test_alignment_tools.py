"""Alignment tools as methods: hits on hand-made sequences, both strands, clusters, calls, and what is missing."""

import shutil
import tempfile
from functools import partial

import numpy as np
import pytest

from benchmarks.methods.alignment_tools import BASELINES, Hit, best_hits, make_vsearch, megablast_rows, vsearch_rows
from benchmarks.methods.method import Unsuited, find_hits, predict_names
from benchmarks.methods.programs import find_program, run, version, write_fasta
from modeling_dnacse.reading.sequences import reverse_complement

needs_vsearch = pytest.mark.skipif(shutil.which("vsearch") is None, reason="vsearch is not installed")
needs_blast = pytest.mark.skipif(shutil.which("blastn") is None, reason="ncbi-blast+ is not installed")
SEARCHERS = [pytest.param("vsearch", marks=needs_vsearch), pytest.param("blast", marks=needs_blast)]


def substitute(sequence: str, places: range) -> str:
    letters = list(sequence)
    for place in places:
        letters[place] = "ACGT"["CGTA".index(letters[place])]
    return "".join(letters)


@pytest.fixture(scope="module")
def library() -> list[str]:
    """Six unrelated sequences of 200 bp."""
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), 200)) for _ in range(6)]


@pytest.fixture
def private(tmp_path, monkeypatch):
    """A place of temporary files of this test alone."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize("name", SEARCHERS)
def test_the_nearest_reference_and_its_identity(name, library, private):
    method = BASELINES[name](name, None, None)
    queries = [library[3], substitute(library[1], range(105, 200, 10)), reverse_complement(library[4])]
    hits = find_hits(method, queries, library)
    assert hits.index.tolist() == [3, 1, 4]
    assert hits.index.dtype == np.int64
    assert hits.score.dtype == np.float32
    # ten substitutions of 200; a local alignment may lose the first and last few bases
    np.testing.assert_allclose(hits.score, [1, 0.95, 1], atol=0.03)
    assert not list(private.iterdir())


@needs_vsearch
def test_identity_is_not_rounded(library):
    """The field id of vsearch has one decimal, less than one base in a thousand tells apart."""
    method = BASELINES["vsearch"]("vsearch", None, None)
    (score,) = find_hits(
        method,
        [substitute(library[0] + library[1] + library[2], range(100, 101))],
        [library[0] + library[1] + library[2]],
    ).score
    assert score == np.float32(599 / 600)


@pytest.mark.parametrize("name", SEARCHERS)
def test_what_cannot_be_aligned_has_no_hit(name, library):
    method = BASELINES[name](name, None, None)
    queries = ["ACGT", "", "N" * 300, library[5], "ACGT" * 50]
    hits = find_hits(method, queries, [*library[4:], "N" * 200])
    assert hits.index.tolist() == [-1, -1, -1, 1, -1]
    assert hits.score[hits.index < 0].tolist() == [0] * 4
    assert find_hits(method, queries[:3], library).index.tolist() == [-1] * 3
    assert predict_names(method, queries, library, np.array(list("uvwxyz"))).names.tolist() == ["", "", "", "z", ""]


@needs_blast
def test_a_nearer_short_reference_beats_a_longer_one(library):
    """By bit score the longer alignment of the 5 % different reference would win."""
    complete = library[0] + library[1]
    references = [substitute(complete, range(205, 400, 10)), complete[100:300]]
    hits = find_hits(BASELINES["blast"]("blast", None, None), [complete], references)
    assert hits.index.tolist() == [1]
    assert hits.score.tolist() == [1.0]


def test_of_equal_hits_the_longer_then_the_first():
    hits = best_hits(2, [Hit(0, 3, 0.9, 50), Hit(0, 2, 0.9, 60), Hit(0, 1, 0.9, 60), Hit(0, 0, 0.8, 99)])
    assert hits.index.tolist() == [1, -1]


def test_tables_of_hits(tmp_path):
    (tmp_path / "vsearch").write_text("4\t7\t90\t8\t2\n")
    (tmp_path / "blast").write_text("4\t7\t90\t200\t100\t155\n")
    assert list(vsearch_rows(tmp_path / "vsearch")) == [Hit(4, 7, 0.9, 100)]
    assert list(megablast_rows(tmp_path / "blast")) == [Hit(4, 7, 0.9, 155)]
    assert list(megablast_rows(tmp_path / "nothing was written")) == []


@needs_vsearch
def test_clusters_at_97_percent(library, private):
    two_percent, five_percent = (substitute(library[0], range(3, 200, step)) for step in (50, 20))
    sequences = [library[1], library[0], two_percent, five_percent, reverse_complement(library[0]), library[1]]
    found = BASELINES["vsearch"]("vsearch", None, None).cluster([*sequences, "ACGT", "N" * 99, "ACGT"])
    assert found.tolist() == [0, 1, 1, 2, 1, 0, 3, 4, 3]
    assert not list(private.iterdir())


@needs_vsearch
def test_the_most_frequent_sequence_seeds_its_cluster(library):
    """`b` is within 3 % of both `a` and `c`, which are 4 % apart: what seeds decides who is with whom."""
    a = library[0]
    b, c = substitute(a, range(10, 90, 20)), substitute(a, range(10, 170, 20))
    cluster = BASELINES["vsearch"]("vsearch", None, None).cluster
    assert cluster([a, b, b, c]).tolist() == [0, 0, 0, 0]
    assert cluster([a, a, b, c]).tolist() == [0, 0, 0, 1]


@needs_vsearch
def test_sintax_names_with_support(library, private):
    method = BASELINES["sintax"]("sintax", None, None)
    names = np.array(["Aus bus", "Aus bus", "Cus; dus", "Eus,fus", "g:Gus", ""])
    queries = [library[0], reverse_complement(library[2]), substitute(library[3], range(5, 200, 40)), library[5], "AC"]
    calls = predict_names(method, queries, library, names)
    assert calls.names[:3].tolist() == ["Aus bus", "Cus; dus", "Eus,fus"]
    assert (calls.scores[:3] > 0.9).all()
    assert calls.scores[3] < 0.9  # its own reference has no name and so is none
    assert (calls.names[4], calls.scores[4]) == ("", 0)
    assert not list(private.iterdir())


@needs_vsearch
def test_sintax_repeats_itself(library):
    queries = [one[:100] + other[:100] for one in library for other in library]  # two names share the support
    method = BASELINES["sintax"]("sintax", None, None)
    first, second = (predict_names(method, queries, library, np.array(list("abcdef"))) for _ in range(2))
    assert first.names.tolist() == second.names.tolist()
    assert first.scores.tolist() == second.scores.tolist()
    assert ((first.scores > 0.5) & (first.scores < 0.8)).any()  # so chance had a say


@needs_vsearch
def test_threads_do_not_change_hits(library):
    queries = [substitute(sequence, range(7, 200, 23)) for sequence in library]
    one, two = (find_hits(make_vsearch("vsearch", None, None, threads=n), queries, library) for n in (1, 2))
    assert one.index.tolist() == two.index.tolist()
    assert one.score.tolist() == two.score.tolist()


@needs_vsearch
def test_long_sequences_are_not_dropped():
    """vsearch's own limit is 50,000 bp."""
    rng = np.random.default_rng(3)
    long = "".join(rng.choice(list("ACGT"), 50_100))
    assert BASELINES["sintax"]("sintax", None, None).classify([long], [long], np.array(["a"])).names.tolist() == ["a"]


@needs_vsearch
def test_pieces_of_genomes_are_beyond_vsearch(library):
    method = BASELINES["vsearch"]("vsearch", None, None)
    for work in (lambda: method.search(library, ["A" * 9_000] * 2), lambda: method.cluster(["A" * 9_000] * 2)):
        with pytest.raises(Unsuited, match=r"can take 5,000 bp on average, but got 9,000: choose blast"):
            work()


@pytest.mark.parametrize(
    ("name", "package"), [("vsearch", "vsearch"), ("sintax", "vsearch"), ("blast", r"ncbi-blast\+")]
)
def test_a_missing_program_names_its_package(name, package, monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(ValueError, match=rf"no program .* on PATH.*install the Debian package {package}\.$"):
        BASELINES[name](name, None, None)


@pytest.mark.parametrize("name", [*SEARCHERS, pytest.param("sintax", marks=needs_vsearch)])
def test_the_revision_is_the_tools_version(name):
    method = BASELINES[name](name, None, None)
    assert method.revision.rstrip("+").replace(".", "").isdigit()
    assert method.encode is None


def test_a_version_is_the_programs_not_that_of_a_library(tmp_path):
    """vsearch was recorded as 1.2.13, which is the zlib that it names on stdout, itself on stderr."""
    tool = tmp_path / "tool"
    tool.write_text("#!/bin/sh\necho 'zlib version 1.2.13'\necho 'tool v2.22.1_linux_x86_64, 23.5GB RAM' >&2\n")
    tool.chmod(0o755)
    assert version(str(tool), "--version") == "2.22.1"


def test_a_failure_says_which_program_and_why(tmp_path):
    with pytest.raises(RuntimeError, match="^ls failed with status 2: .*no-such-file"):
        run([find_program("ls", "coreutils"), tmp_path / "no-such-file"])
    with pytest.raises(RuntimeError, match="names no version"):
        version(find_program("true", "coreutils"), "hello")


@needs_vsearch
def test_files_are_removed_after_a_failure(library, private):
    broken = partial(make_vsearch("vsearch", None, None).search.func, find_program("false", "coreutils"), threads=1)
    with pytest.raises(RuntimeError, match="false failed with status 1"):
        broken(library, library)
    assert not list(private.iterdir())


def test_only_what_can_be_aligned_is_written(tmp_path):
    path = tmp_path / "x.fa"
    assert write_fasta(path, ["A" * 31 + "N", "C" * 32], ["first", "second"])
    assert path.read_text() == f">second\n{'C' * 32}\n"
    assert not write_fasta(path, ["ACGT"])
