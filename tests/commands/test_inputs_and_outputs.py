"""Files are looked at before torch is loaded: no command writes over what it reads, and mistakes are told at once."""

import os
import shutil
from pathlib import Path

import pytest

from modeling_dnacse import cli
from tests.support.refusals import refuse

FASTA = "".join(f">r{number} species=Apis mellifera\n{'ACGT' * 30}\n" for number in range(3))


@pytest.fixture(autouse=True)
def no_torch(monkeypatch):
    """Whatever gets as far as loading torch fails."""
    monkeypatch.setattr(cli, "prepare", lambda _: pytest.fail("torch was loaded"))


@pytest.fixture
def files(tmp_path, tiny_folder):
    """One input for each role."""
    for name in ("in.fasta", "library.fasta", "known.fasta", "taxonomy.tsv"):
        (tmp_path / name).write_text(FASTA)
    (tmp_path / "vectors.npy").write_text("vectors")
    (tmp_path / "vectors.ids.txt").write_text("ids")
    shutil.copytree(tiny_folder, tmp_path / "model")
    return tmp_path


COMMANDS = {
    "embed": ["embed", "in.fasta", "--model", "model", "-o", "OUT"],
    "cluster": ["cluster", "in.fasta", "--model", "model", "--labelled", "known.fasta", "-o", "OUT"],
    "representatives": ["cluster", "in.fasta", "--model", "model", "-o", "o.tsv", "--representatives", "OUT"],
    "cluster plot": ["cluster", "in.fasta", "--model", "model", "-o", "o.tsv", "--plot", "OUT"],
    "identify": [
        *["identify", "in.fasta", "--reference", "library.fasta", "--reference_vectors", "vectors.npy"],
        *["--taxonomy", "taxonomy.tsv", "-o", "OUT"],
    ],
    "identify plot": ["identify", "in.fasta", "--reference", "library.fasta", "-o", "o.tsv", "--plot", "OUT"],
    "bin plot": [
        "bin",
        "in.fasta",
        "--method",
        "k_medoid",
        "--labelled",
        "known.fasta",
        "-o",
        "bins",
        "--plot",
        "OUT",
    ],
}


def content(folder):
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("command", COMMANDS)
def test_no_output_of_any_role_is_an_input_of_any_role(files, capsys, command, monkeypatch):
    monkeypatch.chdir(files)
    arguments = COMMANDS[command]
    roles = ("in.fasta", "library.fasta", "known.fasta", "taxonomy.tsv", "vectors.npy")
    read = [name for name in roles if name in arguments]
    read += ["vectors.ids.txt"] if "vectors.npy" in arguments else []
    read += ["model/config.json", "model/model.safetensors"] if "model" in arguments else []
    suffix = ".npy" if command == "embed" else ".png" if "plot" in command else ".tsv"
    for name in read:
        link, hard = f"link{suffix}", f"hard{suffix}"
        Path(link).symlink_to(name)
        Path(hard).hardlink_to(name)
        before = content(files)
        for output in (link, hard, f"./{hard}", *([name] if command != "embed" else [])):
            told = refuse(capsys, *[output if given == "OUT" else given for given in arguments])
            assert "is an output, but also an input" in told and output.removeprefix("./") in told, told
        assert content(files) == before
        Path(link).unlink()
        Path(hard).unlink()


def test_files_beside_the_output_count(files, capsys, monkeypatch):
    monkeypatch.chdir(files)
    Path("in.fasta").rename("in.tsv")
    Path("out.ids.txt").symlink_to("in.tsv")
    assert "out.ids.txt is an output, but also an input" in refuse(capsys, *["embed", "in.tsv", "-o", "out.npy"])
    Path("out.ids.txt").unlink()
    (files / "out.ids.txt").write_text("mine")
    assert "out.ids.txt exists without out.npy" in refuse(capsys, *["embed", "in.tsv", "-o", "out.npy"])
    assert (files / "out.ids.txt").read_text() == "mine"
    with pytest.raises(pytest.fail.Exception, match="torch was loaded"):  # it was refused all the same
        cli.main(["embed", "in.tsv", "-o", "out.npy", "--force"])


def test_a_missing_folder_is_told_before_anything_is_read(files, capsys, monkeypatch):
    monkeypatch.chdir(files)
    for command in ("embed no.fasta", "cluster no.fasta", "identify no.fasta --reference no.fasta"):
        suffix = "npy" if "embed" in command else "tsv"
        told = refuse(capsys, *command.split(), "-o", f"results/x.{suffix}")
        assert f"results/x.{suffix}: there is no folder results; make it first" in told


def test_a_text_is_not_named_as_if_it_were_compressed(files, capsys, monkeypatch):
    """It was written plain under the name x.tsv.gz, which gunzip refuses."""
    monkeypatch.chdir(files)
    for arguments in (
        ["cluster", "in.fasta", "-o", "x.tsv.gz"],
        ["cluster", "in.fasta", "-o", "y.tsv", "--representatives", "x.tsv.gz"],
        ["identify", "in.fasta", "--reference", "library.fasta", "-o", "x.tsv.gz"],
    ):
        assert "x.tsv.gz would not be compressed; write x.tsv" in refuse(capsys, *arguments)


def test_vectors_are_not_written_to_a_stream(files, capsys):
    assert "-: vectors cannot be written to a stream" in refuse(capsys, "embed", files / "in.fasta", "-o", "-")


@pytest.mark.parametrize("command", ["embed", "cluster", "identify", "bin", "calibrate"])
def test_a_wrong_input_or_model_needs_no_torch(files, capsys, command, monkeypatch):
    monkeypatch.chdir(files)
    (files / "bad.fasta").write_text(">a\nMKV*\n")
    more = {"identify": ["--reference", "library.fasta"], "calibrate": ["--for", "species"]}.get(command, [])
    output = [] if command == "calibrate" else ["-o", "out" if command == "bin" else "out.parquet"]
    arguments = [*more, *output, "--model", "model"]
    assert "bad.fasta:2: character" in refuse(capsys, command, "bad.fasta", *arguments)
    assert "no.fasta: No such file or directory" in refuse(capsys, command, "no.fasta", *arguments)
    assert "there is no folder /no/such/model" in refuse(
        capsys, command, "in.fasta", *arguments[:-1], "/no/such/model"
    )
    if command == "identify":
        taxonomy = ["identify", "in.fasta", *arguments, "--taxonomy"]
        assert "no.tsv: No such file or directory" in refuse(capsys, *taxonomy, "no.tsv")
        Path("ids.tsv").write_text("other\tg__Apis; s__mellifera\n")
        assert "ids.tsv: none of the 3 records of library.fasta is in it" in refuse(capsys, *taxonomy, "ids.tsv")
        Path("nameless.fasta").write_text(">a\nACGT\n")
        arguments = ["--reference", "nameless.fasta", *arguments[2:]]
        assert "nameless.fasta: none of 1 references has a species" in refuse(capsys, command, "in.fasta", *arguments)
    (files / "model" / "config.json").write_text("[1]")
    assert "config.json: a JSON list where an object belongs" in refuse(capsys, command, "in.fasta", *arguments)
    (files / "model" / "config.json").write_text('{"a": ')
    assert "config.json: no JSON" in refuse(capsys, command, "in.fasta", *arguments)
    (files / "model" / "tokenizer.json").unlink()
    assert "config.json" in refuse(capsys, command, "in.fasta", *arguments)


SIDE_FILES = {
    "counts": ["identify", "in.fasta", "--reference", "library.fasta", "-o", "o.tsv", "--counts", "FIFO"],
    "taxonomy": ["identify", "in.fasta", "--reference", "library.fasta", "-o", "o.tsv", "--taxonomy", "FIFO"],
    "reference": ["identify", "in.fasta", "--reference", "FIFO", "-o", "o.tsv"],
    "vectors": ["identify", "in.fasta", "--reference", "in.fasta", "-o", "o.tsv", "--reference_vectors", "FIFO"],
    "labels": ["map", "in.fasta", "-o", "o.html", "--labels", "FIFO"],
    "add_to": ["cluster", "in.fasta", "-o", "o.tsv", "--add_to", "FIFO"],
    "labelled": ["cluster", "in.fasta", "-o", "o.tsv", "--labelled", "FIFO"],
    "coverage": ["bin", "in.fasta", "-o", "bins", "--coverage", "library.fasta", "FIFO"],
    "index": ["index", "in.fasta", "-o", "ix", "--calibrate_for", "FIFO"],
    "adapt": ["adapt", "in.fasta", "-o", "new", "--taxonomy", "FIFO"],
    "export": ["export", "--format", "onnx", "--model", "with_fifo", "-o", "graph"],
    "embed": ["embed", "in.fasta", "-o", "o.npy", "--model", "with_fifo"],
    "shards": ["embed", "in.fasta", "-o", "shards", "--model", "with_fifo"],
    "calibrate": ["calibrate", "in.fasta", "--for", "species", "--model", "with_fifo"],
    "info": ["info", "with_fifo"],
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("command", SIDE_FILES)
def test_nobody_waits_for_the_writer_of_a_fifo(files, capsys, monkeypatch, command):
    monkeypatch.chdir(files)
    os.mkfifo("FIFO")
    shutil.copytree("model", "with_fifo")
    Path("with_fifo/README.md").unlink()
    os.mkfifo("with_fifo/README.md")
    before = sorted(files.rglob("*"))
    assert "is no regular file; write its content to a file first" in refuse(capsys, *SIDE_FILES[command])
    assert sorted(files.rglob("*")) == before


def test_a_pipe_of_the_shell_has_a_writer(files, capsys, monkeypatch):
    """As `--coverage <(zcat depths.tsv.gz)`."""
    monkeypatch.chdir(files)
    reading, writing = os.pipe()
    os.write(writing, b"contigName\tone\nr0\t1\nr1\tx\nr2\t3\n")
    os.close(writing)
    told = refuse(capsys, "bin", "in.fasta", "-o", "bins", "--min_length", "9", "--coverage", f"/dev/fd/{reading}")
    assert f"/dev/fd/{reading}:3: " in told
    os.close(reading)


def test_the_installed_model_is_nobodys_to_calibrate(files, capsys):
    told = refuse(capsys, "calibrate", files / "known.fasta", "--for", "species")
    assert "a model of the installed package" in told and "give the copy as --model" in told


OUTPUTS = {"embed": "out.parquet", "cluster": "o.tsv", "representatives": "o.fa", "identify": "o.tsv"}
OUTPUTS |= dict.fromkeys(("cluster plot", "identify plot", "bin plot"), "o.png")


@pytest.mark.parametrize("command", OUTPUTS)
def test_a_file_of_another_kind_is_replaced_by_force_alone(files, capsys, monkeypatch, command):
    monkeypatch.chdir(files)
    Path("vectors.npy").unlink()
    output = Path(OUTPUTS[command])
    arguments = [str(output) if given == "OUT" else given for given in COMMANDS[command]]
    if command == "identify":
        arguments = ["identify", "in.fasta", "--reference", "library.fasta", "-o", str(output)]
    if "-o" in arguments and command in ("representatives", "cluster plot", "identify plot"):
        arguments[arguments.index("o.tsv")] = "other.tsv"
    arguments += ["--min_length", "100"] if command == "bin plot" else []
    output.write_text("my notes\n")
    told = refuse(capsys, *arguments)
    assert f"{output} exists and is not " in told and ("--force" in told) == (command != "bin plot"), told
    assert output.read_text() == "my notes\n"
    output.write_bytes(b"")  # as of a run that found no room
    args = cli.command_line().parse_args(arguments)
    args.check(args)
    if command != "bin plot":
        output.write_text("my notes\n")
        args = cli.command_line().parse_args([*arguments, "--force"])
        args.check(args)


@pytest.mark.parametrize("device", ["gpu", "cuda:99"])
@pytest.mark.parametrize("command", ["embed", "cluster", "identify", "bin plot"])
def test_a_device_that_cannot_be_used_is_told_before_files_are_read(files, capsys, monkeypatch, command, device):
    monkeypatch.chdir(files)
    Path("vectors.npy").unlink()
    Path("in.fasta").write_text("not read\n")
    arguments = [OUTPUTS[command] if given == "OUT" else given for given in COMMANDS[command]]
    if command == "identify":
        arguments = ["identify", "in.fasta", "--reference", "library.fasta", "-o", "o.tsv"]
    assert f"--device {device} cannot be used here" in refuse(capsys, *arguments, "--device", device)


def test_an_empty_argument_is_not_the_working_folder(files, capsys, monkeypatch):
    """`-o "$OUT"` of a variable that is not set wrote shards into the working folder."""
    (files / "empty").mkdir()
    monkeypatch.chdir(files / "empty")
    for output in (["-o", ""], ["--output="]):
        with pytest.raises(SystemExit, match="2"):
            cli.main(["embed", "../in.fasta", "--model", "../model", *output])
        assert capsys.readouterr().err.splitlines()[-1].startswith("dnacse: error: ")
    assert not any(Path.cwd().iterdir())
