"""Therapy of every person: what is given, what was given before, and how much of its effect acts in a month."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from clams_dash.cohort.drugs import Drugs
from clams_dash.cohort.families import OUTCOMES

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

STOP_REASONS: tuple[str, ...] = (
    "breakthrough_activity",
    "progression",
    "adverse_event",
    "laboratory",
    "pml_risk",
    "pregnancy_wish",
    "patient_choice",
    "completed",
)
"""In order of precedence when several apply in one month."""
CHOICE, PREGNANCY, COMPLETED = (STOP_REASONS.index(name) for name in ("patient_choice", "pregnancy_wish", "completed"))
ESCALATES = STOP_REASONS.index("breakthrough_activity")
_FAILURES = tuple(STOP_REASONS.index(name) for name in ("breakthrough_activity", "progression"))
_HARMS = tuple(STOP_REASONS.index(name) for name in ("adverse_event", "laboratory", "pml_risk"))
NEVER_STOPPED = -1


class ActingTherapy(Protocol):
    """What the disease needs to know of the therapies: log ratios acting in a month, by person."""

    def log_ratio(self, outcome: str | None, log_ratio: FloatArray, lag_months: float) -> FloatArray:
        """Log rate ratio acting now on one of ``families.OUTCOMES`` (None = on brain volume)."""

    def rebound(self, drugs: Drugs, rebound_months: float, lag_months: float) -> FloatArray:
        """Factor on the relapse rate after a stop."""


@dataclass(slots=True)
class TreatmentState:
    """Therapy of every person: current and previous drug, months on and off, drugs tried, and how effects are modified.

    Exponents (outcome x person) multiply the log effects of the current and the previous drug; they are set when a drug
    is started (``families.Family``).
    """

    drug: IntArray
    previous: IntArray
    months_on: FloatArray
    months_off: FloatArray
    months_on_at_stop: FloatArray
    reason: IntArray
    tried: BoolArray
    """drug x person"""
    ruled_out: BoolArray
    """drug x person"""
    start_day: IntArray
    exponent: FloatArray
    previous_exponent: FloatArray
    carry_months: FloatArray
    """how long the effect of the previous drug lasts"""

    @classmethod
    def untreated(cls, count: int, drugs: Drugs) -> TreatmentState:
        """Nobody has ever been treated."""
        none = np.zeros(count, dtype=np.int64)
        never = np.zeros((len(drugs.names), count), dtype=np.bool_)
        plain = np.ones((len(OUTCOMES), count))
        return cls(
            drug=none,
            previous=none.copy(),
            months_on=np.zeros(count),
            months_off=np.full(count, 1e6),
            months_on_at_stop=np.zeros(count),
            reason=np.full(count, NEVER_STOPPED, dtype=np.int64),
            tried=never,
            ruled_out=never.copy(),
            start_day=none.copy(),
            exponent=plain,
            previous_exponent=plain.copy(),
            carry_months=np.ones(count),
        )

    def take(self, rows: IntArray) -> TreatmentState:
        """A copy with the given persons, repeated as often as they are named."""
        return TreatmentState(**{item.name: getattr(self, item.name)[..., rows] for item in fields(self)})

    def close(self, who: IntArray, reason: IntArray, drugs: Drugs) -> None:
        """Stop the current therapy of ``who``."""
        self.ruled_out[:, who] |= _ruled_out_by(reason, self.drug[who], drugs.same_class)
        self.previous[who] = self.drug[who]
        self.carry_months[who] = drugs.carry_months[self.drug[who]]
        self.previous_exponent[:, who] = self.exponent[:, who]
        self.months_on_at_stop[who] = self.months_on[who]
        self.months_off[who] = 0.0
        self.drug[who] = 0
        self.months_on[who] = 0.0
        self.reason[who] = reason

    def open(self, who: IntArray, drug: IntArray, day: IntArray, exponent: FloatArray) -> None:
        """Start a therapy in ``who``; ``exponent`` (outcome x who) modifies its effects."""
        self.drug[who] = drug
        self.months_on[who] = 0.0
        self.start_day[who] = day
        self.tried[drug, who] = True
        self.exponent[:, who] = exponent

    def tick(self) -> None:
        """One month passes."""
        self.months_on += self.drug > 0
        self.months_off += 1.0

    def log_ratio(self, outcome: str | None, log_ratio: FloatArray, lag_months: float) -> FloatArray:
        """Log rate ratio acting now: the better of the current drug (after its lag) and what is left of the last.

        ``log_ratio`` holds the full effect of every drug; ``outcome`` names the exponents, None = none.
        """
        now = log_ratio[self.drug] * np.clip(self.months_on / lag_months, 0.0, 1.0)
        left = log_ratio[self.previous] * np.clip(1.0 - self.months_off / self.carry_months, 0.0, 1.0)
        left *= np.clip(self.months_on_at_stop / lag_months, 0.0, 1.0)
        if outcome is not None:
            row = OUTCOMES.index(outcome)
            now, left = now * self.exponent[row], left * self.previous_exponent[row]
        # A drug may also do harm (a drawn effect above 1); only a lasting benefit of the last one stands against it.
        return np.asarray(np.where(left < 0.0, np.minimum(now, left), now))

    def rebound(self, drugs: Drugs, rebound_months: float, lag_months: float) -> FloatArray:
        """Rise of the relapse rate from the second month after stopping some drugs, unless another one acts."""
        within = (self.months_off >= 1.0) & (self.months_off <= 1.0 + rebound_months) & (self.months_on_at_stop > 6.0)
        open_part = 1.0 - np.clip(self.months_on / lag_months, 0.0, 1.0)
        return np.asarray(np.where(within, drugs.rebound_ratio[self.previous] ** open_part, 1.0))


def _ruled_out_by(reason: IntArray, drug: IntArray, same_class: BoolArray) -> BoolArray:
    """Drugs not given again: the whole class after it failed, the drug itself after harm or a risk."""
    failed = np.isin(reason, _FAILURES)[None, :] & same_class[:, drug]
    harmed = np.isin(reason, _HARMS)[None, :] & (np.arange(len(same_class))[:, None] == drug[None, :])
    return np.asarray(failed | harmed)
