"""The DNACSE encoder: DNABERT-2's architecture, with the manifold-mixup forward of DNABERT-S.

In: token ids and their mask, (batch, length). Out: token states (batch, length, hidden) and one vector a sequence
(batch, hidden).

Decisions:
- Module names equal DNABERT-2's, so published DNABERT-2 and DNABERT-S checkpoints load without a key mapping, which
  would break saving and resuming. Loading is strict: an encoder weight that is missing, or one that nobody knows, is
  an error.
- ALiBi is computed from positions in each forward, never stored. Padding and ALiBi are one additive bias, made once a
  forward and shared by the layers, so eager and sdpa see the same numbers and no interface can drop either of them.
- States of padding are zero in the output: what a sequence is padded with never shows.
- Manifold mixup happens on the input of layer m; its randomness is drawn outside and passed in as `ManifoldMixup`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.activations import ACT2FN
from transformers.modeling_layers import GradientCheckpointingLayer
from transformers.modeling_outputs import BaseModelOutputWithPooling, MaskedLMOutput, SequenceClassifierOutput
from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS
from transformers.utils.generic import (
    ModelOutput,
    TransformersKwargs,
    can_return_tuple,
    merge_with_config_defaults,
)
from transformers.utils.output_capturing import capture_outputs

from .configuration_dnacse import DnacseConfig


class ManifoldMixup(NamedTuple):
    """One draw of manifold instance mixup (DNABERT-S): mix the input of one layer with that of the permuted batch."""

    layer: int  # 0: the embedding output
    permutation: Tensor  # (batch,) long
    coefficients: Tensor  # (batch,) float, the weight of a sequence itself


@dataclass
class DnacseModelOutput(BaseModelOutputWithPooling):
    """BaseModelOutputWithPooling, and the mask that pooling used: after mixup, the intersection of the two masks."""

    attention_mask: Tensor | None = None


@dataclass
class ContrastiveOutput(ModelOutput):
    """The embedding that is kept (batch, hidden) and the unit features that the losses see (batch, projection).

    Where `labels` were given there are instead the masked-language loss and the logits of the labelled tokens
    (labelled, vocabulary), in the order of `labels[labels != -100]`.
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    embeddings: Tensor | None = None
    features: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


def alibi_slopes(num_heads: int) -> list[float]:
    """Slope of each head's linear bias (Press et al. 2022): a geometric series, padded for other than powers of two.

    >>> alibi_slopes(4)
    [0.25, 0.0625, 0.015625, 0.00390625]
    >>> alibi_slopes(6)[4:]
    [0.5, 0.125]
    """
    power = 2 ** math.floor(math.log2(num_heads))
    slopes = [2 ** (-8 * (head + 1) / power) for head in range(power)]
    if power < num_heads:
        slopes += alibi_slopes(2 * power)[::2][: num_heads - power]
    return slopes


def attention_bias(mask: Tensor, num_heads: int, dtype: torch.dtype) -> Tensor:
    """Symmetric ALiBi, -slope * |i - j|, padded keys at the lowest finite value: (batch, heads, length, length)."""
    positions = torch.arange(mask.shape[1], device=mask.device)
    distance = (positions[None, :] - positions[:, None]).abs()  # (length, length)
    slopes = torch.tensor(alibi_slopes(num_heads), device=mask.device)
    bias = (-slopes[:, None, None] * distance).to(dtype)  # (heads, length, length)
    return bias.masked_fill(mask[:, None, None, :] == 0, torch.finfo(dtype).min)


def eager_attention_forward(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor,
    scaling: float,
    dropout: float = 0.0,
    **kwargs: Any,
) -> tuple[Tensor, Tensor]:
    """Attention in three lines: states (batch, length, heads, head) and weights (batch, heads, length, length)."""
    scores = query @ key.transpose(2, 3) * scaling + attention_mask
    weights = F.softmax(scores, dim=-1, dtype=torch.float32).to(query.dtype)
    states = F.dropout(weights, dropout, module.training) @ value
    return states.transpose(1, 2).contiguous(), weights


class DnacseEmbeddings(nn.Module):
    """LN(word + token type), dropout. No position embedding: ALiBi carries the order."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the tables."""
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_size, config.hidden_size, padding_idx=config.pad_token_id)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, words: Tensor, token_type_ids: Tensor | None = None) -> Tensor:
        """Embed word vectors (batch, length, hidden); a missing token type is type 0."""
        types = (
            self.token_type_embeddings.weight[0]
            if token_type_ids is None
            else self.token_type_embeddings(token_type_ids)
        )
        return self.dropout(self.LayerNorm(words + types))


class DnacseSelfAttention(nn.Module):
    """Multi-head attention over one fused projection, whose rows are q | k | v, each head-major."""

    is_causal = False

    def __init__(self, config: DnacseConfig) -> None:
        """Build the projection."""
        super().__init__()
        self.config = config
        self.num_heads = config.num_attention_heads
        self.head_size = config.hidden_size // config.num_attention_heads
        self.dropout = config.attention_probs_dropout_prob
        self.Wqkv = nn.Linear(config.hidden_size, 3 * config.hidden_size)

    def forward(self, hidden: Tensor, bias: Tensor, **kwargs: Any) -> tuple[Tensor, Tensor | None]:
        """Attend with the additive bias (batch, heads, length, length)."""
        batch, length, _ = hidden.shape
        qkv = self.Wqkv(hidden).view(batch, length, 3, self.num_heads, self.head_size)
        query, key, value = qkv.permute(2, 0, 3, 1, 4)  # each (batch, heads, length, head)
        attend: Callable = ALL_ATTENTION_FUNCTIONS.get_interface(
            self.config._attn_implementation,  # pyright: ignore[reportArgumentType] None is allowed, and warned of
            eager_attention_forward,
        )
        states, weights = attend(
            self,
            query,
            key,
            value,
            bias,
            scaling=self.head_size**-0.5,
            dropout=self.dropout if self.training else 0.0,
            **kwargs,
        )
        return states.reshape(batch, length, -1), weights


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

    def forward(self, hidden: Tensor, bias: Tensor, **kwargs: Any) -> Tensor:
        """Attend, then add and normalise."""
        states, _ = self.self(hidden, bias, **kwargs)
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

    def forward(self, hidden: Tensor, bias: Tensor, **kwargs: Any) -> Tensor:
        """(batch, length, hidden) to the same."""
        return self.mlp(self.attention(hidden, bias, **kwargs))


class DnacseEncoder(nn.Module):
    """The stack of layers, and manifold mixup on the input of one of them."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build the layers."""
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.layer = nn.ModuleList(DnacseLayer(config) for _ in range(config.num_hidden_layers))

    def forward(
        self, hidden: Tensor, mask: Tensor, mixup: ManifoldMixup | None = None, **kwargs: Any
    ) -> tuple[Tensor, Tensor]:
        """Return the last states (batch, length, hidden) and the mask that holds for them (batch, length)."""
        device = hidden.device.type
        dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else hidden.dtype
        bias = attention_bias(mask, self.num_heads, dtype)
        for depth, layer in enumerate(self.layer):
            if mixup is not None and mixup.layer == depth:
                hidden, mask = mix(hidden, mask, mixup)
                bias = attention_bias(mask, self.num_heads, dtype)
            hidden = layer(hidden, bias, **kwargs)
        return hidden, mask


def mix(hidden: Tensor, mask: Tensor, mixup: ManifoldMixup) -> tuple[Tensor, Tensor]:
    """h_i ← λ_i h_i + (1 - λ_i) h_π(i), position by position; mask_i ← mask_i · mask_π(i) (DNABERT-S, eq. 5)."""
    partner = mixup.permutation.to(hidden.device)
    weight = mixup.coefficients.to(hidden)[:, None, None]
    return weight * hidden + (1 - weight) * hidden[partner], mask * mask[partner]


def pool(hidden: Tensor, mask: Tensor, pooling: str) -> Tensor:
    """Token states (batch, length, hidden) to vectors (batch, hidden)."""
    if pooling == "cls":
        return hidden[:, 0]
    wide = torch.promote_types(hidden.dtype, torch.float32)  # a sum over thousands of tokens overflows float16
    weight = mask.to(wide)[:, :, None]
    return ((hidden * weight).sum(1) / weight.sum(1).clamp(min=1)).to(hidden.dtype)


class DnacsePreTrainedModel(PreTrainedModel):
    """Initialisation, what the attention supports, and strict loading."""

    config_class = DnacseConfig
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_attention_backend = True
    _no_split_modules = ["DnacseLayer"]
    _can_record_outputs = {"hidden_states": DnacseLayer, "attentions": DnacseSelfAttention}
    # Heads that a checkpoint may hold and another class does not need; DNABERT-S's pooler was never trained.
    _keys_to_ignore_on_load_unexpected = [r"^(bert\.)?pooler\.", r"^cls\.", r"^classifier\.", r"^projection\."]

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load as transformers does, but raise where the encoder's weights are not exactly those in the checkpoint.

        Raises:
            ValueError: an encoder weight is missing from the checkpoint, or the checkpoint holds one that is unknown.
        """
        wants_info = kwargs.pop("output_loading_info", False)
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, output_loading_info=True, **kwargs)
        model, info = loaded  # pyright: ignore[reportGeneralTypeIssues] a pair, since the information is asked for
        heads = ("cls.", "classifier.", "projection.")
        missing = sorted(key for key in info["missing_keys"] if not key.startswith(heads))
        unknown = sorted(info["unexpected_keys"])
        if missing or unknown:
            raise ValueError(
                f"{pretrained_model_name_or_path} is no checkpoint of this encoder: {len(missing)} weights are "
                f"missing (such as {missing[:2]}), {len(unknown)} are unknown (such as {unknown[:2]}); "
                "give a DNACSE, DNABERT-2 or DNABERT-S checkpoint"
            )
        return (model, info) if wants_info else model


class DnacseModel(DnacsePreTrainedModel):
    """The encoder: token ids to token states and one vector a sequence."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build embeddings and layers."""
        super().__init__(config)
        self.embeddings = DnacseEmbeddings(config)
        self.encoder = DnacseEncoder(config)
        self.post_init()

    def get_input_embeddings(self) -> nn.Embedding:
        """The word table, (vocabulary, hidden)."""
        return self.embeddings.word_embeddings

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the word table."""
        self.embeddings.word_embeddings = value

    @merge_with_config_defaults
    @capture_outputs
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        mixup: ManifoldMixup | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> DnacseModelOutput:
        """Encode (batch, length) token ids, or word vectors `inputs_embeds` (batch, length, hidden).

        Args:
            attention_mask: (batch, length), 1 for tokens and 0 for padding; None: no padding.
            mixup: mix hidden states of the batch at one layer; the output then carries the intersected mask.

        Raises:
            ValueError: neither or both of ids and vectors are given, the mixup does not fit the model or the batch, or
                attention weights are asked of a fused kernel.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        words = self.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
        if attention_mask is None:
            attention_mask = torch.ones(words.shape[:2], dtype=torch.long, device=words.device)
        if mixup is not None:
            self._check_mixup(mixup, batch=words.shape[0])
        if kwargs.get("output_attentions") and self.config._attn_implementation != "eager":
            raise ValueError(
                f"output_attentions: {self.config._attn_implementation} attention never holds the weights; "
                'call model.set_attn_implementation("eager") first'
            )

        hidden = self.embeddings(words, token_type_ids)
        hidden, mask = self.encoder(hidden, attention_mask, mixup, **kwargs)
        hidden = hidden * mask[:, :, None].to(hidden.dtype)
        return DnacseModelOutput(
            last_hidden_state=hidden, pooler_output=pool(hidden, mask, self.config.pooling), attention_mask=mask
        )

    def _check_mixup(self, mixup: ManifoldMixup, batch: int) -> None:
        if not 0 <= mixup.layer < self.config.num_hidden_layers:
            raise ValueError(
                f"mixup.layer is {mixup.layer}; allowed are 0 (the embedding output) to "
                f"{self.config.num_hidden_layers - 1}"
            )
        if mixup.permutation.shape != (batch,) or mixup.coefficients.shape != (batch,):
            raise ValueError(
                f"mixup.permutation {tuple(mixup.permutation.shape)} and mixup.coefficients "
                f"{tuple(mixup.coefficients.shape)} must have the shape of the batch, ({batch},)"
            )


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


class DnacseForMaskedLM(DnacsePreTrainedModel):
    """The encoder with DNABERT-2's masked-language head."""

    _tied_weights_keys = {"cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight"}

    def __init__(self, config: DnacseConfig) -> None:
        """Build encoder and head."""
        super().__init__(config)
        self.bert = DnacseModel(config)
        self.cls = DnacseMaskedLMHead(config)
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear:
        """The decoder, (vocabulary, hidden)."""
        return self.cls.predictions.decoder

    def set_output_embeddings(self, new_embeddings: nn.Linear) -> None:
        """Replace the decoder."""
        self.cls.predictions.decoder = new_embeddings

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> MaskedLMOutput:
        """Predict each token; `labels` (batch, length) are ids, -100 where no prediction is scored."""
        output = self.bert(input_ids, attention_mask, token_type_ids, inputs_embeds, return_dict=True, **kwargs)
        logits = self.cls(output.last_hidden_state)
        loss = None
        if labels is not None:
            loss = self.loss_function(logits=logits, labels=labels, vocab_size=self.config.vocab_size, **kwargs)
        return MaskedLMOutput(
            loss=loss, logits=logits, hidden_states=output.hidden_states, attentions=output.attentions
        )


class DnacseForSequenceClassification(DnacsePreTrainedModel):
    """The encoder with dropout and a linear layer on the pooled vector."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build encoder and classifier."""
        super().__init__(config)
        self.num_labels = config.num_labels
        dropout = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        self.bert = DnacseModel(config)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(
            config.hidden_size,
            config.num_labels,  # pyright: ignore[reportArgumentType] a configuration without labels gets two
        )
        self.post_init()

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> SequenceClassifierOutput:
        """Score each class; `labels` (batch,) are class ids (or targets, as `config.problem_type` says)."""
        output = self.bert(input_ids, attention_mask, token_type_ids, inputs_embeds, return_dict=True, **kwargs)
        logits = self.classifier(self.dropout(output.pooler_output))
        loss = None
        if labels is not None:
            loss = self.loss_function(labels=labels, pooled_logits=logits, config=self.config)
        return SequenceClassifierOutput(
            loss=loss, logits=logits, hidden_states=output.hidden_states, attentions=output.attentions
        )


class DnacseForContrastiveLearning(DnacsePreTrainedModel):
    """The encoder with the heads of training, which the released model drops: projection, and masked language.

    `from_pretrained(name, with_mlm_head=True)` adds the masked-language head, read from the checkpoint where it has
    one; without it the model holds nothing of it. The head is saved and resumed with the training checkpoints.
    """

    def __init__(self, config: DnacseConfig, with_mlm_head: bool = False) -> None:
        """Build encoder and heads (projection as DNABERT-S: Linear → ReLU → Linear, no biases)."""
        super().__init__(config)
        self.bert = DnacseModel(config)
        self.projection = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size, bias=False),
            nn.ReLU(),
            nn.Linear(config.hidden_size, config.projection_size, bias=False),
        )
        self.cls = DnacseMaskedLMHead(config) if with_mlm_head else None
        if with_mlm_head:
            self._tied_weights_keys = DnacseForMaskedLM._tied_weights_keys
        self.post_init()

    def get_output_embeddings(self) -> nn.Linear | None:
        """The decoder of the masked-language head, (vocabulary, hidden), if there is one."""
        return self.cls.predictions.decoder if self.cls is not None else None

    @can_return_tuple
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        mixup: ManifoldMixup | None = None,
        labels: Tensor | None = None,
        **kwargs: Unpack[TransformersKwargs],
    ) -> ContrastiveOutput:
        """Embed one side of a batch of pairs; with `mixup`, the mixed side of MI-Mix; or score masked tokens.

        Args:
            labels: (batch, length) token ids where a token is to be predicted, -100 elsewhere. The output is then the
                mean cross-entropy of the labelled tokens (0 if there is none) and their logits, and no embedding, so
                that no parameter is in the output's graph that the loss does not use: DistributedDataParallel needs
                that. Logits are made of labelled tokens only: 15 % of the memory of all.

        Raises:
            ValueError: labels are given to a model without masked-language head.
        """
        if labels is not None and self.cls is None:
            raise ValueError("labels are given, but the model has no masked-language head: load it with_mlm_head=True")
        output = self.bert(input_ids, attention_mask, mixup=mixup, return_dict=True, **kwargs)
        if labels is not None and self.cls is not None:
            labelled = labels != -100
            logits = self.cls(output.last_hidden_state[labelled])  # (labelled, vocabulary)
            total = F.cross_entropy(logits.float(), labels[labelled], reduction="sum")
            return ContrastiveOutput(loss=total / labelled.sum().clamp(min=1), logits=logits)
        features = F.normalize(self.projection(output.pooler_output), dim=-1)  # (batch, projection)
        return ContrastiveOutput(
            embeddings=output.pooler_output,
            features=features,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )
