"""Signals end a command wherever they come."""

import os
import signal
import time

import pytest

from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals


class Finalised:
    """An object during whose end a signal comes, as one of llvmlite while numba compiles."""

    def __del__(self) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.01)


def test_a_signal_in_a_finaliser_ends_the_command(capsys):
    """Python wrote `Exception ignored in`, and the command went on, deaf to further signals."""
    former = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Stopped, match="SIGTERM"), unwinding_on_signals():
        made = Finalised()
        del made
        time.sleep(5)
    assert capsys.readouterr().err == "" and signal.getsignal(signal.SIGTERM) is former
