"""Species-aware DNA embeddings: a genome encoder, and what one does with its vectors.

>>> from modeling_dnacse import DnacseConfig
>>> DnacseConfig().model_type
'dnacse'
"""

from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

from .augmentation import EncoderNoise, ManifoldMixup
from .configuration_dnacse import DnacseConfig
from .embedding import embed
from .modeling_dnacse import (
    DnacseForContrastiveLearning,
    DnacseForMaskedLM,
    DnacseForSequenceClassification,
    DnacseModel,
)
from .sequences import Record, read_fasta

# Two registrations: the Auto classes find the installed package without trust_remote_code, and save_pretrained copies
# the code beside the weights, so that every folder saved is a complete Hub repository.
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

__all__ = [
    "DnacseConfig",
    "DnacseForContrastiveLearning",
    "DnacseForMaskedLM",
    "DnacseForSequenceClassification",
    "DnacseModel",
    "EncoderNoise",
    "ManifoldMixup",
    "Record",
    "embed",
    "read_fasta",
]
