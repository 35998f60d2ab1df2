"""Fit a model with sites in closed form: barcodes with genera, of one marker or several, in; the model out.

It needs no coordinates, no alignment and no gradient descent. site_table.py learns the site of each k-mer in the
marker, from complete genes first. site_discriminant.py then fits an embedding for each base at each site, so that
genera are separated. With several markers, each has its own table and embeddings; the k-mers of a sequence choose the
marker.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import torch

from ..configuration_dnacse import DnacseConfig
from ..embedding.tokenization import letter_tokenizer, vocabulary_of
from ..kmers import NO_KMER, OTHER, kmer_rows
from ..modeling_dnacse import DnacseModel
from ..placement import DnacsePlacement
from .kmer_spectra import kmer_frequencies
from .site_discriminant import base_frequencies, crop, scatters, site_rows, span_of
from .site_table import join_tables, learn_table, place

logger = logging.getLogger("fit_sites")
HEADS = 8  # required by the configuration, although a model without layers has no attention


@dataclass(frozen=True)
class SiteOptions:
    """Options of a model with sites and of its fit; `trainer/fit_sites.py --help` explains each."""

    columns: Sequence[int] = (512,)
    ridge: Sequence[float] = (1.0,)
    crop: Sequence[int] = (100, 300, 700)
    coverage: float = 0.1
    most: int = 9000
    margin: int = 100
    least_share: float = 0.08
    site_kmer: int = 9
    site_candidates: int = 2
    joint_candidates: int = 4
    site_block: int = 16
    site_support: int = 16
    site_reach: int = 30
    kmer: int = 5
    seed: int = 0


class Records(NamedTuple):
    """Sequences of one marker, and their names, "" where there is none."""

    texts: list[np.ndarray]  # (length,) uint8 each
    genera: np.ndarray  # (n,) str
    species: np.ndarray  # (n,) str


def species_weights(species: np.ndarray) -> np.ndarray:
    """1 / sqrt(records of a species), (n,); a record without a name is a species of its own.

    >>> species_weights(np.array(["a", "a", "a", "a", "b", "", ""])).tolist()
    [0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0]
    """
    _, numbers, counts = np.unique(species, return_inverse=True, return_counts=True)
    return np.where(species == "", 1.0, 1 / np.sqrt(counts[numbers]))


def groups_of(genera: np.ndarray) -> np.ndarray:
    """Number of each record's genus, (n,); a record without a name is a genus of its own.

    >>> groups_of(np.array(["b", "", "a", "b", ""])).tolist()
    [1, 2, 0, 1, 3]
    """
    unnamed = genera == ""
    groups = np.unique(genera[~unnamed], return_inverse=True)[1]
    numbers = np.empty(len(genera), int)
    numbers[~unnamed] = groups
    numbers[unnamed] = len(set(groups)) + np.arange(unnamed.sum())
    return numbers


def well_covered(bases: np.ndarray, share: float) -> np.ndarray:
    """Sites with at least this share of the records of the best-covered site."""
    counts = (bases < OTHER).sum(0)
    return np.flatnonzero(counts >= max(1, share * counts.max()))


def kmer_columns(texts: list[np.ndarray], weights: np.ndarray, k: int, columns: int) -> torch.Tensor:
    """Embeddings of k-mers, for sequences that cannot be placed: (kmer_rows, columns).

    They whiten the frequencies of all records: leading principal components of variance 1. Columns beyond the number
    of components are zeros.
    """
    frequencies = kmer_frequencies(texts, k)
    mean = weights @ frequencies / weights.sum()
    centred = (frequencies - mean) * np.sqrt(weights / weights.sum())[:, None]
    values, directions = np.linalg.eigh(centred.T.astype(np.float64) @ centred)
    ridge = values.mean()  # the last components are noise
    leading = (directions / np.sqrt(np.maximum(values, 0) + ridge))[:, ::-1][:, :columns]
    rows = np.zeros((kmer_rows(k), columns), np.float32)
    rows[NO_KMER + 1 :, : leading.shape[1]] = leading - mean @ leading
    return torch.from_numpy(rows)


def layerless_config(columns: int, **more: Any) -> DnacseConfig:
    """Configuration of a model without layers, one token per base; `columns` dimensions, a multiple of `HEADS`."""
    tokenizer = letter_tokenizer()
    return DnacseConfig(
        vocab_size=len(tokenizer),
        vocabulary=vocabulary_of(tokenizer),
        hidden_size=columns,
        num_hidden_layers=0,
        num_attention_heads=HEADS,
        intermediate_size=0,
        hidden_dropout_prob=0.0,
        **more,
    )


def fit_site_model(options: SiteOptions, markers: dict[str, Records]) -> tuple[DnacseModel, dict[str, int]]:
    """Learn the table, place the records and fit the model; return the model and the figures of its card.

    Raises:
        ValueError: the records of a marker have too little in common, or fewer than two genera can be placed.
    """
    config = layerless_config(
        sum(options.columns),
        kmer=options.kmer,
        site_kmer=options.site_kmer,
        site_candidates=options.site_candidates,
        site_block=options.site_block,
        site_reach=options.site_reach,
        site_support=options.site_support,
        site_blocks=list(options.columns),
        least_share=options.least_share,
    )
    table = learn_tables(config, markers, options)
    table.kept_sites = torch.arange(config.gene_sites, dtype=torch.int32)
    starts = [*(config.marker_starts or [0]), config.gene_sites]
    kept, rows, facts = [], [], {"records": 0, "genera": 0}
    for number, (name, records) in enumerate(markers.items()):
        placed = place(table, records.texts)
        region = slice(starts[number], starts[number + 1])
        chosen = (placed.share >= options.least_share) & (placed.marker == number) & (records.genera != "")
        bases = placed.bases[chosen, region]
        of_marker = well_covered(bases, options.coverage)
        logger.info(
            "%s%d of %d records placed; %d sites have rows",
            f"{name}: " if name else "", chosen.sum(), len(chosen), len(of_marker),
        )  # fmt: skip
        known, classes = np.unique(records.genera[chosen], return_inverse=True)
        if len(known) < 2:
            raise ValueError(
                f"{chosen.sum():,} of {len(chosen):,} records{name and f' of {name}'} can be placed, of {len(known)} "
                "genera; two genera are needed: give more records, of one marker"
            )
        rows.append(fit_rows(bases[:, of_marker], classes, species_weights(records.species)[chosen], options))
        kept.append(of_marker + starts[number])
        facts["records"] += int(chosen.sum())
        facts["genera"] += len(known)
    config.sites = sum(map(len, kept))
    torch.manual_seed(options.seed)
    model = DnacseModel(config)
    texts = [text for records in markers.values() for text in records.texts]
    weights = np.concatenate([species_weights(records.species) for records in markers.values()])
    with torch.no_grad():
        sites: Any = model.sites
        sites.placement.kept_sites.copy_(torch.from_numpy(np.concatenate(kept)))
        sites.placement.kmer_sites.copy_(table.kmer_sites)
        sites.placement.kmer_votes.copy_(table.kmer_votes)
        sites.weight.copy_(torch.cat(rows))
        sites.kmers.weight[:, : options.columns[0]] = kmer_columns(texts, weights, options.kmer, options.columns[0])
    return model, facts


def learn_tables(config: DnacseConfig, markers: dict[str, Records], options: SiteOptions) -> DnacsePlacement:
    """Learn the table of each marker, and join them one after another."""
    tables, frequencies = [], []
    for name, records in markers.items():
        if name:
            logger.info("%s:", name)
        table, frequency = learn_table(
            config,
            records.texts,
            groups_of(records.genera),
            most=options.most,
            margin=options.margin,
            least_share=options.least_share,
            seed=options.seed,
        )
        tables.append(table)
        frequencies.append(frequency)
    if len(tables) == 1:
        return tables[0]
    config.markers, config.site_candidates = list(markers), options.joint_candidates
    return join_tables(config, tables, frequencies)


def fit_rows(bases: np.ndarray, classes: np.ndarray, weights: np.ndarray, options: SiteOptions) -> torch.Tensor:
    """Embeddings of bases at the sites of a marker, (4 · sites, columns), from placed bases (records, sites)."""
    frequencies = base_frequencies(bases, weights)
    rng = np.random.default_rng(options.seed)
    pieces = [crop(bases, shortest, longest, rng) for shortest, longest in pairwise(options.crop)]
    parts = [bases, *pieces]
    within, of_all = scatters(parts, classes, weights, frequencies)
    logger.info("solving for %s of %d directions", " + ".join(map(str, options.columns)), len(within))
    return site_rows(within, of_all, frequencies, options.columns, options.ridge, span_of(parts, frequencies))
