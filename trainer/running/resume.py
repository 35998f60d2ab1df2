"""Which checkpoint to resume from: the output folder and the option in, a checkpoint folder out.

A resumed run equals an uninterrupted one only with the same data and arguments. Otherwise Trainer silently skips the
wrong batches, keeps the old learning rate, or starts another phase. So checkpoints hold a file RUN, and differences
are refused. Only the bounds of chunks may change, in case memory ran out.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from zlib import crc32

from transformers import PreTrainedConfig, PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig
from modeling_dnacse.loading.checkpoints import reason_of
from modeling_dnacse.loading.repository import POOLING, WRITTEN
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.plain_messages import what_is_full
from modeling_dnacse.machine.provenance import sha256_of
from modeling_dnacse.reading.given_sequences import SHOWN
from trainer.pairing.pairs import FixedPairs, PairSampler, PairSource
from trainer.releasing.training_record import RECORDED_ARGUMENTS, name_of

STATE = "trainer_state.json"
RUN = "run.json"
FILES = "files"  # in RUN: the digest of each file
REMEDY = "copy the checkpoint again, or resume from another one"
MAY_CHANGE = ("cached_chunk_size", "chunk_tokens")
MUST_STAY = ("train_split", "dataset_revision", "validation_split", "max_validation_pairs", "metric_for_best_model")
# a resumed optimizer and schedule have their own, whatever is given
MUST_STAY += ("adam_beta1", "adam_beta2", "adam_epsilon", "optim_args", "lr_scheduler_kwargs", "optim_target_modules")
MUST_STAY += ("neftune_noise_alpha", "accelerator_config", "data_seed", "ignore_data_skip", "pad_to_multiple_of")
MUST_STAY += ("load_best_model_at_end", "greater_is_better", "per_device_eval_batch_size")  # what is released


def checkpoint_to_resume(output: Path, requested: str | None) -> str | None:
    """The checkpoint folder to resume from; "last" is the newest complete one.

    Raises:
        ValueError: there is nothing to resume; or resuming was not requested, and the folder holds an earlier run or
            other files with names that a run writes.
    """
    found = [path for path in output.glob(f"checkpoint-*/{STATE}") if step_of(path).isdecimal()]
    states = sorted(found, key=lambda path: int(step_of(path)))
    finished = [path for path in states if is_complete(path)]
    if requested is None:
        if finished or (output / "config.json").exists():
            raise ValueError(
                f"{output} holds an earlier run: go on with --resume_from_checkpoint last, "
                "or choose another --output_dir"
            )
        if replaced := next((path for path in sorted(output.glob("*")) if might_replace(path)), None):
            raise ValueError(f"{replaced} is there already, and a run might replace it; choose another --output_dir")
        return None
    if requested == "last":
        if not finished:
            raise ValueError(
                f"--resume_from_checkpoint last: {output} holds no checkpoint; leave the option out to start a new run"
            )
        return str(finished[-1].parent)
    if not is_complete(Path(requested, STATE)):
        raise ValueError(
            f"--resume_from_checkpoint {requested}: not a complete checkpoint folder, its {STATE} is "
            "missing or cut short: use an earlier one"
        )
    return requested


def might_replace(path: Path) -> bool:
    """Whether what is at a path in the output folder has the name of a checkpoint or of a part of a release."""
    return path.suffix in WRITTEN or path.name.startswith("checkpoint-") or path.name == POOLING


def step_of(state: Path) -> str:
    """The step in the name of the checkpoint folder that holds a file, such as checkpoint-500."""
    return state.parent.name.partition("-")[2]


def is_complete(state: Path) -> bool:
    """Whether a checkpoint's trainer_state.json, the last file to be written, is complete: a copy may be cut short."""
    try:
        read_object(state, REMEDY)
    except ValueError:
        return False
    return True


def check_files(checkpoint: Path) -> None:
    """Check a checkpoint's files before they are loaded: all are there, and as they were written.

    Without its optimizer or scheduler a run would go on from other states, and end with other weights.

    Raises:
        ValueError: a file is missing or damaged, or the state of Trainer has other values than it writes.
    """
    named = read_object(checkpoint / RUN, REMEDY).get(FILES, {})
    if not isinstance(named, dict):
        raise ValueError(f"{checkpoint / RUN}: {FILES} is no object: {REMEDY}")
    for part in ("model", "optimizer", "scheduler"):
        if not any(part in name for name in named):
            raise ValueError(f"{checkpoint / RUN} names no file of the {part}: {REMEDY}")
    for name, digest in named.items():
        if not (checkpoint / name).is_file():
            raise ValueError(f"{checkpoint / name} is missing: {REMEDY}")
        if sha256_of(checkpoint / name) != digest:
            raise ValueError(f"{checkpoint / name} is not what was written, so it is damaged: {REMEDY}")
    if not is_state(read_object(checkpoint / STATE, REMEDY), step_of(checkpoint / STATE)):
        raise ValueError(f"{checkpoint / STATE} has other values than a run writes: {REMEDY}")


def check_best(checkpoint: Path) -> None:
    """Check the best checkpoint of a run so far, beside the one to resume from, since it may be released.

    Raises:
        ValueError: it is missing, or a file of it is missing or damaged.
    """
    step = read_object(checkpoint / STATE, REMEDY).get("best_global_step")
    best = checkpoint.with_name(f"checkpoint-{step}")
    if step and not (best / STATE).is_file():
        raise ValueError(
            f"{best} is missing. It is the best checkpoint so far, and the run would release other weights without "
            "it: copy it to its place, or start a new run"
        )
    if step and best != checkpoint:  # whose files were checked
        check_files(best)


def is_state(state: Mapping[str, Any], step: str) -> bool:
    """Whether the values of trainer_state.json that a resumed run uses are such as Trainer writes.

    Args:
        state: its content.
        step: that of the checkpoint's name; a folder that was renamed has none.

    >>> is_state({"global_step": 2, "log_history": [{"step": 1, "seconds": 0.5}]}, "2")
    True
    >>> is_state({"global_step": 2, "log_history": [{"step": 1, "seconds": None}]}, "2")
    False
    """
    log = state.get("log_history")
    if not isinstance(log, list) or not all(isinstance(entry, dict) for entry in log):
        return False
    steps = [state.get("global_step"), *(entry.get("step") for entry in log)]
    callbacks = state.get("stateful_callbacks", {"TrainerControl": {}})
    seconds, best = [entry.get("seconds", 1) for entry in log], state.get("best_metric")
    return (
        all(type(number) is int for number in steps)
        and all(isinstance(spent, int | float) and spent >= 0 for spent in seconds)
        and (best is None or isinstance(best, int | float))
        and isinstance(state.get("total_flos", 0), int | float)
        and isinstance(callbacks, dict)
        and "TrainerControl" in callbacks
        and (not step.isdecimal() or steps[0] == int(step))
    )


def file_digests(checkpoint: Path) -> dict[str, str]:
    """SHA-256 of each file of a checkpoint but RUN, by its path in the folder."""
    files = sorted(path for path in checkpoint.rglob("*") if path.is_file() and path != checkpoint / RUN)
    return {path.relative_to(checkpoint).as_posix(): sha256_of(path) for path in files}


def run_facts(
    arguments: Mapping[str, Any],
    processes: int,
    config: PreTrainedConfig,
    tokenizer: PreTrainedTokenizerFast,
    sampler: PairSampler,
    validation: FixedPairs | None,
) -> dict[str, Any]:
    """What has to be the same when a run is resumed, as it comes back from JSON.

    Args:
        arguments: the values of all options by name.
        processes: that train together.
        config: of the model that training starts from.
        tokenizer: its tokenizer.
        sampler: of the pairs of training.
        validation: the pairs of validation, which decide which checkpoint is released.
    """
    names = [name for name in RECORDED_ARGUMENTS if name not in MAY_CHANGE]
    facts = {f"--{name}": arguments[name] for name in [*names, *MUST_STAY]} | {
        **{f"{name} of the model": getattr(config, name) for name in DnacseConfig.__annotations__},
        "vocabulary of the model": tokens_fingerprint(tokenizer),
        "--model_name_or_path": arguments["model_name_or_path"] and name_of(arguments["model_name_or_path"]),
        "processes": processes,
        "pairs an epoch": len(sampler),
        "data fingerprint": fingerprint(sampler.dataset),
        "validation fingerprint": None if validation is None else fingerprint(validation.dataset),
    }
    return json.loads(json.dumps(facts))


def fingerprint(records: PairSource) -> int:
    """A checksum of the records of which pairs are made."""
    return crc32(records.lengths.tobytes(), crc32(records.species.tobytes(), records.content))


def tokens_fingerprint(tokenizer: PreTrainedTokenizerFast) -> int:
    """A checksum of the tokens, their ids and their merges."""
    model = json.loads(tokenizer.backend_tokenizer.to_str())["model"]
    return crc32(json.dumps([model.get("vocab"), model.get("merges")], sort_keys=True).encode())


def check_same_run(checkpoint: Path, facts: dict[str, Any]) -> None:
    """Compare `facts` with those of a checkpoint's run.

    Raises:
        ValueError: they differ.
    """
    former = read_object(checkpoint / RUN, REMEDY)
    changed = [
        f"{name} {former.get(name)!s:.{SHOWN}}, not {facts[name]!s:.{SHOWN}}"
        for name in facts
        if former.get(name) != facts[name]
    ]
    if changed:
        raise ValueError(
            f"{checkpoint} is of a run with {'; '.join(changed)}: go on with the same, or start a new run in another "
            "--output_dir"
        )


@contextmanager
def naming_checkpoint(checkpoint: str | None, used: Callable[[], bool]) -> Iterator[None]:
    """Let errors name the checkpoint until a step with its states was made; their digests may be forged.

    Args:
        checkpoint: what a run is resumed from; None: nothing.
        used: tells whether such a step was made.

    Raises:
        ValueError: states of other kinds or shapes cannot be loaded or used.
    """
    try:
        yield
    except OSError:
        raise
    except Exception as error:  # torch and transformers raise many classes
        if checkpoint is None or used() or what_is_full(error):
            raise
        raise ValueError(f"{checkpoint} cannot be resumed from ({reason_of(error)}): {REMEDY}") from error
