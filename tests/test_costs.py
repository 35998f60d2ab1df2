"""Costs: time and memory of this process and of the tools that it starts."""

import multiprocessing
import subprocess
import sys
import time
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.costs import Spent, measure, metered

ON_LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@ON_LINUX
def test_memory_is_that_of_the_work_not_of_earlier_work():
    _, large = measure(lambda: np.ones(40_000_000).sum())  # 320 MB
    _, small = measure(lambda: None)
    assert large["peak_memory_mb"] - small["peak_memory_mb"] > 250


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
