"""What was promised of a benchmark's job, and whether figures keep it.

Two runs of the same code never take the same time. So a target counts as missed only if the figures miss it by more
than they vary themselves: `noise` is how far the middle of the ratios of the single turns can be trusted.
"""

from __future__ import annotations

import enum
import math
import statistics
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Below this, figures of two runs cannot be told apart, however little one of them varied.
LEAST_NOISE = 0.01


@dataclass(frozen=True)
class Target:
    """A promise: what one case of a job costs, compared with another case of the same job.

    Args:
        job: Name of the job in its benchmark file.
        case: The case that the promise is about.
        against: The case that it is compared with.
        asked: The promise in words.
        at_most: The case takes at most so many times the other's time.
        at_least: The case is at least so many times as fast as the other. Give one of the two.
        since: The first Python that it is promised for.
        before: The first Python that it is no longer promised for.
        headline: A few words for the chart of all pieces, if it shall stand there.

    Raises:
        ValueError: Neither or both of `at_most` and `at_least`, or one that is not above 0.
    """

    job: str
    case: str
    against: str
    asked: str
    at_most: float | None = None
    at_least: float | None = None
    since: tuple[int, int] = (3, 11)
    before: tuple[int, int] | None = None
    headline: str = ""

    def __post_init__(self) -> None:
        given = [limit for limit in (self.at_most, self.at_least) if limit is not None]
        if len(given) != 1 or not given[0] > 0:
            raise ValueError(f"{self.asked!r}: give one of at_most and at_least, above 0, not {given}")

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Target:
        """The target that `dataclasses.asdict` and JSON made this entry from."""
        before = entry["before"]
        return cls(**{**entry, "since": tuple(entry["since"]), "before": before and tuple(before)})

    @property
    def limit(self) -> float:
        """The most of the other's time that the case may take."""
        if self.at_most is not None:
            return self.at_most
        assert self.at_least is not None
        return 1 / self.at_least

    def applies(self, python: tuple[int, int] = sys.version_info[:2]) -> bool:
        """Whether it is promised for that Python."""
        return self.since <= python and (self.before is None or python < self.before)

    def wording(self, ratio: float) -> str:
        """A ratio of times as the promise puts it: as a time, or as a speed."""
        return f"{ratio:.2f}x" if self.at_most is not None else f"{1 / ratio:.2f}x"


class Outcome(enum.Enum):
    """How figures stand to a target."""

    MET = "met"
    WITHIN_NOISE = "missed, within noise"
    MISSED = "MISSED"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Verdict:
    """What was measured of a target. `ratio` is of times: the case's to the other's; `noise` is relative to it."""

    target: Target
    outcome: Outcome
    ratio: float = math.nan
    noise: float = math.nan
    why: str = ""

    def __str__(self) -> str:
        asked = f"at {'most' if self.target.at_most is not None else 'least'} {self.target.wording(self.target.limit)}"
        if self.outcome is Outcome.NOT_RUN:
            return f"{self.target.asked}: asked {asked}, not run: {self.why}"
        measured = f"{self.target.wording(self.ratio)} ± {self.noise:.0%}"
        return f"{self.target.asked}: asked {asked}, measured {measured}: {self.outcome.value}"


def judge(target: Target, comparison: Mapping[str, Any]) -> Verdict:
    """Hold a job's figures, as the JSON of a benchmark file has them, against a target.

    Raises:
        ValueError: The case of the target was not run at all, or the job knows no case of the other's name.
    """
    seconds = {figure["name"]: figure["seconds"] for figure in comparison["figures"]}
    absent = comparison["absent"]
    if target.case not in seconds:
        why = absent.get(target.case, f"there are {', '.join(seconds)}")
        raise ValueError(f"{target.job}: no figures of {target.case!r}: {why}")
    if target.against not in seconds:
        if target.against not in absent:
            raise ValueError(f"{target.job}: no case {target.against!r}; there are {', '.join({**seconds, **absent})}")
        return Verdict(target, Outcome.NOT_RUN, why=absent[target.against])
    middle = statistics.median if comparison["statistic"] == "median" else min
    ratio = middle(seconds[target.case]) / middle(seconds[target.against])
    noise = noise_of_ratios(seconds[target.case], seconds[target.against])
    if ratio <= target.limit:
        return Verdict(target, Outcome.MET, ratio, noise)
    outcome = Outcome.WITHIN_NOISE if ratio <= target.limit * (1 + noise) else Outcome.MISSED
    return Verdict(target, outcome, ratio, noise)


def noise_of_ratios(case: Sequence[float], against: Sequence[float]) -> float:
    """Twice the standard error of the ratios turn by turn, relative to their median.

    Cases take turns, so what disturbs one turn of both does not count as a difference.
    """
    ratios = [one / other for one, other in zip(case, against, strict=True)]
    middle = statistics.median(ratios)
    # The median's own spread, by the median distance from it: a turn that something interrupted changes nothing.
    deviation = 1.4826 * statistics.median(abs(ratio - middle) for ratio in ratios)
    error = 1.2533 * deviation / math.sqrt(len(ratios))
    return max(LEAST_NOISE, 2 * error / middle)
