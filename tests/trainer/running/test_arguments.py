"""Options that contradict each other or the model are one sentence, before any work is done."""

import re
from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from modeling_dnacse import EncoderNoise
from trainer import train
from trainer.arguments import GROUPS, ContrastiveArguments
from trainer.arguments.without_effect import without_effect
from trainer.releasing.training_record import RECORDED_ARGUMENTS

TRAINER = Path(__file__).parents[3] / "trainer"
NEEDED = {"model_name_or_path": "m", "train_file": ["f"], "output_dir": "o", "use_cpu": True}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_substitution": -0.1}, "--noise_substitution is -0.1; it must be between 0 and 1"),
        ({"mlm_probability": 2}, "--mlm_probability is 2; it must be between 0 and 1"),
        ({"temperature": 0}, "--temperature is 0; it must be at least 1e-06"),
        ({"temperature": 1e-30}, "--temperature is 1e-30; it must be at least 1e-06"),
        ({"bf16_full_eval": True}, "--bf16_full_eval: the last validation would round the weights before they are"),
        ({"fp16_full_eval": True}, "--fp16_full_eval: the last validation would round the weights before they are"),
        ({"mix_alpha": -1.0}, "--mix_alpha is -1.0; it must be above 0"),
        ({"cached_chunk_size": -1}, "--cached_chunk_size is -1; it must be from 0 to 2147483647"),
        ({"noise_additive": -1.0}, "--noise_additive is -1.0; it must not be below 0"),
        ({"crop": [100]}, "--crop takes two numbers, shortest and longest bp, got 1"),
        ({"fragment_length": [1, 2, 3]}, "--fragment_length takes one or two numbers of bp, got 3"),
        ({"mixing_layers": "0,3"}, '--mixing_layers is "0,3"; give numbers of layers, such as "0 3 5"'),
        ({"push_to_hub": True}, "--push_to_hub and --hub_model_id OWNER/MODEL go together; the latter is None"),
        ({"hub_model_id": "me/model"}, "--push_to_hub and --hub_model_id OWNER/MODEL go together"),
        ({"hub_strategy": "checkpoint"}, "--hub_strategy is checkpoint; it must be end or every_save"),
        ({"hub_revision": "dev"}, "--hub_revision: releases are pushed to the branch main only"),
        ({"max_steps": 3}, "--max_steps: the curriculum sets the number of steps"),
        ({"num_train_epochs": 5.0}, "--num_train_epochs: the curriculum sets the number of steps"),
        ({"auto_find_batch_size": True}, "--auto_find_batch_size: batches are made for one size"),
        ({"save_only_model": True}, "--save_only_model: a run cannot be resumed from such checkpoints"),
    ],
)
def test_a_wrong_value_is_one_sentence(options, message):
    with pytest.raises(ValueError) as error:
        ContrastiveArguments(**NEEDED, **options)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize(
    "options",
    [
        {"max_length": 2},
        {"pad_to_multiple_of": 0},
        {"per_device_train_batch_size": 0},
        {"per_device_eval_batch_size": 10**30},
        {"max_validation_pairs": 0},
        {"eval_accumulation_steps": 0},
        {"margin": float("nan")},
        {"noise_additive": float("nan")},
        {"head_learning_rate_multiplier": float("inf")},
        {"save_steps": float("inf")},
        {"metric_for_best_model": "accuracy"},
        {"dataloader_drop_last": True},
        {"include_for_metrics": ["inputs"]},
        {"eval_do_concat_batches": False},
        {"remove_unused_columns": True},
    ],
)
def test_values_that_ended_in_a_traceback_or_trained_on_nothing(options):
    """Some of them only after the first phase: a metric that does not exist, and validation without a pair."""
    (name,) = options
    with pytest.raises(ValueError, match=rf"--{name}( is .*; it must be |: .*; leave this option out)"):
        ContrastiveArguments(**NEEDED, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_smoothing_factor": 0.5}, "the losses take no smoothed labels"),
        ({"ignore_data_skip": True}, "a resumed run would see batches again"),
        ({"data_seed": 3}, "the order of pairs follows --seed"),
        ({"prediction_loss_only": True}, "the best checkpoint is chosen by other scores"),
        ({"head_learning_rate_multiplier": -5.0}, "--head_learning_rate_multiplier is -5.0; it must not be below 0"),
        ({"do_predict": True}, "this script only trains and validates"),
        ({"learning_rate": -1.0}, "--learning_rate is -1.0; it must not be below 0"),
        ({"weight_decay": -1.0}, "--weight_decay is -1.0; it must not be below 0"),
    ],
)
def test_options_without_effect_and_rates_below_zero_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        ContrastiveArguments(**NEEDED, **options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"torch_compile_mode": "x"}, "--torch_compile_mode is x; it must be one of default"),
        ({"torch_compile_backend": "x"}, "--torch_compile_backend is x; it must be one of aot_eager"),
        ({"deepspeed": "ds.json"}, "--deepspeed needs the package deepspeed, which is not installed: pip install"),
        ({"report_to": "mlflow"}, "--report_to mlflow: there is no such package for reports, or it is not installed"),
        ({"optim_args": "x"}, '--optim_args is "x"; write NAME=VALUE'),
        ({"neftune_noise_alpha": -1.0}, "--neftune_noise_alpha is -1.0; it must not be below 0"),
        ({"debug": "tpu_metrics_debug"}, "--debug tpu_metrics_debug needs a TPU; leave it out"),
        ({"lr_scheduler_kwargs": "x"}, "--lr_scheduler_kwargs is x; write a JSON object"),
        ({"train_sampling_strategy": "group_by_length"}, "have no effect here, where --pairing says how pairs"),
        ({"fsdp_config": "x"}, "--fsdp_config has no effect without --fsdp"),
        ({"fsdp": "full_shard"}, "--fsdp shares a model between processes, and this one trains alone: start several"),
        ({"accelerator_config": {"a": 1}}, "an option of transformers' Trainer cannot be used: AcceleratorConfig"),
        ({"save_steps": -3}, "--save_steps is -3; it must be above 0"),
        ({"ddp_timeout": 0}, "--ddp_timeout is 0; it must be above 0"),
        ({"greater_is_better": False}, "--greater_is_better: --metric_for_best_model decides that"),
        ({"dataloader_prefetch_factor": 0}, "--dataloader_prefetch_factor is 0; it must be from 1"),
        ({"pad_to_multiple_of": 64}, "--max_length 2000 is no multiple of --pad_to_multiple_of 64; change either"),
        ({"dataset_revision": "x"}, "--dataset_revision belongs to --dataset_name; leave it out"),
        ({"batch_eval_metrics": True}, "--batch_eval_metrics: scores are of all vectors together"),
    ],
)
def test_what_torch_accelerate_and_packages_refuse_later_is_refused_at_once(options, message, monkeypatch):
    """Tracebacks after the data were read; and the worst checkpoint was released instead of the best."""
    monkeypatch.setattr("trainer.arguments.trainer_options.find_spec", lambda _: None)
    monkeypatch.setattr("trainer.arguments.trainer_options.get_available_reporting_integrations", list)
    with pytest.raises(ValueError) as error:
        ContrastiveArguments(**NEEDED, **options)
    assert message in str(error.value) and "\n" not in str(error.value)


@pytest.mark.parametrize("save", [1.0, 0.125, 50])
def test_each_checkpoint_is_validated_unless_eval_steps_is_given(save):
    """--save_steps 1 alone was refused with the default of --eval_steps, which was a tenth of the run."""
    assert ContrastiveArguments(**NEEDED, save_steps=save).eval_steps == save
    assert ContrastiveArguments(**NEEDED, save_steps=4 * save, eval_steps=save).eval_steps == save


@pytest.mark.parametrize("given", [(0.1, 10), (10, 0.1), (10, 4), (2, 4), (0.3, 0.2)])
def test_checkpoints_that_are_not_validated_are_one_sentence(given):
    save, validate = given
    with pytest.raises(
        ValueError, match=f"^--save_steps {save} is no multiple of --eval_steps {validate}, .*give both the same value"
    ):
        ContrastiveArguments(**NEEDED, save_steps=save, eval_steps=validate)
    without = ContrastiveArguments(**NEEDED, save_steps=save, eval_steps=validate, load_best_model_at_end=False)
    assert (without.save_steps, without.eval_steps) == given


def test_a_failure_of_several_lines_in_an_option_of_trainer_is_one_sentence():
    with pytest.raises(ValueError, match="eval strategy to match.* Save strategy: .*STEPS"):
        ContrastiveArguments(**NEEDED, eval_strategy="epoch")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"margin": 0.5}, "--margin has no effect: it belongs to noise_contrastive, and --curriculum has no such"),
        ({"mix_alpha": 2.0, "curriculum": "mlm:1"}, "--mix_alpha has no effect: it belongs to mi_mix"),
        ({"mlm_span": "window"}, "--mlm_span has no effect: no token is masked"),
        ({"fragment_length": [5]}, "--fragment_length has no effect: it belongs to --pairing same_record_fragments"),
        ({"singletons": "drop", "pairing": "identical"}, "not to identical"),
        ({"validation_fraction": 0.2, "validation_file": ["v"]}, "--validation_fraction has no effect beside"),
    ],
)
def test_options_of_other_objectives_and_pairings_are_noted(options, words):
    """They did nothing, and nothing said so."""
    (note,) = without_effect(ContrastiveArguments(**NEEDED, **options))
    assert words in note


def test_options_of_the_chosen_objectives_are_not_noted():
    options = {"margin": 0.5, "mix_alpha": 2.0, "mlm_weight": 0.1, "mlm_span": "window"}
    used = ContrastiveArguments(**NEEDED, curriculum="noise_contrastive:1 mi_mix:1", **options)
    assert without_effect(used) == without_effect(ContrastiveArguments(**NEEDED)) == []


def test_values_come_out_as_records():
    args = ContrastiveArguments(**NEEDED, mixing_layers="0 3 5", noise_additive=0.3, crop=[5, 9], fragment_length=[7])
    settings, pairs = args.objective_settings(), args.pair_settings()
    assert settings.mixing_layers == (0, 3, 5) and settings.noise == EncoderNoise(multiplicative=0.15, additive=0.3)
    assert (pairs.views.crop, pairs.fragment_length) == ((5, 9), (7, 7))
    assert args.sources().train_file == ["f"]
    assert ContrastiveArguments(**NEEDED).objective_settings().mixing_layers is None
    for record in (settings, pairs, args.sources()):
        with pytest.raises(FrozenInstanceError):
            record.pairing = "identical"


def test_only_the_command_and_the_trainer_see_the_arguments():
    names = {
        path.relative_to(TRAINER).as_posix()
        for path in TRAINER.rglob("*.py")
        if "ContrastiveArguments" in path.read_text()
    }
    assert names == {"train.py", "running/contrastive_trainer.py", "arguments/__init__.py"}


def test_help_lists_each_option_in_one_section(capsys):
    with pytest.raises(SystemExit):
        train.main(["--help"])
    sections = re.split(r"\n\n(?=\S)", capsys.readouterr().out)
    listed = {
        section.partition(":")[0]: re.findall(r"^  --(\w+)", section, flags=re.MULTILINE) for section in sections
    }
    assert {"crop", "pairing"} <= set(listed["Pairs"]) and "learning_rate" in listed["Curriculum"]
    assert "weight_decay" in listed["Options of transformers' TrainingArguments, with their defaults there"]
    every = [name for names in listed.values() for name in names]
    assert len(every) == len(set(every)) and {field.name for field in fields(ContrastiveArguments)} <= set(every)
    assert all(field.metadata["help"].endswith(".") for group in GROUPS for field in fields(group))


def test_the_rates_of_mutated_pairs_are_on_record():
    rates = ("substitution_rate", "insertion_rate", "deletion_rate")
    for given, expected in (({}, [0.02, 0.002, 0.002]), ({"deletion_rate": 0.1}, [0.0, 0.0, 0.1])):
        args = ContrastiveArguments(**NEEDED, pairing="mutated", **given)
        assert [args.to_dict()[name] for name in rates] == expected
    assert ContrastiveArguments(**NEEDED).substitution_rate == 0
    assert set(rates) <= set(RECORDED_ARGUMENTS)
