"""What the model may know of a person on a decision day: every feature from records strictly before that day.

One function serves training and prediction, so the two cannot differ. The list of features with unit, window and
source is ``data/rules/features.csv``. A record dated on the decision day is not used (it may follow the decision);
sex, birth, onset and diagnosis count once their own date lies before it.

The course on the patient row is the course as last recorded: "SPMS" there tells of the future. Only "primary
progressive" is used, which says how the disease began, and only once the diagnosis date lies before the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError
from clams_dash.model.catalogues import read_rows
from clams_dash.response import derived
from clams_dash.response.history import LONG_AGO, Look, courses, present_therapy
from clams_dash.response.timelines import NO_DAY, Floats, Frames, Ints, Timeline, day_numbers, table

FEATURES_FILE = FACTS_DIR / "rules" / "features.csv"
DAYS_PER_YEAR = 365.25
TRANSFORMS = ("none", "log1p", "recency")
_YEAR_BACK_DAYS = 275
_LONG_BACK_DAYS = 913


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: how it is made (``recipe`` of ``field`` within ``window_days``) and shown (``label``, ``unit``).

    ``transform`` is applied in the linear part of the model only: ``none``, ``log1p``, or ``recency`` = 1/(1 + x) with
    0 where missing (never). ``relapse_direction``: 1 or -1 where a higher value may only raise or lower the risk of a
    relapse in the trees, 0 where that is open.
    """

    name: str
    label: str
    unit: str
    recipe: str
    field: str
    window_days: int | None
    transform: str
    relapse_direction: int
    source: str


@lru_cache(maxsize=1)
def features() -> tuple[Feature, ...]:
    """The features in the model's order. Raises FactsError for an unknown recipe or transform."""
    found = tuple(
        Feature(
            name=row["name"],
            label=row["label"],
            unit=row["unit"],
            recipe=row["recipe"],
            field=row["field"],
            window_days=int(row["window_days"]) if row["window_days"] else None,
            transform=row["transform"],
            relapse_direction=int(row["relapse_direction"]),
            source=row["source"],
        )
        for row in read_rows(FEATURES_FILE)
    )
    for feature in found:
        if feature.recipe not in RECIPES or feature.transform not in TRANSFORMS:
            raise FactsError(f"{FEATURES_FILE}: {feature.name}: unknown recipe or transform")
    return found


def feature_names() -> tuple[str, ...]:
    """Names of the features in the model's order."""
    return tuple(feature.name for feature in features())


def features_at(frames: Frames, index: pd.DataFrame) -> pd.DataFrame:
    """Features of each decision.

    Parameters
    ----------
    frames : tables of the pool, of one person or of many.
    index : ``patient_id`` and ``index_date``, one row per decision.

    Returns
    -------
    One float column per feature in the model's order, one row per row of ``index``; NaN = not known.
    Records dated on or after ``index_date`` have no influence.
    """
    look = Look.at(frames, index)
    columns = {feature.name: RECIPES[feature.recipe](look, feature) for feature in features()}
    return pd.DataFrame(columns, index=index.index, dtype=np.float64)


def _within(values: Floats, days: Ints, look: Look, feature: Feature) -> Floats:
    if feature.window_days is None:
        return values
    return np.where(days >= look.days - feature.window_days, values, np.nan)


def _years_since(look: Look, feature: Feature) -> Floats:
    days = day_numbers(look.patient_column(feature.field.partition(".")[2]))
    return np.where((days != NO_DAY) & (days < look.days), (look.days - days) / DAYS_PER_YEAR, np.nan)


def _equals(look: Look, feature: Feature) -> Floats:
    column, _, wanted = feature.field.partition(".")[2].partition("=")
    values = look.patient_column(column)
    return np.where(values.isna(), np.nan, (values == wanted).to_numpy(dtype=np.float64))


def _primary_progressive(look: Look, feature: Feature) -> Floats:
    course = look.patient_column("course")
    diagnosed = day_numbers(look.patient_column("diagnosis_date"))
    known = (diagnosed != NO_DAY) & (diagnosed < look.days) & ~course.isin(["unknown"]).to_numpy()
    return np.where(known & course.notna().to_numpy(), (course == "PPMS").to_numpy(dtype=np.float64), np.nan)


def _last(look: Look, feature: Feature) -> Floats:
    values, days = look.timeline(feature.field).last(look.people, look.days)
    return _within(values, days, look, feature)


def _age_of_last(look: Look, feature: Feature) -> Floats:
    _, days = look.timeline(feature.field).last(look.people, look.days)
    return _within(np.where(days == NO_DAY, np.nan, (look.days - days).astype(np.float64)), days, look, feature)


def _years_since_last(look: Look, feature: Feature) -> Floats:
    _, days = look.timeline(feature.field).last(look.people, look.days)
    return np.where(days == NO_DAY, np.nan, (look.days - days) / DAYS_PER_YEAR)


def _change_over(days_back: int) -> Callable[[Look, Feature], Floats]:
    def change(look: Look, feature: Feature) -> Floats:
        line = look.timeline(feature.field)
        now, today = line.last(look.people, look.days)
        then, day = line.last(look.people, np.where(today == NO_DAY, LONG_AGO, today - days_back + 1))
        return _within(now - then, day, look, feature)

    return change


def _count(look: Look, feature: Feature) -> Floats:
    counted = look.timeline(feature.field).count(look.people, look.days - (feature.window_days or 0), look.days)
    return np.where(look.known(), counted.astype(np.float64), np.nan)


def _sum(look: Look, feature: Feature) -> Floats:
    return look.timeline(feature.field).total(look.people, look.days - (feature.window_days or 0), look.days)


def _dmts_before(look: Look, feature: Feature) -> Floats:
    ever = np.full(len(look.days), LONG_AGO)
    return np.where(look.known(), courses(look).firsts.count(look.people, ever, look.days).astype(np.float64), np.nan)


def _on_dmt(look: Look, feature: Feature) -> Floats:
    return np.where(look.known(), present_therapy(look, feature.window_days or 0).on_dmt.astype(np.float64), np.nan)


def _last_dmt_tier(look: Look, feature: Feature) -> Floats:
    return np.where(look.known(), present_therapy(look).last_tier, np.nan)


def _years_on_dmt(look: Look, feature: Feature) -> Floats:
    therapy = present_therapy(look, feature.window_days or 0)
    return np.where(therapy.on_dmt, (look.days - therapy.started) / DAYS_PER_YEAR, np.nan)


def _years_off_dmt(look: Look, feature: Feature) -> Floats:
    stopped = present_therapy(look, feature.window_days or 0).stopped
    return np.where(stopped == NO_DAY, np.nan, (look.days - stopped) / DAYS_PER_YEAR)


def _smoker(look: Look, feature: Feature) -> Floats:
    facts = table(look.frames, "clinical_fact")
    if not {"kind", "value"} <= set(facts.columns):
        return np.full(len(look.days), np.nan)
    facts = facts[facts["kind"] == "smoking"]
    answers = facts["value"].astype(object).map(lambda text: SMOKING.get(str(text).strip().lower(), np.nan))
    line = Timeline.of(look.people_of(facts), day_numbers(facts["date"]), answers.to_numpy(dtype=np.float64))
    return line.last(look.people, look.days)[0]


SMOKING: dict[str, float] = {
    "current": 1.0,
    "yes": 1.0,
    "smoker": 1.0,
    "former": 0.0,
    "ex": 0.0,
    "never": 0.0,
    "no": 0.0,
    "non-smoker": 0.0,
}


def _from(recipe: Callable[[Look, str, int | None], Floats]) -> Callable[[Look, Feature], Floats]:
    def made(look: Look, feature: Feature) -> Floats:
        return recipe(look, feature.field, feature.window_days)

    return made


RECIPES: dict[str, Callable[[Look, Feature], Floats]] = {
    "per_disease_year": _from(derived.per_disease_year),
    "last_per_disease_year": _from(derived.last_per_disease_year),
    "untreated_rate": _from(derived.untreated_rate),
    "mean": _from(derived.mean_within),
    "above_mean": _from(derived.above_mean),
    "previous": _from(derived.previous),
    "since_start": _from(derived.since_start),
    "years_since": _years_since,
    "equals": _equals,
    "primary_progressive": _primary_progressive,
    "last": _last,
    "age_of_last": _age_of_last,
    "years_since_last": _years_since_last,
    "change": _change_over(_YEAR_BACK_DAYS),
    "change_long": _change_over(_LONG_BACK_DAYS),
    "count": _count,
    "sum": _sum,
    "dmts_before": _dmts_before,
    "on_dmt": _on_dmt,
    "last_dmt_tier": _last_dmt_tier,
    "years_on_dmt": _years_on_dmt,
    "years_off_dmt": _years_off_dmt,
    "smoker": _smoker,
}
