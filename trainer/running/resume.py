"""Which checkpoint to go on from: the output folder and the user's wish in, a checkpoint folder out.

A run goes on as if nothing had happened only with the data and arguments that it began with; otherwise Trainer skips
the wrong batches, keeps the old learning rate, or begins another phase, all without a word. So checkpoints hold RUN,
and what differs is refused, but for the bounds of a chunk: those may be lowered after memory ran out.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zlib import crc32

from trainer.pairing.pairs import PairSampler
from trainer.releasing.training_record import RECORDED_ARGUMENTS

STATE = "trainer_state.json"
RUN = "run.json"
MAY_CHANGE = ("cached_chunk_size", "chunk_tokens")


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


def run_facts(arguments: Mapping[str, Any], processes: int, sampler: PairSampler) -> dict[str, Any]:
    """What has to be the same when a run is resumed, as it comes back from JSON.

    Args:
        arguments: the values of all options by name.
    """
    data = sampler.dataset
    names = [name for name in RECORDED_ARGUMENTS if name not in MAY_CHANGE]
    facts = {f"--{name}": arguments[name] for name in [*names, "train_split", "dataset_revision"]} | {
        "processes": processes,
        "pairs an epoch": len(sampler),
        "data fingerprint": crc32(data.lengths.tobytes(), crc32(data.species.tobytes())),
    }
    return json.loads(json.dumps(facts))


def check_same_run(checkpoint: Path, facts: dict[str, Any]) -> None:
    """Compare with what a checkpoint says of its run; one without RUN, of an earlier release, says nothing.

    Raises:
        ValueError: something differs.
    """
    if not (checkpoint / RUN).exists():
        return
    former = json.loads((checkpoint / RUN).read_text())
    changed = [f"{name} {former.get(name)}, not {facts[name]}" for name in facts if former.get(name) != facts[name]]
    if changed:
        raise ValueError(
            f"{checkpoint} is of a run with {'; '.join(changed)}: go on with the same, or start anew in another "
            "--output_dir"
        )
