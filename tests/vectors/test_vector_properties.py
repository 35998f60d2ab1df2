"""Files of vectors, whatever ids and numbers they hold and whatever happens to their bytes."""

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest

from modeling_dnacse.machine.control_characters import is_control
from modeling_dnacse.vectors.files import open_writer, read_vectors
from modeling_dnacse.vectors.formats import OUTPUT_DTYPES, SUFFIXES, files_beside
from modeling_dnacse.vectors.precision import narrow, widen

pytest.importorskip("hypothesis")
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

# training, in the same process, may have switched subnormal numbers off
PLACES = st.floats(0, 1, allow_subnormal=False)
FEW = settings(max_examples=40, deadline=None)
NUMBERS = st.floats(-1e4, 1e4, width=32, allow_subnormal=False).filter(
    lambda number: number == 0 or abs(number) > 1e-3
)
LETTERS = st.characters(codec="utf-8").filter(lambda letter: not is_control(letter))
IDS = st.lists(st.text(LETTERS, min_size=1), min_size=1, max_size=9, unique=True)


def write(path, ids, vectors, dtype):
    writer = open_writer(path, *vectors.shape, sum(len(name.encode()) for name in ids), dtype)
    writer.write(ids, vectors)
    writer.finish()


@FEW
@given(st.sampled_from(SUFFIXES), st.sampled_from(OUTPUT_DTYPES), IDS, st.data())
def test_whatever_is_written_is_read(suffix, dtype, ids, data):
    vectors = data.draw(arrays(np.float32, (len(ids), 3), elements=NUMBERS))
    with TemporaryDirectory() as folder:
        path = Path(folder, f"vectors{suffix}")
        if not vectors.any(1).all():
            with pytest.raises(ValueError, match="nothing but zeros"):
                write(path, ids, vectors, dtype)
            return
        write(path, ids, vectors, dtype)
        ((found, numbers),) = read_vectors(path)
        assert found == ids
        np.testing.assert_array_equal(numbers, widen(*narrow(vectors, dtype)))


@FEW
@given(st.sampled_from(SUFFIXES), st.sampled_from(OUTPUT_DTYPES), PLACES, st.binary(max_size=9), st.booleans())
def test_damage_is_one_sentence_or_loses_no_vector(suffix, dtype, place, written, cuts):
    vectors = np.random.default_rng(0).normal(size=(7, 5)).astype(np.float32)
    with TemporaryDirectory() as folder:
        path = Path(folder, f"vectors{suffix}")
        write(path, list("abcdefg"), vectors, dtype)
        for file in [path, *(beside for beside in files_beside(path) if beside.exists())]:
            whole = file.read_bytes()
            start = int(place * len(whole))
            file.write_bytes(whole[:start] + written + (b"" if cuts else whole[start + len(written) :]))
            try:
                blocks = list(read_vectors(path))
            except ValueError as error:
                assert str(path) in str(error) and "\n" not in str(error)
            else:
                assert sum(len(ids) for ids, _ in blocks) == 7
                assert all(np.isfinite(numbers).all() and numbers.any(1).all() for _, numbers in blocks)
            file.write_bytes(whole)
