"""Train the contrastive curriculum: labelled sequences in, a complete Hub model repository out.

    accelerate launch trainer/train.py --train_file barcodes.fasta --output_dir my-model \\
        --config_name trainer/configs/mini.json --tokenizer_name my-tokenizer --curriculum "weighted_simclr:1 mi_mix:2"

`--model_name_or_path zhihan1996/DNABERT-2-117M` starts from a published checkpoint instead. A run that was stopped
goes on with `--resume_from_checkpoint last`. The output folder ends up with the weights of the best checkpoint and
training.json, the record of the run; the checkpoints, which hold the projection head too, stay in its subfolders.
"""

import json
import logging
import math
import sys
from pathlib import Path
from typing import Any

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import torch
from datasets import Dataset, disable_progress_bars
from transformers import HfArgumentParser, PreTrainedTokenizerFast, set_seed

from modeling_dnacse import DnacseForContrastiveLearning
from modeling_dnacse.checkpoints import load_checkpoint, load_config, load_tokenizer
from modeling_dnacse.provenance import device_name, package_versions, sha256_of
from trainer.arguments import ContrastiveArguments
from trainer.card import model_card
from trainer.collator import PairCollator
from trainer.contrastive_trainer import ContrastiveTrainer
from trainer.curriculum import parse_curriculum
from trainer.pairs import FixedPairs, PairDataset, PairSampler
from trainer.records import hold_out, load_records
from trainer.release import CARD, write_repository

RECORD = "training.json"
HISTORY = "training_log.json"
RECORDED_ARGUMENTS = [
    "curriculum",
    "pairing",
    "temperature",
    "mix_alpha",
    "learning_rate",
    "head_learning_rate_multiplier",
    "lr_scheduler_type",
    "warmup_steps",
    "weight_decay",
    "per_device_train_batch_size",
    "gradient_accumulation_steps",
    "max_length",
    "bf16",
    "fp16",
    "seed",
]
logger = logging.getLogger("train.py")


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user's is one sentence on stderr and exit code 2."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    disable_progress_bars()  # reading is quick; the bar that matters is the training's
    parser = HfArgumentParser(
        ContrastiveArguments,  # pyright: ignore[reportArgumentType] transformers declares a NewType that nothing is
        allow_abbrev=False,
        description=(__doc__ or "").partition("\n")[0],
    )
    try:
        (args,) = parser.parse_args_into_dataclasses(arguments)
        train(args)
    except (ValueError, OSError) as error:
        sys.stderr.write(f"train.py: error: {error}\n")
        sys.exit(2)


def train(args: ContrastiveArguments) -> None:
    """Train, then release the best checkpoint.

    Raises:
        ValueError: arguments, data, model and tokenizer do not fit together.
        OSError: a file cannot be read, or the output folder not be written.
    """
    if args.world_size > 1 or args.n_gpu > 1:
        raise ValueError(
            f"this trainer runs in one process on one device, got {args.world_size} processes and {args.n_gpu} GPUs: "
            "start it with accelerate launch --num_processes 1 and CUDA_VISIBLE_DEVICES=0"
        )
    torch.set_flush_denormal(True)  # ALiBi's far weights underflow, and CPUs are slow on the numbers in between
    output = Path(args.output_dir)  # pyright: ignore[reportArgumentType] TrainingArguments fills a missing one in
    checkpoint = checkpoint_to_resume(output, args.resume_from_checkpoint)
    set_seed(args.seed)
    model, tokenizer = model_and_tokenizer(args)
    training, validation = training_and_validation(args)
    train_pairs = PairDataset(training)
    sampler = PairSampler(train_pairs, args.pairing, args.train_batch_size, args.seed)
    curriculum = parse_curriculum(args.curriculum, math.ceil(sampler.batches / args.gradient_accumulation_steps))
    args.max_steps = curriculum.steps
    args.logging_steps = min(args.logging_steps, curriculum.steps)
    fixed_pairs = (
        FixedPairs(PairDataset(validation), args.pairing, args.max_validation_pairs, args.seed) if validation else None
    )

    # before training: afterwards the files may have changed
    data = {"training": facts(args.train_file, args, training)}
    if validation and fixed_pairs:
        data["validation"] = facts(args.validation_file, args, validation) | {"pairs": len(fixed_pairs)}

    trainer = ContrastiveTrainer(
        model=model,
        args=args,
        curriculum=curriculum,
        data_collator=PairCollator(tokenizer, args.max_length),
        train_dataset=train_pairs,
        eval_dataset=fixed_pairs,
        processing_class=tokenizer,
    )
    phases = zip(curriculum.objectives, curriculum.ends, strict=True)
    logger.info(
        "%s records, %s pairs an epoch, %s of them a record with itself; %s",
        f"{len(training):,}",
        f"{len(sampler):,}",
        f"{sampler.alone:,}",
        ", then ".join(f"{objective} to step {end:,}" for objective, end in phases),
    )
    trainer.train(resume_from_checkpoint=checkpoint)
    scores = trainer.evaluate() if fixed_pairs else {}

    given = args.to_dict()
    step_pairs = args.train_batch_size * args.gradient_accumulation_steps
    run = {
        "arguments": {key: given[key] for key in RECORDED_ARGUMENTS},
        "base_model": args.model_name_or_path and name_of(args.model_name_or_path),
        "data": data,
        "steps": curriculum.steps,
        "released_step": trainer.state.best_global_step or curriculum.steps,
        "seconds": round(training_seconds(trainer.state.log_history, step_pairs), 1),
        "validation": {key: scores[f"eval_{key}"] for key in ("loss", "recall_at_1")} if scores else None,
        "device": device_name(args.device),
        "versions": package_versions(["torch", "transformers", "tokenizers", "datasets", "accelerate"]),
    }
    card = model_card(output.name, run, model.config, model.bert.num_parameters())
    texts = {CARD: card, RECORD: as_json(run), HISTORY: as_json(trainer.state.log_history)}
    write_repository(output, model.bert, tokenizer, texts)
    logger.info("released %s", output)


def training_seconds(log: list[dict[str, Any]], step_pairs: int) -> float:
    """Time in training steps, of all sessions of a resumed run together, validation and start-up not counted.

    >>> training_seconds([{"step": 2, "pairs_per_second": 8}, {"step": 2}, {"step": 3, "pairs_per_second": 4}], 4)
    2.0
    """
    rates = [(entry["step"], entry["pairs_per_second"]) for entry in log if "pairs_per_second" in entry]
    starts = [0, *(step for step, _ in rates)]
    return sum((step - start) * step_pairs / rate for start, (step, rate) in zip(starts, rates, strict=False))


def name_of(model: str) -> str:
    """A Hub id as it is, of a folder its last part: a path of this machine is nobody else's business."""
    return Path(model).resolve().name if Path(model).is_dir() else model


def as_json(value: Any) -> str:
    """The text of a JSON file."""
    return json.dumps(value, indent=2) + "\n"


def checkpoint_to_resume(output: Path, wish: str | None) -> str | None:
    """The checkpoint folder to go on from; "last" is the newest one that was written to its end.

    Raises:
        ValueError: there is nothing to resume, or the folder holds an earlier run and nothing was said of resuming.
    """
    states = sorted(
        output.glob("checkpoint-*/trainer_state.json"), key=lambda path: int(path.parent.name.partition("-")[2])
    )
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
    if not is_complete(Path(wish, "trainer_state.json")):
        raise ValueError(
            f"--resume_from_checkpoint {wish}: no complete checkpoint folder, its trainer_state.json is missing or "
            "cut short: take an earlier one"
        )
    return wish


def is_complete(state: Path) -> bool:
    """Whether a checkpoint was written to its end: its trainer_state.json comes last, and may itself be cut short."""
    try:
        json.loads(state.read_text())
    except (OSError, ValueError):
        return False
    return True


def model_and_tokenizer(args: ContrastiveArguments) -> tuple[DnacseForContrastiveLearning, PreTrainedTokenizerFast]:
    """Load the checkpoint to start from, or make a random model of the given architecture and tokenizer's vocabulary.

    Raises:
        ValueError: the checkpoint cannot be loaded, or from scratch the configuration or the tokenizer is missing.
    """
    if args.model_name_or_path:
        return load_checkpoint(DnacseForContrastiveLearning, args.model_name_or_path, args.tokenizer_name)
    if args.config_name is None or args.tokenizer_name is None:
        raise ValueError("a model from scratch needs --config_name and --tokenizer_name")
    tokenizer = load_tokenizer(args.tokenizer_name)
    return DnacseForContrastiveLearning(load_config(args.config_name, tokenizer)), tokenizer


def training_and_validation(args: ContrastiveArguments) -> tuple[Dataset, Dataset | None]:
    """The records to train on and those to validate on, if any.

    Raises:
        ValueError: the training files name splits and none was chosen, so that test records would be trained on.
    """
    training = load_records(args.train_file, args.dataset_name, args.dataset_revision, args.train_split)
    splits = set(training["split"]) - {""} if "split" in training.column_names else set()
    if args.train_split is None and splits:
        raise ValueError(
            f"the training files have the splits {', '.join(sorted(splits))}: say which to train on with --train_split"
        )
    if args.validation_file or args.validation_split:
        files = args.validation_file or args.train_file
        return training, load_records(files, args.dataset_name, args.dataset_revision, args.validation_split)
    if args.validation_fraction:
        return hold_out(training, args.validation_fraction, args.seed)
    return training, None


def facts(files: list[str] | None, args: ContrastiveArguments, records: Dataset) -> dict[str, Any]:
    """What a third party needs to find the same records: sources with their content hashes, and counts."""
    files = files or args.train_file
    if files:
        sources = [f"{Path(file).name} (sha256 {sha256_of(Path(file))})" for file in files]
    else:
        sources = [f"{args.dataset_name}@{args.dataset_revision or 'main'}"]
    return {
        "sources": sources,
        "train_split": args.train_split,
        "validation_split": args.validation_split,
        "records": len(records),
        "species": len(set(records["species"]) - {""}),
    }


if __name__ == "__main__":
    main()
