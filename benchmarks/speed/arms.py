"""Ways to embed, to be compared: a checkpoint's folder in, functions from sequences to vectors out, and their costs.

Each way is loaded in a process of its own (`measure_pass` loads it at its first call), so that its peak memory is its
own and all of them can take turns on the machine. `plain` is what the others are compared with. All embed one strand,
so that they do the same work.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache, partial, wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoModel

from benchmarks.methods.networks import encode_sentences
from benchmarks.provenance.costs import measure
from benchmarks.report.speed_tables import PLAIN
from benchmarks.speed.workloads import BATCH
from modeling_dnacse import DnacseModel, embed
from modeling_dnacse.loading.checkpoints import load_checkpoint, load_tokenizer
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.loading.model_folders import GRAPH
from modeling_dnacse.loading.onnx_export import export_onnx


class Arm(NamedTuple):
    """A way to embed, loaded."""

    embed: Callable[..., np.ndarray]  # (n,) -> (n, hidden) float32, in input order
    model: Any  # that computes
    call: str = "forward"  # how; all else is input and output


def plain(folder: str, device: str) -> Arm:
    """As DNABERT-S evaluates: AutoModel, eager attention, batches of 20 sorted by length, padding='longest'."""
    model = AutoModel.from_pretrained(folder, attn_implementation="eager", dtype=torch.float32).to(device).eval()
    return Arm(partial(embed_plainly, model, load_tokenizer(folder)), model)


@torch.inference_mode()
def embed_plainly(model: Any, tokenizer: Any, sequences: Sequence[str]) -> np.ndarray:
    """Embed in batches of `BATCH` sequences sorted by length."""
    order = np.argsort([len(sequence) for sequence in sequences], kind="stable")
    vectors = np.empty((len(sequences), model.config.hidden_size), dtype=np.float32)
    for first in range(0, len(order), BATCH):
        rows = order[first : first + BATCH]
        batch = tokenizer([sequences[row] for row in rows], padding="longest", return_tensors="pt").to(model.device)
        output = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        vectors[rows] = output.pooler_output.cpu().numpy()
    return vectors


def ours(folder: str, device: str, *, attention: str, dtype: torch.dtype = torch.float32) -> Arm:
    """Our `embed` with its defaults and weights of this type."""
    loaded: tuple[Any, Any] = load_checkpoint(DnacseModel, folder, attn_implementation=attention)
    model, tokenizer = loaded
    return Arm(partial(embed, model.to(device, dtype), tokenizer, both_strands=False), model)


def ours_int8(folder: str, device: str) -> Arm:
    """Our `embed` with linear layers that compute in 8-bit integers."""
    model, tokenizer = load_encoder(folder, int8=True)
    return Arm(partial(embed, model, tokenizer, both_strands=False), model)


def onnx_runtime(folder: str, device: str, *, int8: bool = False) -> Arm:
    """Our `embed` with ONNX Runtime under it; int8: by its own dynamic quantisation with its defaults."""
    with TemporaryDirectory() as place:
        exported = Path(place, "onnx")
        export_onnx(folder, exported)
        if int8:
            from onnxruntime.quantization import quantize_dynamic  # here, since the package is optional

            quantize_dynamic(exported / GRAPH, Path(place, GRAPH))
            Path(place, GRAPH).replace(exported / GRAPH)
        encoder, tokenizer = load_encoder(str(exported))
    return Arm(partial(embed, encoder, tokenizer, both_strands=False), encoder.session, "run")


def sentence_transformers(folder: str, device: str) -> Arm:
    """The `encode` of sentence-transformers with its defaults."""
    from sentence_transformers import SentenceTransformer  # here, since importing it takes seconds

    model = SentenceTransformer(folder, device=device)
    return Arm(partial(encode_sentences, model), model[0].auto_model)


CPU_ARMS: dict[str, Callable[[str, str], Arm]] = {
    PLAIN: plain,
    "sentence-transformers": sentence_transformers,
    "ours, sdpa": partial(ours, attention="sdpa"),
    "ours, packed": partial(ours, attention="packed"),
    "ours, int8": ours_int8,
    "ONNX Runtime": onnx_runtime,
    "ONNX Runtime, int8": partial(onnx_runtime, int8=True),
}
CUDA_ARMS: dict[str, Callable[[str, str], Arm]] = {
    PLAIN: plain,
    "sentence-transformers": sentence_transformers,
    **{
        f"ours, bf16 {attention}": partial(ours, attention=attention, dtype=torch.bfloat16)
        for attention in ("eager", "sdpa", "packed", "flash_attention_2", "flex_attention")
    },
}
ARMS = {"cpu": CPU_ARMS, "cuda": CUDA_ARMS}


@cache
def load_arm(name: str, folder: str, device: str) -> Arm:
    """Load a way to embed once a process.

    Raises:
        ImportError, ValueError: This machine lacks what it needs.
    """
    return ARMS[torch.device(device).type][name](folder, device)


def measure_pass(name: str, folder: str, device: str, sequences: Sequence[str], seconds: float) -> dict[str, Any]:
    """Embed the sequences repeatedly until this many seconds have passed, at least once.

    Returns:
        `vectors` of the last time, (sequences, hidden); `times`, how often; `seconds` of all; `busy_seconds` of these
        in the model; `peak_memory_mb` of this process, and `added_memory_mb`, what it rose by; on CUDA besides
        `gpu_memory_mb`, the peak of the tensors there.
    """
    arm = load_arm(name, folder, device)
    before = resident_memory()
    with timed(arm.model, arm.call, torch.device(device).type == "cuda") as spans:
        (vectors, times, spent), costs = measure(partial(embed_for, arm, sequences, seconds))
    costs["added_memory_mb"] = round(costs["peak_memory_mb"] - before, 1)
    peaks = {peak: costs[peak] for peak in ("peak_memory_mb", "gpu_memory_mb", "added_memory_mb") if peak in costs}
    return {"vectors": vectors, "times": times, "seconds": spent, "busy_seconds": sum(spans)} | peaks


def embed_for(arm: Arm, sequences: Sequence[str], seconds: float) -> tuple[np.ndarray, int, float]:
    """Embed until this many seconds have passed: the last vectors, the number of times, and the total of seconds."""
    times, start = 0, time.perf_counter()
    while True:
        vectors = arm.embed(sequences)
        times += 1
        if (spent := time.perf_counter() - start) >= seconds:
            return vectors, times, spent


@contextmanager
def timed(model: Any, call: str, on_cuda: bool) -> Iterator[list[float]]:
    """Measure the seconds of each call of a model's method; on CUDA until its work is done."""
    work, spans = getattr(model, call), []

    @wraps(work)
    def work_timed(*args: Any, **options: Any) -> Any:
        start = time.perf_counter()
        output = work(*args, **options)
        if on_cuda:
            torch.cuda.synchronize()
        spans.append(time.perf_counter() - start)
        return output

    setattr(model, call, work_timed)
    try:
        yield spans
    finally:
        delattr(model, call)  # the method of the class shows again


def resident_memory() -> float:
    """Memory of this process in MB now; 0 if the system does not say (not Linux)."""
    pages = Path("/proc/self/statm")
    return round(int(pages.read_text().split()[1]) * 4096 / 2**20, 1) if pages.exists() else 0.0
