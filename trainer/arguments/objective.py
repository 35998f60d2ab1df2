"""Options of what is optimised: the curriculum and the optimizer, the losses, the noise, masked tokens."""

from dataclasses import dataclass, field

from trainer.objective.masking import Span
from trainer.objective.settings import Compared


@dataclass
class CurriculumArguments:
    """Curriculum: the objectives in order, and how fast the model learns."""

    curriculum: str = field(
        default="weighted_simclr:1 mi_mix:2",
        metadata={
            "help": "Phases in order, each written objective:epochs (fractions are allowed) or objective:200steps. "
            "Objectives: weighted_simclr and mi_mix (DNABERT-S), noise_contrastive (DNACSE), info_nce, mlm."
        },
    )
    per_device_train_batch_size: int = field(
        default=48,
        metadata={"help": "Pairs per process in a batch. The negatives of a pair come from all processes."},
    )
    learning_rate: float = field(default=3e-6, metadata={"help": "Learning rate of the encoder."})
    head_learning_rate_multiplier: float = field(
        default=100.0,
        metadata={"help": "Learning rate of the projection head, as a multiple of the encoder's learning rate."},
    )
    lr_scheduler_type: str = field(
        default="constant", metadata={"help": "Learning rate schedule, over all phases together."}
    )


@dataclass
class LossArguments:
    """Losses: what the objectives compare, and their constants."""

    compare: Compared = field(
        default="features",
        metadata={
            "help": "What weighted_simclr, mi_mix and info_nce compare. features: the outputs of the projection head, "
            "as DNABERT-S does. embeddings: the vectors that are released."
        },
    )
    temperature: float = field(default=0.05, metadata={"help": "Temperature τ of the contrastive losses."})
    genus_weight: float = field(
        default=0.0,
        metadata={
            "help": "Weight of a cross-entropy over the genera of the training data that is added to the contrastive "
            "losses: each anchor must find the vector of its genus, at the same temperature. 0 leaves it out."
        },
    )
    mix_alpha: float = field(
        default=1.0, metadata={"help": "mi_mix: mixing weights are drawn from a Beta(α, α) distribution with this α."}
    )
    mixing_layers: str | None = field(
        default=None,
        metadata={
            "help": 'mi_mix: layers whose inputs may be mixed, such as "0 3 5". "0" alone is i-Mix. By default, all.'
        },
    )
    margin: float = field(
        default=0.0, metadata={"help": "noise_contrastive: margin that is subtracted from the positive's cosine."}
    )
    mix_lambda: float = field(
        default=0.2, metadata={"help": "noise_contrastive: weight λ of the first sequence in a mixed negative."}
    )
    hard_negative_weight: float = field(
        default=0.0, metadata={"help": "noise_contrastive: value added to the logit of a row's own mixed negative."}
    )


@dataclass
class NoiseArguments:
    """Noise: how noise_contrastive distorts the second view of a pair."""

    noise_additive: float = field(
        default=0.12,
        metadata={"help": "Standard deviation of the Gaussian noise that is added to the token embeddings."},
    )
    noise_multiplicative: float = field(
        default=0.15,
        metadata={"help": "Standard deviation of the Gaussian noise, around 1, that multiplies the token embeddings."},
    )
    noise_substitution: float = field(
        default=0.08, metadata={"help": "Share of the tokens in which one base is substituted."}
    )


@dataclass
class MaskingArguments:
    """Masked tokens: the objective mlm, and a masked-language term beside noise_contrastive."""

    mlm_weight: float = field(
        default=0.0,
        metadata={"help": "Weight of a masked-language term that is added to noise_contrastive. 0 leaves it out."},
    )
    mlm_probability: float = field(default=0.15, metadata={"help": "Share of the tokens that are to be predicted."})
    mlm_span: Span = field(
        default="token",
        metadata={"help": "token: choose single tokens. window: choose runs of four tokens."},
    )
