"""The DNACSE encoder and its heads: DNABERT-2's architecture, optional k-mers, and DNABERT-S's manifold mixup.

In: token ids and their mask, (batch, length). Out: token states (batch, length, hidden), and one vector for each
sequence (batch, hidden).

Decisions:
- Modules have the names of DNABERT-2's, so that published DNABERT-2 and DNABERT-S checkpoints load without a key
  mapping, which would break saving and resuming. Loading is strict: a missing or unknown encoder weight is an error.
- The attention implementation (eager, sdpa, packed, flash_attention_2, flex_attention) never changes what is computed.
  Any other one is refused, since it could lose ALiBi or the padding mask (attention.py).
- States of padding are zero in the output, so it does not matter what a sequence is padded with.
- Manifold mixup and encoder noise, which training applies to hidden states, are arguments of `forward`
  (augmentation.py).
- The files that this one imports travel with it to the Hub. All models are in this one file, since the Auto classes
  of published checkpoints look for them here.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Unpack

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from transformers import PreTrainedModel
from transformers.modeling_outputs import BaseModelOutputWithPooling, MaskedLMOutput, SequenceClassifierOutput
from transformers.utils.generic import (
    ModelOutput,
    TransformersKwargs,
    can_return_tuple,
    merge_with_config_defaults,
)
from transformers.utils.output_capturing import capture_outputs

from .attention import DnacseSelfAttention, check_attention, is_packed
from .augmentation import EncoderNoise, ManifoldMixup, add_noise, mix
from .configuration_dnacse import DnacseConfig
from .layers import (
    DnacseEmbeddings,
    DnacseEncoder,
    DnacseLayer,
    DnacseMaskedLMHead,
    DnacsePooler,
    EncoderStates,
    masked_mean,
)
from .sites import DnacseSites

if TYPE_CHECKING:  # transformers copies the file of this class beside every saved model: it must stay a pipeline's
    from .pipeline_dnacse import DnaEmbeddingPipeline  # noqa: F401


@dataclass
class DnacseModelOutput(BaseModelOutputWithPooling):
    """BaseModelOutputWithPooling, the mask that pooling used, and votes; after mixup, the intersection of the masks.

    Only a model with sites has votes: the share of the k-mers of a sequence that agree on its offset in the gene. It
    is near 0 for a sequence of another marker.
    """

    attention_mask: Tensor | None = None
    votes: Tensor | None = None  # (batch,) 0 to 1
    markers: Tensor | None = None  # (batch,) long, position in config.markers; arbitrary if there are few votes


@dataclass
class ContrastiveOutput(ModelOutput):
    """Embeddings (batch, hidden), and the unit features that the losses see (batch, projection).

    With `labels`, the output holds instead the masked-language loss and the logits of the labelled tokens (labelled,
    vocabulary), in the order of `labels[labels != -100]`. With `score_genera`, it holds instead only `logits` (batch,
    genera).
    """

    loss: Tensor | None = None
    logits: Tensor | None = None
    embeddings: Tensor | None = None
    features: Tensor | None = None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


class DnacsePreTrainedModel(PreTrainedModel):
    """What all models share: supported attention, and strict loading."""

    config_class = DnacseConfig
    base_model_prefix = "bert"
    supports_gradient_checkpointing = True
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _no_split_modules = ["DnacseLayer"]
    _can_record_outputs = {"hidden_states": DnacseLayer, "attentions": DnacseSelfAttention}
    # Weights of a checkpoint that another class or another pooling does not need; DNABERT-S's pooler is untrained.
    _keys_to_ignore_on_load_unexpected = [r"^(bert\.)?pooler\.", r"^(cls|classifier|projection|genera)\."]
    _trained_anew: tuple[str, ...] = ("cls.", "classifier.", "projection.", "genera.")  # a checkpoint may lack these

    def _check_and_adjust_attn_implementation(self, attn_implementation: str | None, *args: Any, **kwargs: Any) -> str:
        # transformers does not know "packed"; where flash-attn is missing, it fetches a kernel that drops ALiBi
        if attn_implementation is not None:
            check_attention(attn_implementation)
            if is_packed(attn_implementation):
                return attn_implementation
        return super()._check_and_adjust_attn_implementation(attn_implementation, *args, **kwargs)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: Any, *args: Any, **kwargs: Any) -> Any:
        """Load as transformers does, but refuse a checkpoint with missing or unknown encoder weights.

        Raises:
            ValueError: an encoder weight is missing from the checkpoint, or the checkpoint holds one that is unknown;
                a weight has another shape, unless `ignore_mismatched_sizes` is true.
        """
        may_differ, kwargs["ignore_mismatched_sizes"] = kwargs.get("ignore_mismatched_sizes", False), True
        wants_info = kwargs.pop("output_loading_info", False)
        loaded = super().from_pretrained(pretrained_model_name_or_path, *args, output_loading_info=True, **kwargs)
        model, info = loaded  # pyright: ignore[reportGeneralTypeIssues] it is a pair
        missing = sorted(key for key in info["missing_keys"] if not key.startswith(cls._trained_anew))
        unknown = sorted(info["unexpected_keys"])
        if missing or unknown:
            raise ValueError(
                f"{pretrained_model_name_or_path} is no checkpoint of this encoder: {len(missing)} weights are "
                f"missing (such as {missing[:2]}), {len(unknown)} are unknown (such as {unknown[:2]}); "
                "give a DNACSE, DNABERT-2 or DNABERT-S checkpoint"
            )
        if not may_differ and (differing := sorted(info["mismatched_keys"])):
            key, there, wanted = differing[0]
            raise ValueError(
                f"{pretrained_model_name_or_path}: the weight {key} has the shape {tuple(there)}, and its config.json "
                f"asks for {tuple(wanted)}; give a complete checkpoint, with its own config.json"
            )
        return (model, info) if wants_info else model


class DnacseModel(DnacsePreTrainedModel):
    """The encoder: token ids in, token states and one vector for each sequence out."""

    def __init__(self, config: DnacseConfig) -> None:
        """Build embeddings, layers, and a pooler if the pooling has weights."""
        super().__init__(config)
        self.embeddings = DnacseEmbeddings(config)
        self.encoder = DnacseEncoder(config)
        self.sites = DnacseSites(config) if config.sites else None
        self.pooler = DnacsePooler(config) if config.pooling == "cls_tanh" else None
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
        noise: EncoderNoise | None = None,
        pooled_only: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> DnacseModelOutput:
        """Encode (batch, length) token ids, or word vectors `inputs_embeds` (batch, length, hidden).

        Args:
            attention_mask: (batch, length), 1 for tokens and 0 for padding; None: no padding.
            mixup: mix the hidden states of the batch at one layer; the output then has the intersection of the masks.
            noise: add noise to the embedding output, except to padding and special tokens; in training only.
            pooled_only: leave out the token states where the vector does not need them, as in a model with sites,
                which is several times as fast without.

        Raises:
            ValueError: neither or both of ids and vectors are given, or vectors to a model with k-mers; the mixup does
                not fit the model or the batch; or the attention implementation cannot do what is asked.
        """
        if (input_ids is None) == (inputs_embeds is None):
            raise ValueError("give exactly one of input_ids and inputs_embeds")
        if self.sites is not None:
            return self._read_sites(self.sites, input_ids, attention_mask, mixup, noise, pooled_only)
        words = self.get_input_embeddings()(input_ids) if inputs_embeds is None else inputs_embeds
        if attention_mask is None:
            attention_mask = torch.ones(words.shape[:2], dtype=torch.long, device=words.device)
        if mixup is not None:
            self._check_mixup(mixup, batch=words.shape[0])
        self._check_attention(kwargs)

        hidden = self.embeddings(words, token_type_ids, input_ids, attention_mask)
        if noise is not None and self.training:
            hidden = add_noise(hidden, attention_mask, noise)
        states = self.encoder(hidden, attention_mask, mixup, **kwargs)
        states = states._replace(last=states.last * states.mask[:, :, None].to(states.last.dtype))
        return DnacseModelOutput(
            last_hidden_state=states.last, pooler_output=self.pool(states), attention_mask=states.mask
        )

    def _read_sites(
        self,
        sites: DnacseSites,
        ids: Tensor | None,
        mask: Tensor | None,
        mixup: ManifoldMixup | None,
        noise: EncoderNoise | None,
        pooled_only: bool,
    ) -> DnacseModelOutput:
        """The forward of a model with sites. It has no layers, so mixup and noise apply to its vectors."""
        if ids is None:
            raise ValueError("this model reads the bases themselves, so it needs input_ids, not inputs_embeds")
        mask = torch.ones_like(ids) if mask is None else mask
        sums, placement = sites(ids, mask)
        if mixup is not None:
            self._check_mixup(mixup, batch=len(ids))
            sums, _ = mix(sums[:, None], mask[:, :1], mixup)
            sums = sums[:, 0]
        scales = sites.scales(sums)
        vectors = sums * scales
        if noise is not None and self.training:
            vectors = vectors * (1 + noise.multiplicative * torch.randn_like(vectors))
            vectors = vectors + noise.additive * torch.randn_like(vectors)
        states = None if pooled_only or mixup is not None else sites.token_states(ids, mask, placement, scales)
        return DnacseModelOutput(
            last_hidden_state=states,
            pooler_output=vectors.to(sums.dtype),
            attention_mask=mask,
            votes=placement.share,
            markers=placement.marker,
        )

    def pool(self, states: EncoderStates) -> Tensor:
        """Token states to vectors (batch, hidden), as `config.pooling` says."""
        if self.config.pooling == "mean":
            return masked_mean(states.last, states.mask)
        if self.config.pooling == "mean_last_two":
            return masked_mean((states.before_last + states.last) / 2, states.mask)
        first = states.last[:, 0]
        return first if self.pooler is None else self.pooler(first)

    def _check_attention(self, asked: TransformersKwargs) -> None:
        implementation = self.config._attn_implementation or ""
        if asked.get("output_attentions") and implementation != "eager":
            raise ValueError(
                f"output_attentions: {implementation} attention does not keep its weights; "
                'call model.set_attn_implementation("eager") first'
            )
        if asked.get("output_hidden_states") and is_packed(implementation):
            raise ValueError(
                f"output_hidden_states: under {implementation} the layers see packed tokens, not the batch; "
                'call model.set_attn_implementation("sdpa") first'
            )
        if "cu_seq_lens_q" in asked:
            raise ValueError(
                "the batch is packed, so its sequences would see each other: give padded input_ids and their mask; "
                "the encoder packs them itself (sentence-transformers: model[0].unpad_inputs = False)"
            )

    def _check_mixup(self, mixup: ManifoldMixup, batch: int) -> None:
        if not 0 <= mixup.layer < max(self.config.num_hidden_layers, self.sites is not None):
            raise ValueError(
                f"mixup.layer is {mixup.layer}; allowed are 0 (the embedding output) to "
                f"{self.config.num_hidden_layers - 1}"
            )
        if mixup.permutation.shape != (batch,) or mixup.coefficients.shape != (batch,):
            raise ValueError(
                f"mixup.permutation {tuple(mixup.permutation.shape)} and mixup.coefficients "
                f"{tuple(mixup.coefficients.shape)} must have the shape of the batch, ({batch},)"
            )


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
    """The encoder with dropout and a linear classifier on the pooled vector."""

    _trained_anew = (*DnacsePreTrainedModel._trained_anew, "bert.pooler.")

    def __init__(self, config: DnacseConfig) -> None:
        """Build encoder and classifier."""
        super().__init__(config)
        self.num_labels = config.num_labels
        dropout = config.hidden_dropout_prob if config.classifier_dropout is None else config.classifier_dropout
        self.bert = DnacseModel(config)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(
            config.hidden_size,
            config.num_labels,  # pyright: ignore[reportArgumentType] without labels it is 2
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
    """The encoder with the heads of training: projection, masked language and genera; the released model has none.

    `from_pretrained(name, with_mlm_head=True)` adds the masked-language head, with the checkpoint's weights if it has
    them. `genera` is set by trainer/objective/genus_vectors.py. Training checkpoints save the heads and resume them.
    """

    _trained_anew = (*DnacsePreTrainedModel._trained_anew, "bert.pooler.")

    def __init__(self, config: DnacseConfig, with_mlm_head: bool = False) -> None:
        """Build encoder and heads (projection as DNABERT-S: Linear → ReLU → Linear, no biases)."""
        super().__init__(config)
        self.bert = DnacseModel(config)
        self.projection = nn.Sequential(
            nn.Linear(config.hidden_size, config.hidden_size, bias=False),
            nn.ReLU(),
            nn.Linear(config.hidden_size, config.projection_size, bias=False),
        )
        self.genera: nn.Linear | None = None
        self.cls = DnacseMaskedLMHead(config) if with_mlm_head else None
        if with_mlm_head:
            self._tied_weights_keys = DnacseForMaskedLM._tied_weights_keys
            if config.tie_word_embeddings:  # otherwise Trainer warns that a checkpoint lacks them
                self._keys_to_ignore_on_save = list(self._tied_weights_keys)
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
        noise: EncoderNoise | None = None,
        labels: Tensor | None = None,
        score_genera: bool = False,
        **kwargs: Unpack[TransformersKwargs],
    ) -> ContrastiveOutput:
        """Embed one side of a batch of pairs, or score masked tokens or genera.

        Args:
            mixup: as in DnacseModel; for the mixed view of MI-Mix.
            noise: as in DnacseModel; for the noisy view of DNACSE.
            labels: (batch, length) token ids where a token is to be predicted, -100 elsewhere. The output then holds
                the mean cross-entropy of the labelled tokens (0 if there are none) and their logits, but no embedding:
                DistributedDataParallel needs an output whose graph has only parameters that the loss uses. Logits are
                computed for labelled tokens only, which takes 15 % of the memory.
            score_genera: The output then holds the cosine of each embedding with the vector of each genus, (batch,
                genera), and no embedding, as with labels.

        Raises:
            ValueError: the model lacks the head that is asked for.
        """
        if score_genera and self.genera is None:
            raise ValueError("score_genera: the model has no vectors of genera")
        if labels is not None and self.cls is None:
            raise ValueError("labels are given, but the model has no masked-language head: load it with_mlm_head=True")
        output = self.bert(
            input_ids, attention_mask, mixup=mixup, noise=noise, pooled_only=labels is None, return_dict=True, **kwargs
        )
        if labels is not None and self.cls is not None:
            labelled = labels != -100
            logits = self.cls(output.last_hidden_state[labelled])  # (labelled, vocabulary)
            total = F.cross_entropy(logits.float(), labels[labelled], reduction="sum")
            return ContrastiveOutput(loss=total / labelled.sum().clamp(min=1), logits=logits)
        if score_genera and self.genera is not None:
            genera = F.normalize(self.genera.weight, dim=-1)
            return ContrastiveOutput(logits=F.linear(F.normalize(output.pooler_output, dim=-1), genera))
        features = F.normalize(self.projection(output.pooler_output), dim=-1)  # (batch, projection)
        return ContrastiveOutput(
            embeddings=output.pooler_output,
            features=features,
            hidden_states=output.hidden_states,
            attentions=output.attentions,
        )
