"""Files that change while a block runs are told, also those in folders."""

import pytest

from modeling_dnacse.machine.stamps import unchanged


def test_a_file_in_a_folder_that_changes_is_told(tmp_path):
    inner = tmp_path / "genomes" / "one"
    inner.mkdir(parents=True)
    (inner / "G1.fa").write_text(">a\nACGT\n")
    with unchanged([tmp_path / "genomes"]):
        pass
    with pytest.raises(ValueError, match=r"G1\.fa changed while it was being read"), unchanged([tmp_path / "genomes"]):
        (inner / "G1.fa").write_text(">a\nACG\n")
    with pytest.raises(ValueError, match=r"G1\.fa changed"), unchanged([tmp_path / "genomes"]):
        (inner / "G1.fa").unlink()
        raise KeyError("an error that the change explains")
