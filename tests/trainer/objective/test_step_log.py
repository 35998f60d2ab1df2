"""The training log counts real tokens, padding and waiting, and nothing of one stretch in the next."""

import pytest
import torch

from modeling_dnacse.embedding.flops import encoder_flops
from trainer.objective.step_log import StepLog

MASK = torch.tensor([[1, 1, 1, 1], [1, 1, 0, 0]])


def report(log, processes=1):
    return log.report(lambda values: values, processes)


def test_tokens_padding_and_rates(tiny_config, monkeypatch):
    clock = iter([100.0, 100.5]).__next__
    monkeypatch.setattr("trainer.objective.step_log.time.perf_counter", lambda: clock())
    log = StepLog(tiny_config, torch.device("cpu"))
    log.start()
    log.count(MASK, positions=8)
    log.count(MASK, positions=8)
    log.add({"loss_part": torch.tensor(1.0)})
    log.add({"loss_part": torch.tensor(2.0), "other": torch.tensor(5)})
    log.pairs, log.waited = 4, 0.01
    log.start()  # does not start anew
    first = report(log, processes=2)
    monkeypatch.undo()
    assert first["loss_part"] == 1.5 and first["other"] == 5 and first["padding"] == 0.25
    assert first["input_pairs_per_second"] == 400
    assert first["tokens_per_second"] == 2 * 12 / 0.5  # both processes as this one
    assert first["pairs_per_second"] == 4 / 0.5 and first["seconds"] == 0.5
    log.clear()
    log.start()
    log.add({"accuracy": torch.tensor(1.0)}, weight=torch.tensor(3))
    log.add({"accuracy": torch.tensor(0.0)}, weight=torch.tensor(1))
    log.add({"of nothing": torch.tensor(0.0)}, weight=torch.tensor(0))
    log.count(MASK, positions=8)
    assert report(log)["accuracy"] == 0.75 and report(log)["of nothing"] == 0
    log.clear()
    log.start()
    log.count(MASK, positions=0)  # packed: no padding was computed
    assert report(log)["padding"] == 0 and "other" not in report(log)


def test_model_flops_are_of_real_tokens(tiny_config, monkeypatch):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "NVIDIA H100 80GB HBM3")
    log = StepLog(tiny_config, torch.device("cuda"))
    log.start()
    for _ in range(1000):
        log.count(MASK, positions=8)
    monkeypatch.setattr("trainer.objective.step_log.time.perf_counter", lambda: log.started + 1e-6)
    expected = 3 * 1000 * encoder_flops(tiny_config, [4, 2]) / 1e-6 / 1e12
    told = report(log)
    assert told["model_tflops"] == pytest.approx(expected, rel=1e-3)
    assert told["mfu"] == pytest.approx(expected / 989, rel=1e-3)
