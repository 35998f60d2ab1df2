"""States of training that were changed, and their digests with them: what cannot be used names the checkpoint."""

import json
import shutil

import pytest
import torch

from trainer.running.resume import FILES, RUN, STATE, file_digests
from trainer.train import main


@pytest.fixture(scope="module")
def arguments(fasta, tiny_folder):
    return [
        *("--train_file", str(fasta), "--model_name_or_path", str(tiny_folder), "--validation_fraction", "0"),
        *("--curriculum", "weighted_simclr:2steps", "--per_device_train_batch_size", "4", "--save_steps", "1"),
        *("--disable_tqdm", "true", "--report_to", "none", "--use_cpu"),
    ]


@pytest.fixture(scope="module")
def trained(arguments, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    main([*arguments, "--output_dir", str(folder / "out")])
    return folder / "out"


@pytest.fixture
def checkpoint(trained, tmp_path):
    shutil.copytree(trained / "checkpoint-1", tmp_path / "out" / "checkpoint-1")
    return tmp_path / "out" / "checkpoint-1"


@pytest.fixture
def refusal(arguments, capsys):
    def resume(checkpoint):
        run = json.loads((checkpoint / RUN).read_text())
        (checkpoint / RUN).write_text(json.dumps(run | {FILES: file_digests(checkpoint)}))
        capsys.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main([*arguments, "--output_dir", str(checkpoint.parent), "--resume_from_checkpoint", "last"])
        assert stopped.value.code == 2
        return capsys.readouterr().err.splitlines()[-1]

    return resume


def first_state(states):
    return next(iter(states["state"].values()))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("optimizer.pt", lambda states: states.pop("param_groups")),
        ("optimizer.pt", lambda states: states["param_groups"].pop()),
        ("optimizer.pt", lambda states: states["param_groups"][0].update(betas=3)),
        ("optimizer.pt", lambda states: first_state(states).pop("exp_avg")),
        (
            "optimizer.pt",
            lambda states: first_state(states).update(exp_avg_sq=torch.tensor(1.0)),
        ),  # memory was overrun
        ("optimizer.pt", lambda states: first_state(states).update(exp_avg="x")),
        ("scheduler.pt", lambda states: states.update(_last_lr=-1)),
        ("rng_state.pth", lambda states: states.update(cpu=None)),
        ("rng_state.pth", lambda states: states.pop("python")),
    ],
)
def test_states_of_other_kinds_or_shapes_name_the_checkpoint(checkpoint, refusal, name, change):
    """All were tracebacks of torch or transformers; one ended the process by a signal."""
    states = torch.load(checkpoint / name, weights_only=False)
    change(states)
    torch.save(states, checkpoint / name)
    said = refusal(checkpoint)
    assert f"error: {checkpoint} cannot be resumed from (" in said and said.endswith("resume from another one")


@pytest.mark.parametrize(
    "change",
    [
        {"global_step": float("nan")},
        {"global_step": 0},  # it trained a step more, silently
        {"log_history": {"a": 1}},
        {"log_history": [{"step": 1, "seconds": None}]},
        {"log_history": [{"step": "x"}]},
        {"best_metric": {}},
        {"stateful_callbacks": None},
        {"stateful_callbacks": {"x": 3}},
        {"total_flos": "x"},
    ],
)
def test_a_state_of_trainer_with_other_values_is_named(checkpoint, refusal, change):
    """Some were tracebacks, after training had gone on or even at its end."""
    state = json.loads((checkpoint / STATE).read_text())
    (checkpoint / STATE).write_text(json.dumps(state | change))
    assert f"error: {checkpoint / STATE} has other values than a run writes" in refusal(checkpoint)
