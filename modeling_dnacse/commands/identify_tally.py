"""Blocks of named queries in; counts, the lines on stderr at the end of `dnacse identify`, and the taxa found, out."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from ..identification.calibration.fit import PRIOR_STRENGTH
from ..identification.call_rules import SURE_ENOUGH
from ..identification.call_table import Call

if TYPE_CHECKING:
    from ..identification.call_blocks import NamedBlock
    from ..identification.queries import Query

SPECIES, ABOVE, NEW, NO_CALL = KINDS = ("species", "genus or above", "likely new species", "no call")
LOWER = (0.9, 0.8, 0.6)  # lower thresholds of --confidence that the advice counts
FEW = 100  # queries: from fewer, the estimate of the share of new species is uncertain


class Taxon:
    """The amount of a taxon in each sample, and the sum of the probabilities of its calls."""

    def __init__(self, samples: int) -> None:
        """Start at zero."""
        self.amounts = np.zeros(samples)
        self.queries, self.probability = 0, 0.0


class Tally:
    """Counts of the calls so far; memory grows with the number of taxa only."""

    def __init__(self, ranks: tuple[str, ...], samples: Sequence[str] = (), unit: str = "queries") -> None:
        """Start at zero; `unit` is that of the amounts, such as reads."""
        self.ranks, self.samples, self.unit = ranks, samples, unit
        self.taxa: dict[tuple[str, str], Taxon] = {}  # by kind and name
        self.called = np.zeros((len(ranks) + 1, 2), np.int64)  # rows: ranks, then no call; columns: known, likely new
        self.foreign = 0
        # of queries with a species of this probability or more: how many are called at it, how many are not, and the
        # sum of their probabilities
        self.named = {least: np.zeros(3) for least in LOWER}
        self.last: NamedBlock | None = None  # for its thresholds and its calibration, those of all blocks

    def add(self, block: "NamedBlock", amounts_of: "Callable[[Query], Mapping[int, float]] | None" = None) -> None:
        """Count a block of queries; with their amounts, by the position of the sample, also its taxa."""
        self.last = block
        is_new = (block.names.new_species >= block.thresholds.new_species).astype(int)
        np.add.at(self.called, (block.level, is_new), 1)  # level -1: the last row
        self.foreign += int(block.names.foreign.sum())
        species, is_called = np.nan_to_num(block.names.of_callable[0]), block.level == 0
        for least in LOWER:
            told = species >= least
            self.named[least] += (told & is_called).sum(), (told & ~is_called).sum(), species[told].sum()
        if amounts_of is not None:
            for call in block.calls:
                self.add_taxon(call, amounts_of(call.query), block.thresholds.new_species)

    def add_taxon(self, call: Call, amounts: Mapping[int, float], likely_new: float) -> None:
        """Add the amounts of a query, given by the position of the sample."""
        name = call.names[call.level] if call.level >= 0 else ""
        if call.new_species >= likely_new:
            kind, probability = NEW, call.new_species
        elif call.level >= 0:
            kind, probability = SPECIES if call.level == 0 else ABOVE, call.probabilities[call.level]
        else:
            kind, probability = NO_CALL, np.nan
        taxon = self.taxa.setdefault((kind, name), Taxon(len(self.samples)))
        taxon.queries += 1
        taxon.probability += probability
        for sample, amount in amounts.items():
            taxon.amounts[sample] += amount

    def summary(self) -> str:
        """Say how many queries were called at which rank.

        >>> Tally(("species", "genus")).summary()
        '0 queries: 0 called at species, 0 at genus, 0 not called; 0 likely of a species that the library lacks'
        """
        totals = self.called.sum(axis=1)
        ranks = ", ".join(f"{total:,} at {rank}" for total, rank in zip(totals, self.ranks, strict=False))
        queries = f"{totals.sum():,} {'query' if totals.sum() == 1 else 'queries'}"
        return (
            f"{queries}: {ranks.replace(' at', ' called at', 1)}, {totals[-1]:,} not called; "
            f"{self.called[:, 1].sum():,} likely of a species that the library lacks"
        )

    def report(self, expected_new: float | None) -> list[str]:
        """Say what the calls rest on, and what to do for more; `expected_new` is the option, None: not given."""
        if self.last is None:
            return []
        _, _, _, _, thresholds, data, calibration = self.last
        lines = []
        at_ranks = zip(self.ranks, calibration.names, thresholds.names, strict=True)
        if least := [f"{rank} {value:.4f}" for rank, curve, value in at_ranks if curve is not None]:
            lines.append(f"least probability of a call: {', '.join(least)}")
        if data.tells_new_species:
            origin = self.origin_of_shares() if expected_new is None else "given"
            share = calibration.shares[1:].sum()
            lines.append(f"share of queries whose species the library lacks: {share:.3f} ({origin})")
        return [*lines, *self.advice(float(thresholds.names[0]))]

    def origin_of_shares(self) -> str:
        """Say how far the queries tell the share of new species; if they do not, it is that of `estimate_shares`.

        >>> Tally(("species", "genus")).origin_of_shares()
        'assumed, since no query looks like the marker'
        """
        told = int(self.called.sum()) - self.foreign
        if told == 0:
            return "assumed, since no query looks like the marker"
        if told >= FEW:
            return "estimated"
        prior = ", and mostly assumed" if told < PRIOR_STRENGTH else ""
        return f"uncertain: estimated from only {told}{prior}; --expected_new sets it"

    def advice(self, threshold: float) -> list[str]:
        """Say how to get more calls at species, and how many queries are out-of-distribution."""
        more, lines, fewer = [], [], 0
        for least, (called, others, sure) in self.named.items():
            if least < threshold and others > fewer:
                right = f"{100 * sure / (called + others):.0f} % of all are right"
                more.append(f"{others:,.0f} with --confidence species={least}, then {right}")
                fewer = others
        if more:
            lines.append(
                f"more calls at species, by their probabilities: {'; '.join(more)} (--precision calls none below "
                f"{SURE_ENOUGH})"
            )
        if self.foreign:
            verb = "query does" if self.foreign == 1 else "queries do"
            lines.append(f"{self.foreign:,} {verb} not look like the library's marker")
        return lines
