"""ONNX graphs that ONNX Runtime takes, but that are no encoder: each is refused in one sentence."""

import json
import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from modeling_dnacse.embedding.tokenization import vocabulary_of
from modeling_dnacse.loading.checkpoints import load_tokenizer
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.loading.onnx_encoder import OnnxEncoder

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
FLOAT, DOUBLE, INT64, TEXT = 1, 11, 7, 8  # of ONNX


def write_graph(folder, config, rows=1, kind=FLOAT, takes=INT64):
    """A graph that gives ones, in as many rows as it is told, whatever its input."""
    helper = onnx.helper
    constant = onnx.numpy_helper.from_array(np.ones((rows, 48), np.float32), "constant")
    sizes = onnx.numpy_helper.from_array(np.array([2, 4]), "sizes")
    inputs = [helper.make_tensor_value_info(name, takes, ["b", "l"]) for name in ("input_ids", "attention_mask")]
    output = helper.make_tensor_value_info("pooler_output", kind, ["b", 48])
    nodes = [
        helper.make_node("Reshape", ["input_ids", "sizes"], ["reshaped"]),
        helper.make_node("Cast", ["constant"], ["vectors"], to=kind),
        helper.make_node("Identity", ["vectors"], ["pooler_output"]),
    ]
    second = helper.make_tensor_value_info("reshaped", takes, None)
    graph = helper.make_graph(nodes, "forged", inputs, [output, second], [constant, sizes])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    folder.mkdir()
    shutil.copy(config, folder / "config.json")
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    return folder


@pytest.mark.parametrize("given", [{"kind": DOUBLE}, {"kind": INT64}, {"kind": TEXT}, {"takes": FLOAT}])
def test_inputs_and_outputs_of_other_types(tiny_folder, tmp_path, given):
    """Some were tracebacks of torch after minutes; others were read as numbers of another precision."""
    folder = write_graph(tmp_path / "graph", tiny_folder / "config.json", **given)
    with pytest.raises(ValueError, match="model.onnx has the inputs .* export it again"):
        OnnxEncoder(folder)


@pytest.mark.parametrize("rows", [0, 1, 3])
def test_other_numbers_of_vectors_than_sequences(tiny_folder, tmp_path, rows):
    """They were tracebacks of torch."""
    encoder = OnnxEncoder(write_graph(tmp_path / "graph", tiny_folder / "config.json", rows=rows))
    ids = torch.ones(2, 4, dtype=torch.long)
    with pytest.raises(ValueError, match=rf"model.onnx gives .{rows}, 48. numbers, not .2, 48.; export it again"):
        encoder(ids, ids)


def test_nothing_of_onnx_runtime_gets_to_the_terminal(tiny_folder, tmp_path, capfd):
    """It wrote coloured lines to the file of standard error, which no stream of Python sees."""
    encoder = OnnxEncoder(write_graph(tmp_path / "graph", tiny_folder / "config.json"))
    with pytest.raises(ValueError, match="model.onnx cannot be run"):
        encoder(torch.ones(3, 3, dtype=torch.long), torch.ones(3, 3, dtype=torch.long))
    assert capfd.readouterr().err == ""


def test_the_tokenizer_of_another_model_is_refused(tiny_folder, tmp_path):
    """It gave other vectors, silently; beside weights of torch it was refused."""
    folder = write_graph(tmp_path / "graph", tiny_folder / "config.json")
    for path in tiny_folder.glob("tokenizer*.json"):
        shutil.copy(path, folder)
    tokens = vocabulary_of(load_tokenizer(str(tiny_folder))).split(" ")
    config = json.loads((folder / "config.json").read_text())
    for vocabulary, told in ((tokens, False), (tokens[::-1], True)):
        (folder / "config.json").write_text(json.dumps(config | {"vocabulary": " ".join(vocabulary)}))
        with pytest.raises(ValueError, match="not those that the model was trained with") if told else nullcontext():
            load_encoder(str(folder))
