"""What comes back is put together and checked; what is missing or damaged is one sentence."""

import json
import tarfile

import pytest

from device import arms, collect

MACHINE = {"device": "NVIDIA H100 80GB HBM3", "card": "NVIDIA H100 80GB HBM3, 580.159.04", "commit": ""}
MACHINE |= {"matmul_flops_per_second": 8e14, "copied_bytes_per_second": 3e12, "versions": {"torch": "2.11.0"}}


@pytest.fixture
def came_back(tmp_path, monkeypatch):
    """A folder as run.sh leaves it, with a model in three pieces."""
    monkeypatch.setattr(arms, "PIECE", 4096)
    out, work, model = tmp_path / "out", tmp_path / "work", tmp_path / "model"
    for folder in (out, work / "results", model):
        folder.mkdir(parents=True)
    (model / "weights").write_bytes(bytes(range(256)) * 20)
    (work / "results" / "best.json").write_text(
        json.dumps({"arm": "phase I", "steps": 9, "pieces": arms.write_pieces(model, out)})
    )
    (work / "results" / "stages.tsv").write_text("best\t0\t12\n")
    (work / "results" / "commit").write_text("abc123\n")
    (work / "results" / "machine.json").write_text(json.dumps(MACHINE))
    pack(work, out)
    return out


def pack(work, out):
    with tarfile.open(out / "results.tar.gz", "w:gz") as archive:
        archive.add(work / "results", "results")


def test_pieces_become_the_model_again(came_back, tmp_path, capsys):
    assert len(list(came_back.glob("weights.*"))) == 3
    log = tmp_path / "LOG.md"
    log.write_text("# Log\n\n## former\n\nText.\n")
    assert collect.main([str(came_back), "--output", str(tmp_path / "to"), "--log", str(log)]) == 0
    assert (tmp_path / "to" / arms.NAME / "weights").read_bytes() == bytes(range(256)) * 20
    said = capsys.readouterr().out
    assert "| best | 0 | 12 |" in said and "came back whole" in said
    assert "(NVIDIA H100 80GB HBM3, 580.159.04)" in said and "800 TFLOP/s" in said
    assert json.loads((tmp_path / "to" / "results" / "machine.json").read_text())["commit"] == "abc123"
    text = log.read_text()
    assert text.startswith("# Log\n\n## ") and text.index("| best | 0 | 12 |") < text.index("## former")


@pytest.mark.parametrize("harm", ["damaged", "missing"])
def test_a_bad_piece_is_refused(came_back, tmp_path, capsys, harm):
    piece = came_back / "weights.01"
    if harm == "missing":
        piece.unlink()
    else:
        piece.write_bytes(piece.read_bytes()[:-1])
    assert collect.main([str(came_back), "--output", str(tmp_path / "to")]) == 2
    assert f"weights.01 is {harm}: fetch it again" in capsys.readouterr().err
    assert not (tmp_path / "to" / arms.NAME).exists()


def test_a_folder_without_results_is_refused(tmp_path, capsys):
    assert collect.main([str(tmp_path), "--output", str(tmp_path / "to")]) == 2
    assert "holds no results.tar.gz" in capsys.readouterr().err


def test_the_later_of_two_calls_counts(came_back, tmp_path, capsys):
    second, work = tmp_path / "second", tmp_path / "work"
    second.mkdir()
    (work / "results" / "arms.json").write_text(
        json.dumps({"planned_steps": 7, "batch": 4, "arms": {"phase I": {"steps": 7, "recall_at_1": 0.5}}})
    )
    (work / "results" / "best.json").write_text(json.dumps({"arm": "no layers", "steps": 9}))
    pack(work, second)
    assert collect.main([str(came_back), str(second), "--output", str(tmp_path / "to")]) == 0
    said = capsys.readouterr().out
    assert "no layers" in said and "| phase I | 7 | 0.5 |" in said and "came back whole" not in said


def test_utilisation_is_also_of_the_measured_rate():
    """The trainer's own `mfu` is a share of the data sheet's rate."""
    measured = {"arms": {"bf16 flex": {"model_tflops": 320.0}, "failed": {}}}
    assert collect.of_measured_rate(measured, MACHINE) == "Of the measured rate of matrix products: bf16 flex 40%."
