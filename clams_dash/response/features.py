"""What the model may know of a person on a decision day: every feature from records strictly before that day.

One function serves training and prediction, so the two cannot differ. The list of features with unit, window and
source is ``data/rules/features.csv``. A record dated on the decision day is not used (it may follow the decision);
sex, birth, onset and diagnosis count once their own date lies before it.

The course on the patient row is the course as last recorded: "SPMS" there tells of the future. Only "primary
progressive" is used, which says how the disease began, and only once the diagnosis date lies before the decision.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import pandas as pd

from clams_dash.config import FACTS_DIR
from clams_dash.errors import FactsError, ModelError
from clams_dash.model.catalogues import dmts, read_rows
from clams_dash.response.timelines import NO_DAY, Floats, Frames, Ints, Timeline, day_numbers, numbers, table

FEATURES_FILE = FACTS_DIR / "rules" / "features.csv"
DAYS_PER_YEAR = 365.25
TIER_RANKS: dict[str, float] = {"none": 0.0, "platform": 1.0, "moderate": 2.0, "moderate_high": 3.0, "high": 4.0}
_YEAR_BACK_DAYS = 275
_LONG_BACK_DAYS = 913


@dataclass(frozen=True, slots=True)
class Feature:
    """One feature: how it is made (``recipe`` of ``field`` within ``window_days``) and shown (``label``, ``unit``).

    ``transform`` (``none`` or ``log1p``) is applied in the linear part of the model only.
    """

    name: str
    label: str
    unit: str
    recipe: str
    field: str
    window_days: int | None
    transform: str
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
            source=row["source"],
        )
        for row in read_rows(FEATURES_FILE)
    )
    for feature in found:
        if feature.recipe not in RECIPES or feature.transform not in ("none", "log1p"):
            raise FactsError(f"{FEATURES_FILE}: {feature.name}: unknown recipe or transform")
    return found


def feature_names() -> tuple[str, ...]:
    """Names of the features in the model's order."""
    return tuple(feature.name for feature in features())


@dataclass
class Look:
    """The decisions looked at, and the timelines made for them so far.

    ``people`` and ``days`` (n) are codes of the persons in ``ids`` and day numbers of the decisions.
    """

    frames: Frames
    ids: pd.Index
    people: Ints
    days: Ints
    made: dict[str, Timeline] = field(default_factory=dict)
    given: Courses | None = None

    @classmethod
    def at(cls, frames: Frames, index: pd.DataFrame) -> Look:
        """Of an index table with ``patient_id`` and ``index_date``."""
        codes, ids = pd.factorize(index["patient_id"].astype(object))
        days = day_numbers(index["index_date"])
        if (days == NO_DAY).any() or (codes < 0).any():
            raise ModelError("an index row has no patient_id or no index_date; give both for every decision")
        return cls(frames, pd.Index(ids), codes.astype(np.int64), days)

    def people_of(self, frame: pd.DataFrame) -> Ints:
        """Codes of a table's persons, -1 for others."""
        return self.ids.get_indexer(pd.Index(frame["patient_id"].astype(object))).astype(np.int64)

    def timeline(self, reference: str) -> Timeline:
        """Timeline of ``table``, ``table.column`` or ``table.column:kind``."""
        if reference not in self.made:
            self.made[reference] = self._make(reference)
        return self.made[reference]

    def _make(self, reference: str) -> Timeline:
        source, _, kind = reference.partition(":")
        name, _, column = source.partition(".")
        frame = table(self.frames, name)
        if kind:
            key = "analyte" if name == "lab" else "kind"
            frame = frame[frame[key] == kind] if key in frame.columns else frame.iloc[:0]
        if name == "mri" and "region" in frame.columns:
            frame = frame[~frame["region"].isin(["cord", "optic"])]
        values = numbers(frame, column) if column else np.ones(len(frame))
        return Timeline.of(self.people_of(frame), day_numbers(frame["date"]), values)

    def patient_column(self, column: str) -> pd.Series:
        """A column of the patient table, one row per decision."""
        frame = table(self.frames, "patient", ("patient_id",))
        if column not in frame.columns:
            return pd.Series([None] * len(self.people), dtype=object)
        by_id = frame.drop_duplicates("patient_id").set_index("patient_id")[column]
        return by_id.reindex(self.ids).iloc[self.people].reset_index(drop=True)

    def known(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Whether anything at all was recorded of the person before the decision."""
        never = np.full(len(self.days), -(1 << 19))
        seen = sum(self.timeline(name).count(self.people, never, self.days) for name in ("visit", "relapse", "mri"))
        return np.asarray(seen > 0) | (courses(self).starts.count(self.people, never, self.days) > 0)


@dataclass(frozen=True, slots=True)
class Courses:
    """Courses of DMT (untreated periods left out) in order of person and start.

    ``starts`` holds each course's position in ``dmt``, ``stops`` and ``tiers``; ``firsts`` each DMT's first start.
    """

    starts: Timeline
    firsts: Timeline
    dmt: np.ndarray[tuple[int], np.dtype[np.object_]]
    stops: Ints
    tiers: Floats


def courses(look: Look) -> Courses:
    """The courses of the persons looked at."""
    if look.given is None:
        look.given = _courses(look)
    return look.given


def _courses(look: Look) -> Courses:
    frame = table(look.frames, "treatment", ("patient_id", "dmt", "start_date"))
    frame = frame[(frame["dmt"] != "none") & frame["dmt"].notna()].sort_values(["patient_id", "start_date", "dmt"])
    people, starts = look.people_of(frame), day_numbers(frame["start_date"])
    stops = day_numbers(frame["stop_date"]) if "stop_date" in frame.columns else np.full(len(frame), NO_DAY)
    names = frame["dmt"].astype(object).to_numpy()
    catalogue = dmts()
    ranks = [TIER_RANKS.get(catalogue[name].tier, np.nan) if name in catalogue else np.nan for name in names]
    first = ~frame.duplicated(["patient_id", "dmt"]).to_numpy(dtype=bool)
    return Courses(
        starts=Timeline.of(people, starts, np.arange(len(frame), dtype=np.float64)),
        firsts=Timeline.of(people[first], starts[first], np.ones(int(first.sum()))),
        dmt=names,
        stops=stops,
        tiers=np.asarray(ranks, dtype=np.float64),
    )


@dataclass(frozen=True, slots=True)
class PresentTherapy:
    """Per decision: the DMT under way the day before (``none`` when untreated), when the last one started and,
    if known to have stopped, stopped (day numbers, ``NO_DAY`` = none), and the last one's tier rank."""

    dmt: np.ndarray[tuple[int], np.dtype[np.object_]]
    on_dmt: np.ndarray[tuple[int], np.dtype[np.bool_]]
    started: Ints
    stopped: Ints
    last_tier: Floats


def present_therapy(look: Look, washout_days: int = 0) -> PresentTherapy:
    """The course started last before each decision; it goes on unless a stop lies before the decision.

    With ``washout_days`` a course stopped that recently still counts as under way: a switch is decided before the old
    drug is stopped, so the features of a switch must look as they did at that decision.
    """
    given = courses(look)
    position, started = given.starts.last(look.people, look.days)
    has = ~np.isnan(position)
    at = np.where(has, position, 0).astype(np.int64)
    stops = given.stops[at] if len(given.stops) else np.full(len(at), NO_DAY)
    stopped = np.where(has & (stops != NO_DAY) & (stops < look.days - washout_days), stops, NO_DAY)
    on_dmt = has & (stopped == NO_DAY)
    names = np.full(len(at), "none", dtype=object)
    names[on_dmt] = given.dmt[at[on_dmt]]
    tiers = np.where(has, given.tiers[at] if len(given.tiers) else np.nan, 0.0)
    return PresentTherapy(names, on_dmt, started, stopped, tiers)


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
        then, day = line.last(look.people, np.where(today == NO_DAY, -(1 << 19), today - days_back + 1))
        return _within(now - then, day, look, feature)

    return change


def _count(look: Look, feature: Feature) -> Floats:
    counted = look.timeline(feature.field).count(look.people, look.days - (feature.window_days or 0), look.days)
    return np.where(look.known(), counted.astype(np.float64), np.nan)


def _sum(look: Look, feature: Feature) -> Floats:
    return look.timeline(feature.field).total(look.people, look.days - (feature.window_days or 0), look.days)


def _dmts_before(look: Look, feature: Feature) -> Floats:
    ever = np.full(len(look.days), -(1 << 19))
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

RECIPES: dict[str, Callable[[Look, Feature], Floats]] = {
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
