"""A micro-batch of pairs and the objective of the phase in, the terms of the loss out (see gradient_cache.py).

- A contrastive loss is one over the rows of all processes: each side is encoded in one piece or in chunks, put back in
  order, gathered, and compared.
- mi_mix mixes anchors within a chunk, at one layer for all chunks and processes, and counts partners in the batch.
- What is compared are the head's unit features, with `--compare embeddings` the unit embeddings that are released.
- noise_contrastive always compares pooled embeddings, and distorts the second view: base substitution on ids,
  Gaussian noise inside the encoder; `--mlm_weight` adds a masked-language term.
- mlm reads both views as unlabelled DNA; its loss is the mean over the chosen tokens of all processes.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerBase

from modeling_dnacse import DnacseConfig, EncoderNoise, ManifoldMixup
from modeling_dnacse.attention import is_packed
from trainer.arguments import ContrastiveArguments
from trainer.losses import info_nce, mi_mix, noise_contrastive, weighted_simclr, wide
from trainer.objective.chunks import Chunk, cut, in_order
from trainer.objective.gather import gather_rows
from trainer.objective.gradient_cache import Term, cached_terms
from trainer.objective.masking import IGNORED, mask_tokens, vocabulary
from trainer.objective.mixing import draw_mixup, joint_mixup
from trainer.objective.randomness import LAYER, MASKING, PARTNERS, SUBSTITUTION, Draws
from trainer.objective.retrieval import similarities
from trainer.objective.token_noise import neighbours, substitute
from trainer.running.step_log import StepLog

SIDES = ("anchors", "positives")
Batch = dict[str, Any]


class Objectives:
    """What the objectives need of the run: its arguments, tables of the vocabulary, and the log."""

    def __init__(
        self, args: ContrastiveArguments, config: DnacseConfig, tokenizer: PreTrainedTokenizerBase, log: StepLog
    ) -> None:
        """Read the tables off the tokenizer.

        Raises:
            ValueError: a layer to mix is none of the model's, or the tokenizer has no [MASK] for an mlm term.
        """
        self.args, self.config, self.log = args, config, log
        self.layers = args.layers_to_mix or list(range(config.num_hidden_layers))
        if max(self.layers) >= config.num_hidden_layers:
            raise ValueError(
                f"--mixing_layers {args.mixing_layers}: the model has the layers 0 to {config.num_hidden_layers - 1}"
            )
        self.neighbours = neighbours(tokenizer).to(args.device)
        self.vocabulary = vocabulary(tokenizer).to(args.device)

    def mlm_weight(self, objective: str) -> float:
        """Weight of the masked-language term under an objective."""
        return {"mlm": 1.0, "noise_contrastive": self.args.mlm_weight}.get(objective, 0.0)

    def compares_features(self, objective: str) -> bool:
        """Whether the loss of an objective is one of the projection head's features."""
        return objective not in ("mlm", "noise_contrastive") and self.args.compare == "features"

    def terms(self, objective: str, model: nn.Module, batch: Batch, draws: Draws) -> list[Term]:
        """The terms of the loss of `batch`, as the collator makes it, on this process."""
        terms = [] if objective == "mlm" else self.contrastive_terms(objective, model, batch, draws)
        weight = self.mlm_weight(objective)
        return terms + (self.mlm_terms(weight, model, batch, draws) if weight else [])

    def contrastive_terms(self, objective: str, model: nn.Module, batch: Batch, draws: Draws) -> list[Term]:
        """One term where each side passes in one piece, or else one a chunk."""
        args, noise, mixing = self.args, None, None
        ids, masks = ([batch[side][key] for side in SIDES] for key in ("input_ids", "attention_mask"))
        if objective == "noise_contrastive":
            noise = EncoderNoise(multiplicative=args.noise_multiplicative, additive=args.noise_additive)
            generator = draws.generator(SUBSTITUTION, args.device)
            ids[1] = substitute(ids[1], self.neighbours, args.noise_substitution, generator)
        anchors, positives = (self.cut(*side) for side in zip(ids, masks, strict=True))
        mixups: list[ManifoldMixup | None] = [None] * len(anchors)
        if objective == "mi_mix":
            rows_before = draws.process * len(ids[0])
            drawn = self.draw_mixups(anchors, rows_before, draws)
            permutation, coefficients = joint_mixup(anchors, drawn)
            # of a few long sequences a chunk may hold one, which has nobody to be mixed with
            self.log.add({"mixed": (permutation != torch.arange(len(permutation), device=args.device)).float().mean()})
            mixing = gather_rows(permutation + rows_before), gather_rows(coefficients)
            mixups = [*drawn]

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
        """The loss of gathered rows (n, d); `mixing` holds permutation and coefficients (n,) of mi_mix."""
        args = self.args
        if mixing is not None:
            return mi_mix(anchors, positives, *mixing, args.temperature, species)
        if objective == "noise_contrastive":
            return noise_contrastive(
                anchors,
                positives,
                args.temperature,
                args.margin,
                args.mix_lambda,
                args.hard_negative_weight,
                species=species,
            )
        function = {"weighted_simclr": weighted_simclr, "info_nce": info_nce}[objective]
        return function(anchors, positives, args.temperature, species)

    def mlm_terms(self, weight: float, model: nn.Module, batch: Batch, draws: Draws) -> list[Term]:
        """One term a chunk of each side."""
        args, generator = self.args, draws.generator(MASKING, self.args.device)
        parts: list[tuple[Chunk, Tensor]] = []
        for side in SIDES:
            ids, mask = batch[side]["input_ids"], batch[side]["attention_mask"]
            ids, labels = mask_tokens(ids, self.vocabulary, args.mlm_probability, args.mlm_span, generator)
            parts += [(chunk, labels[chunk.rows, : chunk.ids.shape[1]]) for chunk in self.cut(ids, mask)]
        counts = [(labels != IGNORED).sum() for _, labels in parts]
        total = gather_rows(torch.stack(counts).sum()[None]).sum().clamp(min=1)

        def term(chunk: Chunk, labels: Tensor, count: Tensor) -> Tensor:
            output = model(input_ids=chunk.ids, attention_mask=chunk.mask, labels=labels)
            hits = (output.logits.argmax(1) == labels[labels != IGNORED]).sum()
            self.log.add({"mlm_accuracy": hits / count.clamp(min=1)}, weight=count)
            # gradients and values are averaged over processes, where this loss is a sum over them
            return weight * output.loss * count * args.world_size / total

        return [partial(term, *part, count) for part, count in zip(parts, counts, strict=True)]

    def draw_mixups(self, chunks: list[Chunk], rows_before: int, draws: Draws) -> list[ManifoldMixup]:
        """One draw a chunk, named by the number of rows before it in the batch of all processes."""
        layer = int(draws.rng(LAYER).choice(self.layers))
        mixups = []
        for chunk in chunks:
            mixups.append(draw_mixup(len(chunk.rows), layer, self.args.mix_alpha, draws.rng(PARTNERS, rows_before)))
            rows_before += len(chunk.rows)
        return mixups

    def cut(self, ids: Tensor, mask: Tensor) -> list[Chunk]:
        """The chunks of a side, counted for the log."""
        chunks = cut(ids, mask, self.args.cached_chunk_size, self.args.chunk_tokens)
        packed = is_packed(self.config._attn_implementation or "")  # which computes no padding
        self.log.count(mask, positions=0 if packed else sum(chunk.ids.numel() for chunk in chunks))
        return chunks
