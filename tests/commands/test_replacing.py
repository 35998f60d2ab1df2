"""A run replaces what an earlier run of the same command wrote, and without --force nothing that resembles it."""

import shutil

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from matplotlib.figure import Figure
from safetensors.numpy import save_file

from modeling_dnacse import cli
from modeling_dnacse.cli import main
from modeling_dnacse.vectors.earlier_files import is_earlier
from tests.identification.test_formats import written
from tests.support.families import random_families
from tests.support.refusals import refuse

CLUSTER = "cluster in.fasta --threshold 0.9"
IDENTIFY = "identify in.fasta --reference in.fasta"
COMMANDS = {  # output -> command that writes it, texts that such a file resembles
    "c.tsv": (CLUSTER, ["id\tcluster\nmine\tc1\n", "id\tcluster\tsize\n"]),
    "c.uc": (f"{CLUSTER} --format uc", ["H\t0\t90\t99.0\t+\t0\t0\t90M\ta\tb\n", "S\tmine\n"]),
    "otus.fasta": (f"{CLUSTER} -o out.tsv --representatives", [">a\nACGT\n", ">a cluster=c1 size=1\nACGT\n>b\nAC\n"]),
    "c.pdf": (f"{CLUSTER} -o out.tsv --plot", []),
    "i.tsv": (f"{IDENTIFY} --top 2 --hits i.hits.tsv --plot i.svg", ["id\tspecies\na\tApis\n", "id\tcall\n"]),
    "i.svg": (f"{IDENTIFY} -o out.tsv --plot", []),
    "i.hits.tsv": (f"{IDENTIFY} -o out.tsv --top 2 --hits", ["id\thit\na\t1\n"]),
    "i.qiime2": (f"{IDENTIFY} --format qiime2", ["Feature ID\tTaxon\tConfidence\na\td__Eukaryota\t0.98765432\n"]),
    "i.sintax": (f"{IDENTIFY} --format sintax", ["notes\n", "a\tb\t+\tc\n", "a\td:E(0.90)\t+\td:E\n", "notes"]),
    "i.dada2": (f"{IDENTIFY} --format dada2", ["\tweight\tlength\na\t1\t2\n"]),
    "i.biom": (f"{IDENTIFY} --format biom --counts counts.tsv", ['{"id": null, "generated_by": "other"}\n', "{"]),
    "i.json": (f"{IDENTIFY} --format json", ["[1]\n", '[\n{"id": "a"}\n]\n']),
    **{name: ("embed in.fasta", ["vectors\n"]) for name in ("v.npy", "v.npz", "v.parquet", "v.safetensors")},
}


@pytest.fixture
def folder(tmp_path, tiny_folder, monkeypatch):
    """The folder in which the commands run, with their input."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny_folder, tmp_path / "model")
    families = random_families(seed=3, species=4, records=3)
    (tmp_path / "in.fasta").write_text("".join(f">{header}\n{sequence}\n" for header, sequence in families.items()))
    names = [header.split()[0] for header in families]
    (tmp_path / "counts.tsv").write_text("id\ts1\n" + "".join(f"{name}\t3\n" for name in names))
    return tmp_path


def arguments_of(name: str) -> list[str]:
    command = COMMANDS[name][0].split()
    return [*command, *([] if command[-1] in ("--plot", "--hits", "--representatives") else ["-o"]), name] + [
        *("--model", "model")
    ]


def check(arguments: list[str]) -> None:
    args = cli.command_line().parse_args(arguments)
    args.check(args)


@pytest.mark.slow
def test_only_what_the_same_command_wrote_is_replaced(folder, capsys):
    for name, (command, others) in COMMANDS.items():
        output, arguments = folder / name, arguments_of(name)
        if "identify" in command and "--format" in command:
            output.write_text(written(output.suffix[1:]), encoding="utf-8")
        elif not output.exists():  # written beside another
            main(arguments)
        assert output.stat().st_size, name
        check(arguments)
        for text in others:
            output.write_text(text)
            assert f"{name} exists and is not " in refuse(capsys, *arguments), (name, text)
            assert output.read_text() == text
            check([*arguments, "--force"])
        output.unlink()
        (folder / "out.tsv").unlink(missing_ok=True)


def test_other_arrays_tables_and_pictures_are_not_replaced(folder, capsys):
    ids, numbers = [f"r{number}" for number in range(4)], np.ones((4, 8), np.float32)
    np.save("v.npy", numbers)
    np.savez("v.npz", embeddings=numbers, labels=numbers)
    pq.write_table(pa.table({"id": ids, "embedding": ids, "mine": ids}), "v.parquet")
    save_file({"weight": numbers}, "v.safetensors")
    for suffix in ("pdf", "svg"):
        Figure().savefig(f"{'c' if suffix == 'pdf' else 'i'}.{suffix}")
    for name in ("v.npy", "v.npz", "v.parquet", "v.safetensors", "c.pdf", "i.svg"):
        before = (folder / name).read_bytes()
        assert f"{name} exists and is not " in refuse(capsys, *arguments_of(name)), name
        assert (folder / name).read_bytes() == before
        check([*arguments_of(name), "--force"])


@pytest.mark.parametrize("header", [b"null", b"5", b"[{}]", b"[" * 990])
def test_a_header_that_is_no_object_is_not_of_vectors(header, tmp_path):
    path = tmp_path / "v.safetensors"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    assert not is_earlier(path)


def test_an_analysis_in_anndata_is_not_replaced(folder, capsys):
    anndata = pytest.importorskip("anndata")
    arguments = ["embed", "in.fasta", "-o", "v.h5ad", "--model", "model"]
    main(arguments)
    check(arguments)
    analysed = anndata.read_h5ad("v.h5ad")
    analysed.obsm["X_umap"] = analysed.X[:, :2]
    analysed.write_h5ad("v.h5ad")
    assert "v.h5ad exists and is not a .h5ad file of vectors alone" in refuse(capsys, *arguments)
