"""CAMI's binning files are written as AMBER reads them and read back in both of their formats."""

import numpy as np
import pytest

from benchmarks.data.cami import read_cami, write_cami
from benchmarks.data.write_bins import main
from modeling_dnacse.reading.labels import RANKS


def test_a_file_is_laid_out_as_amber_reads_it(tmp_path):
    path = tmp_path / "gold.binning"
    write_cami(path, ["c1", "c2", "c3"], ["Apis_mellifera", "", "Bos"], [5000, 4000, 3000], sample="s")
    assert path.read_text() == (
        "@Version:0.9.1\n@SampleID:s\n@@SEQUENCEID\tBINID\t_LENGTH\nc1\tApis_mellifera\t5000\nc3\tBos\t3000\n"
    )


def test_unbinned_contigs_are_left_out_and_the_rest_comes_back(tmp_path):
    path = tmp_path / "bins.binning"
    write_cami(path, ["c1", "c2", "c3"], np.array([2, -1, 1]))
    assert read_cami(path) == {"c1": "2", "c3": "1"}


def test_the_simulators_mapping_is_read(tmp_path):
    path = tmp_path / "gsa_mapping.tsv"
    header = "#anonymous_contig_id\tgenome_id\ttax_id\tcontig_id\tnumber_reads\tstart_position\tend_position"
    path.write_text(f"{header}\nS0C1\tGenome1\t562\tx\t9\t1\t5000\nS0C2\tGenome2\t28901\ty\t9\t1\t5000\n")
    assert read_cami(path) == {"S0C1": "Genome1", "S0C2": "Genome2"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("@Version:0.9.1\nc1\tb1\n", ":2: no header line"),
        ("@@SEQUENCEID\tTAXID\nc1\t562\n", ":2: no header line"),
        ("@@SEQUENCEID\tTAXID\tBINID\nc1\t562\n", ":2: 2 fields, fewer than the header names"),
        ("@@SEQUENCEID\tBINID\nc1\tb1\nc1\tb2\n", ":3: contig 'c1' is in 'b2' and in 'b1'"),
        ("@@SEQUENCEID\tBINID\n", ": no rows"),
    ],
)
def test_wrong_files_name_the_line(tmp_path, text, words):
    path = tmp_path / "f.binning"
    path.write_text(text)
    with pytest.raises(ValueError) as caught:
        read_cami(path)
    assert str(caught.value).startswith(f"{path}{words}")


def contigs(*splits: str) -> list[str]:
    """Make a table of 50 contigs of a species for each split that is named; the first line is the header."""
    rng = np.random.default_rng(0)
    rows = ["\t".join(["id", "sequence", *RANKS, "split"])]
    for number, split in enumerate(splits):
        style = rng.dirichlet(np.full(4, 5))
        for contig in range(50):
            sequence = "".join(rng.choice(list("ACGT"), 2600, p=style))
            rows.append("\t".join([f"g{number}_{contig}", sequence, f"Alba s{number}", "Alba", "", "", "", "", split]))
    return rows


def test_the_command_writes_bins_and_their_gold_standard(tmp_path, capsys):
    rows = contigs(*("unseen_val", "unseen_test") * 3)
    (tmp_path / "contigs.tsv").write_text("\n".join(rows) + "\n")
    command = ["--model", "tnf", "--data", str(tmp_path / "contigs.tsv"), "--output", str(tmp_path / "bins")]
    assert main(command) == 0
    gold = read_cami(tmp_path / "bins" / "gold_standard.binning")
    assert gold == {f"g{n}_{contig}": f"Alba_s{n}" for n in (1, 3, 5) for contig in range(50)}
    assert 30 < len(read_cami(tmp_path / "bins" / "tnf.binning").keys() & gold.keys()) <= 150
    assert "of 150 contigs, threshold" in capsys.readouterr().out
    (tmp_path / "contigs.tsv").write_text("\n".join(rows[:60]) + "\n")
    assert main(command) == 2
    assert "write_bins.py: got " in capsys.readouterr().err
    assert main([*command, "--device", "foo"]) == 2
    assert "write_bins.py: --device foo cannot be used here" in capsys.readouterr().err
    assert main([*command[:-1], str(tmp_path / "new" / "bins")]) == 2
    assert not (tmp_path / "new").exists()  # it was there, empty


def test_bins_do_not_replace_the_gold_standard_that_is_read(tmp_path, capsys):
    """Of a source with several files, each is an input, by any name."""
    gold, sequences = tmp_path / "gold_standard.binning", tmp_path / "contigs.fasta"
    sequences.write_text("".join(f">c{number}\n{'ACGT' * 700}\n" for number in range(4)))
    write_cami(gold, [f"c{number}" for number in range(4)], ["a", "a", "b", "b"], [2800] * 4)
    (tmp_path / "link.binning").symlink_to(gold)
    before = gold.read_bytes()
    for name in (gold, tmp_path / "link.binning"):
        assert main(["--model", "tnf", "--data", f"cami:{sequences}+{name}", "--output", str(tmp_path)]) == 2
        assert f"{gold} is an output, but also an input ({name}); give the output" in capsys.readouterr().err
    assert gold.read_bytes() == before


@pytest.mark.parametrize("name", ["gold_standard", "tnf"])
def test_bins_of_another_program_stay(name, tmp_path, capsys):
    """A gold standard of CAMI in the folder was replaced."""
    (tmp_path / "contigs.tsv").write_text("\n".join(contigs(*("unseen_val", "unseen_test") * 2)) + "\n")
    theirs = tmp_path / f"{name}.binning"
    write_cami(theirs, ["c1", "c2"], ["a", "b"], sample="marmgCAMI2_short_read_sample_0")
    before = theirs.read_bytes()
    command = ["--model", "tnf", "--data", str(tmp_path / "contigs.tsv"), "--output", str(tmp_path)]
    assert main(command) == 2
    assert f"{theirs} exists and is not a file of write_bins.py; give another name" in capsys.readouterr().err
    assert theirs.read_bytes() == before
    theirs.unlink()
    assert main(command) == main(command) == 0


@pytest.mark.slow
def test_a_baseline_that_learns_takes_the_training_split(tmp_path, capsys):
    """It once was given none, and said that the data had none."""
    path, bins = tmp_path / "contigs.tsv", tmp_path / "bins"
    command = ["--model", "kmer_mlp", "--data", str(path), "--output", str(bins)]
    unseen = ("unseen_val", "unseen_test") * 2
    path.write_text("\n".join(contigs(*unseen)) + "\n")
    assert main(command) == 2
    assert "kmer_mlp is trained on labelled sequences, but the data have no split train" in capsys.readouterr().err
    assert not bins.exists()
    path.write_text("\n".join(contigs(*unseen, "train", "train")) + "\n")
    assert main(command) == 0
    assert "of 100 contigs, threshold" in capsys.readouterr().out
    assert (bins / "kmer_mlp.binning").exists()
