"""dnacse bin: every contig in one file of the folder, the table as CAMI's tools read it, nothing by halves."""

import json
import shutil

import numpy as np
import pytest

from benchmarks.data.cami import read_cami
from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.cli import main
from modeling_dnacse.clustering.communities import communities
from modeling_dnacse.clustering.depths import scale_depths
from modeling_dnacse.clustering.entries import Entry
from modeling_dnacse.clustering.k_medoid import k_medoid, similarity_threshold
from modeling_dnacse.commands import bin_files
from modeling_dnacse.commands import calibrate as calibrate_command
from modeling_dnacse.commands.bin import communities_in_any_order
from modeling_dnacse.loading.checkpoints import load_checkpoint
from modeling_dnacse.reading.sequences import read_fasta
from tests.support.families import random_families
from tests.support.refusals import refuse

OPTIONS = ["--min_length", "95", "--min_contigs", "2"]  # random_families are of 90 to 120 bp
K_MEDOID = ["--method", "k_medoid"]


def test_every_contig_is_in_one_file(fasta, tiny_folder, tmp_path, capsys):
    folder = tmp_path / "bins"
    folder.mkdir()  # an empty folder may be there
    arguments = ["bin", fasta, "-o", folder, "--model", tiny_folder, "--threshold", 0.985, *K_MEDOID]
    command = ["bin", fasta, "-o", folder, "--model", tiny_folder, "--plot", folder / "bins.png"]
    assert "would lie in" in refuse(capsys, *map(str, command))
    main([*map(str, arguments), *OPTIONS, "--plot", str(tmp_path / "bins.png"), "--sample_id", "pond 1"])
    assert "\n@SampleID:pond 1\n" in (folder / "bins.tsv").read_text()
    contigs = {record.id: record.sequence for record in read_fasta(fasta)}
    files = {path.stem: {r.id: r.sequence for r in read_fasta(path)} for path in folder.glob("*.fasta")}
    written = [pair for records in files.values() for pair in records.items()]
    assert sorted(written) == sorted(contigs.items())
    unbinned = files.pop("unbinned")
    table = read_cami(folder / "bins.tsv")
    assert table == {identifier: name for name, records in files.items() for identifier in records}
    das_tool = [line.split("\t") for line in (folder / "contigs2bin.tsv").read_text().splitlines()]
    assert dict(das_tool) == table and len(das_tool) == len(table)
    assert set(files) == {f"bin_{number}" for number in range(1, len(files) + 1)} and len(files) > 1
    bp = [sum(map(len, files[f"bin_{number}"].values())) for number in range(1, len(files) + 1)]
    assert bp == sorted(bp, reverse=True)
    sizes = [line.split("\t") for line in (folder / "sizes.tsv").read_text().splitlines()[1:]]
    assert [(row[0], int(row[1]), int(row[2])) for row in sizes] == [
        (f"bin_{number}", len(files[f"bin_{number}"]), total) for number, total in enumerate(bp, 1)
    ]
    assert all(0 < float(row[5]) <= 1 for row in sizes)
    assert {identifier for identifier, sequence in contigs.items() if len(sequence) < 95} < set(unbinned)
    long = {identifier: sequence for identifier, sequence in contigs.items() if len(sequence) >= 95}
    vectors = embed(*load_checkpoint(DnacseModel, str(tiny_folder)), list(long.values()))
    expected = dict(zip(long, k_medoid(vectors, 0.985, 2).tolist(), strict=True))
    assert {(expected[identifier], table.get(identifier)) for identifier in long} >= {
        (expected[identifier], name) for identifier, name in table.items()
    }
    assert len({(number, table.get(identifier)) for identifier, number in expected.items()}) == len(
        set(expected.values())
    )
    assert f"{len(files)} bins of {len(table)} contigs" in capsys.readouterr().err
    assert (tmp_path / "bins.png").read_bytes().startswith(b"\x89PNG")


def test_a_calibrated_model_needs_no_threshold(fasta, tiny_folder, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(calibrate_command, "SHORTEST_CONTIG", 95)
    model, known = shutil.copytree(tiny_folder, tmp_path / "model"), tmp_path / "known.fasta"
    families = random_families(seed=3, species=3, records=20)
    known.write_text("".join(f">{header}\n{sequence}\n" for header, sequence in families.items()))
    arguments = ["bin", fasta, "-o", tmp_path / "own", "--model", model, *OPTIONS, *K_MEDOID]
    assert "bin_similarity" in refuse(capsys, *arguments)
    main(["calibrate", str(known), "--model", str(model), "--for", "bins"])
    records = [record for record in read_fasta(known) if len(record.sequence) >= 95]
    vectors = embed(*load_checkpoint(DnacseModel, str(model)), [record.sequence for record in records])
    species = np.array([record.description for record in records])
    own = json.loads((model / "config.json").read_text())["bin_similarity"]
    assert own == pytest.approx(similarity_threshold(vectors, species), abs=1e-4)
    main([str(argument) for argument in arguments])
    assert f"similarity {own:.4f}, the bin_similarity of {model}" in capsys.readouterr().err


def test_labelled_contigs_of_rare_species_do_not_count(fasta, tiny_folder, tmp_path, capsys):
    arguments = [
        "bin",
        fasta,
        "-o",
        tmp_path / "bins",
        "--model",
        tiny_folder,
        *OPTIONS,
        *K_MEDOID,
        "--labelled",
        fasta,
    ]
    assert "with 10 or more of at least 95 bp" in refuse(capsys, *arguments)


def test_nothing_to_bin(fasta, tiny_folder, tmp_path, capsys):
    arguments = ["bin", fasta, "-o", tmp_path / "bins", "--model", tiny_folder]
    error = refuse(capsys, *arguments)
    assert "none of 48 contigs has 2,500 bp" in error and "--min_length" in error
    for option in ("--min_length", "--min_contigs"):
        assert f"{option}: '-5' is no whole number from 1" in refuse(capsys, *arguments, option, "-5")
    unknown = tmp_path / "unknown.fasta"
    unknown.write_text(f">a\nACGT\n>b\n{'N' * 3000}\n")
    assert "record 'b' holds nothing but N; remove it" in refuse(capsys, "bin", unknown, *arguments[2:])
    main([*map(str, arguments), "--min_length", "95", "--min_contigs", "49", "--plot", str(tmp_path / "bins.pdf")])
    said = capsys.readouterr().err
    assert "0 bins of 0 contigs" in said and "lower --min_contigs" in said
    assert {path.name for path in (tmp_path / "bins").iterdir()} == {
        *("bins.tsv", "contigs2bin.tsv", "sizes.tsv", "unbinned.fasta")
    }
    assert "is there already" in refuse(capsys, *arguments)


def test_a_failure_leaves_no_folder(fasta, tiny_folder, tmp_path, monkeypatch, capsys):
    def full(*arguments):
        raise OSError("no space left")

    monkeypatch.setattr(bin_files, "write_bins", full)
    arguments = ["bin", fasta, "-o", tmp_path / "bins", "--model", tiny_folder, *OPTIONS]
    assert "no space left" in refuse(capsys, *arguments)
    assert not list(tmp_path.iterdir())


def test_depths_are_read_by_their_contigs_and_change_the_bins(fasta, tiny_folder, tmp_path, capsys):
    records = [record for record in read_fasta(fasta) if len(record.sequence) >= 95]
    depths = np.random.default_rng(0).choice([2.0, 90.0], (len(records), 1))
    table = tmp_path / "depths.tsv"
    rows = [f"{record.id}\t{depth}\n" for record, (depth,) in zip(records, depths.tolist(), strict=True)]
    table.write_text("".join(rows[::-1]))
    arguments = ["bin", fasta, "-o", tmp_path / "bins", "--model", tiny_folder, "--coverage", table, *OPTIONS]
    main([str(argument) for argument in arguments])
    assert f"depths in 1 sample: {table}" in capsys.readouterr().err
    table = read_cami(tmp_path / "bins" / "bins.tsv")
    vectors = embed(*load_checkpoint(DnacseModel, str(tiny_folder)), [record.sequence for record in records])
    expected = communities(vectors, scale_depths(vectors, depths), 2)
    pairs = {(number, table.get(record.id)) for record, number in zip(records, expected.tolist(), strict=True)}
    assert len(pairs) == len(set(expected.tolist())) > 1
    assert not (expected == communities(vectors, min_bin_size=2)).all()


def bins_of(capsys, folder, model, source, *more):
    """The sets of contigs of each bin that `bin` makes, and what it says."""
    main([str(argument) for argument in ("bin", source, "-o", folder, "--model", model, *more)])
    table = read_cami(folder / "bins.tsv")
    return {frozenset(name for name in table if table[name] == own) for own in table.values()}, capsys.readouterr().err


def test_depths_that_are_all_equal_change_no_bin(fasta, tiny_folder, tmp_path, capsys):
    """Merely giving a table made communities merge at another share."""
    table = tmp_path / "depths.tsv"
    table.write_text("contigname\tA\tB\n" + "".join(f"{record.id}\t0\t7\n" for record in read_fasta(fasta)))
    without, _ = bins_of(capsys, tmp_path / "without", tiny_folder, fasta, *OPTIONS)
    bins, said = bins_of(capsys, tmp_path / "with", tiny_folder, fasta, *OPTIONS, "--coverage", table)
    assert bins == without
    assert "depths in 0 samples: none is compared" in said and "B has the depth 7 for all contigs" in said


def test_neither_order_nor_a_large_least_size_changes_communities():
    rng = np.random.default_rng(0)
    vectors = np.repeat(rng.normal(size=(6, 8)), 15, axis=0) + rng.normal(scale=0.9, size=(90, 8))
    entries = [Entry(f"c{row}", "", 3000 + row % 7) for row in range(90)]
    expected = communities_in_any_order(vectors, None, entries, 5)
    for seed in range(5):
        order = np.random.default_rng(seed).permutation(90)
        found = communities_in_any_order(vectors[order], None, [entries[row] for row in order], 5)
        assert len({*zip(expected[order].tolist(), found.tolist(), strict=True)}) == len(set(expected.tolist()))
    default = communities_in_any_order(vectors, None, entries, 10)
    sizes = np.bincount(default[default > 0])
    for least in sizes[sizes > 0].tolist():
        found = communities_in_any_order(vectors, None, entries, least)
        assert (found == np.where((default > 0) & (sizes[default] >= least), default, -1)).all()


def test_options_of_the_other_method_are_refused(fasta, tiny_folder, tmp_path, capsys):
    arguments = ["bin", fasta, "-o", tmp_path / "bins", "--model", tiny_folder]
    assert "--method k_medoid" in refuse(capsys, *arguments, "--threshold", 0.5)
    assert "--coverage is for" in refuse(capsys, *arguments, *K_MEDOID, "--coverage", fasta)
    table = tmp_path / "depths.tsv"
    table.write_text("nobody\t3\n")
    error = refuse(capsys, *arguments, *OPTIONS, "--coverage", table)
    assert f"{table}: there is no contig " in error and " contigs are missing" in error
    assert not (tmp_path / "bins").exists()
