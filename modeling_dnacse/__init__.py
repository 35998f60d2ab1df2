"""Species-aware DNA embeddings: a genome encoder, and what one does with its vectors.

>>> from modeling_dnacse import DnacseConfig
>>> DnacseConfig().model_type
'dnacse'
"""

from transformers import AutoConfig, AutoModel, AutoModelForMaskedLM, AutoModelForSequenceClassification

from .augmentation import EncoderNoise, ManifoldMixup
from .clustering.k_medoid import k_medoid, similarity_threshold
from .configuration_dnacse import DnacseConfig
from .embedding.embed import embed
from .loading.checkpoints import load_checkpoint
from .modeling_dnacse import (
    DnacseForContrastiveLearning,
    DnacseForMaskedLM,
    DnacseForSequenceClassification,
    DnacseModel,
)
from .reading.labels import read_labelled
from .reading.sequences import Record, read_fasta
from .vectors.files import read_vectors

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
    "k_medoid",
    "load_checkpoint",
    "read_fasta",
    "read_labelled",
    "read_vectors",
    "similarity_threshold",
]
