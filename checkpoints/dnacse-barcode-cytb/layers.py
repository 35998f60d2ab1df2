"""The parts of the encoder in the order of the data flow: embeddings, layers, pooling, masked-language head.

Modules have the names and the nesting of DNABERT-2's, so that its checkpoints load unchanged.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer

from .attention import (
    Attend,
    DnacseSelfAttention,
    Packing,
    attention_bias,
    attention_of,
    check_attention,
    is_packed,
    pack,
    packing_of,
    unpack,
)
from .augmentation import ManifoldMixup, mix
from .configuration_dnacse import DnacseConfig
from .kmers import DnacseKmerEmbeddings


class DnacseEmbeddings(nn.Module):
    """LN(word + token type + k-mers), then dropout. There is no position embedding, since ALiBi encodes the order."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the tables, with one of k-mers if the configuration asks for it."""
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.kmer_embeddings = DnacseKmerEmbeddings(config) if config.kmer and not config.sites else None
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(
        self,
        words: Tensor,
        token_type_ids: Tensor | None = None,
        ids: Tensor | None = None,
        mask: Tensor | None = None,
    ) -> Tensor:
        """Embed word vectors (batch, length, hidden); a missing token type is type 0.

        Args:
            words: word vectors.
            token_type_ids: (batch, length).
            ids: (batch, length), whose bases make the k-mers.
            mask: (batch, length), 0 for positions that are in no k-mer. None: all are tokens.

        Raises:
            ValueError: the model has k-mers, but there are no ids to take them from.
        """
        if self.kmer_embeddings is not None:
            if ids is None:
                raise ValueError("this model embeds k-mers too, so it needs input_ids, not inputs_embeds")
            words = words + self.kmer_embeddings(ids, torch.ones_like(ids) if mask is None else mask)
        types = (
            self.token_type_embeddings.weight[0]
            if token_type_ids is None
            else self.token_type_embeddings(token_type_ids)
        )
        return self.dropout(self.LayerNorm(words + types))


class DnacseSelfOutput(nn.Module):
    """LN(x + drop(Wo · attention))."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the projection and its norm."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, states: Tensor, residual: Tensor) -> Tensor:
        """Project, add, normalise."""
        return self.LayerNorm(residual + self.dropout(self.dense(states)))


class DnacseAttention(nn.Module):
    """Self-attention and its output, named as in DNABERT-2's checkpoints."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build both halves."""
        super().__init__()
        self.self = DnacseSelfAttention(config)
        self.output = DnacseSelfOutput(config)

    def forward(self, hidden: Tensor, context: Tensor | Attend, **kwargs: Any) -> Tensor:
        """Attend, then add and normalise."""
        states, _ = self.self(hidden, context, **kwargs)
        return self.output(states, hidden)


class DnacseMLP(nn.Module):
    """Gated linear unit, LN(x + wo(drop(gelu(x·Wg) * x·Wl))), with exact GELU."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the projections; `gated_layers` holds Wg (first rows) and Wl."""
        super().__init__()
        self.gated_layers = nn.Linear(config.hidden_size, 2 * config.intermediate_size, bias=False)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)
        self.wo = nn.Linear(config.intermediate_size, config.hidden_size)
        self.layernorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, hidden: Tensor) -> Tensor:
        """Gate, project, add, normalise."""
        gate, linear = self.gated_layers(hidden).chunk(2, dim=-1)
        return self.layernorm(hidden + self.wo(self.dropout(F.gelu(gate) * linear)))


class DnacseLayer(GradientCheckpointingLayer):
    """One post-LN transformer layer."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build attention and MLP."""
        super().__init__()
        self.attention = DnacseAttention(config)
        self.mlp = DnacseMLP(config)

    def forward(self, hidden: Tensor, context: Tensor | Attend, **kwargs: Any) -> Tensor:
        """Padded (batch, length, hidden) or packed (total, hidden) to the same."""
        return self.mlp(self.attention(hidden, context, **kwargs))


class EncoderStates(NamedTuple):
    """Input and output of the last layer (batch, length, hidden), and the mask of the output."""

    before_last: Tensor
    last: Tensor
    mask: Tensor  # (batch, length): after mixup, the intersection of the two masks


class DnacseEncoder(nn.Module):
    """The stack of layers, and manifold mixup on the input of one of them."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the layers."""
        super().__init__()
        self.config = config
        self.layer = nn.ModuleList(DnacseLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self, hidden: Tensor, mask: Tensor, mixup: ManifoldMixup | None = None, **kwargs: Any
    ) -> EncoderStates:
        """Run all layers on the embedding output (batch, length, hidden)."""
        hidden, context, packing = self.lay_out(hidden, mask)
        before_last = hidden
        for depth, layer in enumerate(self.layer):
            if mixup is not None and mixup.layer == depth:
                hidden, mask = mix(as_batch(hidden, packing, mask), mask, mixup)
                hidden, context, packing = self.lay_out(hidden, mask)
            before_last, hidden = hidden, layer(hidden, context, **kwargs)
        return EncoderStates(as_batch(before_last, packing, mask), as_batch(hidden, packing, mask), mask)

    def lay_out(self, hidden: Tensor, mask: Tensor) -> tuple[Tensor, Tensor | Attend, Packing | None]:
        """Lay states out for the layers: padded with a bias, or packed with an attention function and the packing."""
        device, heads = hidden.device.type, self.config.num_attention_heads
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        implementation = self.config._attn_implementation or "eager"
        check_attention(implementation, device)
        if not is_packed(implementation):
            return hidden, attention_bias(mask, heads, dtype), None
        packing = packing_of(mask)
        return pack(hidden, packing), attention_of(implementation, packing, heads, dtype), packing


def as_batch(hidden: Tensor, packing: Packing | None, mask: Tensor) -> Tensor:
    """Turn the output of the layers, padded or packed, into (batch, length, hidden)."""
    return hidden if packing is None else unpack(hidden, packing, mask)


class DnacsePooler(nn.Module):
    """DNACSE's "cls" pooler, tanh(W x + b) of the first token's state; named as in the checkpoints of DNABERT-S."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the layer."""
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.hidden_size)

    def forward(self, first: Tensor) -> Tensor:
        """(batch, hidden) to the same."""
        return torch.tanh(self.dense(first))


def masked_mean(hidden: Tensor, mask: Tensor) -> Tensor:
    """Mean of the token states (batch, length, hidden) over the mask (batch, length): (batch, hidden).

    >>> masked_mean(torch.tensor([[[2.0], [4.0], [9.0]]]), torch.tensor([[1, 1, 0]]))
    tensor([[3.]])
    """
    wide = torch.promote_types(hidden.dtype, torch.float32)  # in float16 a sum over thousands of tokens would overflow
    weight = mask.to(wide)[:, :, None]
    return ((hidden * weight).sum(1) / weight.sum(1).clamp(min=1)).to(hidden.dtype)


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
