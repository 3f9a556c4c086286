"""The slope of a laboratory value over time with its uncertainty, or why there is none (``labs.toml``)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
from scipy import stats

from clams_dash.clinical.labs.settings import TrendSettings
from clams_dash.clinical.rule_files import DAYS_PER_YEAR

Direction = Literal["rising", "falling", "no clear trend"]


@dataclass(frozen=True, slots=True)
class Trend:
    """A straight line through results.

    ``per_year``, ``low`` and ``high``: slope and its interval, in units per year, or as a relative change per year
    (0.1 = +10 %) when ``relative``. ``direction`` is clear only when the interval leaves out zero.
    """

    per_year: float
    low: float
    high: float
    relative: bool
    results: int
    first: date
    last: date

    @property
    def direction(self) -> Direction:
        """Rising, falling, or no clear trend."""
        if self.low > 0:
            return "rising"
        return "falling" if self.high < 0 else "no clear trend"


@dataclass(frozen=True, slots=True)
class TooFew:
    """Why no trend is given: too few results or too short a time, or values no line can be laid through."""

    results: int
    reason: str


def trend(days: Sequence[date], values: Sequence[float], settings: TrendSettings, *, relative: bool) -> Trend | TooFew:
    """Fit a line to values over the window that ends at the last of them.

    ``relative`` fits logarithms (values have to be above 0) and gives the change per year as a share.
    """
    order = sorted(range(len(days)), key=lambda at: days[at])
    used = [at for at in order if (days[order[-1]] - days[at]).days <= settings.window_days]
    if len(used) < settings.least_results:
        return TooFew(len(used), f"too few: {len(used)} of at least {settings.least_results} results")
    first, last = days[used[0]], days[used[-1]]
    if (last - first).days < settings.least_span_days:
        return TooFew(len(used), f"too short: {(last - first).days} of at least {settings.least_span_days} days")
    y = np.array([values[at] for at in used], dtype=np.float64)
    if relative and (y <= 0).any():
        return TooFew(len(used), "a value of zero has no relative change")
    x = np.array([(days[at] - first).days / DAYS_PER_YEAR for at in used])
    fit = stats.linregress(x, np.log(y) if relative else y)
    half = float(stats.t.ppf(0.5 + settings.confidence / 2, len(used) - 2)) * float(fit.stderr)
    slope = float(fit.slope)
    ends = np.array([slope - half, slope, slope + half])
    with np.errstate(over="ignore"):
        low, middle, high = (float(end) for end in (np.expm1(ends) if relative else ends))
    if not np.isfinite([low, middle, high]).all():
        return TooFew(len(used), "values too far apart for a line")
    return Trend(middle, low, high, relative, len(used), first, last)
