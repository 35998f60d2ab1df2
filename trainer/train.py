"""Train the contrastive curriculum: labelled sequences in, a complete Hub model repository out.

    accelerate launch trainer/train.py --train_file barcodes.fasta --output_dir my-model \\
        --config_name trainer/configs/mini.json --tokenizer_name my-tokenizer --curriculum "weighted_simclr:1 mi_mix:2"

- `--model_name_or_path zhihan1996/DNABERT-2-117M` starts from a published checkpoint instead.
- In the end, the output folder holds the weights of the best checkpoint and training.json, the record of the run. The
  checkpoints in its subfolders also hold the heads that only training needs.
- SIGTERM, SIGHUP, SIGUSR1 or SIGXCPU stops a run with a checkpoint and an exit code of 128 plus its number;
  `--resume_from_checkpoint last` resumes it.
- `--push_to_hub --hub_model_id me/model` pushes the release to the Hub, with the token of the environment variable
  HF_TOKEN.
- Several GPUs: `accelerate launch --num_processes N`. Several machines: configs/multi_node.yaml; FSDP:
  configs/fsdp.yaml.
"""

import logging
import math
import os
import sys
from functools import partial
from pathlib import Path

if not __package__:  # run as a script: import this checkout, and do not let trainer/ shadow libraries
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    from trainer.command_line import require

    require("torch", "transformers", "dnaio", "accelerate", "datasets")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # modeling_dnacse/machine/cpu.py says why

import torch
from datasets import disable_progress_bars
from transformers import PreTrainedTokenizerFast, set_seed
from transformers.activations import ACT2FN

from modeling_dnacse import DnacseConfig, DnacseForContrastiveLearning
from modeling_dnacse.attention import default_attention
from modeling_dnacse.commands.options import without_empty
from modeling_dnacse.loading.checkpoints import load_checkpoint, load_config, load_tokenizer
from modeling_dnacse.loading.config_values import CONFIG, REMEDY
from modeling_dnacse.loading.hub_datasets import dataset_commit
from modeling_dnacse.loading.repository import forget_thresholds
from modeling_dnacse.machine.file_names import text_of
from modeling_dnacse.machine.json_files import read_object
from modeling_dnacse.machine.plain_messages import plain_messages, sentence_of, what_is_full
from modeling_dnacse.machine.signals import Stopped, unwinding_on_signals
from modeling_dnacse.machine.stamps import unchanged
from trainer.arguments import GROUPS, ContrastiveArguments
from trainer.arguments.grouped_parser import GroupedParser
from trainer.arguments.without_effect import without_effect
from trainer.objective.genus_vectors import add_genus_vectors
from trainer.pairing.collator import PairCollator
from trainer.pairing.training_data import training_data
from trainer.releasing.hub import HubRepository, PushOnSave
from trainer.releasing.training_record import record_of
from trainer.running.contrastive_trainer import ContrastiveTrainer
from trainer.running.curriculum import parse_curriculum
from trainer.running.model_release import release
from trainer.running.output_lock import locked_output
from trainer.running.resume import (
    check_best,
    check_files,
    check_same_run,
    checkpoint_to_resume,
    naming_checkpoint,
    run_facts,
)

logger = logging.getLogger("train.py")


@plain_messages()
def main(arguments: list[str] | None = None) -> None:
    """Run the command line; a mistake of the user is one sentence on stderr and exit code 2."""
    logging.basicConfig(format="%(message)s")
    logger.setLevel(logging.INFO)
    disable_progress_bars()  # reading is quick; only training needs a bar
    parser = GroupedParser(ContrastiveArguments, GROUPS, description=(__doc__ or "").partition("\n")[0])
    try:
        with unwinding_on_signals():
            (args,) = parser.parse_args_into_dataclasses(without_empty(parser, arguments))
            check_processes(args.world_size)
            inputs = [*(args.train_file or []), *(args.validation_file or []), args.dataset_name]
            inputs += [args.model_name_or_path, args.config_name, args.tokenizer_name]
            with locked_output(output_folder(args), inputs, writes=args.process_index == 0):
                train(args)
    except (ValueError, OSError, ImportError) as error:  # some options need packages of their own
        sys.stderr.write(f"train.py: error: {sentence_of(error)}\n")
        sys.exit(2)
    except (MemoryError, RuntimeError) as error:
        if not (full := what_is_full(error)):
            raise
        sys.stderr.write(f"train.py: error: {full}; give it more, or lower --cached_chunk_size or --max_length\n")
        sys.exit(2)
    except Stopped as stop:
        sys.stderr.write(
            f"train.py: stopped by {stop}; --resume_from_checkpoint last goes on from the last checkpoint, if one is "
            "there\n"
        )
        sys.exit(stop.code)


def check_processes(world_size: int) -> None:
    """Refuse processes that would each train alone.

    Raises:
        ValueError: more processes were started than train together.
    """
    started = int(os.environ.get("WORLD_SIZE", "1"))
    if started > world_size:
        raise ValueError(
            f"{started} processes were started, but without a GPU each would train alone: add --use_cpu, so that they "
            "train together, or start one"
        )


def output_folder(args: ContrastiveArguments) -> Path:
    """Where the model and its checkpoints go."""
    return Path(args.output_dir)  # pyright: ignore[reportArgumentType] TrainingArguments has set a default


def train(args: ContrastiveArguments) -> None:
    """Train, then release the best checkpoint; after a SIGTERM, save a checkpoint and exit.

    Raises:
        ValueError: arguments, data, model and tokenizer do not fit together, or the numbers are no longer finite.
        OSError: a file cannot be read, or the output folder cannot be written.
    """
    if args.n_gpu > 1:
        raise ValueError(
            f"this process sees {args.n_gpu} GPUs and would use them as one: start one process for each GPU "
            f"with accelerate launch --num_processes {args.n_gpu}, or choose one with CUDA_VISIBLE_DEVICES=0"
        )
    if args.process_index:
        logger.setLevel(logging.WARNING)  # only one process reports
    torch.set_flush_denormal(True)  # weights of far tokens (ALiBi) become denormal numbers, which CPUs compute slowly
    output = output_folder(args)
    checkpoint = checkpoint_to_resume(output, args.resume_from_checkpoint)
    if checkpoint:
        check_files(Path(checkpoint))
        if args.load_best_model_at_end:
            check_best(Path(checkpoint))
    record_of(args.model_name_or_path)  # which the release needs: damage must show before the training
    hub = hub_repository(args)
    set_seed(args.seed)
    model, tokenizer = model_and_tokenizer(args)
    if args.dataset_name:
        args.dataset_revision = dataset_commit(args.dataset_name, args.dataset_revision)  # the same for every reader
    with unchanged(map(Path, [*(args.train_file or []), *(args.validation_file or [])])):
        data = training_data(
            args.sources(),
            args.pair_settings(),
            batch_size=args.train_batch_size * args.world_size,
            seed=args.seed,
            name_sources=args.process_index == 0,
        )
    batches = math.ceil(data.sampler.batches / args.gradient_accumulation_steps)
    curriculum = parse_curriculum(args.curriculum, batches)
    for note in without_effect(args):
        logger.info(note)
    args.max_steps = curriculum.steps
    args.logging_steps = min(args.logging_steps, curriculum.steps)
    parts = (model.config, tokenizer, data.sampler, data.validation)
    facts = run_facts(args.to_dict(), args.world_size, *parts)
    if checkpoint:
        check_same_run(Path(checkpoint), facts)

    if args.genus_weight:
        add_genus_vectors(model, tokenizer, data.pairs, args.seed, args.device)
    trainer = ContrastiveTrainer(
        model=model,
        args=args,
        curriculum=curriculum,
        sampler=data.sampler,
        facts=facts,
        data_collator=PairCollator(tokenizer, args.max_length, args.pad_to_multiple_of),
        train_dataset=data.pairs,
        eval_dataset=data.validation,
        processing_class=tokenizer,
    )
    if hub and args.process_index == 0:
        hub.create()
    if hub and args.hub_strategy == "every_save":
        trainer.add_callback(PushOnSave(hub, partial(release, trainer=trainer, name=hub.name, facts=data.facts)))
    phases = zip(curriculum.objectives, curriculum.ends, strict=True)
    logger.info(
        "%s records, %s pairs in an epoch, %s of them a record with itself; batches of %s pairs, processes: %s; %s",
        f"{data.facts['training']['records']:,}",
        f"{len(data.sampler):,}",
        f"{data.sampler.alone:,}",
        f"{data.sampler.batch_size:,}",
        f"{args.world_size:,}",
        ", then ".join(f"{objective} to step {end:,}" for objective, end in phases),
    )
    if args.torch_compile:
        logger.info("--torch_compile: the first step compiles the model, which takes minutes without progress")
    with naming_checkpoint(checkpoint, used=lambda: trainer.steps_begun > 1):
        trainer.train(resume_from_checkpoint=checkpoint)
    if trainer.stop.stopped:
        logger.info(
            "stopped by %s at step %s of %s with a checkpoint; go on with --resume_from_checkpoint last",
            trainer.stop.name,
            trainer.state.global_step,
            curriculum.steps,
        )
        sys.exit(trainer.stop.code)
    scores = trainer.evaluate() if data.validation else {}
    step = trainer.step_to_release
    files = release(output, trainer, hub.name if hub else text_of(output.name), data.facts, step, scores)
    trainer.accelerator.wait_for_everyone()
    logger.info("released %s", output)
    if hub and args.process_index == 0:
        logger.info("pushed %s", hub.push(output, files, f"Release of step {step} of {curriculum.steps}"))


def hub_repository(args: ContrastiveArguments) -> HubRepository | None:
    """The repository to push to, if any; resets these arguments, or Trainer would push too and keep the token."""
    hub = None
    if args.push_to_hub and args.hub_model_id:
        hub = HubRepository(args.hub_model_id, args.hub_token, args.hub_private_repo)
    args.push_to_hub, args.hub_token = False, None
    return hub


def check_values(name: str, with_mlm_head: bool) -> None:
    """Check what `check_config` leaves to training: the activation of the head; warn of keys that change nothing.

    Args:
        name: a config.json, or the folder of one; a Hub id is not looked up.
        with_mlm_head: whether there is a masked-language head.

    Raises:
        ValueError: there is no such activation.
    """
    path = Path(name, CONFIG) if Path(name).is_dir() else Path(name)
    values = read_object(path, REMEDY) if path.is_file() else {}
    if with_mlm_head and values.get("hidden_act", "gelu") not in ACT2FN:
        given = str(values["hidden_act"])[:100]
        raise ValueError(f"{path}: hidden_act is {given!r}; it must be one of {', '.join(sorted(ACT2FN))}")
    known = DnacseConfig().to_dict().keys() | {"architectures", "auto_map", "custom_pipelines"}
    unknown = ", ".join(sorted(values.keys() - known))
    if unknown and values.get("model_type") != "bert":  # DNABERT-2's has those of BERT
        logger.warning("warning: %s holds %s, which change nothing here; check the spelling", path, unknown[:200])


def model_and_tokenizer(args: ContrastiveArguments) -> tuple[DnacseForContrastiveLearning, PreTrainedTokenizerFast]:
    """Load the checkpoint to start from, or make a random model of the given architecture for the tokenizer.

    Raises:
        ValueError: the checkpoint cannot be loaded, or the configuration or tokenizer of a new model is missing.
    """
    with_mlm_head = args.mlm_weight > 0 or "mlm:" in args.curriculum
    check_values(str(args.model_name_or_path or args.config_name), with_mlm_head)
    if args.model_name_or_path:
        options = {"with_mlm_head": with_mlm_head} | ({"pooling": args.pooling} if args.pooling else {})
        model, tokenizer = load_checkpoint(
            DnacseForContrastiveLearning, args.model_name_or_path, args.tokenizer_name, **options
        )
        forget_thresholds(model)
        model.config.held_out = None  # the records that `dnacse adapt` left out may be learnt from now
    elif args.config_name is None or args.tokenizer_name is None:
        raise ValueError("a model from scratch needs --config_name and --tokenizer_name")
    else:
        tokenizer = load_tokenizer(args.tokenizer_name)
        config = load_config(args.config_name, tokenizer)
        config.pooling = args.pooling or config.pooling
        model = DnacseForContrastiveLearning(config, with_mlm_head=with_mlm_head)
    # torch.compile would split packed attention into many graphs, so there it is transformers' default, sdpa
    default = None if args.torch_compile else default_attention(args.device.type)
    if implementation := args.attn_implementation or default:
        model.set_attn_implementation(implementation)
    return model, tokenizer


if __name__ == "__main__":
    main()
