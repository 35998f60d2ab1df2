"""Parts of a checkpoint of ours in, methods out: they show what its layers add to its input embeddings.

- `embedding:FOLDER`: the pooled input embeddings, without any layer.
- `start:FOLDER`: the input embeddings under layers with random weights (seed 0).

The embeddings are those of the trained model. Where they were fitted in closed form (trainer/fit_embeddings.py), that
fit is a folder of its own, which is a model like any other. A model without layers has no such parts.
"""

from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import PreTrainedTokenizerFast

from benchmarks.methods.networks import Network, find_network, network_digest, weights_revision
from benchmarks.provenance.fingerprints import digest
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.attention import default_attention
from modeling_dnacse.embedding.embed import embed

EMBEDDING, START = "embedding:", "start:"
PARTS = EMBEDDING, START
OWN_WEIGHTS = "embeddings."  # by how their names begin


def find_parts(model: str) -> DnacseConfig:
    """Read the config of the checkpoint after a prefix of PARTS.

    Raises:
        ValueError: It is not a checkpoint of ours, or has no layers.
    """
    source = model.partition(":")[2]
    config = find_network(source) if Path(source).is_dir() else None
    if not isinstance(config, DnacseConfig) or not config.num_hidden_layers:
        raise ValueError(
            f"the model {model} asks for a part of {source!r}, which is not a folder with a model of ours that has "
            "layers: give one, or the model itself without the prefix."
        )
    return config


def load_parts(model: str, *, device: str, batch_tokens: int) -> Network:
    """Load what a prefix of PARTS says, of a model that `find_parts` has checked."""
    kind, _, source = model.partition(":")
    attention = default_attention(torch.device(device).type)
    trained: Any = DnacseModel.from_pretrained(source, attn_implementation=attention)
    settings = trained.config.to_dict() | ({"num_hidden_layers": 0} if model.startswith(EMBEDDING) else {})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network: Any = DnacseModel(DnacseConfig.from_dict(settings, attn_implementation=attention))
    network.load_state_dict(
        network.state_dict() | {n: w for n, w in trained.state_dict().items() if n.startswith(OWN_WEIGHTS)}
    )
    network = network.to(device, torch.float32).eval()
    tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    return Network(
        f"{kind}:{Path(source).resolve().name}",
        weights_revision(source),
        sum(parameter.numel() for parameter in network.parameters()),
        partial(embed, network, tokenizer, batch_tokens=batch_tokens, device=device),
        digest(kind, network_digest(network, tokenizer, network.config, device)),
    )
