"""Pushing to the Hub and training from it: the real client, in processes of its own, and a stand-in of the Hub."""

import json
import logging
import os
import shlex
import subprocess
import sys
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from huggingface_hub import ModelCard
from safetensors.torch import load
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseModel, embed
from tests.support.families import random_families
from tests.support.hub_standin import HubStandIn, Repository
from tests.support.strangers import HUB_FILES, SEQUENCES
from trainer.releasing.hub import PushOnSave

ROOT = Path(__file__).parents[3]
TOKEN = "hf_standInSecret0123456789"
RELEASED = HUB_FILES | {
    *("config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json", "README.md"),
    *("training.json", "training_log.json"),
    *("modules.json", "sentence_bert_config.json", "config_sentence_transformers.json", "1_Pooling/config.json"),
}


@pytest.fixture(scope="module")
def hub():
    """With a data set of two commits: of two species in the first, of twelve in the second."""
    rows = [(header.partition("=")[2], sequence) for header, sequence in random_families(seed=0).items()]
    tables = ["sequence,species,split\n" + "".join(f"{b},{a},train\n" for a, b in part) for part in (rows[:8], rows)]
    with HubStandIn(TOKEN, "me") as server:
        barcodes = server.repositories["dataset", "me/barcodes"] = Repository()
        for number, table in enumerate(tables):
            barcodes.add({"barcodes.csv": table.encode()}, f"Version {number}")
        yield server


def run(hub, home, arguments, **environment):
    """Run python under the stand-in: exit code, stdout, stderr."""
    variables = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "PYTHONPATH"))}
    variables |= hub.environment(home, TOKENIZERS_PARALLELISM="false") | environment
    arguments = [sys.executable, *arguments]
    done = subprocess.run(arguments, cwd=home, env=variables, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return done.returncode, done.stdout, done.stderr


def run_code(hub, home, code, **environment):
    """What a program prints last, as JSON."""
    status, out, error = run(hub, home, ["-c", textwrap.dedent(code)], **environment)
    assert status == 0, error
    return json.loads(out.strip().splitlines()[-1])


@pytest.fixture(scope="module")
def options(tiny_folder):
    return [
        *(str(ROOT / "trainer/train.py"), "--config_name", str(tiny_folder), "--tokenizer_name", str(tiny_folder)),
        *(
            "--dataset_name",
            "me/barcodes",
            "--train_split",
            "train",
            "--per_device_train_batch_size",
            "2",
            "--use_cpu",
        ),
        *("--curriculum", "info_nce:4steps", "--save_steps", "2", "--eval_steps", "2", "--push_to_hub"),
    ]


@pytest.fixture(scope="module")
def pushed(hub, options, tmp_path_factory):
    """A run of two processes that pushed to the private me/model: its folder and what it printed."""
    home = tmp_path_factory.mktemp("pushed")
    more = ["--output_dir", "out", "--hub_model_id", "me/model", "--hub_private_repo", "true", "--hub_token", TOKEN]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2"]
    status, out, error = run(hub, home, [*launcher, *options, "--ddp_backend", "gloo", *more])
    assert status == 0, error
    return home / "out", out + error


@pytest.mark.slow
def test_the_release_is_one_commit_of_all_files_after_one_of_the_saved_step(hub, pushed):
    folder, text = pushed
    repository = hub.repositories["model", "me/model"]
    assert repository.private
    initial, step, release = repository.commits
    assert step.message == "Step 2 of 4" and release.message.startswith("Release of step ")
    assert set(step.files) == set(release.files) == RELEASED
    assert all(release.files[name] == (folder / name).read_bytes() for name in RELEASED)
    assert hub.requests.count("POST /api/models/me/model/commit/main") == 2 and text.count("pushed") == 1
    assert f"pushed {hub.url}/me/model/commit/{release.sha}" in text
    checkpoint = load((folder / "checkpoint-2" / "model.safetensors").read_bytes())
    weights = load(step.files["model.safetensors"])
    assert all((weights[name] == checkpoint[f"bert.{name}"]).all() for name in weights)


def test_the_card_says_what_was_measured_and_on_what(hub, pushed):
    _, step, release = hub.repositories["model", "me/model"].commits
    data_revision = hub.repositories["dataset", "me/barcodes"].commits[-1].sha
    for commit, steps in ((step, 2), (release, 4)):
        record = json.loads(commit.files["training.json"])
        assert (record["steps"], record["planned_steps"]) == (steps, 4)
        assert record["data"]["training"]["sources"] == [f"me/barcodes@{data_revision}"]
        card = ModelCard(commit.files["README.md"].decode())
        results = {result.metric_type: result for result in card.data.eval_results}
        assert {name: result.metric_value for name, result in results.items()} == {
            name: pytest.approx(value, abs=1e-4) for name, value in record["validation"].items()
        }
        assert results["recall_at_1"].dataset_type == "me/barcodes"
        assert results["recall_at_1"].dataset_revision == data_revision
        assert (card.data.license, card.data.library_name, card.data.datasets) == (
            None,  # it is that of nobody but whoever trains
            "transformers",
            ["me/barcodes"],
        )
        assert {"dna", "biology", "sentence-transformers"} <= set(card.data.tags)
        assert 'from_pretrained("me/model", trust_remote_code=True)' in card.text
        assert ("training goes on" in card.text) == (commit is step)


@pytest.mark.slow
def test_a_stranger_loads_it_by_its_id(hub, pushed, tmp_path):
    """By AutoModel and sentence-transformers, without our package: the vectors are those of the folder."""
    code = f"""
    import json, sys, torch
    sys.modules["modeling_dnacse"] = None
    from sentence_transformers import SentenceTransformer
    from transformers import AutoModel, AutoTokenizer
    tokenizer = AutoTokenizer.from_pretrained("me/model", trust_remote_code=True)
    model = AutoModel.from_pretrained("me/model", trust_remote_code=True).eval()
    with torch.no_grad():
        vectors = model(**tokenizer({SEQUENCES!r}, padding=True, return_tensors="pt")).pooler_output
    reader = SentenceTransformer("me/model", trust_remote_code=True, device="cpu")
    print(json.dumps([vectors.tolist(), reader.encode({SEQUENCES!r}).tolist()]))
    """
    folder = pushed[0]
    ours = embed(DnacseModel.from_pretrained(folder), PreTrainedTokenizerFast.from_pretrained(folder), SEQUENCES)
    for vectors in run_code(hub, tmp_path, code, HF_TOKEN=TOKEN):
        np.testing.assert_allclose(vectors, ours, atol=1e-5)


@pytest.mark.slow
def test_our_package_and_the_benchmarks_load_it_by_its_id(hub, pushed, tmp_path):
    """Also a commit of it: that of the saved step has other weights."""
    step = hub.repositories["model", "me/model"].commits[1]
    code = f"""
    import json, sys
    sys.path.insert(0, {str(ROOT)!r})
    from benchmarks.methods.load import load_method
    from modeling_dnacse import DnacseModel, embed
    from modeling_dnacse.loading.checkpoints import load_checkpoint
    model, tokenizer = load_checkpoint(DnacseModel, "me/model")
    earlier, _ = load_checkpoint(DnacseModel, "me/model", revision={step.sha!r})
    method = load_method("me/model")
    vectors = [embed(network, tokenizer, {SEQUENCES!r}) for network in (model, earlier)]
    print(json.dumps([vector.tolist() for vector in (*vectors, method.encode({SEQUENCES!r}))]))
    """
    newest, earlier, encoded = run_code(hub, tmp_path, code, HF_TOKEN=TOKEN)
    folder = pushed[0]
    ours = embed(DnacseModel.from_pretrained(folder), PreTrainedTokenizerFast.from_pretrained(folder), SEQUENCES)
    np.testing.assert_allclose(newest, ours, atol=1e-5)
    np.testing.assert_allclose(encoded, ours, atol=1e-5)
    assert np.abs(np.array(earlier) - ours).max() > 1e-4


def test_the_token_is_nowhere(hub, pushed):
    """Neither printed, nor in a checkpoint, nor in what was pushed; Trainer's pickle of all arguments is removed."""
    folder, text = pushed
    written = {str(path): path.read_bytes() for path in folder.parent.rglob("*") if path.is_file()}
    assert [name for name in written if name.endswith("optimizer.pt")]
    assert not [name for name in written if name.endswith("training_args.bin")]
    commits = hub.repositories["model", "me/model"].commits
    sent = {f"{commit.sha}/{name}": data for commit in commits for name, data in commit.files.items()}
    assert not [name for name, data in (written | sent).items() if TOKEN.encode() in data] and TOKEN not in text


@pytest.mark.slow
def test_a_push_that_fails_loses_nothing(hub, options, pushed, tmp_path):
    """A token without the right to write: told at once and at the end, with the command that pushes later.

    The run starts from the model on the Hub and takes the earlier commit of the data set.
    """
    more = ["--output_dir", "my out", "--hub_model_id", "you/model", "--hub_private_repo", "true"]
    first = hub.repositories["dataset", "me/barcodes"].commits[1].sha
    small = ["--dataset_revision", first, "--validation_fraction", "0", "--curriculum", "info_nce:2steps"]
    small += ["--per_device_train_batch_size", "2", "--save_steps", "1"]
    begin = [options[0], "--model_name_or_path", "me/model", *options[5:]]
    status, out, error = run(hub, tmp_path, [*begin, *more, *small], HF_TOKEN=TOKEN)
    assert status == 2 and TOKEN not in out + error and "Traceback" not in error
    lines = error.strip().splitlines()
    refused = "403 Forbidden: You don't have the rights to write under the namespace you"
    beginning = f"warning: you/model cannot be written to on the Hub ({refused}); training goes on and tries again"
    later = f"warning: Step 1 of 2 was not pushed to you/model ({refused}); training goes on, and so does pushing\n"
    assert beginning in error and later in error
    command = "python examples/push_model.py 'my out' you/model --push --private"
    assert lines[-1] == (
        f"train.py: error: my out is released, but could not be pushed to you/model ({refused}); "
        f"push it later, without what else is there, with: {command}"
    )
    record = json.loads((tmp_path / "my out" / "training.json").read_text())
    assert (
        record["data"]["training"] | {"records": 8, "sources": [f"me/barcodes@{first}"]} == record["data"]["training"]
    )
    card = ModelCard.load(tmp_path / "my out" / "README.md").data
    assert card.eval_results is None and card.base_model == record["base_model"] == "me/model"

    python, script, *given = shlex.split(command.replace("you/model", "me/later"))
    assert python == "python"
    status, out, error = run(hub, tmp_path, [str(ROOT / script), *given], HF_TOKEN=TOKEN)
    assert status == 0, error
    pushed_later = hub.repositories["model", "me/later"]
    assert pushed_later.private and set(pushed_later.commits[-1].files) == RELEASED


@pytest.mark.slow
def test_every_failure_is_one_sentence(hub, tmp_path):
    """No token, a bad one, one that is no header, no network, no such data set or revision, another one in the cache.

    datasets takes what it loaded last, of whatever revision, where the Hub does not answer.
    """
    first, second = (commit.sha for commit in hub.repositories["dataset", "me/barcodes"].commits[1:])
    (tmp_path / "file").write_text("x")
    code = f"""
    import json, sys
    from pathlib import Path
    sys.path.insert(0, {str(ROOT)!r})
    from huggingface_hub import constants
    from modeling_dnacse.loading.hub_datasets import dataset_commit
    from trainer.releasing.hub import HubRepository
    from trainer.records.records import load_records
    said = []
    def tell(work, *given):
        try:
            said.append(work(*given))
        except (OSError, ValueError) as error:
            said.append(str(error))
    for token in (None, "hf_unknown", "hf_unknown\\n"):
        tell(HubRepository("me/model", token).push, Path("."), ["file"], "message")
    constants.ENDPOINT, endpoint = "http://127.0.0.1:1", constants.ENDPOINT
    tell(HubRepository("me/model").push, Path("."), ["file"], "message")
    constants.ENDPOINT = endpoint
    for revision in (None, "main", {first!r}, "dev"):
        tell(dataset_commit, "me/barcodes", revision)
    tell(dataset_commit, "me/nothing", None)
    tell(dataset_commit, ".", None)
    tell(dataset_commit, ".", "main")
    tell(lambda: len(load_records(None, "me/barcodes", {first!r}, "train")))
    tell(load_records, None, "me/barcodes", {first!r}, "test")
    import huggingface_hub.hf_api
    huggingface_hub.hf_api.HfApi.list_repo_tree = None  # the Hub falls silent half way
    tell(load_records, None, "me/barcodes", {second!r}, "train")
    print(json.dumps(said))
    """
    said = run_code(hub, tmp_path, code)
    assert all("\n" not in sentence and "hf_unknown" not in sentence for sentence in map(str, said))
    remedy = "push it later, without what else is there, with: python examples/push_model.py . me/model --push"
    reasons = ["401 Unauthorized", "401 Unauthorized", "Illegal header value", "Connection refused"]
    for sentence, reason in zip(said, reasons, strict=False):
        assert sentence.startswith(". is released, but could not be pushed to me/model (") and sentence.endswith(
            remedy
        )
        assert reason in sentence
    assert said[4:7] == [second, second, first]
    place = "data set me/barcodes, revision dev, cannot be found on the Hub (404 Not Found: Invalid rev id: dev)"
    assert said[7].startswith(place)
    assert said[8].startswith("data set me/nothing, revision main, cannot be found on the Hub (401 Unauthorized")
    assert said[9] is None and ". is a local folder, which has no revisions" in said[10]
    assert said[11] == 8 and said[12] == "data set me/barcodes: no record has the split 'test'"
    assert said[13].endswith(f"the Hub does not answer, and the cache holds revision {first}, not {second}")


@pytest.mark.slow
def test_the_benchmarks_read_the_very_commit_and_record_it(hub, tmp_path):
    """They took what datasets had loaded last, of whatever revision; that of a commit's whole id needs no network."""
    first, second = (commit.sha for commit in hub.repositories["dataset", "me/barcodes"].commits[1:])
    code = f"""
    import json, sys
    sys.path.insert(0, {str(ROOT)!r})
    import huggingface_hub.hf_api
    from benchmarks.jobs import make_jobs
    from benchmarks.data.readers import pin, read_source
    from benchmarks.run import parse
    def count(source):
        try:
            return len(list(read_source(source)))
        except ValueError as error:
            return str(error)
    (job,) = make_jobs(parse("--model tnf --task linear_probe --data hub:me/barcodes --output .".split()))
    said = [job.data.name, len(job.data.splits["train"].sequences), count("hub:me/barcodes@dev")]
    said += [pin("hub:me/barcodes@{first}"), pin("coi.tsv.gz"), count("hub:me/barcodes@{first}")]
    huggingface_hub.hf_api.HfApi.list_repo_tree = None  # the Hub falls silent half way
    said += [count("hub:me/barcodes@{first}"), count("hub:me/barcodes"), count("hub:me/barcodes@{second}")]
    print(json.dumps(said))
    """
    said = run_code(hub, tmp_path, code)
    assert said[:2] == [f"hub:me/barcodes@{second}", 48]
    assert said[2].startswith("data set me/barcodes, revision dev, cannot be found on the Hub (404 Not Found")
    assert said[3:7] == [f"hub:me/barcodes@{first}", "coi.tsv.gz", 8, 8]
    refused = f"the Hub does not answer, and the cache holds revision {first}, not {second}"
    assert said[7:] == [f"data set me/barcodes cannot be loaded: {refused}"] * 2
    offline = f"""
    import sys
    sys.path.insert(0, {str(ROOT)!r})
    from benchmarks.data.readers import read_source
    print(len(list(read_source("hub:me/barcodes@{first}"))))
    """
    assert run_code(hub, tmp_path, offline, HF_HUB_OFFLINE="1") == 8


def test_a_draft_that_cannot_be_written_does_not_stop_the_training(caplog):
    def full(folder):
        raise OSError(28, "No space left on device")

    state = SimpleNamespace(global_step=2, max_steps=4)
    with caplog.at_level(logging.WARNING):
        PushOnSave(None, full).on_save(None, state, SimpleNamespace(should_training_stop=False))
    assert (
        "Step 2 of 4 was not written to be pushed ([Errno 28] No space left on device); training goes on"
        in caplog.text
    )
