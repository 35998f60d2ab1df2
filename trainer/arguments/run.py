"""Options of the run: speed and memory, logs and checkpoints, the Hub."""

from dataclasses import dataclass, field

import torch


@dataclass
class SpeedArguments:
    """Speed and memory: gradient caching makes the batch independent of memory."""

    cached_chunk_size: int = field(
        default=0,
        metadata={
            "help": "Gradient caching: most sequences in one forward pass, whatever the batch size. 0 passes each "
            "side of a batch at once."
        },
    )
    chunk_tokens: int = field(
        default=0,
        metadata={
            "help": "Gradient caching: most tokens in one forward pass, padding included; sequences are sorted by "
            "length. 0 sets no bound."
        },
    )
    pad_to_multiple_of: int | None = field(
        default=None,
        metadata={
            "help": "Pad sequences to a multiple of this many tokens, so that --torch_compile sees few shapes. By "
            "default, pad to the longest sequence of the batch."
        },
    )
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available,
        metadata={"help": "Keep batches in page-locked memory, which is useful with CUDA only."},
    )
    ddp_find_unused_parameters: bool | None = field(
        default=False,
        metadata={"help": "Leave this off: the trainer itself handles parameters that a phase does not train."},
    )
    remove_unused_columns: bool = field(
        default=False, metadata={"help": "Leave this off: batches are nested and have no columns to remove."}
    )


@dataclass
class CheckpointArguments:
    """Output: logs, checkpoints and the release."""

    output_dir: str | None = field(
        default=None,
        metadata={
            "help": "Folder for the checkpoints and, at the end, for the released model as a complete Hub repository."
        },
    )
    logging_steps: float = field(default=10, metadata={"help": "Log the mean over this many steps."})
    logging_nan_inf_filter: bool = field(
        default=False, metadata={"help": "Hide losses that are infinite or not a number."}
    )
    save_steps: float = field(
        default=0.1,
        metadata={
            "help": "Save a checkpoint after every so many steps. A value below 1 is a share of all steps of the run."
        },
    )
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Keep this many checkpoints: the best one and the latest ones."}
    )
    load_best_model_at_end: bool = field(
        default=True, metadata={"help": "Release the best checkpoint of the last phase instead of the last one."}
    )
    metric_for_best_model: str | None = field(
        default="recall_at_1",
        metadata={"help": "Validation score that decides which checkpoint is the best: recall_at_1 or loss."},
    )


@dataclass
class HubArguments:
    """The Hub: where the release goes with --push_to_hub and --hub_model_id."""

    hub_strategy: str = field(
        default="every_save",
        metadata={"help": "every_save: push the model of each checkpoint and the release. end: push the release."},
    )
    hub_token: str | None = field(
        default=None,
        metadata={
            "help": "Token for pushing. Better set the environment variable HF_TOKEN or run `hf auth login`: other "
            "users of the machine can see a command line, and accelerate launch prints it when a run fails."
        },
    )
