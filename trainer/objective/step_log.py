"""Measurements between two logs: values of each step in, means and rates out.

Values are read from the device only when they are logged, so that collecting them does not delay a GPU.

- seconds: from the first step to the log, without validation.
- tokens_per_second: tokens of both views on all processes, padding not included.
- padding: the share of padding among the positions that passed the model.
- input_pairs_per_second: pairs per second of waiting for batches. Without workers, this is the rate of the input
  pipeline; with workers, a lower bound of it.
- model_tflops, on CUDA: 3 x `encoder_flops` (forward and backward) of the tokens, per second and device. What gradient
  caching or checkpointing compute a second time is not counted. mfu: model_tflops as a share of the device's stated
  dense bf16 peak.
- mixed, under mi_mix: the share of anchors that were mixed with another one.
- gpu_memory_mb, on CUDA: the peak memory of tensors on this device since the start.
"""

import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from modeling_dnacse import DnacseConfig
from modeling_dnacse.embedding.flops import encoder_flops

PEAK_TFLOPS = {"A100": 312.0, "H100": 989.0, "H200": 989.0}  # NVIDIA's data sheets, SXM, bf16, dense


class StepLog:
    """Collects measurements for `report`."""

    def __init__(self, config: DnacseConfig, device: torch.device) -> None:
        """Start empty."""
        self.config = config
        self.device = device
        self.clear()

    def clear(self) -> None:
        """Forget everything; the next `start` starts the clock."""
        self.sums: dict[str, list[Tensor]] = defaultdict(list)  # (2,) each: value x weight, weight
        self.lengths: list[Tensor] = []  # of the sequences that this process computed
        self.positions = 0  # that this process computed, padding included
        self.pairs = 0  # of all processes
        self.waited = 0.0  # seconds
        self.started: float | None = None

    def start(self) -> None:
        """Start the clock, unless it is running."""
        if self.started is None:
            self.started = time.perf_counter()

    def add(self, values: dict[str, Tensor], weight: Tensor | float = 1.0) -> None:
        """Add scalars of this micro-batch to their weighted means."""
        for name, value in values.items():
            value = value.detach().float()
            self.sums[name].append(torch.stack([value, torch.ones_like(value)]) * weight)

    def count(self, mask: Tensor, positions: int) -> None:
        """Count sequences that pass the model, given their mask (rows, length), and the positions computed."""
        self.lengths.append(mask.sum(1))
        self.positions += positions

    def report(self, mean: Callable[[Tensor], Tensor], processes: int) -> dict[str, float]:
        """Means and rates since `clear`.

        Args:
            mean: averages a tensor over all processes.
            processes: number of processes.
        """
        seconds = max(time.perf_counter() - (self.started or 0.0), 1e-6)  # a clock may stand still
        names = list(self.sums)
        lengths = torch.cat(self.lengths)
        tokens = lengths.sum().float()
        positions = torch.maximum(tokens.new_tensor(float(self.positions)), tokens)
        sums = [part for name in names for part in torch.stack(self.sums[name]).sum(0)]
        *sums, tokens, positions = mean(torch.stack([*sums, tokens, positions])).tolist()
        weighted = zip(names, sums[::2], sums[1::2], strict=True)
        report = {name: round(value / (weight or 1.0), 5) for name, value, weight in weighted}
        report |= {
            "seconds": round(seconds, 3),
            "pairs_per_second": round(self.pairs / seconds, 2),
            "tokens_per_second": round(tokens * processes / seconds, 1),
            "padding": round(1 - tokens / positions, 4),
            "input_pairs_per_second": round(self.pairs / max(self.waited, 1e-6), 1),
        }
        if self.device.type == "cuda":
            tflops = 3 * encoder_flops(self.config, lengths.tolist()) / seconds / 1e12
            report["model_tflops"] = round(tflops, 1)
            report["gpu_memory_mb"] = round(torch.cuda.max_memory_allocated(self.device) / 2**20, 1)
            name = torch.cuda.get_device_name(self.device)
            for model, peak in PEAK_TFLOPS.items():
                if model in name:
                    report["mfu"] = round(tflops / peak, 4)
        return report
