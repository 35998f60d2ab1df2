"""Options of transformers' Trainer that a library refuses late or in its own words: values in, one sentence out."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

import torch
from accelerate.utils import DynamoBackend
from transformers import TrainingArguments
from transformers.integrations.integration_utils import get_available_reporting_integrations
from transformers.training_args import ParallelMode

from modeling_dnacse.machine.plain_messages import sentence_of

NO_REPORTS = {"none", "all"}
ABOVE_ZERO = ("logging_steps", "save_steps", "eval_steps", "ddp_timeout", "ddp_bucket_cap_mb")


def check_trainer_options(args: TrainingArguments) -> None:
    """Check values that would be refused after the data are read, or only by the first step.

    Raises:
        ValueError: a number is not above 0; checkpoints are not validated; torch does not know how to compile; a
            package is not installed; or an option is not written as it should be.
    """
    for name in ABOVE_ZERO:
        value = getattr(args, name)
        if value is not None and not value > 0:
            raise ValueError(f"--{name} is {value}; it must be above 0")
    if args.load_best_model_at_end and args.eval_strategy == args.save_strategy == "steps":
        check_steps(args.save_steps, args.eval_steps or args.save_steps)
    backends, modes = {each.value.lower() for each in DynamoBackend} - {"no"}, {}
    if args.torch_compile_mode:
        modes = torch._inductor.list_mode_options()  # only here, since torch takes a second to load the compiler
    for option, allowed in (("torch_compile_backend", backends), ("torch_compile_mode", modes)):
        value = getattr(args, option)
        if value and value.lower() not in allowed:
            raise ValueError(f"--{option} is {value}; it must be one of {', '.join(sorted(allowed))}")
    if args.deepspeed and find_spec("deepspeed") is None:
        raise ValueError(
            "--deepspeed needs the package deepspeed, which is not installed: pip install deepspeed, or leave it out; "
            "accelerate launch --config_file trainer/configs/fsdp.yaml shares a model without it"
        )
    given = [args.report_to] if isinstance(args.report_to, str) else args.report_to or []
    known = get_available_reporting_integrations()
    if missing := [name for name in given if name not in NO_REPORTS and name not in known]:
        raise ValueError(
            f"--report_to {missing[0]}: there is no such package for reports, or it is not installed; install it, or "
            f"choose from {', '.join(['none', *known])}"
        )
    pairs = [part.split("=") for part in args.optim_args.split(",")] if args.optim_args else []
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise ValueError(f'--optim_args is "{args.optim_args}"; write NAME=VALUE, several with commas between')
    if args.lr_scheduler_kwargs and not isinstance(args.lr_scheduler_kwargs, dict):
        raise ValueError(f"--lr_scheduler_kwargs is {args.lr_scheduler_kwargs!s:.60}; write a JSON object")
    if args.train_sampling_strategy != "random" or args.length_column_name not in (None, "length"):
        raise ValueError(
            "--train_sampling_strategy and --length_column_name have no effect here, where --pairing says how pairs "
            "are drawn; leave them out"
        )
    if args.fsdp_config and not args.fsdp:
        raise ValueError("--fsdp_config has no effect without --fsdp; give that too, or leave it out")
    if "tpu" in str(args.debug).lower():
        raise ValueError("--debug tpu_metrics_debug needs a TPU; leave it out")


def check_steps(save: float, validate: float) -> None:
    """Check that each checkpoint is validated, of which the best is to be released.

    Raises:
        ValueError: one is a share of the run and the other is a number of steps, or the first is no multiple.
    """
    ratio = save / validate
    if (save < 1) != (validate < 1) or round(ratio) < 1 or abs(ratio - round(ratio)) > 1e-6:
        raise ValueError(
            f"--save_steps {save:g} is no multiple of --eval_steps {validate:g}, but the best checkpoint is to be "
            "released, so each must be validated: give both the same value, or add --load_best_model_at_end false"
        )


@contextmanager
def named_as_trainers() -> Iterator[None]:
    """Turn whatever the libraries raise because of an option into a ValueError of one sentence.

    Raises:
        ValueError: they raised something.
    """
    try:
        yield
    except Exception as error:
        said = " ".join(sentence_of(error).split()) or type(error).__name__
        raise ValueError(f"an option of transformers' Trainer cannot be used: {said}") from error


def check_processes_of_fsdp(args: TrainingArguments) -> None:
    """Check that a model that is to be shared between processes has several.

    Raises:
        ValueError: the process was not started to train with others.
    """
    if args.fsdp and args.parallel_mode != ParallelMode.DISTRIBUTED:
        raise ValueError(
            "--fsdp shares a model between processes, and this one trains alone: start several with "
            "accelerate launch --num_processes N, or leave it out"
        )
