"""Decisions to learn from, and what became of them.

A decision is a start or switch of a DMT, or a visit at which the present therapy (or none) was kept. Analysis is by
intention to treat: the arm is what was decided, whatever followed. Outcomes within the horizon: a relapse; a
worsening of the EDSS confirmed at 24 weeks by month 30, against the last EDSS before the decision; new T2 lesions of
the first year; NEDA-3, lesions counted from a new baseline (``lesion_outcomes.py``). Decisions whose
people were lost before the outcome could be known are left out, the others weighted by the inverse probability of
not being lost; decisions too recent to be followed up at all are left out without a weight.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import pandas as pd

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.edss import edss_rules, is_valid
from clams_dash.clinical.progression import Score, change_from
from clams_dash.response.censoring import Outcome, Seen, weighted
from clams_dash.response.features import features_at
from clams_dash.response.history import LONG_AGO, Look, present_therapy
from clams_dash.response.lesion_outcomes import neda, new_t2
from clams_dash.response.settings import Design
from clams_dash.response.timelines import NO_DAY, Floats, Frames, Ints, Timeline, day_numbers, numbers, table

OUTCOMES: tuple[str, ...] = ("relapse", "worsening", "new_t2", "neda")
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Decisions:
    """``index``: patient_id, index_date, arm, kind (start, stay). ``features``: their features, row by row."""

    index: pd.DataFrame
    features: pd.DataFrame


def decisions(frames: Frames, design: Design) -> Decisions:
    """All decisions of the pool about people of whom something was known before, in order of person and date."""
    starts = _starts(frames, design)
    stays = _stays(frames, starts, design)
    index = pd.concat([starts, stays], ignore_index=True).sort_values(["patient_id", "index_date", "arm"])
    index = index.drop_duplicates(["patient_id", "index_date"]).reset_index(drop=True)
    if len(index):
        index = index[Look.at(frames, index).known()].reset_index(drop=True)
    return Decisions(index, features_at(frames, index))


def outcomes(frames: Frames, made: Decisions, design: Design) -> dict[str, Outcome]:
    """Relapse, confirmed worsening, new T2 lesions and NEDA-3 of every decision."""
    look = Look.at(frames, made.index)
    clinical = {"relapse": _relapse(look, made, design), "worsening": _worsening(look, made, design)}
    return {
        **clinical,
        "new_t2": new_t2(look, made.features, design),
        "neda": neda(look, made.features, clinical, design),
    }


def _dates(days: Ints) -> pd.Series:
    return pd.Series(days.astype("datetime64[D]").astype("datetime64[s]"))


def _starts(frames: Frames, design: Design) -> pd.DataFrame:
    given = table(frames, "treatment", ("patient_id", "dmt", "start_date"))
    given = given[given["dmt"].notna() & (given["dmt"] != "none") & given["start_date"].notna()]
    given = given.sort_values(["patient_id", "dmt", "start_date"])
    start = pd.Series(day_numbers(given["start_date"]), index=given.index)
    stop = pd.Series(day_numbers(given["stop_date"]) if "stop_date" in given.columns else NO_DAY, index=given.index)
    same = given.duplicated(["patient_id", "dmt"])
    earlier_stop = stop.shift(1, fill_value=NO_DAY)
    continued = same & ((earlier_stop == NO_DAY) | (start - earlier_stop <= design.restart_gap_days))
    fresh = given[~continued]
    return pd.DataFrame(
        {
            "patient_id": fresh["patient_id"].astype(object).to_numpy(),
            "index_date": _dates(start[~continued].to_numpy()).to_numpy(),
            "arm": fresh["dmt"].astype(object).to_numpy(),
            "kind": "start",
        }
    )


def _stays(frames: Frames, starts: pd.DataFrame, design: Design) -> pd.DataFrame:
    visits = table(frames, "visit")
    seen = pd.DataFrame({"patient_id": visits["patient_id"].astype(object), "day": day_numbers(visits["date"])})
    seen = seen[seen["day"] != NO_DAY].sort_values(["patient_id", "day"]).reset_index(drop=True)
    codes, ids = pd.factorize(seen["patient_id"])
    people, days = codes.astype(np.int64), seen["day"].to_numpy()
    begun = Timeline.of(
        pd.Index(ids).get_indexer(pd.Index(starts["patient_id"])).astype(np.int64),
        day_numbers(starts["index_date"]),
        np.ones(len(starts)),
    )
    near = begun.count(people, days - design.settle_after_start_days, days + design.grace_before_start_days + 1)
    period = (
        days - seen.groupby("patient_id", sort=False)["day"].transform("min").to_numpy()
    ) // design.stay_spacing_days
    kept = seen.assign(period=period)[near == 0].drop_duplicates(["patient_id", "period"])
    # The visit itself informs the decision, so the decision is dated the day after it.
    index = pd.DataFrame(
        {"patient_id": kept["patient_id"].to_numpy(), "index_date": _dates(kept["day"].to_numpy() + 1).to_numpy()}
    )
    arm = present_therapy(Look.at(frames, index)).dmt if len(index) else np.array([], dtype=object)
    return index.assign(arm=arm, kind="stay")


def _last_records(look: Look) -> Ints:
    """Per person of the look, the last day on which anything was recorded."""
    last = np.full(len(look.ids), LONG_AGO, dtype=np.int64)
    columns = [(name, "date") for name in ("visit", "relapse", "mri", "lab", "clinical_fact")]
    for name, column in [*columns, ("treatment", "start_date"), ("treatment", "stop_date")]:
        frame = table(look.frames, name, ("patient_id",))
        if column not in frame.columns:
            continue
        people, days = look.people_of(frame), day_numbers(frame[column])
        dated = (people >= 0) & (days != NO_DAY)
        np.maximum.at(last, people[dated], days[dated])
    return last


def _relapse(look: Look, made: Decisions, design: Design) -> Outcome:
    after = look.timeline("relapse").count(look.people, look.days + 1, look.days + design.horizon_days + 1)
    no = np.zeros(len(after), dtype=bool)
    seen = Seen(until=_last_records(look)[look.people], value=(after > 0).astype(float), unsure=no, eligible=~no)
    return weighted("relapse", made.features, look.days, seen, design.horizon_days, design)


def _worsening(look: Look, made: Decisions, design: Design) -> Outcome:
    scores, relapses = _scores_and_relapses(look)
    convention = Convention(
        threshold=design.worsening_threshold, confirm_days=design.confirm_days, reference="fixed", event="first"
    )
    count = len(look.days)
    no = np.zeros(count, dtype=bool)
    seen = Seen(until=np.full(count, LONG_AGO), value=np.zeros(count), unsure=no.copy(), eligible=no.copy())
    for row, (person, day) in enumerate(zip(look.people.tolist(), look.days.tolist(), strict=True)):
        own, attacks = scores[person], [when for when, _ in relapses[person]]
        reference = _reference(own, attacks, day, design)
        if reference is not None:
            seen.eligible[row], seen.until[row] = True, own[-1][0]
            seen.value[row], seen.unsure[row] = _one_worsening(reference, own, attacks, day, convention, design)
    needed_days = design.horizon_days + design.confirm_days
    return weighted("worsening", made.features, look.days, seen, needed_days, design)


def reference_scores(frames: Frames, index: pd.DataFrame, design: Design) -> Floats:
    """EDSS that worsening after each decision (patient_id, index_date) is counted from; NaN where there is none."""
    look = Look.at(frames, index)
    scores, relapses = _scores_and_relapses(look)
    found = [
        _reference(scores[person], [when for when, _ in relapses[person]], day, design)
        for person, day in zip(look.people.tolist(), look.days.tolist(), strict=True)
    ]
    return np.array([np.nan if one is None else one[1] for one in found])


def _scores_and_relapses(look: Look) -> tuple[list[list[tuple[int, float]]], list[list[tuple[int, float]]]]:
    """Valid EDSS scores and relapses of every person of the look, as (day, value)."""
    visits, falls = table(look.frames, "visit"), table(look.frames, "relapse")
    edss, days, people = numbers(visits, "edss"), day_numbers(visits["date"]), look.people_of(visits)
    valid = np.array([is_valid(value) for value in edss], dtype=bool) & (days != NO_DAY) & (people >= 0)
    scores = _by_person(people[valid], days[valid], edss[valid], len(look.ids))
    relapses = _by_person(look.people_of(falls), day_numbers(falls["date"]), np.ones(len(falls)), len(look.ids))
    return scores, relapses


def _by_person(people: Ints, days: Ints, values: Floats, count: int) -> list[list[tuple[int, float]]]:
    grouped: list[dict[int, float]] = [{} for _ in range(count)]
    for person, day, value in zip(people.tolist(), days.tolist(), values.tolist(), strict=True):
        if person >= 0 and day != NO_DAY:
            grouped[person][day] = max(value, grouped[person].get(day, value))
    return [sorted(one.items()) for one in grouped]


def _one_worsening(
    reference: tuple[int, float],
    scores: list[tuple[int, float]],
    relapses: list[int],
    day: int,
    convention: Convention,
    design: Design,
) -> tuple[bool, bool]:
    """Whether worsening was confirmed within the horizon, and whether that cannot be told."""
    until = day + design.confirm_until_days
    later = [Score(_day(when), value) for when, value in scores if day < when <= until]
    found = change_from(
        Score(_day(reference[0]), reference[1]), later, [_day(when) for when in relapses if when <= until], convention
    )
    last_onset = _day(day + design.horizon_days)
    event = found.first("CDW")
    if event is not None:
        return event.onset_date <= last_onset, False
    return False, any(change.kind == "CDW" and change.onset_date <= last_onset for change in found.unconfirmed)


def _reference(
    scores: list[tuple[int, float]], relapses: list[int], day: int, design: Design
) -> tuple[int, float] | None:
    """The last EDSS before the decision; if it lies soon after a relapse, an earlier one that does not, if recent."""
    before = [(when, value) for when, value in scores if when < day]
    if not before:
        return None
    distance = edss_rules().default_relapse_days
    calm = [
        (when, value)
        for when, value in before
        if when >= day - design.reference_window_days
        and not any(0 <= when - relapse < distance for relapse in relapses)
    ]
    return calm[-1] if calm else before[-1]


def _day(number: int) -> date:
    return _EPOCH + timedelta(days=number)
