"""Compute a phase's objective: a micro-batch of pairs in, the terms of the loss out (see gradient_cache.py).

losses.py has the formulas; `contrastive_loss` calls them, and curriculum.py lists the objectives.


- A contrastive loss covers the rows of all processes: each side is encoded at once or in chunks, put back in order,
  gathered, and compared.
- mi_mix mixes anchors within a chunk, at one layer for all chunks and processes. Partners are numbered by their rows
  in the batch.
- weighted_simclr, mi_mix and info_nce compare unit vectors: the projection head's features, or with
  `--compare embeddings` the embeddings that are released.
- noise_contrastive always compares pooled embeddings. It distorts the second view by base substitutions in the token
  ids and by Gaussian noise inside the encoder; `--mlm_weight` adds a masked-language term.
- `--genus_weight` adds a cross-entropy over genera to the contrastive losses, for the anchors without mixing.
- mlm reads both views as unlabelled DNA. Its loss is the mean over the chosen tokens of all processes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize
from transformers import PreTrainedTokenizerBase

from modeling_dnacse import DnacseConfig, ManifoldMixup
from modeling_dnacse.attention import is_packed
from trainer.losses import info_nce, mi_mix, noise_contrastive, weighted_simclr, wide
from trainer.objective.chunks import Chunk, cut, in_order
from trainer.objective.gather import gather_rows
from trainer.objective.gradient_cache import Term, cached_terms
from trainer.objective.masking import IGNORED, mask_tokens, vocabulary
from trainer.objective.mixing import joint_mixup, sample_mixup
from trainer.objective.randomness import LAYER, MASKING, PARTNERS, SUBSTITUTION, StepRandomness
from trainer.objective.retrieval import similarities
from trainer.objective.settings import ObjectiveSettings
from trainer.objective.step_log import StepLog
from trainer.objective.token_noise import neighbours, substitute
from trainer.pairing.pairs import NO_GENUS

SIDES = ("anchors", "positives")
INPUTS = ("input_ids", "attention_mask")
Batch = dict[str, Any]


class Objectives:
    """The objectives of a run: their settings, tables of the vocabulary, and the log of what they measure."""

    def __init__(
        self,
        settings: ObjectiveSettings,
        config: DnacseConfig,
        tokenizer: PreTrainedTokenizerBase,
        log: StepLog,
        device: torch.device,
        processes: int,
    ) -> None:
        """Make the tables from the tokenizer.

        Raises:
            ValueError: the model does not have a layer to mix, or the tokenizer has no mask token.
        """
        self.settings, self.config, self.log = settings, config, log
        self.device, self.processes = device, processes
        mixable = max(config.num_hidden_layers, config.sites > 0)  # a model with sites mixes its vectors
        self.layers = settings.mixing_layers or tuple(range(mixable))
        if max(self.layers, default=-1) >= mixable:
            raise ValueError(
                f"--mixing_layers {' '.join(map(str, self.layers))}: the model has the layers 0 to {mixable - 1}"
            )
        self.neighbours = neighbours(tokenizer).to(device)
        self.vocabulary = vocabulary(tokenizer).to(device)

    def mlm_weight(self, objective: str) -> float:
        """Weight of the masked-language term in an objective."""
        return {"mlm": 1.0, "noise_contrastive": self.settings.mlm_weight}.get(objective, 0.0)

    def genus_weight(self, objective: str) -> float:
        """Weight of the cross-entropy over genera in an objective."""
        return 0.0 if objective == "mlm" else self.settings.genus_weight

    def compares_features(self, objective: str) -> bool:
        """Whether an objective compares the projection head's features."""
        return objective not in ("mlm", "noise_contrastive") and self.settings.compare == "features"

    def terms(self, objective: str, model: nn.Module, batch: Batch, randomness: StepRandomness) -> list[Term]:
        """The terms of the loss of `batch`, which is this process's part as the collator makes it."""
        terms = [] if objective == "mlm" else self.contrastive_terms(objective, model, batch, randomness)
        if weight := self.genus_weight(objective):
            terms += self.genus_terms(weight, model, batch)
        if weight := self.mlm_weight(objective):
            terms += self.mlm_terms(weight, model, batch, randomness)
        return terms

    def contrastive_terms(
        self, objective: str, model: nn.Module, batch: Batch, randomness: StepRandomness
    ) -> list[Term]:
        """One term if each side passes the model at once, otherwise one for each chunk."""
        noise, mixing = None, None
        ids, masks = ([batch[side][key] for side in SIDES] for key in INPUTS)
        if objective == "noise_contrastive":
            noise = self.settings.noise
            generator = randomness.of_process(SUBSTITUTION, self.device)
            ids[1] = substitute(ids[1], self.neighbours, self.settings.noise_substitution, generator)
        anchors, positives = (self.cut(*side) for side in zip(ids, masks, strict=True))
        mixups: list[ManifoldMixup | None] = [None] * len(anchors)
        if objective == "mi_mix":
            rows_before = randomness.process * len(ids[0])
            sampled = self.sample_mixups(anchors, rows_before, randomness)
            permutation, coefficients = joint_mixup(anchors, sampled)
            # a chunk of few long sequences may hold only one, which has no partner
            self.log.add({"mixed": (permutation != torch.arange(len(permutation), device=self.device)).float().mean()})
            mixing = gather_rows(permutation + rows_before), gather_rows(coefficients)
            mixups = [*sampled]

        def encode(chunk: Chunk, **augmentation: Any) -> Tensor:
            output = model(input_ids=chunk.ids, attention_mask=chunk.mask, **augmentation)
            if objective == "noise_contrastive":
                return wide(output.embeddings)
            return wide(output.features if self.compares_features(objective) else normalize(output.embeddings, dim=-1))

        species = gather_rows(batch["species"])

        def loss_of(parts: list[Tensor]) -> Tensor:
            first = gather_rows(in_order(parts[: len(anchors)], anchors))  # (rows of all processes, d)
            second = gather_rows(in_order(parts[len(anchors) :], positives))
            self.log.add(similarities(first.detach(), second.detach(), species))
            return self.contrastive_loss(objective, first, second, species, mixing)

        forwards: list[Callable[[], Tensor]] = [
            partial(encode, chunk, mixup=mixup) for chunk, mixup in zip(anchors, mixups, strict=True)
        ]
        forwards += [partial(encode, chunk, noise=noise) for chunk in positives]
        if len(forwards) == len(SIDES):
            return [lambda: loss_of([forward() for forward in forwards])]
        return cached_terms(forwards, loss_of)

    def contrastive_loss(
        self,
        objective: str,
        anchors: Tensor,
        positives: Tensor,
        species: Tensor,
        mixing: tuple[Tensor, Tensor] | None,
    ) -> Tensor:
        """The loss of gathered rows (n, d); for mi_mix, `mixing` holds the permutation and the coefficients (n,)."""
        settings = self.settings
        if mixing is not None:
            return mi_mix(anchors, positives, *mixing, settings.temperature, species)
        if objective == "noise_contrastive":
            return noise_contrastive(
                anchors,
                positives,
                settings.temperature,
                settings.margin,
                settings.mix_lambda,
                settings.hard_negative_weight,
                species=species,
            )
        function = {"weighted_simclr": weighted_simclr, "info_nce": info_nce}[objective]
        return function(anchors, positives, settings.temperature, species)

    def genus_terms(self, weight: float, model: nn.Module, batch: Batch) -> list[Term]:
        """One term for each chunk of the anchors: the mean over the anchors of all processes whose genus is known."""
        known = batch["genus"] != NO_GENUS
        total = gather_rows(known.sum()[None]).sum().clamp(min=1)

        def term(chunk: Chunk) -> Tensor:
            rows, genus = known[chunk.rows], batch["genus"][chunk.rows]
            output = model(input_ids=chunk.ids, attention_mask=chunk.mask, score_genera=True)
            cosines = wide(output.logits[rows])  # (anchors of a known genus, genera)
            hits = (cosines.argmax(1) == genus[rows]).sum()
            self.log.add({"genus_accuracy": hits / rows.sum().clamp(min=1)}, weight=rows.sum())
            loss = cross_entropy(cosines / self.settings.temperature, genus[rows], reduction="sum")
            return weight * loss * self.processes / total  # see mlm_terms

        return [partial(term, chunk) for chunk in self.cut(*(batch[SIDES[0]][key] for key in INPUTS))]

    def mlm_terms(self, weight: float, model: nn.Module, batch: Batch, randomness: StepRandomness) -> list[Term]:
        """One term for each chunk of either side."""
        settings, generator = self.settings, randomness.of_process(MASKING, self.device)
        parts: list[tuple[Chunk, Tensor]] = []
        for side in SIDES:
            ids, mask = batch[side]["input_ids"], batch[side]["attention_mask"]
            ids, labels = mask_tokens(ids, self.vocabulary, settings.mlm_probability, settings.mlm_span, generator)
            parts += [(chunk, labels[chunk.rows, : chunk.ids.shape[1]]) for chunk in self.cut(ids, mask)]
        counts = [(labels != IGNORED).sum() for _, labels in parts]
        total = gather_rows(torch.stack(counts).sum()[None]).sum().clamp(min=1)

        def term(chunk: Chunk, labels: Tensor, count: Tensor) -> Tensor:
            output = model(input_ids=chunk.ids, attention_mask=chunk.mask, labels=labels)
            hits = (output.logits.argmax(1) == labels[labels != IGNORED]).sum()
            self.log.add({"mlm_accuracy": hits / count.clamp(min=1)}, weight=count)
            # gradients and values are averaged over the processes, but this loss is a sum over them
            return weight * output.loss * count * self.processes / total

        return [partial(term, *part, count) for part, count in zip(parts, counts, strict=True)]

    def sample_mixups(self, chunks: list[Chunk], rows_before: int, randomness: StepRandomness) -> list[ManifoldMixup]:
        """One mixup for each chunk; its key is the number of rows before the chunk in the batch of all processes."""
        layer = int(randomness.shared(LAYER).choice(self.layers))
        mixups = []
        for chunk in chunks:
            rng = randomness.shared(PARTNERS, rows_before)
            mixups.append(sample_mixup(len(chunk.rows), layer, self.settings.mix_alpha, rng))
            rows_before += len(chunk.rows)
        return mixups

    def cut(self, ids: Tensor, mask: Tensor) -> list[Chunk]:
        """Cut a side into chunks, and count its tokens for the log."""
        chunks = cut(ids, mask, self.settings.chunk_rows, self.settings.chunk_tokens)
        packed = is_packed(self.config._attn_implementation or "")  # packed attention computes no padding
        self.log.count(mask, positions=0 if packed else sum(chunk.ids.numel() for chunk in chunks))
        return chunks
