"""The masked-language head: token states to logits over the vocabulary; named and nested as in DNABERT-2."""

from torch import Tensor, nn
from transformers.activations import ACT2FN

from .configuration_dnacse import DnacseConfig


class DnacsePredictionTransform(nn.Module):
    """The dense layer, activation and norm before the decoder of the masked-language head."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the transform."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.activation = ACT2FN[config.hidden_act]
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, hidden) to the same."""
        return self.LayerNorm(self.activation(self.dense(hidden)))


class DnacsePredictions(nn.Module):
    """Token states to logits over the vocabulary; the decoder is tied to the word table."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build transform and decoder."""
        super().__init__()
        self.transform = DnacsePredictionTransform(config)
        self.decoder = nn.Linear(config.hidden_size, config.vocab_size)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, hidden) to (…, vocabulary)."""
        return self.decoder(self.transform(hidden))


class DnacseMaskedLMHead(nn.Module):
    """The masked-language head, nested as in DNABERT-2's checkpoints."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the predictions."""
        super().__init__()
        self.predictions = DnacsePredictions(config)

    def forward(self, hidden: Tensor) -> Tensor:
        """(…, hidden) to (…, vocabulary)."""
        return self.predictions(hidden)
