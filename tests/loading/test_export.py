"""The encoder outside of float32 torch: the ONNX graph and the int8 layers give the vectors that torch gives."""

import json
import os
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseModel, embed
from modeling_dnacse.cli import main
from modeling_dnacse.embedding.tokenization import vocabulary_of
from modeling_dnacse.kmers import NO_KMER
from modeling_dnacse.loading import onnx_encoder
from modeling_dnacse.loading import onnx_export as export
from modeling_dnacse.loading.encoders import load_encoder
from modeling_dnacse.loading.int8 import Int8Linear, to_int8
from modeling_dnacse.loading.onnx_encoder import OnnxEncoder
from modeling_dnacse.loading.repository import write_repository
from tests.support.families import TINY, random_families

SEQUENCES = list(random_families(seed=2).values())
SITES = {"sites": 40, "gene_sites": 40, "num_hidden_layers": 0, "kmer": 3}  # as a model that was fitted to a marker


@pytest.fixture(scope="module")
def encoder(tiny_folder):
    return DnacseModel.from_pretrained(tiny_folder).eval(), PreTrainedTokenizerFast.from_pretrained(tiny_folder)


@pytest.fixture(scope="module")
def exported(tiny_folder, tmp_path_factory):
    """What the command writes, in a process that has exported nothing before."""
    folder = tmp_path_factory.mktemp("export") / "graph"
    command = [sys.executable, "-m", "modeling_dnacse.cli", "export", "--model", str(tiny_folder), "-o", str(folder)]
    path = os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(command, capture_output=True, text=True, env=path)
    assert done.returncode == 0, done.stderr
    assert "differ from torch by at most" in done.stderr.splitlines()[-1]
    return folder


# --- the graph ---


@pytest.mark.slow
def test_the_folder_holds_graph_tokenizer_and_configuration(exported):
    names = {"model.onnx", "config.json", "tokenizer.json", "tokenizer_config.json"}
    assert {path.name for path in exported.iterdir()} == names
    assert list(exported.parent.iterdir()) == [exported]


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (1, 2), (2, 3), (7, 31), (3, 700)])
def test_the_graph_equals_torch_at_any_size(encoder, exported, batch, length):
    rng = torch.Generator().manual_seed(length)
    ids = torch.randint(5, TINY["vocab_size"], (batch, length), generator=rng)
    mask = (torch.arange(length) < torch.randint(1, length + 1, (batch, 1), generator=rng)).long()
    expected = encoder[0](input_ids=ids, attention_mask=mask).pooler_output.detach()
    got = OnnxEncoder(exported)(input_ids=ids, attention_mask=mask).pooler_output
    torch.testing.assert_close(got, expected, atol=1e-5, rtol=0)


def test_the_graph_knows_order(exported):
    """Without ALiBi an encoder gives one vector for all orders of the same tokens."""
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    shuffled = ids[:, [2, 0, 4, 1, 5, 3]]  # no reversal, to which symmetric ALiBi is blind
    encoder = OnnxEncoder(exported)
    one, other = (encoder(each, torch.ones_like(each)).pooler_output for each in (ids, shuffled))
    assert (one - other).abs().max() > 1e-2


def test_the_graph_of_a_model_with_sites_does_not_compare_barcodes(exported, fasta, tmp_path, capsys):
    """`cluster` put all species into one cluster, and `identify` compared fragments by vectors, both silently."""
    graph = tmp_path / "graph"
    shutil.copytree(exported, graph)
    config = json.loads((graph / "config.json").read_text())
    (graph / "config.json").write_text(json.dumps(config | SITES))
    for command in (["cluster"], ["identify", "--reference", str(fasta)], ["index"]):
        with pytest.raises(SystemExit):
            main([*command, str(fasta), "--model", str(graph), "-o", str(tmp_path / "o.tsv")])
        assert "compares barcodes over sites, but has no sites" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main(["export", "--model", str(graph), "-o", str(tmp_path / "again")])
    assert "so it is an export" in capsys.readouterr().err
    main(["info", str(graph)])
    told = capsys.readouterr().out
    assert "ONNX graph, which gives vectors only" in told and " 0 bytes" not in told


def test_embed_takes_either(encoder, exported):
    graph, tokenizer = load_encoder(str(exported))
    options = {"batch_tokens": 300, "normalize": True, "both_strands": True}
    np.testing.assert_allclose(
        embed(graph, tokenizer, SEQUENCES, **options), embed(*encoder, SEQUENCES, **options), atol=1e-5
    )


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["mean_last_two", "cls_tanh"])
def test_each_pooling_is_in_the_graph(tmp_path, pooling):
    torch.manual_seed(0)
    model = DnacseModel(DnacseConfig(**TINY | {"num_hidden_layers": 1}, pooling=pooling)).eval()
    model.set_attn_implementation("eager")
    export.write_graph(tmp_path / "model.onnx", model)
    model.config.to_json_file(tmp_path / "config.json")
    ids = torch.randint(5, TINY["vocab_size"], (4, 9))
    got = OnnxEncoder(tmp_path)(ids, torch.ones_like(ids)).pooler_output
    torch.testing.assert_close(got, model(ids).pooler_output.detach(), atol=1e-5, rtol=0)


@pytest.mark.slow
def test_embeddings_of_kmers_are_in_the_graph(encoder, tmp_path):
    tokenizer = encoder[1]
    torch.manual_seed(0)
    model = DnacseModel(DnacseConfig(**TINY | {"num_hidden_layers": 1}, kmer=5, vocabulary=vocabulary_of(tokenizer)))
    with torch.no_grad():  # a new table is of zeros, with which nothing could go wrong
        model.embeddings.kmer_embeddings.weight[NO_KMER + 1 :].normal_()
    write_repository(tmp_path / "model", model.eval(), tokenizer, {"README.md": "# tiny\n"})
    assert export.export_onnx(str(tmp_path / "model"), tmp_path / "graph") < 1e-4
    got = embed(OnnxEncoder(tmp_path / "graph"), tokenizer, SEQUENCES[:5])
    np.testing.assert_allclose(got, embed(model, tokenizer, SEQUENCES[:5]), atol=1e-4)


@pytest.mark.parametrize("difference", [2e-4, float("nan")])
def test_a_graph_that_differs_is_not_written(tiny_folder, tmp_path, monkeypatch, capsys, difference):
    monkeypatch.setattr(export, "write_graph", lambda path, model: path.touch())
    monkeypatch.setattr(export, "OnnxEncoder", lambda folder: None)
    monkeypatch.setattr(export, "largest_difference", lambda *_: difference)
    assert refusal(["export", "--model", str(tiny_folder), "-o", str(tmp_path / "out")], capsys).startswith(
        f"the graph of {tiny_folder} differs from torch by"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_difference_in_one_number_is_found(encoder):
    model, tokenizer = encoder

    def altered(input_ids, attention_mask):
        output = model(input_ids=input_ids, attention_mask=attention_mask)
        output.pooler_output[-1, 3] += 0.5
        return output

    class Altered(OnnxEncoder):
        def __init__(self):
            self.config = model.config

        def __call__(self, input_ids, attention_mask):
            return altered(input_ids, attention_mask)

    assert export.largest_difference(model, Altered(), tokenizer) == pytest.approx(0.5, abs=1e-5)


def test_mistakes_are_one_sentence(tiny_folder, exported, tmp_path, monkeypatch, capsys):
    command = ["export", "--model", str(tiny_folder), "-o"]
    assert "is there already; give a new folder" in refusal([*command, str(exported)], capsys)
    assert "there is no folder" in refusal([*command, str(tmp_path / "no" / "out")], capsys)
    assert "no/such" in refusal(["export", "--model", "no/such", "-o", str(tmp_path / "out")], capsys)
    with pytest.raises(ValueError, match="runs on cpu, not on meta"):
        OnnxEncoder(exported).to("meta")
    with pytest.raises(ValueError, match="leave the dtype at float32"):
        embed(*load_encoder(str(exported)), SEQUENCES[:1], dtype=torch.bfloat16)
    with pytest.raises(ValueError, match="int8 takes a checkpoint"):
        load_encoder(str(exported), int8=True)
    (tmp_path / "model.onnx").write_bytes(b"no graph")
    (tmp_path / "config.json").write_bytes((exported / "config.json").read_bytes())
    with pytest.raises(ValueError, match="model.onnx cannot be loaded.*export it again"):
        OnnxEncoder(tmp_path)
    missing = {"onnxruntime", "onnxscript"}
    monkeypatch.setattr(onnx_encoder, "find_spec", lambda name: None if name in missing else find_spec(name))
    assert refusal([*command, str(tmp_path / "out")], capsys) == (
        "ONNX needs onnxscript and onnxruntime: pip install onnxscript onnxruntime"
    )
    with pytest.raises(ValueError, match="pip install onnxruntime$"):
        load_encoder(str(exported))
    assert {path.name for path in tmp_path.iterdir()} == {"model.onnx", "config.json"}


def refusal(arguments, capsys):
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    return capsys.readouterr().err.strip().splitlines()[-1].removeprefix("dnacse export: error: ")


# --- int8 ---


@pytest.fixture(scope="module")
def int8(tiny_folder):
    return load_encoder(str(tiny_folder), int8=True)


def test_int8_is_close_to_float32(encoder, int8):
    exact, close = embed(*encoder, SEQUENCES, normalize=True), embed(*int8, SEQUENCES, normalize=True)
    assert (exact * close).sum(1).min() > 0.99
    assert np.abs(exact - close).max() > 1e-5, "nothing was quantised"
    mean = exact.mean(0)  # what all vectors share makes any cosine high: take it out
    exact, close = exact - mean, close - mean
    cosines = (exact * close).sum(1) / np.linalg.norm(exact, axis=1) / np.linalg.norm(close, axis=1)
    assert cosines.mean() > 0.99 and cosines.min() > 0.98


def test_an_int8_vector_does_not_depend_on_its_batch(int8):
    together, alone = (embed(*int8, SEQUENCES, batch_tokens=tokens) for tokens in (10_000, 1))
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("bias", [True, False])
def test_an_int8_layer_is_what_its_formula_says(bias):
    """Inputs and weights at the limits of their range as well: 8-bit inputs would overflow on many processors."""
    torch.manual_seed(0)
    linear = torch.nn.Linear(64, 40, bias=bias).requires_grad_(False)
    linear.weight[0], linear.weight[1] = 0.5, 0.0
    states = torch.randn(3, 5, 64) * torch.tensor([1e-3, 1.0, 1e3])[:, None, None]
    states[1, 0], states[1, 1] = 7.0, 0.0
    weight_scale = linear.weight.abs().amax(1).clamp(min=1e-30) / 127
    scale = states.abs().amax(-1, keepdim=True).clamp(min=1e-30) / 63
    expected = ((states / scale).round() @ (linear.weight / weight_scale[:, None]).round().T) * scale * weight_scale
    got = Int8Linear(linear)(states) - (linear.bias if bias else 0)
    # one in some thousand numbers lies so near to a half that it rounds the other way
    assert ((got - expected).abs() <= 2 * scale * weight_scale * 127).all()
    assert ((got - expected).abs() < 1e-4 * scale).float().mean() > 0.9


def test_every_linear_layer_is_replaced(encoder):
    model = DnacseModel(DnacseConfig(**TINY, pooling="cls_tanh"))
    linears = sum(isinstance(module, torch.nn.Linear) for module in model.modules())
    to_int8(model)
    assert [sum(isinstance(m, kind) for m in model.modules()) for kind in (torch.nn.Linear, Int8Linear)] == [
        0,
        linears,
    ]


def test_int8_refuses_another_precision(int8):
    with pytest.raises(ValueError, match="takes float32 on cpu, not torch.bfloat16"):
        embed(*int8, SEQUENCES[:1], dtype=torch.bfloat16)


@pytest.mark.slow
def test_the_graph_holds_no_path_of_the_machine_that_made_it(exported):
    graph = (exported / "model.onnx").read_bytes()
    assert not any(text in graph for text in (str(Path(__file__).parents[2]).encode(), b"site-packages", b".py"))


def test_onnx_runtime_reports_nothing_and_leaves_nothing(tmp_path):
    """From 1.32 on, it makes a file .ses when it is imported, and reports to its maker."""
    code = "import modeling_dnacse.loading.onnx_encoder, onnxruntime"
    environment = {key: value for key, value in os.environ.items() if key != "ORT_DISABLE_TELEMETRY"}
    path = environment | {"PYTHONPATH": str(Path(__file__).parents[2]), "TMPDIR": str(tmp_path)}
    subprocess.run([sys.executable, "-c", code], check=True, env=path)
    assert list(tmp_path.iterdir()) == []
