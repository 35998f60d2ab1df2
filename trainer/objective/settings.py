"""ObjectiveSettings: the values that the objectives need of the command line."""

from dataclasses import dataclass
from typing import Literal

from modeling_dnacse import EncoderNoise
from trainer.objective.masking import Span

Compared = Literal["features", "embeddings"]


@dataclass(frozen=True)
class ObjectiveSettings:
    """Constants of the losses and the sizes of chunks.

    Attributes:
        compare: What contrastive losses compare: the projection head's features, or the embeddings that are released.
        temperature: τ of the contrastive losses.
        mix_alpha: α of the Beta(α, α) distribution of mi_mix's mixing weights.
        mixing_layers: Layers whose inputs mi_mix may mix; None: all.
        noise: Gaussian noise inside the encoder, for the second view of noise_contrastive.
        noise_substitution: Share of that view's tokens in which one base is substituted.
        margin, mix_lambda, hard_negative_weight: See `noise_contrastive` in losses.py.
        genus_weight: Weight of the cross-entropy over genera beside the contrastive losses; 0: none.
        mlm_weight: Weight of the masked-language term beside noise_contrastive; 0: none.
        mlm_probability: Share of the tokens that are to be predicted.
        mlm_span: Whether to choose single tokens or runs of them.
        chunk_rows: Most sequences in one forward pass; 0: no bound.
        chunk_tokens: Most tokens in one forward pass, padding included; 0: no bound.
    """

    compare: Compared
    temperature: float
    mix_alpha: float
    mixing_layers: tuple[int, ...] | None
    noise: EncoderNoise
    noise_substitution: float
    margin: float
    mix_lambda: float
    hard_negative_weight: float
    genus_weight: float
    mlm_weight: float
    mlm_probability: float
    mlm_span: Span
    chunk_rows: int
    chunk_tokens: int
