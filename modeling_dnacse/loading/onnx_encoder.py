"""An exported encoder that ONNX Runtime runs on a CPU; `embed` accepts it instead of a DnacseModel.

It computes in the precision of its export, with the number of threads that torch would use (OMP_NUM_THREADS, or
`torch.set_num_threads` before loading).
"""

import os
from importlib.util import find_spec
from pathlib import Path

import torch
from torch import Tensor
from transformers.modeling_outputs import BaseModelOutputWithPooling

from ..configuration_dnacse import DnacseConfig
from .checkpoints import one_sentence
from .config_values import check_config
from .model_folders import GRAPH

# since 1.32 ONNX Runtime reports its use to its maker and leaves a file in the folder for temporary files
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
INPUTS, OUTPUT = ("input_ids", "attention_mask"), "pooler_output"


class OnnxEncoder:
    """Maps token ids and their mask (batch, length) to `pooler_output` (batch, hidden) float32, on CPU only."""

    device = torch.device("cpu")
    training = False

    def __init__(self, folder: Path) -> None:
        """Load what `dnacse export` wrote.

        Raises:
            ValueError: ONNX Runtime is not installed, or the graph cannot be read.
        """
        require("onnxruntime")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 4  # none: errors are raised too, and its lines on stderr are coloured
        check_config(str(folder))
        with one_sentence(f"{folder} cannot be loaded as a configuration"):
            self.config = DnacseConfig.from_pretrained(folder)
        with one_sentence(f"{folder / GRAPH} cannot be loaded, export it again"):
            self.session = onnxruntime.InferenceSession(folder / GRAPH, options, providers=["CPUExecutionProvider"])
        self.name = str(folder / GRAPH)
        inputs = {node.name: node.type for node in self.session.get_inputs()}
        outputs = {node.name: (node.type, node.shape[-1:]) for node in self.session.get_outputs()}
        wanted = dict.fromkeys(INPUTS, "tensor(int64)"), ("tensor(float)", [self.config.hidden_size])
        if (inputs, outputs.get(OUTPUT)) != wanted:
            raise ValueError(
                f"{self.name} has the inputs {inputs} and the outputs {outputs}, not {wanted[0]} and {OUTPUT} of "
                f"{wanted[1]}; export it again"
            )

    def __call__(
        self, input_ids: Tensor, attention_mask: Tensor, pooled_only: bool = True
    ) -> BaseModelOutputWithPooling:
        """Embed a batch; there are never token states.

        Raises:
            ValueError: autocast requests another precision.
        """
        if torch.is_autocast_enabled("cpu"):
            raise ValueError(f"a {GRAPH} computes in the precision it was exported in; leave the dtype at float32")
        inputs = {"input_ids": input_ids.numpy(), "attention_mask": attention_mask.numpy()}
        with one_sentence(f"{self.name} cannot be run"):
            (vectors,) = self.session.run([OUTPUT], inputs)
        pooled = torch.as_tensor(vectors)
        if tuple(pooled.shape) != (wanted := (len(input_ids), self.config.hidden_size)):
            raise ValueError(f"{self.name} gives {tuple(pooled.shape)} numbers, not {wanted}; export it again")
        if not torch.isfinite(pooled).all():
            raise ValueError(f"{self.name} gives NaN or infinity; export it again")
        return BaseModelOutputWithPooling(pooler_output=pooled)

    @property
    def sites(self) -> None:
        """None: a graph has no sites.

        Raises:
            ValueError: the model that it was exported from has.
        """
        if self.config.sites > 1:  # one site: k-mers alone, made by `dnacse adapt`
            raise ValueError(
                f"{self.name} gives the vectors of a model that compares barcodes over sites, but has no sites; give "
                "the model itself, or use the graph to embed, map or bin"
            )

    def to(self, device: str | torch.device) -> "OnnxEncoder":
        """Stay on CPU.

        Raises:
            ValueError: another device is requested.
        """
        if torch.device(device).type != "cpu":
            raise ValueError(f"a {GRAPH} runs on cpu, not on {device}; use the checkpoint that it was exported from")
        return self

    def train(self, mode: bool = True) -> "OnnxEncoder":
        """Do nothing: the graph has no dropout."""
        return self

    def eval(self) -> "OnnxEncoder":
        """Do nothing: the graph has no dropout."""
        return self


def require(*packages: str) -> None:
    """Check that optional packages are installed.

    Raises:
        ValueError: some are not installed.
    """
    if missing := [package for package in packages if find_spec(package) is None]:
        raise ValueError(f"ONNX needs {' and '.join(missing)}: pip install {' '.join(missing)}")
