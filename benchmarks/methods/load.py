"""A model id in, a method that tasks can use out.

Model ids:

- a baseline of `BASELINES`, each described in its own file;
- a folder or Hub id of a checkpoint, or `untrained:` and one of these: see networks.py;
- `embedding:` or `start:` and a folder of a checkpoint of ours: see parts.py.

The vectors of networks are cached (embedding_cache.py). Those of k-mer baselines are computed each time.
"""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from transformers import PreTrainedConfig

from benchmarks.methods import alignment_tools, binners, kmer_mlp, kmers, spectra
from benchmarks.methods.embedding_cache import encode_once
from benchmarks.methods.method import Method, Predictions, Split
from benchmarks.methods.networks import UNTRAINED, find_network, load_network
from benchmarks.methods.parts import PARTS, find_parts, load_parts
from benchmarks.methods.site_search import EncodedByModel
from benchmarks.provenance.code_fingerprints import code_digest
from benchmarks.provenance.costs import Spent, metered
from benchmarks.provenance.fingerprints import digest, split_digest
from modeling_dnacse.loading.config_values import CONFIG

Encoder = Callable[[Sequence[str]], np.ndarray]

# name -> make(name, training, cache)
BASELINES = {
    **kmers.BASELINES,
    **spectra.BASELINES,
    **kmer_mlp.BASELINES,
    **alignment_tools.BASELINES,
    **binners.BASELINES,
}


def find_model(model: str, trust_remote_code: bool = False) -> PreTrainedConfig | None:
    """Check a model id without loading weights.

    Returns:
        The config of a checkpoint, None for a baseline.

    Raises:
        ValueError: It is neither a baseline, nor a checkpoint's folder, nor a Hub repository that can be reached.
    """
    if model in BASELINES:
        return None
    if model.startswith(PARTS):
        return find_parts(model)
    complete = not Path(model).is_dir() or Path(model, CONFIG).is_file()
    config = find_network(model, trust_remote_code) if complete else None
    if config is None:
        raise ValueError(
            f"got the model {model!r}, which is neither a baseline ({', '.join(BASELINES)}), nor a checkpoint folder "
            f"(with a config.json), nor a Hub id that can be reached, nor one of the last two after {UNTRAINED!r}: "
            "check the spelling."
        )
    return config


def load_method(
    model: str,
    *,
    name: str = "",
    training: Split | None = None,
    cache: Path | None = None,
    device: str = "cpu",
    batch_tokens: int = 16_384,
    trust_remote_code: bool = False,
) -> Method:
    """Load a method by its model id (see the head of this file).

    Args:
        model: Model id.
        name: Its name in results; by default a baseline's or Hub id, or a folder's last part.
        training: Labelled rows for the baselines that are trained.
        cache: Folder for vectors and trained baselines; None: nothing is kept.
        device: Torch device of a checkpoint; embeddings are computed in float32.
        batch_tokens: Tokens per forward pass, padding included.
        trust_remote_code: Whether code of a Hub repository may run.

    Raises:
        ValueError: As `find_model`, or a baseline lacks what it needs.
    """
    spent = Spent()
    config = find_model(model, trust_remote_code)
    if config is None:
        make = BASELINES[model]
        method = make(model, training, cache)
        learnt = split_digest(training) if training else ""
        return method._replace(
            name=name or method.name,
            fingerprint=digest(model, method.revision, learnt, code_digest(f"{make.__module__}:{make.__name__}")),
            spent=spent,
            **{ability: metered(work, spent) for ability, work in method._asdict().items() if callable(work)},
        )
    if model.startswith(PARTS):
        network = load_parts(model, device=device, batch_tokens=batch_tokens)
    else:
        network = load_network(
            model, config, device=device, batch_tokens=batch_tokens, trust_remote_code=trust_remote_code
        )

    def kept(encode: Encoder | None, ending: str) -> Encoder | None:
        if encode is None or cache is None:
            return encode and metered(encode, spent)
        return partial(encode_once, encode, cache / f"{network.fingerprint}{ending}.sqlite", spent)

    return Method(
        name or network.name,
        network.revision,
        network.parameters,
        encode=kept(network.encode, ""),
        classify=None if network.by_sites is None else metered(classify_by_sites(network.by_sites), spent),
        by_sites=network.by_sites,
        encode_windows=kept(network.encode_windows, "-windows"),
        thresholds=network.thresholds,
        checkpoint=None if model.startswith((UNTRAINED, *PARTS)) else model,
        fingerprint=network.fingerprint,
        spent=spent,
    )


def classify_by_sites(model: EncodedByModel) -> Callable[[Sequence[str], Sequence[str], np.ndarray], Predictions]:
    """The naming of a model with sites."""
    return lambda queries, references, names: Predictions(*model.classify(queries, references, names))
