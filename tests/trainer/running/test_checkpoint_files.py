"""Training checkpoints: no file of one may be missing or differ when a run is resumed from it."""

import json

import pytest

from trainer.running.checkpointing import failure_in_one_sentence
from trainer.running.resume import FILES, RUN, STATE, check_files, check_same_run, checkpoint_to_resume, file_digests


@pytest.fixture
def checkpoint(tmp_path):
    folder = tmp_path / "checkpoint-4"
    (folder / "part").mkdir(parents=True)
    for name in ("model.safetensors", "optimizer.pt", "scheduler.pt", "rng_state.pth", "part/0.distcp"):
        (folder / name).write_bytes(name.encode() * 9)
    (folder / STATE).write_text('{"global_step": 4, "log_history": []}')
    (folder / RUN).write_text(json.dumps({FILES: file_digests(folder)}))
    return folder


def test_tokenizers_of_a_full_disk_are_one_sentence(tmp_path):
    """tokenizers raise a bare Exception, which was a traceback."""
    with (
        pytest.raises(OSError, match="checkpoint-2 could not be written .No space left on device .* make room"),
        failure_in_one_sentence(tmp_path / "checkpoint-2"),
    ):
        raise Exception("No space left on device (os error 28)")
    with pytest.raises(KeyError), failure_in_one_sentence(tmp_path):
        raise KeyError("of the code")


def test_a_file_that_is_missing_or_damaged_is_named(checkpoint):
    check_files(checkpoint)
    for name in json.loads((checkpoint / RUN).read_text())[FILES]:
        file = checkpoint / name
        whole = file.read_bytes()
        file.write_bytes(whole[:-1])
        with pytest.raises(ValueError, match=rf"{name} is not what was written, so it is damaged: copy"):
            check_files(checkpoint)
        file.unlink()
        with pytest.raises(ValueError, match=rf"{name} is missing: copy the checkpoint again"):
            check_files(checkpoint)
        file.write_bytes(whole)


def test_a_checkpoint_that_does_not_name_its_states(checkpoint):
    """Damage in it was not found: 30 tracebacks and five runs that ended with other weights."""
    named = json.loads((checkpoint / RUN).read_text())[FILES]
    for part in ("optimizer", "scheduler", "model"):
        (checkpoint / RUN).write_text(json.dumps({FILES: {name: named[name] for name in named if part not in name}}))
        with pytest.raises(ValueError, match=f"{RUN} names no file of the {part}: copy the checkpoint again"):
            check_files(checkpoint)
    (checkpoint / RUN).unlink()
    with pytest.raises(ValueError, match=f"{RUN}: No such file or directory; copy the checkpoint again"):
        check_files(checkpoint)


@pytest.mark.parametrize("text", ["[]", "{", "", f'{{"{FILES}": []}}', "[" * 100_000])
def test_a_damaged_record_of_the_run_is_named(checkpoint, text):
    (checkpoint / RUN).write_text(text)
    with pytest.raises(ValueError, match=rf"{RUN}: .* copy the checkpoint again"):
        check_files(checkpoint)
        check_same_run(checkpoint, {"processes": 1})


def test_a_folder_of_another_name_is_no_checkpoint(checkpoint):
    for folder, text in (("checkpoint-best", "{}"), ("checkpoint-9", "[]"), ("checkpoint-4", "{}")):
        (checkpoint.parent / folder).mkdir(exist_ok=True)
        (checkpoint.parent / folder / "trainer_state.json").write_text(text)
    assert checkpoint_to_resume(checkpoint.parent, "last") == str(checkpoint)


def test_any_change_of_any_byte_is_found(checkpoint):
    hypothesis = pytest.importorskip("hypothesis")
    names = hypothesis.strategies.sampled_from(sorted(file_digests(checkpoint)))
    bits = hypothesis.strategies.integers(0, 8 * 9 * len("part/0.distcp") - 1)

    @hypothesis.settings(max_examples=30, deadline=None)
    @hypothesis.given(names, bits)
    def flip(name, bit):
        file = checkpoint / name
        whole = bytearray(file.read_bytes())
        changed = bytearray(whole)
        changed[bit // 8 % len(whole)] ^= 1 << bit % 8
        file.write_bytes(changed)
        with pytest.raises(ValueError, match="damaged"):
            check_files(checkpoint)
        file.write_bytes(whole)

    flip()
