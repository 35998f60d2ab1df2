"""Costs: time and memory of this process and of the tools that it starts."""

import multiprocessing
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest
import torch

from benchmarks.provenance.costs import UNDER_WAY, Spent, count_memory, measure, metered, watch_memory

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@ON_LINUX
def test_memory_is_that_of_the_work_not_of_earlier_work():
    _, large = measure(lambda: np.ones(40_000_000).sum())  # 320 MB
    _, small = measure(lambda: None)
    assert large["peak_memory_mb"] - small["peak_memory_mb"] > 250


@ON_LINUX
def test_a_measurement_within_another_takes_nothing_from_it():
    """Each starts the process's high-water mark anew."""

    def work() -> dict[str, float]:
        np.ones(40_000_000).sum()  # 320 MB
        return measure(lambda: np.ones(20_000_000).sum())[1]

    inner, outer = measure(work)
    _, nothing = measure(lambda: None)
    base = nothing["peak_memory_mb"]
    assert 100 < inner["peak_memory_mb"] - base < 250 < outer["peak_memory_mb"] - base


def test_memory_of_earlier_work_counts_until_the_end():
    def work():
        count_memory({"peak_memory_mb": 1e9, "gpu_memory_mb": 5.0})
        count_memory({"gpu_memory_mb": 3.0})

    _, (_, costs) = measure(lambda: None), measure(work)
    assert (costs["peak_memory_mb"], costs["gpu_memory_mb"]) == (1e9, 5)
    assert measure(lambda: None)[1]["peak_memory_mb"] < 1e9
    with pytest.raises(MemoryError), watch_memory():
        raise MemoryError
    assert not UNDER_WAY


def test_tensors_on_cuda_are_counted_where_it_is_in_use(monkeypatch):
    """A stand-in for two devices, the second of which holds more."""
    started = []
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "reset_peak_memory_stats", started.append)
    monkeypatch.setattr(torch.cuda, "max_memory_allocated", lambda device: (device + 1) * 2**20)
    assert measure(lambda: None)[1]["gpu_memory_mb"] == 2
    assert started == [0, 1]


@ON_LINUX
def test_a_tool_is_counted():
    program = "import time; x = bytearray(b'x') * 150_000_000; sum(range(2_000_000)); time.sleep(0.4)"
    _, costs = measure(lambda: subprocess.run([sys.executable, "-c", program], check=True))
    assert 140 < costs["children_peak_memory_mb"] < 400  # this process, which holds torch, is no part of it
    assert 0.01 < costs["cpu_seconds"] < costs["wall_seconds"]
    _, nothing = measure(lambda: time.sleep(0.1))
    assert nothing["children_peak_memory_mb"] == 0


@ON_LINUX
def test_a_child_that_is_still_a_copy_of_this_process_does_not_count():
    """vsearch was said to take 593 MB, which was this process, seen between fork and exec."""

    def copy():
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(0.4,))
        child.start()
        child.join()

    assert measure(copy)[1]["children_peak_memory_mb"] == 0


@ON_LINUX
def test_a_child_that_was_there_before_does_not_count():
    """multiprocessing's resource tracker, which an earlier test may have started."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as earlier:
        try:
            assert measure(lambda: time.sleep(0.2))[1]["children_peak_memory_mb"] == 0
        finally:
            earlier.kill()


def test_an_ability_adds_what_it_costs():
    spent = Spent()
    search = metered(lambda queries, references: time.sleep(0.02), spent)
    search(["A", "C"], ["G"])
    before = replace(spent)
    search(["A"], ["G"])
    assert spent.sequences == 5
    since = spent.since(before)
    assert since["sequences"] == 2
    assert since["wall_seconds"] >= 0.02
