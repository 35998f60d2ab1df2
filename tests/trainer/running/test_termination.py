"""SIGTERM to the whole process group: workers of the data loader outlive it from their first instant on."""

import os
import signal
import sys

import pytest
import torch
from torch.utils.data import DataLoader, Dataset
from torch.utils.data._utils import signal_handling

from trainer.running.termination import leave_signals_to_main_process

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="signals can be waited for on Linux only")


class Numbers(Dataset):
    """Sends SIGTERM to the process that it is unpickled in, before a worker's own code runs."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return torch.tensor(index)

    def __getstate__(self):
        return {}

    def __setstate__(self, state):
        os.kill(os.getpid(), signal.SIGTERM)


@pytest.fixture
def loader(request, monkeypatch):
    def terminated():  # a forked worker unpickles nothing: this is the first that it calls
        os.kill(os.getpid(), signal.SIGTERM)
        handlers()

    name = "_set_worker_signal_handlers"
    handlers = getattr(signal_handling, name)
    monkeypatch.setattr(signal_handling, name, terminated)
    return DataLoader(Numbers(), num_workers=1, multiprocessing_context=request.param)


@pytest.mark.parametrize("loader", ["fork"], indirect=True)
def test_a_worker_that_nothing_protects_dies_of_a_signal_at_its_birth(loader):
    with pytest.raises(RuntimeError, match="exited unexpectedly"):
        list(loader)


@pytest.mark.slow
@pytest.mark.parametrize("loader", ["fork", "forkserver", "spawn"], indirect=True)
def test_a_worker_outlives_a_signal_at_its_birth_and_heeds_its_parent(loader):
    leave_signals_to_main_process(loader)
    assert torch.cat(list(loader)).tolist() == [0, 1, 2, 3]
    batches = iter(loader)
    next(batches)
    os.kill(batches._workers[0].pid, signal.SIGTERM)
    batches._workers[0].join(20)
    assert batches._workers[0].exitcode == 0
    assert signal.SIGTERM not in signal.pthread_sigmask(signal.SIG_BLOCK, set())
