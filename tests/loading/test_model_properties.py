"""Folders of models, whatever their JSON files hold: they load, or one sentence says what is wrong."""

import json
import shutil

import numpy as np
import pytest

from modeling_dnacse import embed
from modeling_dnacse.loading.encoders import load_encoder

pytest.importorskip("hypothesis")
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_subnormal=False) | st.text(max_size=5)
JSON = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner))


def places(value, place=()):
    """The path to each entry of a nested value."""
    entries = value.items() if isinstance(value, dict) else enumerate(value[:3]) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*place, key)
        yield from places(inner, (*place, key))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_json_of_a_model_is_used_or_refused(tiny_folder, tmp_path, data):
    folder = tmp_path / "model"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(tiny_folder, folder)
    file = folder / data.draw(st.sampled_from(["config.json", "tokenizer.json", "tokenizer_config.json"]))
    value = json.loads(file.read_text())
    *outer, last = data.draw(st.sampled_from(list(places(value))))
    holder = value
    for key in outer:
        holder = holder[key]
    if data.draw(st.booleans()):
        del holder[last]
    else:
        holder[last] = data.draw(JSON)
    file.write_text(json.dumps(value))
    try:
        vectors = embed(*load_encoder(str(folder)), ["ACGTTGCA" * 5])
    except ValueError as error:
        assert str(folder) in str(error) and "\n" not in str(error)
    else:
        assert np.isfinite(vectors).all()
