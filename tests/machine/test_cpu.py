"""What a command sets: threads within a container's quota, and denormals taken as zero."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from modeling_dnacse.machine import cpu


@pytest.mark.parametrize(
    ("files", "quota"),
    [
        ({"cpu.max": "250000 100000\n"}, 2.5),
        ({"cpu.max": "max 100000\n"}, None),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, None),
        ({}, None),
    ],
)
def test_quotas_of_both_versions_are_read(tmp_path, files, quota):
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert cpu.cpu_quota(tmp_path) == quota


@pytest.mark.parametrize(("quota", "omp", "threads"), [(2.5, None, 2), (0.5, None, 1), (64, None, 8), (2, "8", 8)])
def test_threads_stay_within_the_quota_unless_the_user_says_otherwise(monkeypatch, quota, omp, threads):
    chosen = [8]
    monkeypatch.setattr(cpu, "cpu_quota", lambda: quota)
    monkeypatch.setattr(torch, "set_flush_denormal", lambda flush: None)
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    monkeypatch.setattr(torch, "set_num_threads", chosen.append)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if omp:
        monkeypatch.setenv("OMP_NUM_THREADS", omp)
    cpu.prepare_cpu()
    assert chosen[-1] == threads


@pytest.mark.slow
def test_all_threads_take_denormals_as_zero():
    code = """
import torch
from modeling_dnacse.machine.cpu import prepare_cpu
prepare_cpu()
torch.set_num_threads(2)
print(int((torch.full((4_000_000,), 1e-30) * 1e-10 != 0).sum()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    if not torch.set_flush_denormal(False):
        pytest.skip("this processor cannot")
    assert done.stdout.split()[-1] == "0", done.stderr


@pytest.mark.parametrize("program", ["modeling_dnacse/cli.py", "trainer/train.py", "benchmarks/run.py"])
def test_programs_let_waiting_threads_sleep_before_torch_is_there(program):
    """Later, it has no effect."""
    text = (Path(__file__).parents[2] / program).read_text()
    setting = text.index('os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")')
    later = ["\nimport torch\n", "from modeling_dnacse", "import prepare_cpu"]
    assert all(setting < text.index(line) for line in later if line in text)
