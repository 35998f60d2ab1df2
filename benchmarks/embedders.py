"""A model id becomes a function from sequences to vectors, (n,) str -> (n, d) float32 rows in input order.

Model ids:

- `tnf`: tetranucleotide frequencies, 256 columns in the order of the alphabet A T C G (the first base turns
  slowest).
- `kmer4`, `kmer5`, `kmer6`: frequencies of all k-mers in the order of A C G T, 256, 1,024 or 4,096 columns.
- For both: counts of overlapping windows divided by their number (each row sums to 1), strands not merged, windows
  with another letter than A C G T skipped. `tnf` and `kmer4` hold the same numbers in another order of columns.
- a folder or Hub id of a checkpoint: DnacseModel and `modeling_dnacse.embed` for ours and for DNABERT-2's layout,
  else AutoModel and the mean of the last layer's states over the attention mask.
- `untrained:FOLDER`: the same architecture and tokenizer with random weights (seed 0): what training has added.

Vectors are as the model gives them, not normalised: the tasks do that.
"""

import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from tqdm import tqdm
from transformers import AutoConfig, AutoModel, AutoTokenizer, PreTrainedConfig, PreTrainedTokenizerFast

from modeling_dnacse import DnacseConfig, DnacseModel
from modeling_dnacse.embedding import embed
from modeling_dnacse.provenance import sha256_of

ALPHABETS = {"tnf": (4, "ATCG"), "kmer4": (4, "ACGT"), "kmer5": (5, "ACGT"), "kmer6": (6, "ACGT")}
UNTRAINED = "untrained:"
LONGEST_WINDOW = 100_000  # tokens; a tokenizer without a limit says 1e30


class Embedder(NamedTuple):
    """A loaded model: its name in results, what exactly it is, and how it embeds."""

    name: str  # never a path of this machine
    revision: str  # sha256 of the weights, or the Hub commit; "" where there are no weights
    parameters: int
    encode: Callable[[Sequence[str]], np.ndarray]  # (n,) str -> (n, d) float32


def kmer_frequencies(sequences: Sequence[str], k: int, alphabet: str = "ACGT", block: int = 256) -> np.ndarray:
    """Count overlapping k-mers with rolling integer codes, a block of sequences at a time.

    Args:
        sequences: Upper-case sequences; a window with a letter outside of the alphabet is skipped.
        k: Length of a k-mer in bp.
        alphabet: Order of the columns; the first base of a k-mer turns slowest.
        block: Sequences counted at once, which bounds the memory beside the result.

    Returns:
        Frequencies (sequences, 4**k), float32; a row without a valid window is zero.

    >>> kmer_frequencies(["AAAT", "ANA"], k=1).tolist()
    [[0.75, 0.0, 0.0, 0.25], [1.0, 0.0, 0.0, 0.0]]
    """
    code_of = np.full(256, 4, dtype=np.int64)
    code_of[np.frombuffer(alphabet.encode(), dtype=np.uint8)] = np.arange(4)
    profiles = np.zeros((len(sequences), 4**k), dtype=np.float32)
    for first in range(0, len(sequences), block):
        part = sequences[first : first + block]
        # N pads between sequences so that no window crosses from one into the next
        letters = np.frombuffer(("N" * k).join([*part, ""]).encode(), dtype=np.uint8)
        digits = code_of[letters]
        windows = len(digits) - k + 1
        codes = sum(digits[i : i + windows] * 4 ** (k - 1 - i) for i in range(k))
        valid = np.lib.stride_tricks.sliding_window_view(digits, k).max(axis=1) < 4
        rows = np.repeat(np.arange(len(part)), [len(sequence) + k for sequence in part])[:windows]
        counts = np.bincount((rows * 4**k + codes)[valid], minlength=len(part) * 4**k).reshape(len(part), -1)
        profiles[first : first + block] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return profiles


def find_model(model: str, trust_remote_code: bool = False) -> PreTrainedConfig | None:
    """Check a model id without loading weights.

    Returns:
        The config of a checkpoint, None for a k-mer baseline.

    Raises:
        ValueError: It is neither a baseline, nor a folder with a config.json, nor a Hub repository within reach.
    """
    if model in ALPHABETS:
        return None
    source = model.removeprefix(UNTRAINED)
    unknown = (
        f"got the model {model!r}, which is neither a baseline ({', '.join(ALPHABETS)}), nor a checkpoint folder "
        f"(with a config.json), nor a Hub id within reach, nor one of the last two after {UNTRAINED!r}: "
        "check the spelling."
    )
    if not Path(source).is_dir() and not re.fullmatch(r"[\w.-]+/[\w.-]+", source):
        raise ValueError(unknown)
    try:
        raw, _ = PreTrainedConfig.get_config_dict(source)
    except OSError as error:
        raise ValueError(unknown) from error
    # DNABERT-2's repositories say "bert", but a BERT has no ALiBi: only their own code and ours know the architecture
    if raw.get("model_type") == "dnacse" or "alibi_starting_size" in raw:
        return DnacseConfig.from_pretrained(source)
    if "auto_map" in raw and not trust_remote_code:
        raise ValueError(f"the model {model} needs code of its own repository: read it, then add --trust_remote_code.")
    return AutoConfig.from_pretrained(source, trust_remote_code=trust_remote_code)


def load_embedder(
    model: str,
    *,
    name: str = "",
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
) -> Embedder:
    """Load a model by its id (see the head of this file).

    Args:
        model: Model id.
        name: What results call it; by default a baseline's or Hub id, or a folder's last part.
        device: Torch device of a checkpoint; embeddings are computed in float32.
        batch_tokens: Tokens a forward, padding included.
        trust_remote_code: Whether code of a Hub repository may run.

    Raises:
        ValueError: As `find_model`.
    """
    config = find_model(model, trust_remote_code)
    if config is None:
        k, alphabet = ALPHABETS[model]
        return Embedder(name or model, "", 0, partial(kmer_frequencies, k=k, alphabet=alphabet))
    source = model.removeprefix(UNTRAINED)
    ours = isinstance(config, DnacseConfig)
    if ours:
        tokenizer = PreTrainedTokenizerFast.from_pretrained(source)
    else:
        tokenizer = AutoTokenizer.from_pretrained(source, trust_remote_code=trust_remote_code)
    network: Any
    if source != model:
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            if isinstance(config, DnacseConfig):
                network = DnacseModel(config)
            else:
                network = AutoModel.from_config(config, trust_remote_code=trust_remote_code)
    elif ours:
        network = DnacseModel.from_pretrained(source)
    else:
        network = AutoModel.from_pretrained(source, trust_remote_code=trust_remote_code)
    network = network.to(device).eval()
    short = Path(source).resolve().name if Path(source).is_dir() else source
    settings: dict[str, Any] = {"batch_tokens": batch_tokens, "device": device}
    if ours:
        encode = partial(embed, network, tokenizer, progress=True, **settings)
    else:
        encode = partial(mean_states, network, tokenizer, **settings)
    return Embedder(
        name or model.removesuffix(source) + short,
        "" if source != model else weights_revision(source, config),
        sum(parameter.numel() for parameter in network.parameters()),
        encode,
    )


@torch.inference_mode()
def mean_states(
    network: Any, tokenizer: Any, sequences: Sequence[str], *, batch_tokens: int, device: str
) -> np.ndarray:
    """Embed by the mean of the last layer's states over the attention mask, longest sequences first.

    A sequence longer than the tokenizer's limit is cut there.

    Returns:
        Vectors (sequences, hidden), float32, in input order.
    """
    limit = min(tokenizer.model_max_length, LONGEST_WINDOW)
    tokenized = tokenizer(list(sequences), truncation=True, max_length=limit)["input_ids"]
    order = sorted(range(len(sequences)), key=lambda i: -len(tokenized[i]))
    vectors: np.ndarray | None = None
    with tqdm(total=len(order), unit=" sequences", desc="embedding") as bar:
        while order:
            size = max(1, batch_tokens // len(tokenized[order[0]]))
            batch, order = order[:size], order[size:]
            inputs = tokenizer.pad({"input_ids": [tokenized[i] for i in batch]}, return_tensors="pt").to(device)
            hidden = network(**inputs)[0].float()  # (batch, length, hidden)
            mask = inputs["attention_mask"].unsqueeze(-1)  # (batch, length, 1)
            pooled = (hidden * mask).sum(1) / mask.sum(1)
            if vectors is None:
                vectors = np.empty((len(sequences), pooled.shape[1]), dtype=np.float32)
            vectors[batch] = pooled.cpu().numpy()
            bar.update(len(batch))
    return np.empty((0, 0), dtype=np.float32) if vectors is None else vectors


def weights_revision(source: str, config: PreTrainedConfig) -> str:
    """Name the weights: the sha256 of a folder's weight file (several: joined by +), or a Hub repository's commit."""
    if not Path(source).is_dir():
        return config._commit_hash or ""
    files = sorted(Path(source).glob("*.safetensors")) or sorted(Path(source).glob("pytorch_model*.bin"))
    return "+".join(sha256_of(path) for path in files)
