"""A checkpoint in, a folder with an ONNX graph, its tokenizer and its config.json out.

The graph takes `input_ids` and `attention_mask`, int64 (batch, length) of any size, and gives `pooler_output` (batch,
hidden) float32. Pooling is part of the graph, and so is ALiBi, computed from the positions. The graph is written only
if ONNX Runtime computes the same vectors as torch, for lengths, batches and padding that the exporter has not seen.

Int8 is not offered here. With the dynamic quantisation of ONNX Runtime, a vector depends on its batch, since one scale
is used for the whole batch. On the same processor it also took twice the time of the int8 layers (int8.py) on packed
tokens.
"""

import json
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedTokenizerBase

from ..embedding.embed import embed
from ..machine.atomic import written_whole
from ..machine.outputs import check_model_folder
from ..modeling_dnacse import DnacseModel
from .checkpoints import load_checkpoint
from .model_folders import GRAPH
from .onnx_encoder import OnnxEncoder, require

TOLERANCE = 1e-4  # largest difference of a number of a vector from torch
CHECKED_LENGTHS = (1, 2, 60, 657, 658, 1500)  # bp


class PooledOnly(nn.Module):
    """The encoder with its vectors as the only output."""

    def __init__(self, model: DnacseModel) -> None:
        """Wrap the encoder."""
        super().__init__()
        self.model = model

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Token ids and their mask, (batch, length), to vectors (batch, hidden)."""
        return self.model(input_ids=input_ids, attention_mask=attention_mask, pooled_only=True).pooler_output


def export_onnx(name: str, folder: Path, say: Callable[[str], object] = lambda _: None) -> float:
    """Write the checkpoint `name` to `folder` as a float32 ONNX graph; the folder appears complete or not at all.

    `say` receives a line before each stage that takes long.

    Returns:
        The largest difference of any number of a vector from torch, as `largest_difference` finds it.

    Raises:
        ValueError: a package is missing, `folder` is not empty, `name` is not a checkpoint, or the graph differs from
            it by more than TOLERANCE.
        OSError: the disk is full or cannot be written to.
    """
    require("onnx", "onnxscript", "onnxruntime")
    folder = folder.absolute()
    check_model_folder(folder, [])
    with written_whole(folder) as draft:
        model, tokenizer = load_checkpoint(DnacseModel, name, attn_implementation="eager")
        model.eval()
        draft.mkdir()
        say(f"writing the graph of {name}, which takes minutes")
        write_graph(draft / GRAPH, model)
        tokenizer.save_pretrained(draft)
        config = model.config.to_diff_dict()
        config.pop("auto_map")  # no code lies beside the graph
        (draft / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        say("comparing its vectors with those of torch")
        difference = largest_difference(model, OnnxEncoder(draft), tokenizer)
        if not difference <= TOLERANCE:
            raise ValueError(
                f"the graph of {name} differs from torch by {difference:.1e}, above {TOLERANCE:.0e}; nothing was "
                "written: please report it, with the versions of torch, onnx and onnxruntime"
            )
    return difference


def write_graph(path: Path, model: DnacseModel) -> None:
    """Export `model` (eager attention, in evaluation mode) to one file."""
    batch, length = torch.export.Dim("batch"), torch.export.Dim("length")
    ids = torch.tensor([[5, 6, 7], [8, 9, 9]])
    inputs = {"input_ids": ids, "attention_mask": torch.tensor([[1, 1, 1], [1, 1, 0]])}
    quiet = logging.getLogger("torch.onnx")  # it warns that torchvision is missing, which is not needed here
    level = quiet.level
    quiet.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about its own deprecations, and about two inputs of one shape
            program = torch.onnx.export(
                PooledOnly(model).eval(),
                kwargs=inputs,
                input_names=list(inputs),
                output_names=["pooler_output"],
                dynamic_shapes={name: {0: batch, 1: length} for name in inputs},
                dynamo=True,
                verbose=False,
            )
            if program is None:
                raise RuntimeError("torch.onnx.export gave nothing")
            path.write_bytes(without_origins(program.model_proto).SerializeToString())
    finally:
        quiet.setLevel(level)


def without_origins(model: Any) -> Any:
    """Remove what torch notes beside each node and value: the lines of code, with their paths, that made it."""
    graphs = [model.graph, *model.functions]
    for graph in graphs:  # which grows by the graphs inside of nodes
        for node in graph.node:
            graphs += [part for attribute in node.attribute for part in (attribute.g, *attribute.graphs) if part.node]
        parts = [graph, *graph.node, *graph.value_info]
        parts += [*graph.input, *graph.output, *graph.initializer] if graph is model.graph else []
        for part in parts:
            part.ClearField("metadata_props")
            part.ClearField("doc_string")
    model.ClearField("metadata_props")
    return model


def largest_difference(model: DnacseModel, encoder: OnnxEncoder, tokenizer: PreTrainedTokenizerBase) -> float:
    """Embed random DNA with both, in one batch and one by one: the largest difference of any number of a vector."""
    rng = np.random.default_rng(0)
    sequences = ["".join(rng.choice(list("ACGT"), length)) for length in CHECKED_LENGTHS]
    differences = []
    for batch_tokens in (2**20, 1):
        expected, got = (embed(each, tokenizer, sequences, batch_tokens=batch_tokens) for each in (model, encoder))
        differences.append(np.abs(expected - got).max())
    return float(np.max(differences))  # NaN if any is
