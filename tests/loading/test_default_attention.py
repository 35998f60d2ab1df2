"""Commands, benchmarks and training take the attention that `default_attention` names, each from that one place."""

import pytest

from benchmarks.methods import networks
from modeling_dnacse import attention
from modeling_dnacse.loading import encoders
from trainer import train
from trainer.arguments import ContrastiveArguments


@pytest.mark.parametrize("module", [encoders, networks, train])
def test_each_takes_the_default_from_one_place(module, monkeypatch, tiny_folder, tmp_path):
    assert module.default_attention is attention.default_attention
    asked = []

    def choose(device: str) -> str:
        asked.append(device)
        return "eager"

    monkeypatch.setattr(module, "default_attention", choose)
    if module is encoders:
        model, _ = encoders.load_encoder(str(tiny_folder))
        assert model.config._attn_implementation == "eager"
    elif module is networks:
        name = str(tiny_folder)
        config = networks.find_network(name, trust_remote_code=False)
        assert config is not None
        networks.load_network(name, config)
    else:
        options = {"model_name_or_path": str(tiny_folder), "train_file": ["none"], "output_dir": str(tmp_path)}
        model, _ = train.model_and_tokenizer(ContrastiveArguments(**options, use_cpu=True, report_to="none"))
        assert model.config._attn_implementation == "eager"
    assert asked == ["cpu"]
