"""DNA embeddings that group by species: a genome encoder, and what one does with its vectors.

>>> from modeling_dnacse import DnacseConfig
>>> DnacseConfig().model_type
'dnacse'
"""

import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .estimators.classifier import BarcodeClassifier as BarcodeClassifier
    from .estimators.embedder import DnaEmbedder as DnaEmbedder

# The command `dnacse` imports this package before it parses its arguments. It imports what it needs from the
# modules themselves, so that `dnacse --help` does not wait for torch.
_IS_COMMAND = Path(*sys.argv[:1]).name in ("dnacse", "dnacse.exe") or "modeling_dnacse.cli" in sys.orig_argv

if TYPE_CHECKING or not _IS_COMMAND:
    from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

    from .augmentation import EncoderNoise, ManifoldMixup
    from .clustering.given_vectors import k_medoid, nearest, similarity_threshold
    from .configuration_dnacse import DnacseConfig
    from .embedding.given import EmbedOptions, embed
    from .identification.identifier import Identifier, identify
    from .loading.given import load_checkpoint
    from .modeling_dnacse import (
        DnacseForContrastiveLearning,
        DnacseForMaskedLM,
        DnacseForSequenceClassification,
        DnacseModel,
    )
    from .reading.labels import read_labelled
    from .reading.sequences import Record, read_fasta
    from .vectors.files import read_vectors

    # Two registrations: the Auto classes find the installed package without trust_remote_code, and save_pretrained
    # copies the code beside the weights, so that every saved folder is a complete Hub repository.
    AutoConfig.register(DnacseConfig.model_type, DnacseConfig)
    DnacseConfig.register_for_auto_class()
    for auto_class, model_class in (
        (AutoModel, DnacseModel),
        (AutoModelForMaskedLM, DnacseForMaskedLM),
        (AutoModelForSequenceClassification, DnacseForSequenceClassification),
    ):
        auto_class.register(DnacseConfig, model_class)
        model_class.register_for_auto_class(auto_class.__name__)
    del auto_class, model_class

# For scikit-learn, which is optional: imported on first access, and not in __all__.
_ESTIMATORS = {"DnaEmbedder": "embedder", "BarcodeClassifier": "classifier"}


def __getattr__(name: str) -> Any:
    """Import the classes for scikit-learn on first access."""
    if name not in _ESTIMATORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return getattr(import_module(f".estimators.{_ESTIMATORS[name]}", __name__), name)
    except ModuleNotFoundError as error:
        if error.name != "sklearn":
            raise
        raise ImportError(f"{name} needs scikit-learn: pip install 'dnacse[sklearn]'") from None


__all__ = [
    "DnacseConfig",
    "DnacseForContrastiveLearning",
    "DnacseForMaskedLM",
    "DnacseForSequenceClassification",
    "DnacseModel",
    "EmbedOptions",
    "EncoderNoise",
    "Identifier",
    "ManifoldMixup",
    "Record",
    "embed",
    "identify",
    "k_medoid",
    "load_checkpoint",
    "nearest",
    "read_fasta",
    "read_labelled",
    "read_vectors",
    "similarity_threshold",
]
