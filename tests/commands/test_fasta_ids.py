"""Ids that FASTA would cut: of tables, they may hold blanks; what is written as FASTA has the ids of the tables."""

import numpy as np
import pytest

from modeling_dnacse.cli import main
from tests.support.families import random_families
from tests.support.refusals import refuse


@pytest.fixture
def plots(tmp_path):
    """A table whose ids hold blanks; the first word of all is the same."""
    path = tmp_path / "plots.csv"
    rows = [f"plot {number},{sequence}" for number, sequence in enumerate(random_families(seed=0).values())]
    path.write_text("\n".join(["id,sequence", *rows]) + "\n")
    return path


@pytest.mark.parametrize("command", ["cluster", "bin"])
def test_ids_that_fasta_would_cut_are_refused_before_computing(command, plots, tmp_path, capsys):
    output, files = tmp_path / "out", sorted(tmp_path.iterdir())
    fasta = ["--representatives", tmp_path / "r.fasta"] if command == "cluster" else []
    error = refuse(capsys, command, plots, "-o", output, *fasta)
    assert "plots.csv: id 'plot 0' holds white space" in error and "such as 'plot_0'" in error
    assert sorted(tmp_path.iterdir()) == files


def test_a_table_alone_keeps_ids_with_blanks(plots, tiny_folder, tmp_path):
    main(["cluster", str(plots), "-o", str(tmp_path / "c.tsv"), "--model", str(tiny_folder), "--threshold", "0.9"])
    assert (tmp_path / "c.tsv").read_text().splitlines()[1].startswith("plot 0\t")


@pytest.mark.slow
def test_a_map_offers_no_fasta_that_would_cut_ids(plots, tiny_folder, tmp_path, capsys, monkeypatch):
    pytest.importorskip("umap")
    monkeypatch.setattr("modeling_dnacse.maps.points.lay_out", lambda vectors, seed: np.zeros((len(vectors), 2)))
    main(["map", str(plots), "-o", str(tmp_path / "map.html"), "--model", str(tiny_folder)])
    page = (tmp_path / "map.html").read_text()
    assert "Download ids" in page and "Download FASTA" not in page
    assert "; without sequences, since FASTA ends an id at white space, as in 'plot 0'" in capsys.readouterr().err
