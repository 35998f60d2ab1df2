"""Release the model of a trainer: the trainer and facts about its data in; a complete Hub repository out."""

import math
from pathlib import Path
from typing import Any

from modeling_dnacse.loading.repository import CARD, write_repository
from trainer.releasing.card import model_card
from trainer.releasing.training_record import HISTORY, RECORD, as_json, training_record
from trainer.running.contrastive_trainer import ContrastiveTrainer
from trainer.running.parameters import have_lengths


def release(
    folder: Path,
    trainer: ContrastiveTrainer,
    name: str,
    facts: dict[str, Any],
    step: int | None = None,
    scores: dict[str, float] | None = None,
) -> list[str]:
    """Write the present model as a complete repository; all processes take part, and the first one writes.

    Args:
        folder: Folder of the repository.
        trainer: The trainer that holds the model.
        name: Name of the model.
        facts: Facts about the data, see training_data.py.
        step: Step of the weights; by default the latest.
        scores: Scores of the weights; by default those of the latest step, if it was validated.

    Returns:
        The files written; none on the other processes.

    Raises:
        ValueError: a weight or a score is NaN or infinite, or the square of a weight is.
    """
    state, encoder = trainer.state, trainer.model_to_release()
    if not trainer.is_world_process_zero():
        return []
    if scores is None:
        latest = (entry for entry in state.log_history if entry["step"] == state.global_step and "eval_loss" in entry)
        scores = next(latest, {})
    args, step = trainer.args, step or state.global_step
    if not all(math.isfinite(score) for score in scores.values()):
        raise ValueError(f"the validation scores at step {step} are not finite ({scores}); nothing is released")
    if not have_lengths(encoder.parameters()):
        raise ValueError(
            f"step {step} made weights that are NaN, infinite or above 1e18, so nothing is released: "
            "lower --learning_rate"
        )
    run = training_record(args.to_dict(), args.world_size, args.device, state, facts, scores, step)
    card = model_card(name, run, encoder.config, encoder.num_parameters())
    texts = {CARD: card, RECORD: as_json(run), HISTORY: as_json(state.log_history)}
    return write_repository(folder, encoder, trainer.processing_class, texts)
