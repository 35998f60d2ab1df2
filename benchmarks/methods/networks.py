"""A checkpoint's folder or Hub id in, a function from sequences to vectors out.

- Ours and DNABERT-2's layout load as DnacseModel and embed by `modeling_dnacse.embed`.
- Another checkpoint with a modules.json loads and embeds by sentence-transformers.
- Any other encoder loads by AutoModel, with its own tokenizer, and embeds by the mean of the last layer's states over
  the attention mask.
- `untrained:FOLDER` is the same architecture and tokenizer with random weights (seed 0). It shows what training adds.
"""

import hashlib
import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerFast
from transformers.utils.hub import cached_file, extract_commit_hash

from benchmarks.methods.site_search import EncodedByModel, encoded_by_model
from benchmarks.provenance.code_fingerprints import code_digest
from benchmarks.provenance.fingerprints import digest
from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.attention import default_attention
from modeling_dnacse.clustering.purposes import FIELDS, WINDOW_TOKENS
from modeling_dnacse.embedding.embed import embed
from modeling_dnacse.machine.provenance import package_versions, sha256_of

UNTRAINED = "untrained:"
LONGEST_WINDOW = 100_000  # tokens; a tokenizer without a limit says 1e30


class Network(NamedTuple):
    """A loaded checkpoint."""

    name: str  # in results, never a path of this machine
    revision: str  # sha256 of the weight files, or the Hub commit; "" for an untrained one
    parameters: int
    encode: Callable[[Sequence[str]], np.ndarray]  # (n,) str -> (n, d) float32
    fingerprint: str  # sha256 of all that its vectors depend on
    encode_windows: Callable[[Sequence[str]], np.ndarray] | None = None  # ours: with the windows of `dnacse bin`
    thresholds: Mapping[str, float | None] | None = None  # ours: its own similarities of "species" and "bins"
    by_sites: EncodedByModel | None = None  # ours, if it has sites


def find_network(model: str, trust_remote_code: bool = False) -> PreTrainedConfig | None:
    """Read the config of a checkpoint, which loads no weights; None where there is no such checkpoint.

    Raises:
        ValueError: It needs code of its own repository, and that may not run; or it is untrained and has no layers, as
            a model with sites.
    """
    source = model.removeprefix(UNTRAINED)
    if not Path(source).is_dir() and not re.fullmatch(r"[\w.-]+/[\w.-]+", source):
        return None
    try:
        raw, _ = PreTrainedConfig.get_config_dict(source)
    except OSError:
        return None
    if source != model and raw.get("num_hidden_layers") == 0:
        raise ValueError(
            f"the model {model} has no layers to draw at random: it embeds by tables that are fitted to sequences and "
            "are zero before; compare with a k-mer baseline such as canonical7 instead."
        )
    # DNABERT-2's repositories say "bert", but a BERT has no ALiBi: only their own code and ours know the architecture
    if raw.get("model_type") == "dnacse" or "alibi_starting_size" in raw:
        return DnacseConfig.from_pretrained(source)
    if "auto_map" in raw and not trust_remote_code:
        raise ValueError(f"the model {model} needs code of its own repository: read it, then add --trust_remote_code.")
    return AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)


def load_network(
    model: str,
    config: PreTrainedConfig,
    *,
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
) -> Network:
    """Load a checkpoint.

    Args:
        model: Folder or Hub id, or one of these after `untrained:`.
        config: Its config, by `find_network`.
        device: Torch device; embeddings are computed in float32.
        batch_tokens: Tokens per forward pass, padding included.
        trust_remote_code: Whether code of a Hub repository may run.
    """
    source = model.removeprefix(UNTRAINED)
    ours = isinstance(config, DnacseConfig)
    short = Path(source).resolve().name if Path(source).is_dir() else source
    if not ours and source == model and (modules := find_modules(source)):
        return load_sentence_transformer(source, short, modules, config, device, trust_remote_code)
    tokenizer: Any
    if ours:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    else:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
    network: Any
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # also for a checkpoint: what it lacks, as a pooler, is drawn, and is in the fingerprint
        if source == model and ours:
            attention = default_attention(torch.device(device).type)
            network = DnacseModel.from_pretrained(source, attn_implementation=attention)
        elif source == model:
            network = AutoModel.from_pretrained(source, trust_remote_code=trust_remote_code)
        elif isinstance(config, DnacseConfig):
            network = DnacseModel(config)
        else:
            network = AutoModel.from_config(config, trust_remote_code=trust_remote_code)
    network = network.to(device, torch.float32).eval()
    encode = partial(embed if ours else mean_states, network, tokenizer, batch_tokens=batch_tokens, device=device)
    return Network(
        model.removesuffix(source) + short,
        "" if source != model else weights_revision(source),
        sum(parameter.numel() for parameter in network.parameters()),
        encode,
        network_digest(network, tokenizer, network.config, device),
        partial(encode, window_tokens=WINDOW_TOKENS) if ours else None,
        {purpose: getattr(network.config, field) for purpose, field in FIELDS.items()} if ours else None,
        encoded_by_model(network, tokenizer, device, encode) if getattr(network, "sites", None) is not None else None,
    )


def find_modules(source: str) -> Path | None:
    """Find the file by which sentence-transformers knows its checkpoints."""
    path = cached_file(source, "modules.json", _raise_exceptions_for_missing_entries=False)
    return Path(path) if path else None


def load_sentence_transformer(
    source: str, name: str, modules: Path, config: PreTrainedConfig, device: str, trust_remote_code: bool
) -> Network:
    """Load a checkpoint of sentence-transformers; `modules` is its modules.json."""
    from sentence_transformers import SentenceTransformer  # here, since importing it takes seconds

    network = SentenceTransformer(source, device=device, trust_remote_code=trust_remote_code).float()
    pooling = [path.read_text() for path in sorted(modules.parent.rglob("*.json"))]
    return Network(
        name,
        weights_revision(source),
        sum(parameter.numel() for parameter in network.parameters()),
        partial(encode_sentences, network),
        digest(network_digest(network, network.tokenizer, config, device), pooling),
    )


def encode_sentences(network: Any, sequences: Sequence[str]) -> np.ndarray:
    """Embed as sentence-transformers does, (n,) -> (n, d) float32."""
    return np.asarray(network.encode(list(sequences), show_progress_bar=False), dtype=np.float32)


@torch.inference_mode()
def mean_states(
    network: Any, tokenizer: Any, sequences: Sequence[str], *, batch_tokens: int, device: str
) -> np.ndarray:
    """Embed by the mean of the last layer's states over the attention mask, longest sequences first.

    A sequence longer than the limit of the tokenizer or of the position embeddings is cut there. A network that takes
    no attention mask (HyenaDNA) would see padding, so its batches are of one length.

    Returns:
        Vectors (sequences, hidden), float32, in input order.
    """
    positions = network.config.to_dict().get("max_position_embeddings", LONGEST_WINDOW)
    limit = min(tokenizer.model_max_length, positions, LONGEST_WINDOW)
    tokenized = tokenizer(list(sequences), truncation=True, max_length=limit)["input_ids"]
    order = sorted(range(len(sequences)), key=lambda i: -len(tokenized[i]))
    masked = "attention_mask" in inspect.signature(network.forward).parameters
    vectors: np.ndarray | None = None
    while order:
        longest = len(tokenized[order[0]])
        batch = order[: max(1, batch_tokens // longest)]
        if not masked:
            batch = [row for row in batch if len(tokenized[row]) == longest]
        order = order[len(batch) :]
        inputs = tokenizer.pad(
            {"input_ids": [tokenized[row] for row in batch]}, return_tensors="pt", return_attention_mask=True
        ).to(device)
        mask = inputs["attention_mask"].unsqueeze(-1)  # (batch, length, 1)
        hidden = network(**(inputs if masked else {"input_ids": inputs["input_ids"]}))[
            0
        ].float()  # (batch, length, hidden)
        pooled = (hidden * mask).sum(1) / mask.sum(1)  # (batch, hidden)
        if vectors is None:
            vectors = np.empty((len(sequences), pooled.shape[1]), dtype=np.float32)
        vectors[batch] = pooled.cpu().numpy()
    return np.empty((0, 0), dtype=np.float32) if vectors is None else vectors


def weights_revision(source: str) -> str:
    """Name the weights: the sha256 of a folder's weight file (several: joined by +), or a Hub repository's commit."""
    if not Path(source).is_dir():
        return extract_commit_hash(cached_file(source, "config.json"), None) or ""
    files = sorted(Path(source).glob("*.safetensors")) or sorted(Path(source).glob("pytorch_model*.bin"))
    return "+".join(sha256_of(path) for path in files)


def network_digest(network: Any, tokenizer: Any, config: PreTrainedConfig, device: str) -> str:
    """SHA-256 of all that a network's vectors depend on: weights, configuration, tokenizer, code, kind of device."""
    weights = hashlib.sha256()
    for name, tensor in sorted(network.state_dict().items()):
        weights.update(f"{name} {tensor.dtype} {tuple(tensor.shape)} ".encode())
        weights.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy())
    if tokenizer.is_fast:
        cutting = tokenizer.backend_tokenizer.to_str()
    else:
        cutting = [sorted(tokenizer.get_vocab().items()), Path(inspect.getfile(type(tokenizer))).read_text()]
    code = [code_digest(f"{__name__}:load_network"), package_versions(("tokenizers", "torch", "transformers"))]
    if type(network).__module__.startswith("transformers_modules."):  # where transformers puts a repository's code
        folder = Path(inspect.getfile(type(network))).parent
        code += [sha256_of(path) for path in sorted(folder.glob("*.py"))]
    settings = {key: value for key, value in config.to_dict().items() if not key.startswith("_")}
    limit = str(tokenizer.model_max_length)
    kind = torch.device(device).type
    return digest(weights.hexdigest(), json.loads(json.dumps(settings, default=str)), cutting, limit, code, kind)
