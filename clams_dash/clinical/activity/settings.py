"""Thresholds of the activity rules (``data/rules/activity.toml``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from clams_dash.clinical.rule_files import RULES_DIR
from clams_dash.errors import FactsError
from clams_dash.model import catalogues

ACTIVITY_FILE = RULES_DIR / "activity.toml"


@dataclass(frozen=True, slots=True)
class Rebound:
    """Days after the last dose of a drug in which activity may return."""

    dmt: str
    from_days: int
    until_days: int


@dataclass(frozen=True, slots=True)
class Former:
    """A risk a drug leaves behind for so many days after its last dose."""

    dmt: str
    days: int
    text: str


@dataclass(frozen=True, slots=True)
class OnsetLag:
    """Days until a drug works fully; see the comments of the file."""

    fast_days: int
    slow_days: int
    fast_classes: frozenset[str]

    def days(self, dmt: str) -> int:
        """Onset lag of a drug; the longer one for a drug the catalogue does not know."""
        known = catalogues.dmts().get(dmt)
        return self.fast_days if known and known.drug_class in self.fast_classes else self.slow_days


@dataclass(frozen=True, slots=True)
class CarryOver:
    """Days a drug's effect is counted after its last dose; see the comments of the file."""

    default_days: int
    longer: Mapping[str, int]

    def days(self, dmt: str) -> int:
        """Carry-over of a drug."""
        known = catalogues.dmts().get(dmt)
        return self.longer.get(known.drug_class, self.default_days) if known else self.default_days


@dataclass(frozen=True, slots=True)
class BrainVolume:
    """When brain volume change is judged, and from where it is a watch (percent per year)."""

    watch_below: float
    least_pair_days: int


@dataclass(frozen=True, slots=True)
class Coverage:
    """Assessments NEDA asks for; see the comments of the file."""

    largest_visit_gap_days: int
    visit_edge_days: int
    scan_edge_days: int


@dataclass(frozen=True, slots=True)
class ScoreYear:
    """What the scores of the first year look at; see the comments of the file."""

    year_days: int
    scan_from_days: int
    scan_until_days: int
    baseline_before_days: int
    baseline_until_days: int
    edss_before_days: int
    shown_until_days: int


@dataclass(frozen=True, slots=True)
class ScoreRule:
    """One response score: the lesion count above which a point is given, risk by score, and what to keep in mind."""

    lesions_above: int
    high_risk_from: int
    risks: tuple[str, ...]
    caveat: str
    source: str


@dataclass(frozen=True, slots=True)
class SafetyField:
    """What moves the safety field of the strip; see the comments of the file."""

    seldom_recorded: frozenset[str]
    shown_elsewhere: frozenset[str]
    former: tuple[Former, ...]


@dataclass(frozen=True, slots=True)
class ActivitySettings:
    """The file as read."""

    window_days: int
    least_visits: int
    onset_lag: OnsetLag
    carry_over: CarryOver
    rebounds: tuple[Rebound, ...]
    rebaseline_from_days: int
    rebaseline_until_days: int
    t2_alert_from: int
    t2_least_span_days: int
    brain_volume: BrainVolume
    neda: Coverage
    score_year: ScoreYear
    rio: ScoreRule
    modified_rio: ScoreRule
    magnims: ScoreRule
    safety: SafetyField


def load_settings(path: Path) -> ActivitySettings:
    """Read the settings. Raises FactsError naming the file and what is wrong in it."""
    raw = catalogues.read_toml(path)
    try:
        found = _settings(raw)
    except (KeyError, TypeError, ValueError) as error:
        raise FactsError(f"{path}: not a valid file of activity rules ({error!r})") from error
    named = {one.dmt for one in found.rebounds} | {one.dmt for one in found.safety.former}
    unknown = named - set(catalogues.dmts())
    if unknown:
        raise FactsError(f"{path}: not in the catalogue of therapies: {', '.join(sorted(unknown))}")
    return found


def _settings(raw: dict[str, Any]) -> ActivitySettings:
    lag, volume, safety, scores = raw["onset_lag"], raw["brain_volume"], raw["safety"], raw["scores"]
    return ActivitySettings(
        window_days=int(raw["window"]["days"]),
        least_visits=int(raw["relapse"]["least_visits"]),
        onset_lag=OnsetLag(int(lag["fast_days"]), int(lag["slow_days"]), frozenset(lag["fast_classes"])),
        carry_over=CarryOver(
            int(raw["carry_over"]["days"]),
            {name: int(days) for name, days in raw["carry_over"]["longer"].items()},
        ),
        rebounds=tuple(Rebound(one["dmt"], int(one["from_days"]), int(one["until_days"])) for one in raw["rebound"]),
        rebaseline_from_days=int(raw["rebaseline"]["from_days"]),
        rebaseline_until_days=int(raw["rebaseline"]["until_days"]),
        t2_alert_from=int(raw["t2"]["alert_from"]),
        t2_least_span_days=int(raw["t2"]["least_span_days"]),
        brain_volume=BrainVolume(
            float(volume["watch_below_percent_per_year"]),
            int(volume["least_pair_days"]) - int(volume["pair_tolerance_days"]),
        ),
        neda=Coverage(
            int(raw["neda"]["largest_visit_gap_days"]),
            int(raw["neda"]["visit_edge_days"]),
            int(raw["neda"]["scan_edge_days"]),
        ),
        score_year=ScoreYear(**{name: int(scores[name]) for name in ScoreYear.__dataclass_fields__}),
        rio=_score(scores["rio"], "active_lesions_above"),
        modified_rio=_score(scores["modified_rio"], "new_t2_above"),
        magnims=_score(scores["magnims"], "new_t2_from"),
        safety=SafetyField(
            seldom_recorded=frozenset(safety["seldom_recorded"]),
            shown_elsewhere=frozenset(safety["shown_elsewhere"]),
            former=tuple(Former(one["dmt"], int(one["days"]), str(one["text"])) for one in safety["former"]),
        ),
    )


def _score(raw: dict[str, Any], limit: str) -> ScoreRule:
    above = int(raw[limit]) - (1 if limit.endswith("_from") else 0)
    return ScoreRule(
        lesions_above=above,
        high_risk_from=int(raw["high_risk_from"]),
        risks=tuple(str(risk) for risk in raw.get("three_year_progression", ())),
        caveat=str(raw["caveat"]),
        source=str(raw["source"]),
    )


@lru_cache(maxsize=1)
def activity_settings() -> ActivitySettings:
    """The project's settings."""
    return load_settings(ACTIVITY_FILE)
