"""GUE and Genomic Benchmarks: their published formats are read, their metrics are theirs, a tiny model is tuned."""

from pathlib import Path

import numpy as np
import pyarrow
import pytest
from pyarrow import parquet
from sklearn.metrics import f1_score, matthews_corrcoef

from benchmarks.data import classification_folders
from benchmarks.data.classification_folders import read_split
from benchmarks.data.splits import take
from benchmarks.jobs import make_jobs
from benchmarks.methods.load import load_method
from benchmarks.methods.method import Method, Split, Unsuited
from benchmarks.run import parse
from benchmarks.scoring.classification_metrics import agreement, score_answers
from benchmarks.scoring.evaluate_metric import Classification
from benchmarks.tasks.classification import genomic_benchmarks, gue

OPTIONS = {"epochs": 6, "batch_size": 16, "learning_rate": 3e-3, "max_tokens": 32}


def rows(seed: int, number: int) -> list[tuple[str, str]]:
    """Two classes: 40 bp rich in A and T, or in C and G."""
    rng = np.random.default_rng(seed)
    return [
        ("".join(rng.choice(list("ATCG"), 40, p=[0.4, 0.4, 0.1, 0.1] if label else [0.1, 0.1, 0.4, 0.4])), str(label))
        for label in rng.integers(2, size=number)
    ]


def write_csv(path: Path, table: list[tuple[str, str]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("sequence,label\n" + "".join(f"{sequence},{label}\n" for sequence, label in table))


@pytest.fixture
def gue_folder(tmp_path) -> Path:
    for seed, (name, number) in enumerate({"train": 64, "dev": 16, "test": 24}.items()):
        write_csv(tmp_path / "GUE" / "EMP" / "H3" / f"{name}.csv", rows(seed, number))
    return tmp_path / "GUE" / "EMP" / "H3"


@pytest.fixture
def tiny(tiny_folder) -> Method:
    return Method("tiny", "", 0, checkpoint=str(tiny_folder))


@pytest.mark.slow
def test_a_gue_data_set_is_read_tuned_and_scored(gue_folder, tiny):
    splits = gue.read(str(gue_folder))
    assert [len(split.sequences) for split in splits] == [64, 16, 24]
    assert (splits[2].sequences[0], splits[2].labels["label"][0]) == rows(2, 24)[0]
    metrics = gue.score(tiny, *splits, seed=0, **OPTIONS)
    assert metrics["mcc"]["value"] > 0.7
    assert metrics["accuracy"]["value"] > 0.85
    assert metrics["macro_f1"]["scored"] == 24
    validation = gue.score(tiny, *splits[:2], seed=0, **OPTIONS | {"epochs": 1})
    assert validation["mcc"]["scored"] == 16


@pytest.mark.parametrize(("split", "needed"), [("val", {"train", "dev"}), ("test", {"train", "dev", "test"})])
def test_a_folder_is_read_for_either_evaluation(gue_folder, tmp_path, split, needed):
    """Validation takes fewer splits than the folder has, which once was an error."""
    command = ["--model", "tnf", "--task", "gue", "--data", str(gue_folder), "--output", str(tmp_path)]
    (job,) = make_jobs(parse([*command, "--evaluation_split", split]))
    assert set(job.split_names()) == needed
    assert [len(part.sequences) for part in take(job.data, job.split_names())] == [64, 16, 24][: len(needed)]


def test_shuffled_labels_drop_to_chance(gue_folder, tiny):
    train, dev, test = gue.read(str(gue_folder))
    shuffled = test._replace(labels={"label": np.random.default_rng(0).permutation(test.labels["label"])})
    assert abs(gue.score(tiny, train, dev, shuffled, seed=0, **OPTIONS)["mcc"]["value"]) < 0.5


@pytest.mark.slow
def test_genomic_benchmarks_are_read_as_text_files_and_as_parquet(tmp_path, tiny):
    texts, tables = tmp_path / "texts", tmp_path / "tables"
    for seed, (name, number) in enumerate({"train": 60, "test": 20}.items()):
        table = rows(seed, number)
        for place, (sequence, label) in enumerate(table):
            file = texts / name / ("negative", "positive")[int(label)] / f"{place}.txt"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(sequence.lower() + "\n")
        (tables / "data").mkdir(parents=True, exist_ok=True)
        for part, shard in enumerate((table[:9], table[9:])):
            columns = {"seq": [s for s, _ in shard], "label": [int(label) for _, label in shard]}
            parquet.write_table(pyarrow.table(columns), tables / "data" / f"{name}-0000{part}-of-00002-ab.parquet")
    read = genomic_benchmarks.read(str(texts))
    hub = genomic_benchmarks.read(str(tables))
    assert sorted(read[0].sequences) == sorted(hub[0].sequences) == sorted(sequence for sequence, _ in rows(0, 60))
    assert [sequence for sequence, _ in rows(1, 20)] == hub[1].sequences
    assert set(read[1].labels["label"]) == {"negative", "positive"}
    assert set(hub[1].labels["label"]) == {"0", "1"}
    metrics = genomic_benchmarks.score(tiny, *read, seed=0, **OPTIONS)
    assert metrics["accuracy"]["value"] > 0.85
    assert metrics["accuracy"]["scored"] == 20
    held_out = genomic_benchmarks.score(tiny, read[0], seed=0, **OPTIONS | {"epochs": 1})
    assert held_out["accuracy"]["scored"] == 6


def test_what_is_held_out_is_not_trained_on_and_has_each_class_in_proportion():
    labels = np.repeat(["a", "b"], [40, 160])
    split = Split(np.arange(200).astype(str), [f"s{i}" for i in range(200)], {"label": labels})
    first, second = genomic_benchmarks.hold_out(split, 0.1, seed=0)
    assert sorted([*first.ids, *second.ids]) == sorted(split.ids)
    assert np.unique(second.labels["label"], return_counts=True)[1].tolist() == [4, 16]
    assert all(f"s{number}" == sequence for number, sequence in zip(second.ids, second.sequences, strict=True))


def test_metrics_are_those_of_scikit_learn_and_evaluate_and_intervals_hold_them():
    rng = np.random.default_rng(1)
    truth = rng.integers(3, size=200)
    found = np.where(rng.random(200) < 0.7, truth, rng.integers(3, size=200))
    metrics = score_answers(truth, found, seed=0)
    assert metrics["mcc"]["value"] == pytest.approx(matthews_corrcoef(truth, found))
    assert metrics["macro_f1"]["value"] == pytest.approx(f1_score(truth, found, average="macro"))
    low, high = metrics["accuracy"]["interval"]
    # the normal approximation: 1.96 standard errors each way
    share = np.mean(truth == found)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(share * (1 - share) / 200), rel=0.15)
    batchwise = Classification(keep_in_memory=True)
    batchwise.add_batch(predictions=found[:50], references=truth[:50])
    batchwise.add_batch(predictions=found[50:], references=truth[50:])
    assert batchwise.compute() == {name: metric["value"] for name, metric in metrics.items()}


def test_a_worked_confusion():
    """Two classes, TP 3, TN 2, FP 1, FN 2: MCC = (3 x 2 - 1 x 2) / √(4 x 5 x 3 x 4)."""
    truth = np.array([1, 1, 1, 0, 0, 0, 1, 1])
    found = np.array([1, 1, 1, 0, 0, 1, 0, 0])
    metrics = score_answers(truth, found, seed=0)
    assert metrics["accuracy"]["value"] == 5 / 8
    assert metrics["mcc"]["value"] == pytest.approx(4 / np.sqrt(240))


def test_a_class_that_is_never_drawn_and_a_constant_answer_are_no_numbers_out_of_nothing():
    """A resample may lack a rare class; a model may answer one class only, for which MCC is 0 by convention."""
    lacking = agreement(np.array([[[3, 0, 0], [0, 2, 0], [0, 0, 0]], [[3, 0, 0], [2, 0, 0], [0, 0, 0]]]))
    assert lacking["macro_f1"].tolist() == [1, 3 / 8]
    assert lacking["mcc"].tolist() == [1, 0]
    assert score_answers(np.array([0, 1]), np.array([0, 0]), seed=0)["mcc"]["value"] == 0


def test_a_hub_source_is_fetched_by_name_revision_and_folder(gue_folder, monkeypatch):
    asked = []

    def fetched(name, **given):
        asked.append((name, given))
        return str(gue_folder.parents[1])

    monkeypatch.setattr(classification_folders, "snapshot_download", fetched)
    assert len(gue.read("hub:someone/GUE@main/EMP/H3")[0].sequences) == 64
    assert asked == [
        ("someone/GUE", {"repo_type": "dataset", "revision": "main", "allow_patterns": "EMP/H3/*"}),
    ]
    with pytest.raises(ValueError, match="written hub:ORG/NAME"):
        gue.read("hub:GUE")


def test_wrong_data_are_named(gue_folder, tiny):
    root = gue_folder.parents[1]
    with pytest.raises(ValueError, match="such as EMP/H3 in it"):
        gue.read(str(root))
    with pytest.raises(ValueError, match="no folder"):
        gue.read(str(root / "nothing"))
    write_csv(gue_folder / "bad.csv", [("ACGT", "0"), ("AC*T", "1")])
    with pytest.raises(ValueError, match=r"bad\.csv:3: character '\*'"):
        read_split(gue_folder, "bad")
    (gue_folder / "other.csv").write_text("sequence,class\nACGT,0\n")
    with pytest.raises(ValueError, match="no column for the label; the columns are 'sequence', 'class'"):
        read_split(gue_folder, "other")
    (gue_folder / "torn.parquet").write_bytes(b"PAR1")
    with pytest.raises(ValueError, match=r"torn\.parquet: not readable"):
        read_split(gue_folder, "torn")
    train, dev, test = gue.read(str(gue_folder))
    with pytest.raises(ValueError, match="got 1 classes to learn"):
        gue.score(tiny, train._replace(labels={"label": np.full(64, "0")}), dev, test, seed=0)
    with pytest.raises(Unsuited, match="sintax gives no vectors"):
        gue.score(Method("sintax", "", 0), train, dev, test, seed=0)


def test_k_mers_learn_a_linear_layer_and_shuffled_labels_leave_it_at_chance(gue_folder):
    train, dev, test = gue.read(str(gue_folder))
    method = load_method("tnf")
    assert gue.score(method, train, dev, test, seed=0)["mcc"]["value"] > 0.7
    rng = np.random.default_rng(0)
    shuffled = train._replace(labels={"label": rng.permutation(train.labels["label"])})
    assert abs(gue.score(method, shuffled, dev, test, seed=0)["mcc"]["value"]) < 0.5
