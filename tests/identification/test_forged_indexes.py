"""Indexes that were changed by somebody who wrote the digests again: what cannot be used is refused."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from safetensors.numpy import load_file, save_file

from modeling_dnacse.identification.indexes.index import read_index
from modeling_dnacse.identification.indexes.index_files import CELLS, DESCRIPTION, REFERENCES, digest_of
from modeling_dnacse.machine.control_characters import CONTROLS, is_control
from tests.attack.artefacts import write_small_index


@pytest.fixture
def index(tmp_path):
    """An index with an inverted file, whose numbers nothing here depends on."""
    folder = write_small_index(tmp_path / "index", ["a", "b", "c"])
    cells = {
        "core": np.ones(30, bool),
        "vectors": np.ones((3, 8), np.float16),
        "lengths": np.ones((3, 1), np.float32),
        "means": np.ones((2, 8), np.float32),
        "bits": np.ones((2, 2), np.uint64),
    }
    save_file(cells, folder / CELLS)
    return with_digests(folder)


def with_digests(folder):
    described = json.loads((folder / DESCRIPTION).read_text())
    described["files"] = {path.name: digest_of(path) for path in folder.iterdir() if path.suffix != ".json"}
    (folder / DESCRIPTION).write_text(json.dumps(described))
    return folder


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("means", lambda part: part.astype(np.float16), "means is of another kind"),  # was a RuntimeError of torch
        ("bits", lambda part: part.astype(np.uint8), "bits is of another kind"),  # other cells were near
        ("vectors", lambda part: part * np.float16(np.nan), "vectors hold NaN or infinity"),
        ("lengths", lambda part: part * np.float32(-np.inf), "lengths hold NaN or infinity"),
    ],
)
def test_cells_of_other_types_or_without_numbers(index, name, change, said):
    assert read_index(index).cells is not None
    cells = load_file(index / CELLS)
    save_file(cells | {name: change(cells[name])}, index / CELLS)
    with pytest.raises(ValueError, match=f"index cannot be read as an index .{said}.; make it again"):
        read_index(with_digests(index))


def test_a_column_whose_name_holds_a_control_character(index):
    """It was written into the table of hits."""
    rows = pq.read_table(index / REFERENCES)
    pq.write_table(rows.append_column("metadata.a\x1b[31m", pa.array(["x"] * 3)), index / REFERENCES)
    with pytest.raises(ValueError, match="cannot be read as an index .a name holds a control character."):
        read_index(with_digests(index))


def test_a_name_that_turns_the_text_after_it(index):
    """It was written into the calls, where a library with it is refused."""
    rows = pq.read_table(index / REFERENCES)
    names = pa.array(["G s0", "G \u202es1", "G s0"])
    pq.write_table(
        rows.set_column(rows.column_names.index("labels.species"), "labels.species", names), index / REFERENCES
    )
    with pytest.raises(ValueError, match="cannot be read as an index .a name holds a control character."):
        read_index(with_digests(index))


def test_arrow_finds_the_control_characters_that_python_finds():
    marks = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
    found = pc.match_substring_regex(pa.array(marks), CONTROLS).to_pylist()
    assert [mark for mark, one in zip(marks, found, strict=True) if one] == list(filter(is_control, marks))


def test_an_id_that_is_there_twice(index):
    """The hits of two references could not be told apart, and a library refuses it."""
    rows = pq.read_table(index / REFERENCES)
    pq.write_table(rows.set_column(0, "id", pa.array(["a", "b", "a"])), index / REFERENCES)
    with pytest.raises(ValueError, match="cannot be read as an index .an id is there twice."):
        read_index(with_digests(index))
