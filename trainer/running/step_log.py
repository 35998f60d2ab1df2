"""What happened between two logs: sums are collected step by step, means and rates come out.

Nothing is read off the device before it is logged, so collecting does not hold up a GPU.

- tokens_per_second: real tokens of both views, of all processes; padding is not counted.
- padding: share of the positions that went through the model that were padding.
- input_pairs_per_second: pairs over the time that was spent waiting for batches: without workers the rate of the
  input pipeline, with workers a lower bound of it.
- model_tflops, on CUDA: 3 x `encoder_flops` (forward and backward) of the real tokens, a second and a device; what
  gradient caching or checkpointing compute again is not counted. mfu: that over the device's stated dense bf16 peak.
- mixed, under mi_mix: share of the anchors that were mixed with another one.
- gpu_memory_mb, on CUDA: the most that tensors took up on this device since the start.
"""

import time
from collections import defaultdict
from collections.abc import Callable

import torch
from torch import Tensor

from modeling_dnacse import DnacseConfig
from modeling_dnacse.machine.flops import encoder_flops

PEAK_TFLOPS = {"A100": 312.0, "H100": 989.0, "H200": 989.0}  # NVIDIA's data sheets, SXM, bf16, dense


class StepLog:
    """Collect, then `report`."""

    def __init__(self, config: DnacseConfig, device: torch.device) -> None:
        """Start empty."""
        self.config = config
        self.device = device
        self.clear()

    def clear(self) -> None:
        """Forget everything; the clock starts with the next batch that is fetched."""
        self.sums: dict[str, list[Tensor]] = defaultdict(list)  # (2,) each: a value times its weight, the weight
        self.lengths: list[Tensor] = []  # of the sequences that this process computed
        self.positions = 0  # that this process computed, padding included
        self.pairs = 0  # of all processes
        self.waited = 0.0  # seconds
        self.started: float | None = None

    def start(self) -> None:
        """Start the clock, if it does not run."""
        if self.started is None:
            self.started = time.perf_counter()

    def add(self, values: dict[str, Tensor], weight: Tensor | float = 1.0) -> None:
        """Take scalars of this micro-batch, to be averaged by weight."""
        for name, value in values.items():
            value = value.detach().float()
            self.sums[name].append(torch.stack([value, torch.ones_like(value)]) * weight)

    def count(self, mask: Tensor, positions: int) -> None:
        """Count the sequences that pass the model, by their mask (rows, length), and the positions computed."""
        self.lengths.append(mask.sum(1))
        self.positions += positions

    def report(self, mean: Callable[[Tensor], Tensor], processes: int) -> dict[str, float]:
        """Means and rates since `clear`.

        Args:
            mean: averages a tensor over all processes.
        """
        seconds = time.perf_counter() - (self.started or 0.0)
        names = list(self.sums)
        lengths = torch.cat(self.lengths)
        tokens = lengths.sum().float()
        positions = torch.maximum(tokens.new_tensor(float(self.positions)), tokens)
        sums = [part for name in names for part in torch.stack(self.sums[name]).sum(0)]
        *sums, tokens, positions = mean(torch.stack([*sums, tokens, positions])).tolist()
        weighted = zip(names, sums[::2], sums[1::2], strict=True)
        report = {name: round(value / (weight or 1.0), 5) for name, value, weight in weighted}
        report |= {
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
