"""What must give the same gradients: cached and plain, two processes and one, with dropout, mixing and noise."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

import trainer.objective.objectives
from tests.support.training_step import step
from trainer.objective.randomness import SeedProcess
from trainer.running.curriculum import OBJECTIVES

ROOT = Path(__file__).parents[3]

NOISE = {"noise_additive": 0.1, "noise_multiplicative": 0.1, "noise_substitution": 0.3}
QUIET = {"noise_additive": 0.0, "noise_multiplicative": 0.0, "noise_substitution": 0.0}


def assert_same(first, second, tolerance=1e-10):
    """Equal up to `tolerance` times the largest gradient, which is about one."""
    assert first.keys() == second.keys()
    largest = max(value.abs().max().item() for name, value in first.items() if name != "loss")
    assert 0.1 < largest < 20
    for name in first:
        worst = (first[name] - second[name]).abs().max().item()
        assert worst <= tolerance * largest, (name, worst, largest)


@pytest.mark.parametrize("objective", OBJECTIVES)
@pytest.mark.parametrize("options", [{"cached_chunk_size": 3}, {"chunk_tokens": 30}], ids=["rows", "tokens"])
def test_cached_gradients_are_the_plain_ones_with_dropout_and_noise(tiny_folder, monkeypatch, objective, options):
    """The same chunks in both cases, so that dropout, noise and mixing partners fall the same."""
    case = {"objective": objective, "dropout": 0.2, "mlm_weight": 0.5, "mlm_span": "window", **NOISE, **options}
    case["genus_weight"] = 0.3
    cached = step(str(tiny_folder), **case)
    asked = []

    def plain_terms(forwards, loss_of):
        asked.append(len(forwards))
        return [lambda: loss_of([forward() for forward in forwards])]

    monkeypatch.setattr(trainer.objective.objectives, "cached_terms", plain_terms)
    assert_same(cached, step(str(tiny_folder), **case))
    assert objective == "mlm" or asked[0] > 4


@pytest.mark.parametrize("objective", ["weighted_simclr", "info_nce", "noise_contrastive"])
def test_chunks_do_not_change_the_batch(tiny_folder, objective):
    case = {"objective": objective, **QUIET}
    whole = step(str(tiny_folder), **case)
    assert_same(step(str(tiny_folder), cached_chunk_size=2, **case), whole)
    assert_same(step(str(tiny_folder), chunk_tokens=40, **case), whole)
    with_genera = step(str(tiny_folder), genus_weight=0.3, **case)
    assert_same(step(str(tiny_folder), genus_weight=0.3, cached_chunk_size=2, **case), with_genera)
    assert with_genera["genera.weight"].abs().max() > 1e-3 and whole["loss"] < with_genera["loss"]
    smaller = step(str(tiny_folder), parts=2, **case)  # accumulation is another loss: fewer negatives
    assert (smaller["loss"] - whole["loss"]).abs() > 1e-2


CASES = {
    **{
        objective: {"objective": objective, **QUIET}
        for objective in ("weighted_simclr", "info_nce", "noise_contrastive")
    },
    "mi_mix": {"objective": "mi_mix", "cached_chunk_size": 4},
    "mi_mix of one layer": {"objective": "mi_mix", "cached_chunk_size": 4, "mixing_layers": "0"},
    "mlm": {"objective": "mlm", "fixed_masks": True},
    "mlm term": {
        "objective": "noise_contrastive",
        "mlm_weight": 0.5,
        "fixed_masks": True,
        "chunk_tokens": 30,
        **QUIET,
    },
    # the last term, of masked tokens, uses no pooler: DistributedDataParallel left its whole bucket unsynchronised
    "mlm term and cls_tanh, as DNACSE": {
        "objective": "noise_contrastive",
        "mlm_weight": 0.5,
        "fixed_masks": True,
        "pooling": "cls_tanh",
        **QUIET,
    },
    "embeddings compared": {"objective": "mi_mix", "compare": "embeddings", "cached_chunk_size": 4},
    "genera": {"objective": "mi_mix", "genus_weight": 0.5, "cached_chunk_size": 4},
    "cached": {"objective": "weighted_simclr", "cached_chunk_size": 1},
    "by tokens": {"objective": "weighted_simclr", "chunk_tokens": 30},
    "cached mi_mix": {"objective": "mi_mix", "cached_chunk_size": 2},
    "accumulated": {"objective": "weighted_simclr", "parts": 2},
    "accumulated and cached": {"objective": "info_nce", "parts": 2, "cached_chunk_size": 1},
    "bfloat16": {"objective": "weighted_simclr", "bf16": True, "cached_chunk_size": 2},
}


@pytest.fixture(scope="module")
def two_processes(tiny_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("distributed")
    (folder / "cases.json").write_text(json.dumps(CASES))
    script = ROOT / "tests" / "support" / "training_step.py"
    done = subprocess.run(
        [
            *(sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--standalone", str(script)),
            *(str(tiny_folder), str(folder / "cases.json"), str(folder / "out.pt")),
        ],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return torch.load(folder / "out.pt")


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_two_processes_of_four_are_one_of_eight(two_processes, tiny_folder, name):
    """The ancestors gather without a gradient, and take mixing partners' numbers for rows of the gathered batch."""
    tolerance = 1e-2 if name == "bfloat16" else 1e-6 if "mlm" in name else 1e-10  # the mlm loss is in float32
    assert_same(two_processes[name], step(str(tiny_folder), **CASES[name]), tolerance)


def test_peak_memory_follows_the_chunk_and_not_the_batch(tiny_folder, monkeypatch):
    def peak(rows, **options):
        """Bytes that autograd keeps for the backward at most, parameters not counted."""
        held = {"now": 0, "peak": 0}

        class Kept:
            def __init__(self, tensor):
                self.tensor, self.bytes = tensor, tensor.numel() * tensor.element_size()
                held["now"] += self.bytes
                held["peak"] = max(held.values())

            def __del__(self):
                held["now"] -= self.bytes

        monkeypatch.setattr("tests.support.training_step.ROWS", rows)
        with torch.autograd.graph.saved_tensors_hooks(Kept, lambda kept: kept.tensor):
            step(str(tiny_folder), "mi_mix", **options)
        return held["peak"]

    assert peak(64) > 6 * peak(8)
    assert peak(64, cached_chunk_size=4) < 1.1 * peak(8, cached_chunk_size=4)


@pytest.mark.slow
def test_compiled_training_is_plain_training(tiny_folder):
    """With dynamo's tracing but no code generation, which takes minutes on a CPU."""
    compiled = step(str(tiny_folder), "mi_mix", torch_compile=True, torch_compile_backend="eager")
    assert_same(compiled, step(str(tiny_folder), "mi_mix"))


@pytest.mark.parametrize("objective", ["mi_mix", "mlm"])
def test_cached_gradients_are_scaled_for_fp16(tiny_folder, objective):
    case = {"objective": objective, "chunk_tokens": 30, "parts": 2}
    assert_same(step(str(tiny_folder), loss_scale=1024.0, **case), step(str(tiny_folder), **case))


def test_processes_do_not_share_their_dropout():
    """Trainer seeds all processes alike."""
    drawn = []
    for process in (0, 1):
        SeedProcess().on_train_begin(SimpleNamespace(seed=3, process_index=process), None, None)
        drawn.append(torch.rand(4))
    assert not torch.equal(*drawn)
