"""`Identifier` in Python: the same calls as the command, from a file or from an index; foreign indexes are refused."""

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

import modeling_dnacse.identification.identifier as module
from modeling_dnacse import Identifier, identify
from modeling_dnacse.cli import main
from modeling_dnacse.commands import identify as command
from modeling_dnacse.identification import large_libraries
from modeling_dnacse.identification.indexes import index_files
from modeling_dnacse.identification.references import read_references
from modeling_dnacse.machine.provenance import sha256_of
from modeling_dnacse.reading.labels import read_records
from tests.support.marker import simulate_marker, write_marker
from tests.support.refusals import refuse

pandas = pytest.importorskip("pandas")


@pytest.fixture(scope="module")
def marker(tmp_path_factory) -> Path:
    """A folder with a library of 96 species, with a country of each record, and queries of them and of others."""
    folder = tmp_path_factory.mktemp("marker")
    records = simulate_marker(seed=1, genera=48)
    for number, record in enumerate(records):
        record["country"] = f"country {number % 3}"
    write_marker(folder / "library.tsv", [record for number, record in enumerate(records) if number % 3])
    write_marker(folder / "more.tsv", [record for number, record in enumerate(records) if not number % 3])
    asked = [*records[::3], *simulate_marker(seed=2, genera=4)]
    text = "".join(f">q{number}\n{record['sequence']}\n" for number, record in enumerate(asked))
    (folder / "queries.fasta").write_text(text)
    return folder


@pytest.fixture(scope="module")
def index(marker: Path, site_folder: Path) -> Path:
    """An index of the library, calibrated for the queries."""
    library, queries = marker / "library.tsv", marker / "queries.fasta"
    command = ["index", str(library), "--calibrate_for", str(queries), "-o", str(marker / "index")]
    main([*command, "--model", str(site_folder)])
    return marker / "index"


def queries_in(marker: Path) -> tuple[list[str], list[str]]:
    records = list(read_records(marker / "queries.fasta"))
    return [record.sequence for record in records], [record.id for record in records]


def test_python_and_the_command_and_an_index_give_one_table(marker, index, site_folder, monkeypatch):
    output = marker / "calls.tsv"
    command = ["identify", str(marker / "queries.fasta"), "-o", str(output), "--model", str(site_folder)]
    main([*command, "--reference", str(marker / "library.tsv")])
    text = output.read_text()
    assert text.count("\tgenus\t") > 20

    def never(*_):
        raise AssertionError("the index has the calibration")

    monkeypatch.setattr(module, "new_calibration", never)
    main([*command, "--reference", str(index)])
    assert output.read_text() == text
    monkeypatch.undo()
    sequences, ids = queries_in(marker)
    expected = pandas.read_csv(output, sep="\t").set_index("id")
    for identifier in (
        Identifier.from_fasta(marker / "library.tsv", model=str(site_folder)),
        Identifier.from_index(index, model=str(site_folder)),
    ):
        table = identifier.identify(sequences, ids).set_index("id")
        assert list(table) == list(expected)
        assert table["call"].tolist() == expected["call"].fillna("").tolist()
        for column in ("probability", "identity", "overlap"):
            np.testing.assert_allclose(table[column].astype(float), expected[column], atol=1e-4, equal_nan=True)
    assert identify(sequences[:2], index, model=str(site_folder))["id"].tolist() == ["1", "2"]


def test_the_precision_of_vectors_changes_no_comparison_over_sites(marker, index, site_folder, capsys):
    """--dtype bfloat16 compared vectors instead, silently: of 20 species names of fragments 3 were left."""
    output = marker / "precise.tsv"
    command = ["identify", str(marker / "queries.fasta"), "-o", str(output), "--model", str(site_folder)]
    texts = []
    for reference in (marker / "library.tsv", index):
        for dtype in ("float32", "bfloat16"):
            main([*command, "--reference", str(reference), "--dtype", dtype])
            texts.append(output.read_text())
    assert len(set(texts)) == 1 and texts[0].count("\tgenus\t") > 20
    capsys.readouterr()
    main([*command, "--reference", str(marker / "library.tsv"), "--both_strands"])
    assert "--both_strands are of vectors, so vectors are compared" in capsys.readouterr().err


def test_hits_show_what_the_library_tells_of_a_reference(marker, index, site_folder):
    identifier = Identifier.from_index(index, model=str(site_folder))
    sequences, ids = queries_in(marker)
    hits = identifier.nearest(sequences[:3], ids[:3], top=2)
    assert hits["id"].tolist() == ["q0", "q0", "q1", "q1", "q2", "q2"]
    assert hits["hit"].tolist() == [1, 2] * 3
    assert set(hits["country"]) <= {"country 0", "country 1", "country 2"}
    calls = identifier.identify(sequences[:3], ids[:3])
    assert hits["reference"].tolist()[::2] == calls["nearest"].tolist()
    assert hits["identity"].tolist()[::2] == calls["identity"].tolist()


def test_what_is_near_no_reference_has_no_similarity(index, site_folder):
    """It was minus infinity, where the command leaves the cell empty."""
    calls = Identifier.from_index(index, model=str(site_folder)).identify(["ACGT" * 100])
    assert calls[["similarity", "identity", "second_similarity"]].isna().all(axis=None)


def test_columns_of_hits_have_the_order_of_the_file(tmp_path):
    """They had that of a set, which is another one in each process."""
    columns = ["id", "sequence", "species", *(f"field{number}" for number in (3, 1, 5, 2, 6, 4))]
    table = tmp_path / "library.csv"
    table.write_text(",".join(columns) + "\n" + ",".join(["a", "ACGT", "Apis mellifera", *"123456"]) + "\n")
    assert list(read_references(table).references.metadata) == columns[3:]


def test_an_index_that_grows_tells_of_calibrations_that_it_loses(marker, site_folder, tmp_path, capsys):
    pieces, named = tmp_path / "pieces.fasta", ["--model", str(site_folder)]
    sequences, ids = queries_in(marker)
    pieces.write_text("".join(f">{name}\n{text[:100]}\n" for name, text in zip(ids, sequences, strict=True)))
    cut, grown = str(tmp_path / "cut"), str(tmp_path / "grown")
    main(["index", str(marker / "library.tsv"), "--calibrate_for", str(pieces), "-o", cut, *named])
    capsys.readouterr()
    main(["index", str(marker / "more.tsv"), "--add", cut, "-o", grown, *named])
    assert f"{cut}: what it was calibrated for (1 x --calibrate_for)" in capsys.readouterr().err


def test_a_calibration_that_an_index_lacks_is_told(marker, index, site_folder, capsys):
    """It took minutes without a word."""
    pieces = marker / "ends.fasta"
    pieces.write_text(
        "".join(f">{record.id}\n{record.sequence[-90:]}\n" for record in read_records(marker / "queries.fasta"))
    )
    for queries, told in ((marker / "queries.fasta", 0), (pieces, 1)):
        output = str(marker / "told.tsv")
        main(["identify", str(queries), "--reference", str(index), "-o", output, "--model", str(site_folder)])
        assert capsys.readouterr().err.count("calibrating for queries unlike those before") == told


def test_an_index_that_changes_meanwhile_gives_no_calls(marker, index, site_folder, capsys, monkeypatch):
    """Its files are mapped into memory, so another index that was copied over them answered the later queries."""
    changing, output = marker / "changing", marker / "changed.tsv"
    shutil.copytree(index, changing)
    written = command.write_calls

    def change(*given):
        tally = written(*given)
        os.utime(changing / "encoded.safetensors", (1, 1))
        return tally

    monkeypatch.setattr(command, "write_calls", change)
    asked = ("--reference", changing, "-o", output, "--model", site_folder)
    said = refuse(capsys, "identify", marker / "queries.fasta", *asked)
    assert "encoded.safetensors changed while it was being read" in said and not output.exists()


def test_an_index_that_grows_tells_of_names_that_its_parts_write_differently(marker, index, site_folder, capsys):
    more, grown = marker / "capitals.tsv", marker / "capitals"
    more.write_text((marker / "more.tsv").read_text().replace("\tGenus", "\tGENUS"))
    main(["index", str(more), "--add", str(index), "-o", str(grown), "--model", str(site_folder)])
    shutil.rmtree(grown)
    said = [line for line in capsys.readouterr().err.splitlines() if "differ only by upper and lower case" in line]
    assert len(said) == 1 and said[0].startswith(f"{index} with {more}: ")


def test_an_index_grows_to_that_of_all_records(marker, index, site_folder, capsys):
    both = marker / "both.tsv"
    rows = (marker / "more.tsv").read_text().split("\n", 1)[1]
    both.write_text((marker / "library.tsv").read_text() + rows)
    arguments = ["--model", str(site_folder), "-o", str(marker / "larger")]
    main(["index", str(marker / "more.tsv"), "--add", str(index), *arguments])
    sequences, ids = queries_in(marker)
    grown = Identifier.from_index(marker / "larger", model=str(site_folder))
    grown.calibrations.clear()
    whole = Identifier.from_fasta(both, model=str(site_folder))
    pandas.testing.assert_frame_equal(grown.identify(sequences, ids), whole.identify(sequences, ids))
    shutil.rmtree(marker / "larger")
    error = refuse(capsys, "index", marker / "library.tsv", "--add", index, *arguments)
    assert "id 'r1_0a1' is in the index already" in error
    assert not (marker / "larger").exists()


def test_a_large_library_gives_the_same_calls_from_its_index(marker, index, site_folder, tmp_path, monkeypatch):
    sequences, ids = queries_in(marker)
    expected = Identifier.from_index(index, model=str(site_folder)).identify(sequences, ids)
    monkeypatch.setattr(large_libraries, "LARGE", 1)
    monkeypatch.setattr(index_files, "LARGE_FILE", 0)
    made = Identifier.from_fasta(marker / "library.tsv", model=str(site_folder))
    table = made.identify(sequences, ids)
    known = slice(0, 32)  # pieces of others may have as many bases in common with several references
    for column in ("nearest", "call"):  # vectors are rounded, so of two as near species either may be the first
        assert (table[column][known] == expected[column][known]).mean() > 0.9, column
    folder = tmp_path / "index"
    made.save(folder)
    opened = Identifier.from_index(folder, model=str(site_folder))
    pandas.testing.assert_frame_equal(opened.identify(sequences, ids), table)
    told = json.loads((folder / "index.json").read_text())
    assert told["files"]["cells.safetensors"].startswith("crc32 ")
    data = bytearray((folder / "cells.safetensors").read_bytes())
    data[len(data) // 2] ^= 1
    (folder / "cells.safetensors").write_bytes(data)
    with pytest.raises(ValueError, match="cells.safetensors is damaged, or of another index"):
        Identifier.from_index(folder, model=str(site_folder))
    shutil.copy(index / "references.parquet", folder)
    tensors = load_file(folder / "cells.safetensors")
    for change in ({"means": tensors["means"][:-1]}, {"vectors": tensors["vectors"].astype(np.int8)}):  # digests too
        save_file(tensors | change, folder / "cells.safetensors")
        digest = {"cells.safetensors": index_files.digest_of(folder / "cells.safetensors")}
        (folder / "index.json").write_text(json.dumps(told | {"files": told["files"] | digest}))
        with pytest.raises(ValueError, match="cannot be read as an index"):
            Identifier.from_index(folder, model=str(site_folder))


def test_an_index_of_vectors_gives_the_same_table(tiny_folder, marker, tmp_path):
    sequences, ids = queries_in(marker)
    made = Identifier.from_fasta(marker / "library.tsv", model=str(tiny_folder))
    expected = made.identify(sequences, ids)
    made.save(tmp_path / "index")
    opened = Identifier.from_index(tmp_path / "index", model=str(tiny_folder))
    assert len(opened.calibrations) == 1
    pandas.testing.assert_frame_equal(opened.identify(sequences, ids), expected)
    assert len(opened.nearest(sequences[:2], top=3)) == 6


def test_foreign_and_damaged_indexes_are_refused(marker, index, site_folder, tiny_folder, tmp_path, capsys):
    queries, output = marker / "queries.fasta", tmp_path / "calls.tsv"

    def complaint(reference, *options, model=site_folder):
        given = ("--model", model, "-o", output, *options)
        error = refuse(capsys, "identify", queries, "--reference", reference, *given)
        assert not output.exists()
        return error

    assert "was made with another model" in complaint(index, model=tiny_folder)
    assert "was made with other options (dimensions None)" in complaint(index, "--dimensions", "8")
    assert "is an index, so leave it out" in complaint(index, "--taxonomy", queries)
    assert "--revision is of an index on the Hub" in complaint(index, "--revision", "main")
    assert "is no index, as it holds no index.json" in complaint(marker)
    copy = tmp_path / "copy"
    shutil.copytree(index, copy)
    (copy / "calibrations.safetensors").unlink()
    assert f"{copy} lacks calibrations.safetensors; make it again" in complaint(copy)
    for name in ("references.parquet", "encoded.safetensors"):
        shutil.copytree(index, copy, dirs_exist_ok=True)
        data = bytearray((copy / name).read_bytes())
        data[len(data) // 2] ^= 1
        (copy / name).write_bytes(data)
        assert f"{copy / name} is damaged, or of another index" in complaint(copy)
    shutil.copytree(index, copy, dirs_exist_ok=True)
    told = json.loads((copy / "index.json").read_text())
    tensors = load_file(copy / "encoded.safetensors")
    save_file(tensors | {"votes": tensors["votes"] * np.inf}, copy / "encoded.safetensors")  # with its digest, too
    digest = {"encoded.safetensors": index_files.digest_of(copy / "encoded.safetensors")}
    (copy / "index.json").write_text(json.dumps(told | {"files": told["files"] | digest}))
    assert "votes hold NaN or infinity" in complaint(copy)
    shutil.copytree(index, copy, dirs_exist_ok=True)
    for change, said in (
        ({"version": 2}, "is an index of version 2"),
        ({"files": 3}, "files is missing or no dict"),
        ({"references": 3}, "cannot be read as an index"),
    ):
        (copy / "index.json").write_text(json.dumps(told | change))
        assert said in complaint(copy)
    for name, key, change in (
        ("encoded.safetensors", "bases", lambda part: part[:, :-1].astype(np.int64)),
        ("encoded.safetensors", "votes", lambda part: part[:-1]),
        ("encoded.safetensors", "bases", lambda part: part + 9),
        ("calibrations.safetensors", "0.right", lambda part: part[:-1]),
        ("calibrations.safetensors", "0.known_from", lambda part: part.astype(np.float32)),
        ("calibrations.safetensors", "0.known_from", lambda part: part + 99),
        ("calibrations.safetensors", "0.similarity", lambda part: part * np.nan),
        ("calibrations.safetensors", "0.similarity", lambda part: part + 9),
        ("calibrations.safetensors", "0.closeness", lambda part: part * 0 + np.inf),
        ("calibrations.safetensors", "0.closeness", lambda part: part * 0 - np.float32(1e38)),
        ("calibrations.safetensors", "0.evidence", lambda part: part * 0 + 99),
        ("calibrations.safetensors", "0.evidence", lambda part: part * np.nan),
        ("encoded.safetensors", "votes", lambda part: part - 9),
        ("references.parquet", "labels.species", lambda names: pa.array(range(len(names)))),
        ("references.parquet", "labels.species", lambda names: pa.array(["a\x1b[31m"] * len(names))),
        ("index.json", "calibrations", lambda _: [[[1]]]),
        ("index.json", "calibrations", lambda _: [[1]]),
        ("index.json", "calibrations", lambda _: [[10**400]]),
    ):  # by somebody who wrote the digests as well
        shutil.copytree(index, copy, dirs_exist_ok=True)
        forged = dict(told)
        if name == "index.json":
            forged[key] = change(None)
        else:
            if name == "references.parquet":
                rows = pq.read_table(copy / name)
                place = rows.column_names.index(key)
                pq.write_table(rows.set_column(place, key, change(rows[key])), copy / name)
            else:
                tensors = load_file(copy / name)
                save_file(tensors | {key: np.ascontiguousarray(change(tensors[key]))}, copy / name)
            forged["files"] = told["files"] | {name: sha256_of(copy / name)}
        (copy / "index.json").write_text(json.dumps(forged))
        assert f"{copy} cannot be read as an index" in complaint(copy), (name, key)
    tensors = load_file(index / "encoded.safetensors")
    bases, sites = tensors["bases"], tensors["bases"].shape[1]
    for change, words in (
        (tensors | {"bases": np.ascontiguousarray(bases[:, 1:])}, f"has {sites - 1} sites, and its model {sites};"),
        ({"vectors": np.eye(len(bases), 5, dtype=np.float32)}, "has 5 numbers a vector, and its model 24;"),
    ):
        shutil.copytree(index, copy, dirs_exist_ok=True)
        save_file(change, copy / "encoded.safetensors")
        digest = {"encoded.safetensors": sha256_of(copy / "encoded.safetensors")}
        (copy / "index.json").write_text(json.dumps(told | {"files": told["files"] | digest}))
        assert words in complaint(copy)


def test_a_hub_index_that_is_not_there_is_told(marker, site_folder, tmp_path, capsys):
    given = ("--model", site_folder, "-o", tmp_path / "calls.tsv")
    error = refuse(capsys, "identify", marker / "queries.fasta", "--reference", "someone/library", *given)
    assert "there is no file or folder someone/library here, and this process is offline" in error


def test_what_is_no_sequence_is_refused(index, site_folder):
    identifier = Identifier.from_index(index, model=str(site_folder))
    for sequences, said in ((["ACGT", "MKV*"], r"sequence '2': character '\*'"), (["--"], "'1' has no bases")):
        with pytest.raises(ValueError, match=said):
            identifier.identify(sequences)
    with pytest.raises(ValueError, match="names the rank 'clade'"):
        identifier.identify(["ACGT"], confidence={"clade": 0.9})


def test_a_name_that_is_alone_at_its_rank_is_not_called(site_folder, tmp_path):
    """Whatever looked like the marker was called at the only family of the library, with a probability above 0.99."""
    records = [
        record | {"family": "Onlyidae", "order": f"O{number // 48}"}
        for number, record in enumerate(simulate_marker(seed=1))
    ]
    library = write_marker(tmp_path / "library.tsv", records[:72])
    calls = Identifier.from_fasta(library, model=site_folder).identify([one["sequence"] for one in records[72:]])
    assert not calls["call"].isin(["Onlyidae"]).any() and calls["family_probability"].isna().all()
    assert calls["order_probability"].notna().all() and (calls["order_probability"] < 0.95).all()


def test_short_queries_of_another_marker_are_no_new_species(tiny_folder, marker, tmp_path, capsys, monkeypatch):
    """By vectors the records stayed whole: of 248 known species of ITS2, all were noted as new in pieces of 110 bp."""
    records = list(read_records(marker / "library.tsv"))
    pieces = [record.sequence[100:250] for record in records]
    queries = tmp_path / "pieces.fasta"
    queries.write_text("".join(f">{number}\n{piece}\n" for number, piece in enumerate(pieces)))
    model = ["--model", str(tiny_folder)]
    made = Identifier.from_fasta(marker / "library.tsv", model=str(tiny_folder))
    asked: list[int] = []
    blocks = made.encoder.blocks

    def counted(sequences, *rest):
        return blocks((asked.append(len(text)) or text for text in sequences), *rest)

    monkeypatch.setattr(made.encoder, "blocks", counted)
    expected = made.identify(pieces)
    assert asked == [150] * 2 * len(records)  # the queries, and as many records
    assert Identifier.from_fasta(marker / "library.tsv", model=str(tiny_folder)).identify(pieces[::-1])[
        "species_probability"
    ].tolist() == pytest.approx(expected["species_probability"].tolist()[::-1], abs=1e-5)
    main(["index", str(marker / "library.tsv"), "-o", str(tmp_path / "plain"), *model])
    error = refuse(
        capsys, "identify", queries, "--reference", tmp_path / "plain", "-o", tmp_path / "calls.tsv", *model
    )
    assert "the queries have 150 bases" in error and "--calibrate_for" in error
    main(["index", str(marker / "library.tsv"), "--calibrate_for", str(queries), "-o", str(tmp_path / "for"), *model])
    opened = Identifier.from_index(tmp_path / "for", model=str(tiny_folder))
    pandas.testing.assert_frame_equal(opened.identify(pieces), expected)


def test_a_calibration_for_sequences_of_no_place_is_told(marker, site_folder, tmp_path, capsys):
    """It was stored without a word, and served no query."""
    other = tmp_path / "other.fasta"
    other.write_text(">a\n" + "ACGT" * 100 + "\n>b\n" + "N" * 300 + "\n")
    command = ["index", str(marker / "library.tsv"), "--calibrate_for", str(other), "-o", str(tmp_path / "index")]
    main([*command, "--model", str(site_folder)])
    error = capsys.readouterr().err
    assert f"{other}: 2 of 2 sequences do not look like the library's marker" in error
    assert "calibrated for 1 kind" in error
