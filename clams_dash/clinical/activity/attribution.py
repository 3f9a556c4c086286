"""Which drug a relapse or lesion belongs to: before its start, within its onset lag, on it, or after it.

Activity before a drug can work is not failure of that drug; activity after natalizumab or fingolimod may be its return.
Full effect on relapses after 12 to 30 weeks: Roos 2020; return after stopping: clinical.md 4.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.person import Exposure, exposures
from clams_dash.clinical.words import drug, span
from clams_dash.model.records import Case


@dataclass(frozen=True, slots=True)
class Attribution:
    """``early``: before the present drug can be held responsible. ``words``: a clause that follows the finding."""

    early: bool
    words: str


def present_exposure(case: Case, as_of: date) -> Exposure | None:
    """The exposure running on ``as_of``, the one started last; None when there is none."""
    running = [one for one in exposures(case, as_of) if one.stop is None or as_of < one.stop]
    return running[-1] if running else None


def attribute(case: Case, day: date, as_of: date) -> Attribution:
    """Attribute what happened on ``day``, as judged on ``as_of`` (the case as known then)."""
    known = exposures(case, as_of)
    returning = _returning(known, day)
    after = f"; activity may be returning after {drug(returning.dmt)}, {_stopped(returning)}" if returning else ""
    present = present_exposure(case, as_of)
    if present is None:
        return Attribution(False, _without_present(case, known, day, returning) + after)
    if day < present.start:
        background = _background(known, day, returning)
        return Attribution(True, f"before {drug(present.dmt)} was started on {present.start}{background}{after}")
    lag = activity_settings().onset_lag.days(present.dmt)
    since = span(present.start, day)
    if day < present.start + timedelta(days=lag):
        lag_words = f"within its onset lag of {lag // 7} weeks"
        return Attribution(True, f"{since} after the start of {drug(present.dmt)}, {lag_words}{after}")
    return Attribution(False, f"on {drug(present.dmt)} for {since}{after}")


def _returning(known: tuple[Exposure, ...], day: date) -> Exposure | None:
    """The exposure whose stop may have brought the activity back."""
    for exposure in reversed(known):
        for rule in activity_settings().rebounds:
            if (
                exposure.dmt == rule.dmt
                and exposure.stop is not None
                and rule.from_days <= (day - exposure.stop).days <= rule.until_days
            ):
                return exposure
    return None


def _stopped(exposure: Exposure) -> str:
    return f"stopped on {exposure.stop}"


def _running(known: tuple[Exposure, ...], day: date) -> Exposure | None:
    running = [one for one in known if one.start <= day and (one.stop is None or day < one.stop)]
    return running[-1] if running else None


def _last_stopped(known: tuple[Exposure, ...], day: date) -> Exposure | None:
    stopped = [one for one in known if one.stop is not None and one.stop <= day]
    return max(stopped, key=lambda one: one.stop or day, default=None)


def _background(known: tuple[Exposure, ...], day: date, returning: Exposure | None) -> str:
    """What was taken on a day before the present drug."""
    then = _running(known, day)
    if then is not None:
        return f", on {drug(then.dmt)}"
    last = _last_stopped(known, day)
    if last is None or last.stop is None:
        return ""
    if (day - last.stop).days <= activity_settings().carry_over.days(last.dmt):
        return "" if last == returning else f", within the carry-over of {drug(last.dmt)}, {_stopped(last)}"
    return ", untreated"


def _without_present(case: Case, known: tuple[Exposure, ...], day: date, returning: Exposure | None) -> str:
    """What was taken on a day by someone without a drug at present."""
    then = _running(known, day)
    if then is not None:
        return f"on {drug(then.dmt)}, {_stopped(then)}"
    last = _last_stopped(known, day)
    if last is not None and last.stop is not None:
        if (day - last.stop).days <= activity_settings().carry_over.days(last.dmt) and last != returning:
            return f"within the carry-over of {drug(last.dmt)}, {_stopped(last)}"
        return "untreated"
    return "untreated" if case.treatments else "treatment not recorded"
