"""Checks across rows and tables: what is unusual is kept and shown as a warning (``data/rules/checks.toml``)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from clams_dash.clinical.neurostatus import SYSTEMS, edss_of_systems
from clams_dash.config import FACTS_DIR
from clams_dash.ingest.faults import Fault
from clams_dash.ingest.known import Known, look_up
from clams_dash.ingest.parse import empty_frame
from clams_dash.ingest.staging import Reject
from clams_dash.model import catalogues, tables
from clams_dash.model.tables import Table

CHECK_RULES = FACTS_DIR / "rules" / "checks.toml"


@lru_cache(maxsize=1)
def rules() -> dict[str, dict[str, Any]]:
    """The checks by name: what each means, its source and its limit."""
    return catalogues.read_toml(CHECK_RULES)


@dataclass(frozen=True)
class _View:
    """Tables as they will stand: rows of the import, and of the pool where the import does not take their place."""

    incoming: Mapping[str, pd.DataFrame]
    known: Known
    shifted: bool

    def own(self, table: Table) -> pd.DataFrame:
        """Rows of the import; an empty frame where it has none."""
        found = self.incoming.get(table.name)
        return empty_frame(table) if found is None else found

    def all(self, table: Table) -> pd.DataFrame:
        """Rows of the import with their position in ``position``, and those of the pool without one (-1)."""
        own, held = self.own(table), self.known.frame(table)
        own = own.assign(position=np.arange(len(own)))
        if held.empty:
            return own
        key = list(table.key)
        taken = pd.MultiIndex.from_frame(own[key].astype("string").fillna(""))
        stands = ~pd.MultiIndex.from_frame(held[key].astype("string").fillna("")).isin(taken)
        shared = [name for name in own.columns if name in held.columns]
        rest = held.loc[stands, shared].assign(position=-1)
        return rest if own.empty else pd.concat([own, rest], ignore_index=True) if len(rest) else own


def warnings(frames: Mapping[str, pd.DataFrame], known: Known, *, shifted: bool) -> list[Reject]:
    """Warnings about the kept rows of an import, with what the pool holds about the same people.

    ``shifted``: dates were moved back, so they cannot be compared with the calendar.
    """
    view = _View(frames, known, shifted)
    found = []
    for table, checks in _CHECKS.items():
        own = view.own(tables.BY_NAME[table])
        if own.empty:
            continue
        faults = [fault for check in checks for fault in check(view)]
        found += [fault.reject(tables.BY_NAME[table], own) for fault in sorted(faults, key=lambda fault: fault.row)]
    return found


def _warn(row: object, column: str, rule: str, said: str = "") -> Fault:
    text = f"{column}: {rules()[rule]['meaning']}{f' ({said})' if said else ''}"
    return Fault(int(str(row)), column, rule, text, "warning")


def _where(frame: pd.DataFrame, mask: pd.Series, column: str, rule: str) -> list[Fault]:
    return [_warn(row, column, rule) for row in np.flatnonzero(mask.fillna(False).astype(bool).to_numpy())]


def _edss_against_fs(view: _View) -> Iterator[Fault]:
    visits = view.own(tables.VISIT)
    names = [f"fs_{system}" for system in SYSTEMS]
    whole = visits[["edss", *names]].notna().all(axis=1).to_numpy()
    rows = np.flatnonzero(whole)
    if not len(rows):
        return
    scores = visits.iloc[rows][names].astype("int64").to_numpy()
    expected = edss_of_systems(scores)
    for row, given, follows in zip(rows, visits["edss"].iloc[rows], expected, strict=True):
        if given != follows:
            yield _warn(row, "edss", "edss_against_fs", f"they give {follows:.1f}")


def _edss_jump(view: _View) -> Iterator[Fault]:
    visits = view.all(tables.VISIT).dropna(subset=["edss"]).sort_values(["patient_id", "date"], kind="stable")
    before = visits.groupby("patient_id")["edss"].shift()
    changed = (visits["edss"].astype("float64") - before.astype("float64")).abs() >= rules()["edss_jump"]["points"]
    mine = visits["position"] >= 0
    for position, earlier in zip(visits["position"][changed & mine], before[changed & mine], strict=True):
        yield _warn(position, "edss", "edss_jump", f"it was {earlier:.1f}")


def _visit_soon_after_relapse(view: _View) -> Iterator[Fault]:
    visits, relapses = view.own(tables.VISIT), view.all(tables.RELAPSE)
    yield from _soon_after(visits, relapses, "visit_soon_after_relapse", "a relapse on", same_day=True)


def _relapse_soon_after_relapse(view: _View) -> Iterator[Fault]:
    own, relapses = view.own(tables.RELAPSE), view.all(tables.RELAPSE)
    yield from _soon_after(own, relapses, "relapse_soon_after_relapse", "one on", same_day=False)


def _soon_after(rows: pd.DataFrame, events: pd.DataFrame, rule: str, said: str, *, same_day: bool) -> Iterator[Fault]:
    """Rows dated within a rule's days after the last event of the same person."""
    if rows.empty or events.empty:
        return
    left = _dated(rows).assign(position=np.arange(len(rows))).sort_values("date", kind="stable")
    right = _dated(events).assign(event=lambda frame: frame["date"]).sort_values("date", kind="stable")
    near = pd.merge_asof(
        left, right, on="date", by="patient_id", allow_exact_matches=same_day,
        tolerance=pd.Timedelta(days=rules()[rule]["days"]),
    )  # fmt: skip
    hits = near.dropna(subset=["event"])
    for position, event in zip(hits["position"], hits["event"], strict=True):
        yield _warn(position, "date", rule, f"{said} {event.date()}")


def _dated(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["patient_id", "date"]].astype({"patient_id": object, "date": "datetime64[us]"})


def _treatment_overlap(view: _View) -> Iterator[Fault]:
    courses = view.all(tables.TREATMENT)
    courses = courses[courses["dmt"] != "none"].sort_values(["patient_id", "start_date"], kind="stable")
    slack = pd.Timedelta(days=rules()["treatment_overlap"]["days"])
    for _, own in courses.groupby("patient_id", sort=False):
        if len(own) < 2 or (own["position"] < 0).all():
            continue
        rows = list(zip(own["position"], own["dmt"], own["start_date"], own["stop_date"], strict=True))
        for index, (position, dmt, start, _) in enumerate(rows):
            running = [
                (other, earlier)
                for earlier, other, _, stop in rows[:index]
                if other != dmt and (pd.isna(stop) or stop - start >= slack)
            ]
            if running and max(position, running[-1][1]) >= 0:
                said = f"{running[-1][0]} and {dmt} from {start.date()}"
                yield _warn(position if position >= 0 else running[-1][1], "start_date", "treatment_overlap", said)


def _drug_not_yet_approved(view: _View) -> Iterator[Fault]:
    courses = view.own(tables.TREATMENT)
    if view.shifted:
        return
    years = {name: dmt.approved_year for name, dmt in catalogues.dmts().items() if dmt.approved_year is not None}
    for row, (dmt, start) in enumerate(zip(courses["dmt"], courses["start_date"], strict=True)):
        if dmt in years and start.year < years[dmt]:
            yield _warn(row, "start_date", "drug_not_yet_approved", f"{dmt} in {years[dmt]}")


def _stop_reason_without_stop(view: _View) -> Iterator[Fault]:
    rows = view.own(tables.TREATMENT)
    mask = rows["stop_reason"].notna() & rows["stop_date"].isna()
    yield from _where(rows, mask, "stop_reason", "stop_reason_without_stop")


def _diagnosis_before_onset(view: _View) -> Iterator[Fault]:
    rows = view.own(tables.PATIENT)
    yield from _where(rows, rows["diagnosis_date"] < rows["onset_date"], "diagnosis_date", "diagnosis_before_onset")


def _person_changed(view: _View) -> Iterator[Fault]:
    held, rows = view.known.people(), view.own(tables.PATIENT)
    if held.empty:
        return
    for column in ("sex", "birth_date"):
        before = look_up(rows["patient_id"], held[column])
        for row in np.flatnonzero((before.notna() & rows[column].notna() & (before != rows[column])).fillna(False)):
            yield _warn(row, column, "person_changed")


def _counts(view: _View) -> Iterator[Fault]:
    rows = view.own(tables.MRI)
    enhancing = (rows["gd_lesions"] > 0) & rows["gd_given"].eq(False)
    yield from _where(rows, enhancing, "gd_lesions", "enhancing_without_contrast")
    yield from _where(rows, rows["new_t2"] > rows["t2_count"], "new_t2", "more_new_than_all")


def _comparison_study(view: _View) -> Iterator[Fault]:
    studies = view.all(tables.MRI).set_index("study_id")
    rows = view.own(tables.MRI)
    named = rows["comparison_study_id"].notna()
    owner, day = (
        look_up(rows["comparison_study_id"], studies["patient_id"]),
        look_up(rows["comparison_study_id"], studies["date"]),
    )
    wrong = named & (owner.isna() | (owner != rows["patient_id"]) | ~(day < rows["date"]))
    yield from _where(rows, wrong, "comparison_study_id", "comparison_study")


def _lab_limits(view: _View) -> Iterator[Fault]:
    rows = view.own(tables.LAB)
    yield from _where(rows, rows["lower_limit"] > rows["upper_limit"], "lower_limit", "lab_limits")


def _pregnancy_of_a_man(view: _View) -> Iterator[Fault]:
    facts, people = view.own(tables.CLINICAL_FACT), view.all(tables.PATIENT).set_index("patient_id")["sex"]
    mask = (facts["kind"] == "pregnancy") & (look_up(facts["patient_id"], people) == "male")
    yield from _where(facts, mask, "kind", "pregnancy_of_a_man")


_CHECKS: dict[str, tuple[Callable[[_View], Iterator[Fault]], ...]] = {
    "patient": (_diagnosis_before_onset, _person_changed),
    "visit": (_edss_against_fs, _edss_jump, _visit_soon_after_relapse),
    "relapse": (_relapse_soon_after_relapse,),
    "treatment": (_treatment_overlap, _drug_not_yet_approved, _stop_reason_without_stop),
    "clinical_fact": (_pregnancy_of_a_man,),
    "lab": (_lab_limits,),
    "mri": (_counts, _comparison_study),
}
