"""Which checkpoint to go on from: the output folder and the user's wish in, a checkpoint folder out."""

import json
from pathlib import Path

STATE = "trainer_state.json"


def checkpoint_to_resume(output: Path, wish: str | None) -> str | None:
    """The checkpoint folder to go on from; "last" is the newest one that was written to its end.

    Raises:
        ValueError: there is nothing to resume, or the folder holds an earlier run and nothing was said of resuming.
    """
    states = sorted(output.glob(f"checkpoint-*/{STATE}"), key=lambda path: int(path.parent.name.partition("-")[2]))
    finished = [path for path in states if is_complete(path)]
    if wish is None:
        if finished or (output / "config.json").exists():
            raise ValueError(
                f"{output} holds an earlier run: go on with --resume_from_checkpoint last, "
                "or choose another --output_dir"
            )
        return None
    if wish == "last":
        if not finished:
            raise ValueError(
                f"--resume_from_checkpoint last: {output} holds no checkpoint; leave the option out to start anew"
            )
        return str(finished[-1].parent)
    if not is_complete(Path(wish, STATE)):
        raise ValueError(
            f"--resume_from_checkpoint {wish}: no complete checkpoint folder, its {STATE} is missing or "
            "cut short: take an earlier one"
        )
    return wish


def is_complete(state: Path) -> bool:
    """Whether a checkpoint's trainer_state.json, written last, is whole: a copy of a folder may be cut short."""
    try:
        json.loads(state.read_text())
    except (OSError, ValueError):
        return False
    return True
