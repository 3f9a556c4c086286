"""What a prediction says, without the machinery that makes it: the pages and reports need no more than this."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

COUNT_OUTCOMES = frozenset({"new_t2"})
"""Outcomes whose estimates are expected numbers, not chances."""


@dataclass(frozen=True, slots=True)
class Driver:
    """A feature's association with the risk, on the logit, against the average decision in training; not a cause."""

    feature: str
    value: float | str | None
    contribution: float


@dataclass(frozen=True, slots=True)
class ArmPrediction:
    """One therapy. Figures are None where the model abstains; ``reason`` then says why.

    ``risk`` with 90 % interval; ``difference_from_stay`` = risk minus the risk of keeping the present therapy;
    ``n_similar`` comparable people on the arm, or on its class where ``reason`` says so; ``propensity`` how often
    people like this one were given the arm's class: its share among therapies begun, for the present therapy and for
    none its share of all decisions. ``risk`` of new T2 lesions is their expected number; ``observed_low`` to
    ``observed_high`` is where 90 % of counts lie. ``e_value`` says how
    strong something unrecorded must be to explain the difference from staying away (``confounding.py``).
    """

    dmt: str
    risk: float | None
    low: float | None
    high: float | None
    difference_from_stay: float | None
    diff_low: float | None
    diff_high: float | None
    n_similar: int
    propensity: float | None
    abstained: bool
    reason: str | None
    drivers: tuple[Driver, ...]
    observed_low: float | None = None
    observed_high: float | None = None
    e_value: float | None = None


@dataclass(frozen=True, slots=True)
class Prediction:
    """All therapies and outcomes for a person on a day. ``stay`` is the present therapy (``none`` = untreated).

    ``stay_recorded`` is False when no therapy was ever recorded: then nothing is compared with staying, because nobody
    knows what staying is.

    ``not_told_apart``: by outcome, groups of therapies whose pairwise differences all have 90 % intervals holding 0.

    ``personal``: by outcome, whether held-out evidence lets the model give people effects of their own; otherwise
    figures are baseline risk x average relative effect.
    """

    patient: str
    at: date
    horizon_months: int
    model: str
    synthetic: bool
    stay: str
    stay_recorded: bool
    outcomes: dict[str, tuple[ArmPrediction, ...]]
    not_told_apart: dict[str, tuple[tuple[str, ...], ...]]
    personal: dict[str, bool] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The document of ``clams predict --json``."""
        return {
            "patient": self.patient,
            "at": self.at.isoformat(),
            "horizon_months": self.horizon_months,
            "model": self.model,
            "synthetic": self.synthetic,
            "stay": self.stay,
            "stay_recorded": self.stay_recorded,
            "outcomes": {name: [asdict(arm) for arm in arms] for name, arms in self.outcomes.items()},
            "personal": self.personal,
            "not_told_apart": {name: [list(group) for group in groups] for name, groups in self.not_told_apart.items()},
        }
