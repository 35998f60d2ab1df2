"""`dnacse info` says what the files of a model say; options that all commands have."""

import json
import shutil
from itertools import pairwise

import pytest
import torch

import dnacse
import modeling_dnacse
from modeling_dnacse.cli import COMMANDS, command_line, main
from tests.support.refusals import refuse


def test_shipped_model(capsys):
    main(["info", "--json"])
    told = json.loads(capsys.readouterr().out)
    assert told["model"] == "dnacse-barcode-mini" and told["licence"] == "mit"
    assert "17,208 species" in told["trained on"]["training"] and "COI only" in told["limits"]
    assert any("genus of unseen species" in line for line in told["results"])


def test_json_escapes_what_turns_text_on_a_terminal(tiny_folder, tmp_path, capsys):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"architectures": ["Dna\u202eModel"]}))
    main(["info", str(folder), "--json"])
    out = capsys.readouterr().out
    assert out.isascii() and "Dna\u202eModel" in json.dumps(json.loads(out), ensure_ascii=False)


def test_a_shipped_model_is_found_by_its_name_unless_a_folder_here_has_it(tiny_folder, tmp_path, monkeypatch, capsys):
    """The commands say on stderr that they take dnacse-barcode-12s, but did not take that name."""
    monkeypatch.chdir(tmp_path)
    main(["info", "dnacse-barcode-12s"])
    assert "12S" in capsys.readouterr().out
    assert command_line().parse_args(["embed", "x", "-o", "y", "--model", "dnacse-barcode-12s"]).model[0] == "/"
    (tmp_path / "dnacse-barcode-12s").symlink_to(tiny_folder)
    main(["info", "dnacse-barcode-12s"])
    assert "12S" not in capsys.readouterr().out


def test_a_model_of_kmers_alone_has_no_marker(tiny_folder, tmp_path, capsys):
    """What `dnacse adapt` makes of ITS has one site, so `info` told of one marker of 1 sites."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    config = json.loads((folder / "config.json").read_text())
    for sites, told in ((1, False), (658, True)):
        (folder / "config.json").write_text(json.dumps(config | {"sites": sites}))
        main(["info", str(folder)])
        assert ("markers:" in capsys.readouterr().out) == told


def test_what_files_do_not_say_is_left_out(tiny_folder, tmp_path, capsys):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "README.md").unlink()
    main(["info", str(folder)])
    out = capsys.readouterr().out
    assert out.startswith("model: model\narchitecture: DnacseModel, 3 layers") and "results" not in out
    (folder / "README.md").write_text("---\nlicense: [mit\n---\n# x\n")
    with pytest.raises(SystemExit):
        main(["info", str(folder)])
    assert "README.md: the metadata at its head cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("training.json", '{"data": [1]}'),
        ("training.json", '{"data": {"training": {"species": "many"}}}'),
        ("training.json", '{"steps": 3}'),
        ("config.json", '{"architectures": 7}'),
        ("config.json", '{"sites": 3, "markers": [1]}'),
        ("README.md", "---\ndatasets: 7\n---\n"),
        ("README.md", "---\nlicense: \xe9\n---\n"),
        ("index.json", '{"sources": ["a"]}'),
        ("index.json", '{"calibrations": 7}'),
    ],
)
def test_values_of_strangers_are_one_sentence(name, text, tiny_folder, tmp_path, capsys):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / name).write_text(text, encoding="latin-1")
    assert f"{folder / name} holds other values than this package writes" in refuse(capsys, "info", folder)


def test_a_card_of_aliases_of_aliases_is_refused(tiny_folder, tmp_path, capsys):
    """Its 379 bytes were shown for ever."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    levels = ["a: &a [x, x]", *(f"{b}: &{b} [{','.join([f'*{a}'] * 2)}]" for a, b in pairwise("abcdefghij"))]
    (folder / "README.md").write_text("\n".join(["---", *levels, "license: *j", "---", ""]))
    assert "README.md: the metadata at its head hold an alias (*a);" in refuse(capsys, "info", folder)


def test_a_card_without_metadata_is_read_silently(tiny_folder, tmp_path, capfd, caplog):
    """A message of the library came out: "Repo card metadata block was not found"."""
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "README.md").write_text("# Mine\n\n**Limits**: COI only.\n")
    main(["info", str(folder)])
    said = capfd.readouterr()
    assert "limits: COI only." in said.out and not said.err and not caplog.text


def test_no_file_of_strangers_moves_the_cursor(tiny_folder, tmp_path, capsys):
    folder = shutil.copytree(tiny_folder, tmp_path / "model")
    (folder / "README.md").write_text('---\nlicense: "mit\\x1b[2J\\nresults: great"\n---\n')
    main(["info", str(folder)])
    out = capsys.readouterr().out
    assert "licence: mit\\x1b[2J\\nresults: great\n" in out and out.replace("\n", "").isprintable()


def test_index(tmp_path, capsys):
    told = {"format": "dnacse index", "version": 1, "model": "m", "references": 7, "options": {}, "calibrations": [{}]}
    (tmp_path / "index.json").write_text(json.dumps(told | {"sources": [{"name": "library.fasta", "records": 7}]}))
    main(["info", str(tmp_path)])
    out = capsys.readouterr().out
    assert "model: m\nreferences: 7\ncalibrations: 1\nsources:\n  name library.fasta, records 7\n" in out


def test_a_damaged_index_is_to_be_made_again(tmp_path, capsys):
    """Another model was asked for."""
    (tmp_path / "index.json").write_text('{"sources": ["a"]}')
    assert "make the index again with dnacse index, or fetch it again" in refuse(capsys, "info", tmp_path)


def test_all_commands_take_threads_and_quiet(fasta, tiny_folder, tmp_path, capsys):
    for name in COMMANDS:
        with pytest.raises(SystemExit):
            command_line().parse_args([name, "--help"])
        assert {"--threads", "--quiet"} <= set(capsys.readouterr().out.replace("[", " ").split())
    before = torch.get_num_threads()
    options = ["-o", str(tmp_path / "out.npy"), "--model", str(tiny_folder), "--quiet", "--threads", "2"]
    try:
        main(["embed", str(fasta), *options])
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert capsys.readouterr() == ("", "") and (tmp_path / "out.npy").exists()
    with pytest.raises(SystemExit):
        main(["embed", str(tmp_path / "no.fasta"), *options])
    assert capsys.readouterr().err.startswith("dnacse embed: error: ")


def test_the_name_that_is_installed_is_the_package():
    assert all(getattr(dnacse, name) is getattr(modeling_dnacse, name) for name in modeling_dnacse.__all__)
    assert dnacse.DnaEmbedder is modeling_dnacse.DnaEmbedder
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        dnacse.nothing  # noqa: B018
