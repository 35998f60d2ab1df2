"""`--json_logs`: every line on stderr is an object, also progress, warnings and errors."""

import json
import sys
import warnings
from io import StringIO
from pathlib import Path

import pytest

from modeling_dnacse.cli import main
from modeling_dnacse.machine import progress
from modeling_dnacse.machine.json_logs import JsonLines, json_on_stderr
from modeling_dnacse.machine.progress import progress_bar

SAMPLE = Path(__file__).parents[2] / "examples" / "sample"


def objects(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_lines_warnings_and_bars_become_objects(monkeypatch):
    monkeypatch.setattr(progress, "SECONDS", 0)
    stream = StringIO()
    with json_on_stderr(JsonLines(stream, "embed")):
        sys.stderr.write("one ")
        sys.stderr.write("line\nand another\n")
        warnings.warn("odd", stacklevel=1)
        with progress_bar(2, "queries") as bar:
            bar.update(2)
            bar.write("beside a bar", file=sys.stderr)
    told = objects(stream.getvalue())
    said = [(one["level"], one.get("message")) for one in told if one["level"] != "progress"]
    lines = ("info", "one line"), ("info", "and another"), ("warning", "odd"), ("info", "beside a bar")
    assert tuple(said) == lines
    last = [one for one in told if one["level"] == "progress"][-1]
    assert (last["what"], last["done"], last["total"], last["unit"]) == ("queries", 2, 2, "seq")
    assert all(one["command"] == "embed" and one["time"].endswith("+00:00") for one in told)


def test_a_bar_is_silent_in_a_pipe(capsys):
    with progress_bar(2, "queries") as bar:
        bar.update(2)
    assert capsys.readouterr().err == ""


def test_a_command_and_its_error(tmp_path, capsys):
    main(["embed", str(SAMPLE / "queries.fasta"), "-o", str(tmp_path / "out.npy"), "--json_logs"])
    told = objects(capsys.readouterr().err)
    assert any(one["level"] == "progress" and one["done"] == one["total"] == 18 for one in told)
    assert any("18 records" in one.get("message", "") for one in told)
    with pytest.raises(SystemExit):
        main(["embed", str(tmp_path / "none.fasta"), "-o", str(tmp_path / "out.npy"), "--json_logs"])
    (error,) = objects(capsys.readouterr().err)
    assert error["level"] == "error" and "none.fasta" in error["message"]
