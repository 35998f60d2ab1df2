"""The command `dnacse` where it refuses."""

import pytest

from modeling_dnacse.cli import main


def refuse(capsys, *arguments) -> str:
    with pytest.raises(SystemExit) as stopped:
        main([str(argument) for argument in arguments])
    assert stopped.value.code == 2
    error = capsys.readouterr().err.splitlines()[-1]
    assert error.startswith(f"dnacse {arguments[0]}: error: ")
    return error
