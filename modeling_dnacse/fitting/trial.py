"""A trial on held-out records: which closed-form model suits a marker, and how much it gains over plain 7-mers.

Each kind of model (a "route") is fitted to the other records. It then identifies the held-out ones with the search of
`dnacse identify`: over shared sites if most records can be placed, else by cosine. The route with the best mean
of three measures is chosen. Its gain over 7-mers has a 95 % interval from a bootstrap over species.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from ..embedding.options import EmbedOptions
from ..embedding.tokenization import letter_tokenizer
from ..identification.encoding import Encoded, Encoder, encode
from ..identification.library import make_library, search
from ..modeling_dnacse import DnacseModel
from ..sites import DnacseSites
from .held_out import Split
from .kmer_model import fit_kmer_model
from .kmer_spectra import kmer_spectra
from .site_model import Records, SiteOptions, fit_site_model

PLAIN = "7-mers"
K = 7
REPEATS = 2000  # of the bootstrap
MOST_SITES = 3000  # bp of a marker that is fitted by sites
Fit = Callable[[Records, int], DnacseModel]  # from records and a seed


def sites(records: Records, seed: int) -> DnacseModel:
    """Sites of a coding gene."""
    return fit_site_model(SiteOptions(seed=seed), {"": records})[0]


def sites_by_blocks(records: Records, seed: int) -> DnacseModel:
    """Sites, an offset for each block, for markers with indels."""
    return fit_site_model(SiteOptions(seed=seed, site_support=0, site_kmer=8), {"": records})[0]


def kmer_discriminant(records: Records, seed: int) -> DnacseModel:
    """A linear discriminant of 7-mers."""
    return fit_kmer_model(records, k=K, seed=seed)


BY_SITES: dict[str, Fit] = {"sites": sites, "sites by blocks": sites_by_blocks}
ROUTES: dict[str, Fit] = BY_SITES | {"7-mer discriminant": kmer_discriminant}


def routes_for(lengths: np.ndarray) -> dict[str, Fit]:
    """The routes for sequences of these lengths (bp); without sites if the matrices would be too large."""
    if np.quantile(lengths, 0.9) <= MOST_SITES:
        return ROUTES
    return {name: fit for name, fit in ROUTES.items() if name not in BY_SITES}


class Answers(NamedTuple):
    """The results of u queries of unseen species and s queries of known ones."""

    genus: np.ndarray  # (u,) bool, whether the genus is right
    species: np.ndarray  # (s,) bool, whether the species is right
    closer: (
        np.ndarray
    )  # (u, s) float: 1 where the known one is closer to its species, 0.5 where both are equally close

    def measures(self, weights: tuple[np.ndarray, np.ndarray] | None = None) -> np.ndarray:
        """Genus of unseen species, species of known ones, AUROC of new species: 0 to 1, NaN without queries.

        Args:
            weights: Weights of the queries of both kinds, (repeats, u) and (repeats, s); None: all 1.

        Returns:
            (3,), or (repeats, 3).
        """
        of_unseen, of_seen = weights or (np.ones((1, len(self.genus))), np.ones((1, len(self.species))))
        with np.errstate(invalid="ignore"):  # 0 / 0 without queries
            many, more = of_unseen.sum(1), of_seen.sum(1)
            both = ((of_unseen @ self.closer) * of_seen).sum(1) / (many * more)
            found = np.stack([of_unseen @ self.genus / many, of_seen @ self.species / more, both], axis=1)
        return found if weights else found[0]


class Outcome(NamedTuple):
    """The outcome of a trial."""

    answers: dict[str, Answers]  # of each route, `PLAIN` first
    models: dict[str, DnacseModel]  # those that were fitted
    chosen: str
    gain: tuple[float, float, float]  # of the chosen one over `PLAIN`, with its 95 % interval, 0 to 1


def run_trial(
    records: Records,
    sequences: list[str],
    split: Split,
    routes: dict[str, Fit],
    *,
    seed: int = 0,
    say: Callable[[str], object],
) -> Outcome:
    """Fit each route to the records that are not held out, identify the held-out ones, and choose.

    Args:
        records: Encoded sequences, all of one strand, with names.
        sequences: The same records (n,), as written in the library.
        split: Which of them are held out.
        routes: The kinds of models to try.
        seed: Seed of all draws.
        say: Reports a line to the user.

    Raises:
        ValueError: no route can be fitted.
    """
    rest, asked = split.rest, np.concatenate([split.unseen, split.seen])
    learnt = Records([records.texts[row] for row in rest], records.genera[rest], records.species[rest])
    spectra = [kmer_spectra([records.texts[row] for row in rows], K) for rows in (rest, asked)]
    answers = {PLAIN: ask(records, split, Encoded(spectra[0], None), Encoded(spectra[1], None), None)}
    models: dict[str, DnacseModel] = {}
    for name, fit in routes.items():
        say(f"trial: fitting {name}")
        try:
            model = fit(learnt, seed)
        except ValueError as error:
            say(f"trial: {name} cannot be fitted: {error}")
            continue
        library, queries = encode_both([sequences[row] for row in rest], [sequences[row] for row in asked], model)
        answers[name] = ask(records, split, library, queries, model.sites)
        models[name] = model
    if not models:
        raise ValueError("no model can be fitted to these records; give more of them, of one marker")
    chosen = max(models, key=lambda name: np.nanmean(answers[name].measures()))
    gain = gain_of(answers[chosen], answers[PLAIN], records.species[split.unseen], seed)
    return Outcome(answers, models, chosen, gain)


def encode_both(library: list[str], queries: list[str], model: DnacseModel) -> tuple[Encoded, Encoded]:
    """Encode as `dnacse identify` does: by sites if most of the library can be placed, else by vectors."""
    encoder = Encoder(model, letter_tokenizer(), EmbedOptions(device="cpu"))
    known = encode(encoder, library)
    return known, encode(encoder, queries, by_sites=known.sites is not None)


def ask(
    records: Records, split: Split, library: Encoded, queries: Encoded, model_sites: DnacseSites | None
) -> Answers:
    """Identify the queries, those of unseen species first, with the other records as the library."""
    labels = {"species": records.species[split.rest].tolist(), "genus": records.genera[split.rest].tolist()}
    prepared = make_library(library, labels, sites=model_sites)
    matches = search(prepared, queries)
    count, found = len(split.unseen), {}
    for rank, code, rows in zip(prepared.names, prepared.codes, matches.rows[:, :, 0], strict=True):
        found[rank] = np.where(rows >= 0, prepared.names[rank][code[np.maximum(rows, 0)]], "")
    close = np.nan_to_num(matches.closeness, nan=-np.inf)  # a query that cannot be placed matches nothing
    new, known = close[:count, None], close[None, count:]
    return Answers(
        found["genus"][:count] == records.genera[split.unseen],
        found["species"][count:] == records.species[split.seen],
        np.where(known > new, 1.0, np.where(known == new, 0.5, 0.0)),
    )


def gain_of(one: Answers, other: Answers, species: np.ndarray, seed: int) -> tuple[float, float, float]:
    """The difference in the mean of the measures, and its 95 % interval from a bootstrap over species.

    Args:
        one: Results of one model.
        other: Results of the other model on the same queries.
        species: Species of the queries of unseen species (u,); each query of a known species counts as its own.
        seed: Seed of the bootstrap.

    >>> same = Answers(np.array([True, False]), np.array([True]), np.array([[1.0], [0.0]]))
    >>> gain_of(same, same, np.array(["a", "b"]), 0)
    (0.0, 0.0, 0.0)
    """
    rng = np.random.default_rng(seed)
    names, codes = np.unique(species, return_inverse=True)
    weights = tuple(
        rng.multinomial(count, np.full(count, 1 / count), REPEATS).astype(float) if count else np.zeros((REPEATS, 0))
        for count in (len(names), len(one.species))
    )
    drawn = (weights[0][:, codes], weights[1])
    gains = np.nanmean(one.measures(drawn) - other.measures(drawn), axis=1)
    low, high = np.quantile(gains, (0.025, 0.975))
    return float(np.nanmean(one.measures() - other.measures())), float(low), float(high)


def table(outcome: Outcome) -> list[list[str]]:
    """Rows of text: a heading, then each route with its measures in per cent and their mean."""
    rows = [["", "genus of unseen species", "species of known ones", "AUROC of new species", "mean"]]
    for name, answers in outcome.answers.items():
        values = answers.measures()
        rows.append([name, *("–" if np.isnan(x) else f"{100 * x:.1f}" for x in (*values, np.nanmean(values)))])
    return rows
