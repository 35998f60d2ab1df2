"""One training step as ContrastiveTrainer makes it, in one process or several: options in, loss and gradients out.

    torchrun --nproc_per_node 2 tests/support/training_step.py CHECKPOINT CASES.json OUT.pt

runs each of the cases (name → keyword arguments of `step`) on two processes; test_equalities.py imports `step` and
runs them on one.
"""

import json
import sys
import tempfile
from pathlib import Path

if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).resolve().parents[2])

import torch
from torch import distributed
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseForContrastiveLearning
from trainer.arguments import ContrastiveArguments
from trainer.objective import objectives
from trainer.objective.masking import IGNORED, Vocabulary, mask_tokens
from trainer.pairing.pairs import NO_GENUS
from trainer.running.contrastive_trainer import ContrastiveTrainer
from trainer.running.curriculum import parse_curriculum

ROWS = 8  # pairs of all processes
GENERA = 3


def pairs(rows: int, vocabulary: int) -> dict:
    """A batch of pairs with uneven lengths; rows 0 and 5 are of one species, and the genus of row 3 is unknown."""
    generator = torch.Generator().manual_seed(3)
    batch = {}
    for side in ("anchors", "positives"):
        ids = torch.randint(5, vocabulary, (rows, 14), generator=generator)
        mask = (torch.arange(14) < torch.randint(6, 15, (rows, 1), generator=generator)).long()
        ids[:, 0] = 1
        batch[side] = {"input_ids": ids.where(mask.bool(), 3), "attention_mask": mask}
    species = torch.arange(rows)
    species[5 % rows] = 0
    genus = torch.arange(rows) % GENERA
    genus[3 % rows] = NO_GENUS
    return batch | {"species": species, "genus": genus}


def every_third(ids: torch.Tensor, entries: Vocabulary, *_) -> tuple[torch.Tensor, torch.Tensor]:
    """Mask the same tokens wherever a row is; `mask_tokens` draws anew on each process."""
    chosen = entries.is_ordinary[ids] & (ids % 3 == 0)
    return ids.masked_fill(chosen, entries.mask_id), ids.masked_fill(~chosen, IGNORED)


def step(
    checkpoint: str,
    objective: str,
    dropout: float = 0.0,
    parts: int = 1,
    fixed_masks: bool = False,
    loss_scale: float | None = None,
    pooling: str = "mean",
    **options,
) -> dict[str, torch.Tensor]:
    """Loss and gradients of one optimizer step of `parts` micro-batches, whose rows are ROWS in all.

    Args:
        dropout: of hidden states.
        parts: micro-batches that are accumulated.
        fixed_masks: mask the same tokens on one process and on two.
        loss_scale: scale as fp16 training does; the gradients come back unscaled.
        pooling: of the model.
        options: further arguments of ContrastiveArguments.
    """
    objectives.mask_tokens = every_third if fixed_masks else mask_tokens
    with tempfile.TemporaryDirectory() as folder:
        args = ContrastiveArguments(
            output_dir=folder,
            config_name=checkpoint,
            tokenizer_name=checkpoint,
            train_file=["none"],
            validation_fraction=0,
            use_cpu=True,
            report_to="none",
            gradient_accumulation_steps=parts,
            **options,
        )
    tokenizer = PreTrainedTokenizerFast.from_pretrained(checkpoint)
    torch.manual_seed(0)
    config = DnacseConfig.from_pretrained(checkpoint, hidden_dropout_prob=dropout, pooling=pooling)
    model = DnacseForContrastiveLearning(config, with_mlm_head=True)
    model.genera = torch.nn.Linear(config.hidden_size, GENERA, bias=False)
    if not args.bf16:
        model.double()  # so that an equality is one, and not a matter of the order of summation
    curriculum = parse_curriculum(f"{objective}:1", steps_per_epoch=1)
    trainer = ContrastiveTrainer(
        model=model,
        args=args,
        curriculum=curriculum,
        sampler=[],
        facts={},
        processing_class=tokenizer,
        train_dataset=[0],
    )
    wrapped = trainer.accelerator.prepare(model)
    if loss_scale:
        trainer.accelerator.scaler = torch.amp.GradScaler("cpu", init_scale=loss_scale)
    torch.manual_seed(1)
    batch, size = pairs(ROWS, len(tokenizer)), ROWS // args.world_size // parts
    trainer.current_gradient_accumulation_steps = parts
    loss = torch.zeros(())
    for part in range(parts):
        start = (part * args.world_size + args.process_index) * size
        own = slice(start, start + size)
        mine = {side: {key: value[own] for key, value in batch[side].items()} for side in ("anchors", "positives")}
        mine |= {name: batch[name][own] for name in ("species", "genus")}
        context = trainer.accelerator.no_sync(wrapped) if part < parts - 1 else torch.enable_grad()
        with context:
            loss += trainer.training_step(wrapped, mine)
    gradients = {name: value.grad for name, value in model.named_parameters() if value.grad is not None}
    gradients = {name: gradient / (loss_scale or 1) for name, gradient in gradients.items()}
    return gradients | {"loss": trainer.accelerator.reduce(loss, "mean")}


def main(checkpoint: str, cases: str, out: str) -> None:
    """Run the cases; the first process writes."""
    results = {name: step(checkpoint, **case) for name, case in json.loads(Path(cases).read_text()).items()}
    if distributed.get_rank() == 0:
        torch.save(results, out)
    distributed.destroy_process_group()


if __name__ == "__main__":
    main(*sys.argv[1:])
