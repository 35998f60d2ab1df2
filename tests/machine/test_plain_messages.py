"""Messages hold no control character of a name, and no endless word: of the commands, of all scripts, of argparse."""

import importlib
import json
import os
import subprocess
import sys

import pytest
from tqdm import tqdm

from modeling_dnacse.cli import main
from modeling_dnacse.machine.plain_messages import plain_messages

EVIL, LONG = "e\x1b[31mvil\x07", "Q" * 3000
SCRIPTS = [
    *(f"trainer.{name}" for name in ("train", "train_tokenizer", "fit_embeddings", "fit_sites", "fit_merges")),
    *("trainer.finish", "benchmarks.run", "benchmarks.tables", "benchmarks.plots"),
    *(f"benchmarks.data.{name}" for name in ("simulate", "simulate_genomes", "make_splits", "make_contigs")),
    *(f"benchmarks.data.{name}" for name in ("write_bins", "make_classification", "join_training")),
]


def is_plain(text: str) -> bool:
    return all(letter.isprintable() or letter in "\n\r\t" for letter in text)


@pytest.mark.parametrize("name", SCRIPTS)
def test_scripts_refuse_strange_arguments_in_plain_text(name, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", [f"{name}.py"])
    with pytest.raises(SystemExit) as stop:
        importlib.import_module(name).main([f"--{EVIL}", f"--{LONG}"])
    told = capsys.readouterr().err
    assert stop.value.code == 2 and is_plain(told) and "Q" * 256 not in told


@pytest.mark.parametrize("arguments", [["info", f"--{EVIL}"], ["embed", "x", "-o", "y.npy", "--dtype", LONG]])
def test_options_that_are_refused_are_told_in_plain_text(arguments, capsys):
    with pytest.raises(SystemExit):
        main(arguments)
    told = capsys.readouterr().err
    assert is_plain(told) and "Q" * 256 not in told and "error" in told


@pytest.mark.parametrize("logs", [[], ["--json_logs"]])
def test_names_of_files_are_plain_while_a_command_works(logs, tmp_path, tiny_folder, capsys):
    records = tmp_path / f"{EVIL}.fasta"
    records.write_text(">a\nACGTACGTAACCGGTT\n")
    main(["embed", str(records), "-o", str(tmp_path / "v.npy"), "--model", str(tiny_folder), *logs])
    told = capsys.readouterr().err
    assert is_plain(told) and "e?[31mvil?.fasta" in told
    assert not logs or all(json.loads(line) for line in told.splitlines())


@pytest.mark.parametrize("logs", [[], ["--json_logs"]])
def test_line_feeds_in_names_break_no_message(logs, tmp_path, tiny_folder, capsys):
    """A message of success was two lines, and two objects of JSON logs."""
    records, output = tmp_path / "a\nb.fasta", tmp_path / "v\nw"
    records.write_text(">a\nACGTACGTAACCGGTT\n")
    main(["embed", str(records), f"--output={output}/", "--model", str(tiny_folder), *logs])
    told = capsys.readouterr().err
    assert "a?b.fasta: Read 1 records" in told and "v?w/: 1 vectors of 48 numbers" in told
    assert not logs or all(json.loads(line) for line in told.splitlines())


def test_scripts_show_line_feeds_in_their_arguments_as_question_marks(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["train.py", "--output_dir", "a\nb/", "c\n"])
    with plain_messages():
        sys.stderr.write("released a\nb\nc\n")
    assert capsys.readouterr().err == "released a?b\nc\n"


def test_a_warning_of_a_command_shows_no_line_of_code(tmp_path, tiny_folder, capsys):
    table = tmp_path / "t.csv"
    table.write_text("sequence\nACGTACGTAACCGGTT\n")
    command = ["embed", str(table), "-o", str(tmp_path / "v.npy"), "--model", str(tiny_folder)]
    run = [sys.executable, "-m", "modeling_dnacse.cli", *command]
    lines = subprocess.run(run, check=True, capture_output=True, text=True).stderr
    assert f"warning: {table}:2: no column of ids" in lines and ".py:" not in lines


@pytest.mark.parametrize(
    "command",
    [["embed", "LONG", "-o", "x.npy"], ["LONG"], ["info", "LONG"], ["embed", "x", "-o", "y.npy", "--dtype", "LONG"]],
    ids=str,
)
def test_long_arguments_with_blanks_are_not_repeated_as_a_whole(command, capsys):
    with pytest.raises(SystemExit):
        main(["ab " * 1500 if word == "LONG" else word for word in command])
    assert 0 < capsys.readouterr().err.count("ab ") <= 70


def test_two_progress_bars_find_their_lines(capsys):
    """`?[A` stood in place of the cursor's way up."""
    with plain_messages():
        with tqdm(total=2, file=sys.stderr) as upper, tqdm(total=2, file=sys.stderr, position=1) as lower:
            lower.update()
            upper.update()
        sys.stderr.write("\x1b[Aname\n")
    told = capsys.readouterr().err
    assert "\x1b[A" in told and told.count("?[A") == 1 and told.endswith("?[Aname\n")


def test_bytes_that_are_no_text_are_escaped(capsys):
    with plain_messages(), plain_messages():
        sys.stderr.writelines([os.fsdecode(b"n\xff\n"), "a\rb\tc\n"])
        sys.stderr.flush()
    assert not sys.stderr.isatty()
    assert capsys.readouterr().err == "n\\udcff\na\rb\tc\n"
