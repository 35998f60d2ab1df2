"""Pictures: what is drawn is what the results say, every kind can be drawn, and drawing twice gives the same file."""

import gzip
import os

import numpy as np
import pytest
from matplotlib import pyplot as plt

from benchmarks.methods.method import Method, Split
from benchmarks.plots import main
from benchmarks.report.plots.ablation import plot_ablation
from benchmarks.report.plots.confusion import draw_pairs, draw_table
from benchmarks.report.plots.curves import LINES, PANELS, choose_models, plot_curves
from benchmarks.report.plots.maps import genus_accuracy, outline, plot_map, project
from benchmarks.report.plots.scores import plot_scores, rank_models
from benchmarks.report.plots.style import OURS, save
from benchmarks.report.result_files import write_result
from benchmarks.report.result_folders import merge_seeds
from benchmarks.report.task_headings import all_curves
from tests.support.made_results import metric, result

MINI = "dnacse-mini"


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def texts(axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def curve(model: str, task: str, name: str, points: dict, **changes) -> dict:
    return result(model, 0, task, metrics={f"{name}@{x}": metric(value) for x, value in points.items()}, **changes)


def test_scores_have_every_method_in_its_row_and_a_dash_where_there_is_no_result():
    rows = [result("tnf", 0.4), result(MINI, 0.3, parameters=5), result(f"untrained:{MINI}", 0.1)]
    rows.append(result(MINI, 0, "linear_probe", metrics={"accuracy": metric(0.3)}))
    species, probe = plot_scores("coi.test", rows).axes
    assert [label.get_text() for label in species.get_yticklabels()] == [MINI, "tnf"]
    dots = [container.lines[0] for container in species.containers]
    assert np.allclose([dot.get_xydata()[0] for dot in dots], [[30, 0], [40, 1]])
    assert texts(species) == ["30.0", "40.0"]
    assert texts(probe) == ["30.0", "–"]
    assert [dot.get_color() == OURS.colour for dot in dots] == [True, False]
    low, high = species.get_xlim()
    assert 25 < low < 28 and 41 < high < 43  # not from 0 to 100


def test_a_model_does_not_lose_its_rank_by_having_done_the_hard_tasks():
    easy = {"a": metric(0.9), "b": metric(0.8)}
    hard = {"a": metric(0.3), "c": metric(0.2)}
    assert rank_models([easy, hard])[0] == "a"


def test_a_picture_that_differs_in_antialiasing_alone_is_not_rewritten(tmp_path):
    path = tmp_path / "p.png"

    def draw(value: float, top: float = 2.0):
        figure, axes = plt.subplots(figsize=(4, 3))
        axes.plot([0, 1, 2], [0, top, 1], linewidth=1.4)
        axes.text(0.3, 0.5, f"{value}", fontsize=11)
        axes.set_ylim(0, 3)
        save(figure, path)
        return path.read_bytes()

    draw(93.1)
    pixels = plt.imread(path)
    darker = 1 - (1 - pixels[..., :3]) ** 0.8  # along edges, as another version draws them
    plt.imsave(path, darker, dpi=150, metadata={"Software": None})
    other = path.read_bytes()
    assert draw(93.1) == other
    assert draw(93.7) != other
    first = draw(93.1)
    assert draw(93.1, top=1.97) != first


def test_curves_are_drawn_over_their_abscissa():
    rows = [curve("tnf", "few_shot", "macro_f1", {20: 0.9, 1: 0.5, 5: 0.8})]
    (axes,) = plot_curves("coi.test", rows).axes
    (line,) = (line for line in axes.lines if line.get_label() == "tnf")
    assert np.allclose(line.get_xydata(), [[1, 50], [5, 80], [20, 90]])
    assert [label.get_text() for label in axes.get_xticklabels()] == ["1", "5", "20"]


def test_no_more_panels_than_fit_and_those_that_were_asked_for():
    rows = [
        curve("tnf", name.partition(".")[0], name.partition(".")[2], {0.1: 0.5, 0.9: 0.4})
        for name in list(all_curves())[:9]
    ]
    assert len(plot_curves("coi.test", rows).axes) == PANELS
    (axes,) = plot_curves("coi.test", rows, ["open_set.named"]).axes
    assert axes.get_title() == all_curves()["open_set.named"].title
    with pytest.raises(ValueError, match=r"got --curve gue\.mcc, but the curves of coi\.test are: few_shot"):
        plot_curves("coi.test", rows, ["gue.mcc"])
    with pytest.raises(ValueError, match="are: none"):
        plot_curves("coi.test", [result("tnf", 0.5)])


def test_ours_are_drawn_before_better_baselines():
    panel = {f"kmer{k}": {"x@1": metric(0.9)} for k in range(9)} | {MINI: {"x@1": metric(0.1)}}
    chosen = choose_models([panel])
    assert chosen[0] == MINI
    assert len(chosen) == LINES


def test_a_baseline_that_lacks_a_curve_is_drawn_if_it_leads_the_others():
    first = {f"kmer{k}": {"x@1": metric(0.5)} for k in range(9)}
    second = first | {"vsearch": {"y@1": metric(0.6)}}
    assert choose_models([first, second])[0] == "vsearch"


def test_an_ablation_shows_seeds_and_their_means():
    runs = [result(f"{arm}#{seed}", value + seed / 10) for arm, value in (("a", 0.5), ("b", 0.6)) for seed in (0, 1)]
    (axes,) = plot_ablation("ablation/coi.val", merge_seeds(runs)).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["b", "a"]
    drawn = [points.get_offsets().tolist() for points in axes.collections]
    assert np.allclose(np.concatenate(drawn), [[60, 0], [70, 0], [65, 0], [50, 1], [60, 1], [55, 1]])
    with pytest.raises(ValueError, match="ARM#SEED"):
        plot_ablation("coi.val", [result("tnf", 0.5)])


def test_an_outline_holds_its_points_even_on_a_line():
    points = np.array([[0.0, 0.0], [1.0, 0.0], [0.3, 0.0]])
    corners = outline(points, margin=0.1)
    assert corners.min(axis=0) == pytest.approx([-0.1, -0.1])
    assert corners.max(axis=0) == pytest.approx([1.1, 0.1])


def test_the_nearest_other_species_may_be_of_the_genus():
    vectors = np.array([[1, 0], [1, 0.1], [0.9, 0.2], [0, 1], [0.1, 1]], dtype=np.float32)
    species = np.array(["a1", "a1", "a2", "b1", "c1"])
    assert genus_accuracy(vectors, species, np.array(["a", "a", "a", "b", "c"])) == 1
    assert genus_accuracy(vectors, species, np.array(["a", "a", "b", "a", "c"])) == 0
    assert np.isnan(genus_accuracy(vectors, species, np.array(["a", "a", "b", "c", "d"])))


def test_projections_fill_the_panel_and_repeat():
    vectors = np.random.default_rng(0).normal(size=(12, 5)).astype(np.float32)
    points = project(vectors, "tsne", seed=1)
    assert points.shape == (12, 2)
    assert points.min(axis=0).tolist() == [0, 0]
    assert points.max(axis=0).tolist() == [1, 1]
    assert np.array_equal(points, project(vectors, "tsne", seed=1))


def test_a_map_of_equal_vectors_is_refused():
    """Of a collapsed model: t-SNE got NaN, and the process ended by a segmentation fault."""
    names = np.array(["a x", "a y", "b z"])
    labels = dict.fromkeys(("species", "genus", "family", "order", "class", "phylum"), names)
    split = Split(names, ["ACGT"] * 3, labels)
    method = Method("collapsed", "", 0, encode=lambda sequences: np.ones((len(sequences), 4), np.float32))
    with pytest.raises(ValueError, match="collapsed gives all sequences the same vector"):
        plot_map([method], split, projection="tsne", colour_by="genus", max_sequences=9, seed=0)


def test_pairs_within_a_family_and_beyond_look_different():
    above = {"Apis": "Apidae", "Bombus": "Apidae", "Vespa": "Vespidae"}
    (axes,) = draw_pairs([("Apis", "Bombus", 3, 4), ("Apis", "Vespa", 1, 4)], above).axes
    assert texts(axes) == ["3 of 4   Apidae", "1 of 4   Apidae, called Vespidae"]
    assert [bool(bar.get_hatch()) for bar in axes.patches] == [False, True]


def test_the_matrix_boxes_its_groups():
    table = np.array([[3, 1, 0, 2], [0, 4, 0, 0], [0, 0, 0, 0]])
    (axes,) = draw_table(table, ["Apidae", "Vespidae", "Muscidae"], ["Hymenoptera", "Hymenoptera", "Diptera"]).axes
    assert [text for text in texts(axes) if text.isdigit()] == ["3", "1", "2", "4"]
    assert [patch.get_width() for patch in axes.patches] == [2, 1]
    assert [text for text in texts(axes) if not text.isdigit()] == ["Hymenoptera", "Diptera"]


@pytest.mark.slow
def test_all_pictures_of_a_folder_and_again_the_same(tmp_path, capsys):
    folder = tmp_path / "results"
    write_result(result("tnf", 0.9), folder)
    write_result(curve("tnf", "length", "species_seen", {100: 0.3, 658: 0.9}), folder)
    for seed in (0, 1):
        write_result(result(f"curriculum#{seed}", 0.5), folder / "ablation")
    assert main(["all", "--results", str(folder)]) == 0
    drawn = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}
    assert drawn.keys() == {"coi.test.png", "coi.test.curves.png", "ablation/coi.test.png"}
    assert main(["all", "--results", str(folder)]) == 0
    assert drawn == {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.png")}
    bars = ["scores", "--results", str(folder), "--output", str(tmp_path / "scores.png")]
    assert main(bars) == 2
    assert "choose one of them with --name" in capsys.readouterr().err
    assert main([*bars, "--name", "coi.test"]) == 0
    assert (tmp_path / "scores.png").read_bytes() == drawn["coi.test.png"]


@pytest.fixture(scope="module")
def barcodes(tmp_path_factory):
    rng = np.random.default_rng(0)
    rows = ["id\tsequence\tspecies\tgenus\tfamily\torder\tsplit"]
    for number in range(24):
        genus, split = number // 4, "train" if number % 2 else "unseen_test"
        for record in range(3):
            sequence = "".join(rng.choice(list("ACGT"), 60))
            lineage = f"G{genus} s{number}\tG{genus}\tF{genus // 2}\tO{genus // 4}"
            rows.append(f"r{number}_{record}\t{sequence}\t{lineage}\t{split}")
    path = tmp_path_factory.mktemp("data") / "coi.tsv.gz"
    path.write_bytes(gzip.compress("\n".join(rows).encode()))
    return path


@pytest.mark.parametrize(
    "arguments",
    [["map", "--model", "kmer5", "tnf"], ["confusion", "--model", "tnf"]]
    + [["confusion", "--model", "tnf", "--rank", "family"]],
)
def test_models_and_data_make_a_picture(barcodes, tmp_path, arguments):
    picture = tmp_path / "picture.png"
    assert main([*arguments, "--data", str(barcodes), "--output", str(picture)]) == 0
    assert plt.imread(picture)[..., :3].std() > 0.05  # not a blank page


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--split", "novel_test"], "no split novel_test, but unseen_test, train"),
        (["--data", "missing.tsv"], "no file missing.tsv"),
        (["--device", "foo"], "--device foo cannot be used here: Expected one of cpu"),
        (["--model", "nothing"], "neither a baseline"),
    ],
)
def test_wrong_arguments_are_one_sentence(barcodes, tmp_path, capsys, changes, message):
    output = ["--output", str(tmp_path / "map.png")]
    assert main(["map", "--model", "tnf", "--data", str(barcodes), *output, *changes]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "map.png").exists()


def test_a_picture_replaces_no_other_file_and_waits_for_no_reader(tmp_path):
    other, fifo, photo = (tmp_path / name for name in ("other.png", "fifo.png", "photo.png"))
    other.write_text("precious")
    os.mkfifo(fifo)
    plt.figure().savefig(photo, dpi=150)
    before = photo.read_bytes()
    for path in (other, fifo, photo):
        with pytest.raises(ValueError, match="exists and is no PNG picture"):
            save(plt.figure(figsize=(2, 2)), path)
    assert other.read_text() == "precious" and photo.read_bytes() == before and len(list(tmp_path.iterdir())) == 3
