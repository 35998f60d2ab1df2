"""Each format is what the tool that reads it expects."""

import io
import json
import math

from modeling_dnacse.identification.call_table import Call, cell_text
from modeling_dnacse.identification.formats import FORMATS, Layout
from modeling_dnacse.identification.queries import Query

RANKS = ("species", "genus", "subfamily", "family", "domain")
NEAREST = {
    "nearest": "r1",
    "similarity": 0.98,
    "identity": 0.99,
    "overlap": 313,
    "second_species": "",
    "second_similarity": math.nan,
}
NAMES = ["Apis mellifera", "Apis", "Apinae", "Apidae", "Eukaryota"]
CALLS = [
    Call(Query("a", "AC", 7), False, 0, NAMES, [0.98, 0.99, 0.99, 0.99, math.nan], 0.02, NEAREST, "", []),
    Call(
        Query("b", "AC", 2),
        True,
        1,
        NAMES,
        [0.3, 0.96, 0.97, 0.98, math.nan],
        0.7,
        NEAREST,
        "",
        [{"id": "b", "hit": 1}],
    ),
    Call(Query("c", "AC", 1), False, -1, [""] * 5, [math.nan] * 5, math.nan, NEAREST, "no", []),
]
COUNTS = {"a": {0: 5, 1: 2}, "b": {1: 2}, "c": {}}


def written(name: str, samples: tuple[str, ...] = ("s1", "s2")) -> str:
    file = io.StringIO()
    FORMATS[name](CALLS, Layout(RANKS, samples, lambda query: COUNTS[query.id] if samples else {}), file)
    return file.getvalue()


def test_qiime2():
    header, *lines = (line.split("\t") for line in written("qiime2").splitlines())
    assert header == ["Feature ID", "Taxon", "Confidence"]
    assert lines == [
        ["a", "d__Eukaryota; f__Apidae; g__Apis; s__Apis_mellifera", "0.9800"],
        ["b", "d__Eukaryota; f__Apidae; g__Apis", "0.9600"],
        ["c", "Unassigned", "0.0000"],
    ]


def test_sintax():
    lines = [line.split("\t") for line in written("sintax").splitlines()]
    assert lines == [
        ["a", "f:Apidae(0.9900),g:Apis(0.9900),s:Apis_mellifera(0.9800)", "+", "f:Apidae,g:Apis,s:Apis_mellifera"],
        ["b", "f:Apidae(0.9800),g:Apis(0.9600),s:Apis_mellifera(0.3000)", "-", "f:Apidae,g:Apis"],
        ["c", "", "", ""],
    ]


def test_the_strand_of_vectors_is_unknown(monkeypatch):
    """It was + for queries on either strand."""
    monkeypatch.setitem(NEAREST, "overlap", None)
    assert [line.split("\t")[2] for line in written("sintax").splitlines()] == ["", "", ""]


def test_dada2():
    assert written("dada2").splitlines() == [
        "\tDomain\tFamily\tSubfamily\tGenus\tSpecies",
        "a\tEukaryota\tApidae\tApinae\tApis\tApis mellifera",
        "b\tEukaryota\tApidae\tApinae\tApis\tNA",
        "c\tNA\tNA\tNA\tNA\tNA",
    ]


def test_biom():
    table = json.loads(written("biom"))
    assert (table["shape"], table["matrix_element_type"]) == ([3, 2], "int")
    assert table["data"] == [[0, 0, 5], [0, 1, 2], [1, 1, 2]]
    assert [row["id"] for row in table["rows"]] == ["a", "b", "c"]
    assert [column["id"] for column in table["columns"]] == ["s1", "s2"]
    assert table["rows"][1]["metadata"] == {"taxonomy": ["d__Eukaryota", "f__Apidae", "g__Apis"], "confidence": 0.96}
    assert table["rows"][2]["metadata"] == {"taxonomy": ["Unassigned"], "confidence": None}


def test_json():
    first, second, third = json.loads(written("json"))
    assert (first["call"], first["domain_probability"], first["counts"]) == (
        "Apis mellifera",
        None,
        {"s1": 5, "s2": 2},
    )
    assert (second["hits"], third["call"]) == ([{"hit": 1}], None)


def test_tsv_with_and_without_counts():
    lines = [line.split("\t") for line in written("tsv").splitlines()]
    assert lines[0][-3:] == ["note", "s1", "s2"]
    assert [line[-2:] for line in lines[1:]] == [["5", "2"], ["0", "2"], ["0", "0"]]
    assert {len(line) for line in lines} == {5 + 10 + 6 + 1 + 2}
    assert written("tsv", ()).splitlines()[0].endswith("\tnote")
    assert cell_text(1.0000002) == "1.0000"


def test_names_do_not_end_within_themselves():
    """A comma, a semicolon or a bracket in a name would begin another name in these formats."""
    call = CALLS[0]._replace(names=["Apis mellifera", "Apis", "Apinae", "Api;dae, (B)", "Eukaryota"])
    said = {}
    for name in ("sintax", "qiime2"):
        file = io.StringIO()
        FORMATS[name]([call], Layout(RANKS, (), lambda query: {}), file)
        said[name] = file.getvalue()
    assert "\tf:Api_dae___B_(0.9900),g:Apis" in said["sintax"]
    assert "; f__Api_dae,_(B); g__Apis" in said["qiime2"]
