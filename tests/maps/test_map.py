"""A map has each sequence once, hides nothing behind markup, and needs no network."""

import csv
import html
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser

import numpy as np
import pytest

from modeling_dnacse.cli import command_line, main
from modeling_dnacse.clustering.entries import Entry, Listing
from modeling_dnacse.commands.map import called_names, check_not_zero, names_of_table
from modeling_dnacse.maps import picture
from modeling_dnacse.maps.picture import draw_map
from modeling_dnacse.maps.points import GREY, STYLES, MapPoints, choose_column, style_groups
from modeling_dnacse.reading.rereading import RecordFile
from tests.support.families import random_families

EVIL = "<img/src=x/onerror=alert(1)>"
DRIVE = """
<script>
const said = [];
const walk = (root, found) => {
    for (const node of root.querySelectorAll("*")) {
        if (node.tagName == "BUTTON") found.push(node);
        if (node.shadowRoot) walk(node.shadowRoot, found);
    }
    return found;
};
window.Blob = class { constructor(parts) { said.push(parts.join("")); } };
URL.createObjectURL = () => "blob:none";
HTMLAnchorElement.prototype.click = () => {};
const until = async done => {
    for (let tries = 0; tries < 100 && !done(); tries++) await new Promise(next => setTimeout(next, 100));
};
setTimeout(async () => {
    await until(() => window.Bokeh?.documents.length && walk(document, []).length);
    const models = [...Bokeh.documents[0]._all_models.values()];
    const of = type => models.find(model => model.type == type);
    for (const name of ["genus c", "no such name", "R11_"]) {
        const before = of("Div").text;
        of("TextInput").value_input = name;
        await until(() => of("Div").text != before);
        said.push(of("Div").text);
    }
    walk(document, []).find(node => node.textContent == "Download FASTA").click();
    await until(() => said.length == 4);
    const out = document.createElement("pre");
    out.id = "out";
    out.textContent = JSON.stringify([...said, document.querySelectorAll("img").length]);
    document.body.append(out);
}, 0);
</script>
</body>
"""


@pytest.fixture(scope="module")
def page(tiny_folder, tmp_path_factory):
    """A page of 48 sequences, one of whose ids is markup."""
    pytest.importorskip("bokeh")
    folder = tmp_path_factory.mktemp("map")
    records = [f">{header}\n{sequence}\n" for header, sequence in random_families(seed=0).items()]
    (folder / "in.fasta").write_text("".join(records).replace(">r0_0 ", f">{EVIL} "))
    main(["map", str(folder / "in.fasta"), "-o", str(folder / "map.html"), "--model", str(tiny_folder)])
    return folder / "map.html"


@pytest.mark.slow
def test_the_page_is_whole_offline_and_escaped(page):
    tags, text = [], page.read_text()
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: tags.append((tag, dict(attributes)))
    parser.feed(text)
    assert {tag for tag, _ in tags} <= {"html", "head", "meta", "title", "style", "script", "body", "div"}
    assert not [attributes for _, attributes in tags if {"src", "href"} & set(attributes)]
    assert EVIL not in text and html.escape(EVIL, quote=False) in text
    assert "r11_3" in text and "Genus l" in text
    args = command_line().parse_args(["map", str(page.parent / "in.fasta"), "-o", str(page)])
    args.check(args)  # the same command may replace it


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_search_and_download_in_a_browser(page, tmp_path):
    driven = tmp_path / "driven.html"
    before, _, after = page.read_text().rpartition("</body>")
    driven.write_text(before + DRIVE + after)
    browser = [shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path}"]
    done = subprocess.run(
        [*browser, "--virtual-time-budget=60000", "--dump-dom", driven.as_uri()],
        capture_output=True,
        text=True,
        timeout=300,
    )
    *said, fasta, images = json.loads(html.unescape(re.search(r'<pre id="out">(.*?)</pre>', done.stdout)[1]))
    assert (said, images) == (["4 of 48 selected", "Nothing selected", "4 of 48 selected"], 0)
    assert re.findall(r"^>(\S+) species Genus l, genus Genus$", fasta, flags=re.MULTILINE) == [
        f"r11_{number}" for number in range(4)
    ]


@pytest.mark.parametrize("suffix", [".png", ".svg"])
def test_pictures_hold_every_group(suffix, tmp_path):
    names = [f"order ${number % 12}" for number in range(60)] + [""]
    groups, styles = style_groups(names)
    assert list(styles)[-2:] == ["others", "without a name"] and len({style.shape for style in styles.values()}) == 8
    ids = [f"s{number}" for number in range(61)]
    points = MapPoints(ids, [], ids, np.random.default_rng(0).random((61, 2)), groups, styles, "order")
    draw_map(tmp_path / f"map{suffix}", points, "61 sequences")
    written = (tmp_path / f"map{suffix}").read_bytes()
    assert written.startswith(b"\x89PNG" if suffix == ".png" else b"<?xml")
    if suffix == ".svg":
        assert len(set(re.findall(rb"<!-- (order .*?) -->", written))) == 8 and b"<!-- others (20) -->" in written


@pytest.mark.parametrize("name", ["Pustularia bistrinotata {}", "W" * 20 + " {}", "_{}"])
def test_the_legend_of_a_picture_holds_long_and_hidden_names(tmp_path, monkeypatch, name):
    """Three columns of species names ran off the picture, and matplotlib leaves out labels that begin with "_"."""
    drawn = []
    monkeypatch.setattr(picture, "save_picture", lambda figure, path: drawn.append(figure))
    groups, styles = style_groups([name.format(number % 8) for number in range(16)])
    ids = [f"s{number}" for number in range(16)]
    draw_map(
        tmp_path / "map.png",
        MapPoints(ids, [], ids, np.random.default_rng(0).random((16, 2)), groups, styles, "x"),
        "",
    )
    (figure,) = drawn
    figure.canvas.draw()
    (legend,) = figure.legends
    assert [text.get_text().strip() for text in legend.get_texts()] == [f"{group} (2)" for group in styles]
    assert legend.get_window_extent().x1 <= figure.bbox.x1


def test_a_group_that_is_named_like_a_grey_one_keeps_its_colour():
    """A group `others` was grey, and one with all small groups."""
    names = ["others"] * 9 + ["without a name"] * 9 + [f"taxon {number}" for number in range(9)] + [""]
    groups, styles = style_groups(names)
    assert styles["others"] == STYLES[0] and styles["without a name"] == STYLES[1]
    assert groups.count("others") == 9 and groups.count("(others)") == 3 and groups[-1] == "(without a name)"
    assert styles["(others)"] == styles["(without a name)"] == GREY


def test_a_dark_map_has_a_dark_page_and_no_dark_points(tmp_path):
    pytest.importorskip("bokeh")
    from modeling_dnacse.maps.page import write_page

    ids = [f"s{number}" for number in range(16)]
    groups, styles = style_groups([f"order {number % 8}" for number in range(16)], dark=True)
    points = MapPoints(ids, [], ids, np.random.default_rng(0).random((16, 2)), groups, styles, "order", dark=True)
    draw_map(tmp_path / "map.svg", points, "16 sequences")
    write_page(tmp_path / "map.html", points, "16 sequences")
    text = (tmp_path / "map.html").read_text()
    assert "color-scheme: dark" in text and '"#20262B"' in text
    assert '"name":"PlainText"' in text  # bokeh would fetch MathJax for a title with $$
    for said in (text.lower(), (tmp_path / "map.svg").read_text().lower()):
        assert "#f0e442" in said and "#882255" not in said


def test_colours_show_the_lowest_rank_of_few_names():
    columns = {"species": list("abcdefghij"), "genus": list("xxxxxyyyyy"), "family": ["z"] * 10}
    assert choose_column(columns, None) == "genus" and choose_column(columns, "species") == "species"
    assert choose_column({"species": list("abcdefghij")}, None) == "species" and choose_column({}, None) == ""
    clusters = {"cluster": list("abcdefghij"), "size": list("1112223334"), "representative": list("abcdefghij")}
    assert choose_column(clusters, None) == "cluster"  # it was the size, so clusters of one size had one colour
    assert choose_column({"size": list("1112223334")}, None) == "size"


def test_names_that_identify_did_not_call_are_not_drawn():
    """They coloured points as facts, such as snails as birds where the library had no order of snails."""
    table = {
        "species": ["Apis alba", "Apis alba", "Apis alba"],
        "genus": ["Apis", "Apis", "Apis"],
        "order": ["Aves", "Hymenoptera", "Hymenoptera"],
        "call": ["Apis", "", "Apis alba"],
        "rank": ["genus", "", "species"],
        "species_probability": ["0.3", "0.4", "0.9"],
        "genus_probability": ["0.97", "0.7", "0.9"],
        "order_probability": ["0.0017", "0.9", ""],
    }
    drawn = called_names(table)
    assert drawn["species"] == ["", "", "Apis alba"] and drawn["genus"] == ["Apis", "", "Apis"]
    assert drawn["order"] == ["", "", "Hymenoptera"] and drawn["call"] == table["call"]
    assert called_names({"species": ["Apis alba"], "rank": ["x"]}) == {"species": ["Apis alba"], "rank": ["x"]}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "map.gif"], "ends in .html, .png, .svg, .pdf"),
        (
            ["-o", "map.png", "--colour_by", "tribe"],
            "--colour_by is tribe, but the columns with names are: species, genus",
        ),
        (["-o", "map.png", "--labels", "calls.tsv"], "calls.tsv:2: 1 fields where the first line names 2"),
        (["-o", "map.png", "--labels", "twice.tsv"], "twice.tsv:3: id 'r0_0' was used before"),
        (["-o", "map.png", "--labels", "equal.tsv"], "equal.tsv:1: two columns are called 'call'; rename one"),
        (["-o", "map.svg", "--labels", "red.tsv"], r"red.tsv:2: control character '\\x1b' in a name; remove it"),
        (["-o", "map.png", "--labels", "old.tsv"], "old.tsv:2: new-line character seen .* check .* line ends"),
        (["-o", "map.png", "--labels", "others.tsv"], "none of the records of .*ids must be equal"),
    ],
)
def test_refusals(options, message, fasta, tmp_path, monkeypatch, capsys):
    pytest.importorskip("bokeh")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "calls.tsv").write_text("id\tcall\nr0_0\n")
    (tmp_path / "twice.tsv").write_text("id\tcall\nr0_0\tx\nr0_0\ty\n")
    (tmp_path / "red.tsv").write_text("id\tcall\nr0_0\tx\x1b[31m\n")
    (tmp_path / "equal.tsv").write_text("id\tcall\tcall\nr0_0\tx\ty\n")
    (tmp_path / "old.tsv").write_text("id\tcall\nr0_0\tx\ry\n")
    (tmp_path / "others.tsv").write_text("id\tcall\nx\tGenus a\n")
    with pytest.raises(SystemExit):
        main(["map", str(fasta), *options])
    assert re.search(message, capsys.readouterr().err)
    assert not list(tmp_path.glob("map*"))


def test_a_record_without_a_vector_is_refused(tmp_path):
    """With records shorter than a k-mer all points were NaN, and the page was empty."""
    entries = [Entry("whole", "", 9), Entry("short", "", 3)]
    with pytest.raises(ValueError, match="1 records hold no k-mer of the model, such as 'short'.*; remove them"):
        check_not_zero(tmp_path, entries, np.eye(2, 4) * [[1], [0]])


def test_ids_with_quotation_marks_are_found_in_a_table_of_a_command(tmp_path):
    path, entry = tmp_path / "calls.tsv", Entry('a"b', "", 9)
    with path.open("w", newline="") as file:
        csv.writer(file, delimiter="\t", lineterminator="\n").writerows([("id", "call"), (entry.id, "x"), ("c", "y")])
    assert names_of_table(path, Listing(RecordFile(path), [entry])) == {"call": ["x"]}


@pytest.mark.parametrize("name", ["mine.html", "mine.png"])
def test_another_page_or_picture_is_not_replaced(name, fasta, tmp_path, capsys):
    (tmp_path / name).write_bytes(b"<!DOCTYPE html><head>" if name.endswith("html") else b"\x89PNG\r\n\x1a\n")
    with pytest.raises(SystemExit):
        main(["map", str(fasta), "-o", str(tmp_path / name)])
    assert f"{name} exists and is not a map; give another name, or add --force" in capsys.readouterr().err
