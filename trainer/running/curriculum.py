"""The curriculum: "weighted_simclr:1 mi_mix:2" as phases in order, each an objective and a length in epochs or steps.

The phase depends on the global step alone, so nothing has to be saved, and a resumed run continues where it stopped. A
phase of any positive length trains at least one step. (DNABERT-S's public code trains nothing for fewer than three
epochs.)
"""

from dataclasses import dataclass
from itertools import accumulate

OBJECTIVES = ("weighted_simclr", "mi_mix", "info_nce", "noise_contrastive", "mlm")
STEPS = "steps"  # unit of a length: "mi_mix:200steps"
MOST_STEPS = 2**31 - 1  # at a hundred steps a second, eight months


@dataclass(frozen=True)
class Curriculum:
    """Objectives in order; `ends[i]` is the first global step after phase i."""

    objectives: tuple[str, ...]
    ends: tuple[int, ...]

    @property
    def steps(self) -> int:
        """Number of optimizer steps of all phases together."""
        return self.ends[-1]

    def phase_at(self, step: int) -> int:
        """The phase, counted from 0, of optimizer step `step`.

        >>> phases = parse_curriculum("weighted_simclr:1 mi_mix:0.5", steps_per_epoch=4)
        >>> [phases.phase_at(step) for step in range(phases.steps)]
        [0, 0, 0, 0, 1, 1]
        """
        return sum(step >= end for end in self.ends[:-1])


def parse_curriculum(text: str, steps_per_epoch: int) -> Curriculum:
    """Read "objective:epochs objective:epochs …"; a length may also be given in optimizer steps.

    >>> parse_curriculum("mi_mix:0.01 weighted_simclr:2 mlm:5steps", steps_per_epoch=10)
    Curriculum(objectives=('mi_mix', 'weighted_simclr', 'mlm'), ends=(1, 21, 26))

    Raises:
        ValueError: the text is empty, an objective is unknown, or a length is not a positive number or too large.
    """
    objectives, steps = [], []
    for phase in text.split():
        objective, _, length = phase.partition(":")
        unit = 1 if length.endswith(STEPS) else steps_per_epoch
        if objective not in OBJECTIVES:
            raise ValueError(
                f'--curriculum "{text}": "{objective}" is not an objective; allowed are {", ".join(OBJECTIVES)}, '
                'written as in "weighted_simclr:1 mi_mix:2"'
            )
        objectives.append(objective)
        number = min(positive_number(length.removesuffix(STEPS), phase) * unit, MOST_STEPS + 1)
        steps.append(max(1, round(number)))
    if not objectives:
        raise ValueError('--curriculum is empty; write phases as in "weighted_simclr:1 mi_mix:2"')
    if sum(steps) > MOST_STEPS:
        raise ValueError(
            f'--curriculum "{text}" has more than {MOST_STEPS:,} steps ({steps_per_epoch:,} an epoch), which would '
            "take months even at a hundred a second; shorten its phases"
        )
    return Curriculum(tuple(objectives), tuple(accumulate(steps)))


def positive_number(text: str, phase: str) -> float:
    """The number in the length of a phase.

    Raises:
        ValueError: it is missing, not a number, or not above 0.
    """
    try:
        length = float(text)
    except ValueError:
        length = float("nan")
    if not 0 < length < float("inf"):
        raise ValueError(
            f'--curriculum: the length in "{phase}" must be a positive number of epochs or of steps, '
            f'such as "{phase.partition(":")[0]}:1.5" or "{phase.partition(":")[0]}:200steps"'
        )
    return length
