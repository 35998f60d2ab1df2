"""`dnacse` answers at once where nothing is computed, and the package is complete for everybody else."""

import ast
import subprocess
import sys
from importlib.metadata import version

import pytest

from modeling_dnacse.cli import main
from modeling_dnacse.loading.model_folders import SHIPPED_BARCODES, SHIPPED_FOR_GENOMES

COMMAND = """
import sys
sys.argv = ["/usr/bin/dnacse", *sys.argv[1:]]
from modeling_dnacse.cli import main
try:
    main()
finally:
    print(sorted({"torch", "transformers", "numpy", "pyarrow"} & set(sys.modules)))
"""


def run(code, *arguments):
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["embed", "--help"], ["bin", "--min_length", "x"]])
def test_what_computes_nothing_imports_nothing_heavy(arguments):
    done = run(COMMAND, *arguments)
    assert done.stdout.splitlines()[-1] == "[]", done.stderr
    assert done.returncode == (2 if "x" in arguments else 0)


def test_a_wrong_input_does_not_wait_for_torch(tmp_path):
    done = run(COMMAND, "embed", str(tmp_path / "no.fasta"), "-o", str(tmp_path / "out.npy"))
    assert done.returncode == 2 and "no.fasta: No such file" in done.stderr
    assert not {"torch", "transformers"} & set(ast.literal_eval(done.stdout.splitlines()[-1]))


def test_the_module_is_the_command_too():
    command = [sys.executable, "-X", "importtime", "-m", "modeling_dnacse.cli", "--version"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == f"dnacse {version('dnacse')}\n"
    assert "modeling_dnacse.commands.embed" in done.stderr and " torch\n" not in done.stderr


def test_a_script_of_the_same_name_has_the_whole_package():
    done = run(
        "import sys; sys.argv = ['/home/me/dnacse.py']; from modeling_dnacse import embed; print(embed.__name__)"
    )
    assert done.stdout == "embed\n", done.stderr


@pytest.mark.slow
def test_the_package_alone_registers_its_classes(tiny_folder):
    code = """
import sys
import modeling_dnacse
from transformers import AutoModel
print([name for name in modeling_dnacse.__all__ if not hasattr(modeling_dnacse, name)])
print(type(AutoModel.from_pretrained(sys.argv[1])) is modeling_dnacse.DnacseModel)
"""
    done = run(code, str(tiny_folder))
    assert done.stdout.splitlines() == ["[]", "True"], done.stderr


@pytest.mark.parametrize("threads", ["0", "1025", "1000000000", "nan"])
def test_threads_are_of_a_number_that_systems_can_start(threads, capsys):
    """OpenMP ends by a segmentation fault where it cannot start them."""
    with pytest.raises(SystemExit) as stop:
        main(["info", "--threads", threads])
    assert stop.value.code == 2 and "no whole number from 1 to 1024" in capsys.readouterr().err


@pytest.mark.parametrize("model", [*SHIPPED_BARCODES, SHIPPED_FOR_GENOMES])
def test_no_shipped_model_is_calibrated(model, fasta, capsys):
    before = (model / "config.json").read_bytes()
    with pytest.raises(SystemExit) as stop:
        main(["calibrate", str(fasta), "--model", str(model), "--for", "species"])
    assert stop.value.code == 2 and "is a model of the installed package" in capsys.readouterr().err
    assert (model / "config.json").read_bytes() == before
