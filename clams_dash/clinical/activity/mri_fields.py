"""The fields of the activity strip that come from scans: T2 lesions, enhancing lesions, brain volume.

A scan that was not made, not compared, or made without contrast is never read as no activity.
"""

from __future__ import annotations

from datetime import date, timedelta

from clams_dash.clinical.activity.attribution import Attribution, attribute, present_exposure
from clams_dash.clinical.activity.comparisons import (
    BRAIN,
    Comparison,
    VolumeChange,
    comparisons,
    covered,
    scans_between,
    volume_change,
)
from clams_dash.clinical.activity.findings import (
    FieldState,
    Finding,
    State,
    from_findings,
    not_assessable,
    window_start,
)
from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.words import drug, listed, plural, span
from clams_dash.model.records import Case, Scan, Source


def t2_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """One finding per scan later than ``after`` with a new or enlarging lesion.

    An alert when the lesions the present drug answers for reach the limit together; lesions that may be older than
    its effect are a watch.
    """
    positive = [one for one in comparisons(case, scans_between(case, after, as_of)) if one.known_lesions]
    judged = [(one, _lesion_attribution(case, one, as_of)) for one in positive]
    total = sum(one.known_lesions for one, attribution in judged if not attribution.early)
    state: State = "alert" if total >= activity_settings().t2_alert_from else "watch"
    return tuple(
        Finding(
            "watch" if attribution.early else state,
            one.scan.date,
            f"{one.words}, {attribution.words}",
            one.sources,
        )
        for one, attribution in judged
    )


def _lesion_attribution(case: Case, one: Comparison, as_of: date) -> Attribution:
    found = attribute(case, one.scan.date, as_of)
    present = present_exposure(case, as_of)
    if found.early or present is None or one.earlier is None:
        return found
    if one.earlier.date < present.start + timedelta(days=activity_settings().rebaseline_from_days):
        words = f"against a scan before the new baseline on {drug(present.dmt)}, and may be older than its effect"
        return Attribution(True, words)
    return found


def t2_field(case: Case, as_of: date) -> FieldState:
    """The T2 field: nothing new is ok only where the comparisons cover enough time."""
    after = window_start(as_of)
    scans = scans_between(case, after, as_of)
    if found := t2_findings(case, as_of, after):
        return from_findings(found)
    if (missing := _no_brain_scan(case, scans)) is not None:
        return missing
    compared = [one for one in comparisons(case, scans) if one.scan.region == BRAIN]
    if not compared:
        return not_assessable(f"{_dates(scans)} not compared with an earlier scan", _rows(scans))
    stretch = covered(compared)
    last = compared[-1]
    if stretch is None:
        return not_assessable(f"on {last.scan.date} {last.against}: {_incomplete(last)}", last.sources)
    start, end = stretch
    words = f"no new or enlarging T2 lesion from {start} to {end}"
    if (end - start).days < activity_settings().t2_least_span_days and not _after_new_baseline(case, as_of, start):
        short = f"{words}, which covers only {span(start, end)}"
        return not_assessable(short, tuple(source for one in compared for source in one.sources))
    return FieldState("ok", words, tuple(dict.fromkeys(source for one in reversed(compared) for source in one.sources)))


def _incomplete(last: Comparison) -> str:
    if last.lesions is None:
        return "new and enlarging lesions were not both recorded"
    return "the time it covers is not known"


def _after_new_baseline(case: Case, as_of: date, start: date) -> bool:
    """Whether the comparisons begin at the new baseline of a drug started too recently to cover more."""
    present, settings = present_exposure(case, as_of), activity_settings()
    if present is None:
        return False
    recent = (as_of - present.start).days <= settings.window_days + settings.rebaseline_until_days
    return recent and (start - present.start).days >= settings.rebaseline_from_days


def _no_brain_scan(case: Case, scans: tuple[Scan, ...]) -> FieldState | None:
    """The field's state when no scan of the brain lies in the window; None when one does."""
    if any(scan.region == BRAIN for scan in scans):
        return None
    if scans:
        regions = ", ".join(sorted({scan.region or "region not recorded" for scan in scans}))
        return not_assessable(f"no scan of the brain in the last 12 months ({regions})", _rows(scans))
    if not case.scans:
        return not_assessable("no scan recorded")
    last = case.scans[-1]
    return not_assessable(f"no scan in the last 12 months, the last was on {last.date}", (last.source,))


def _dates(scans: tuple[Scan, ...]) -> str:
    days = [str(scan.date) for scan in scans]
    return f"{plural(len(days), 'scan')} ({', '.join(days)})"


def _rows(scans: tuple[Scan, ...]) -> tuple[Source, ...]:
    return tuple(scan.source for scan in reversed(scans))


def gd_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """One finding per scan later than ``after`` with an enhancing lesion."""
    found = []
    for scan in scans_between(case, after, as_of):
        if scan.gd_lesions and scan.gd_given is not False:
            attribution = attribute(case, scan.date, as_of)
            text = f"{plural(scan.gd_lesions, 'enhancing lesion')} on {scan.date}, {attribution.words}"
            state: State = "watch" if attribution.early else "alert"
            found.append(Finding(state, scan.date, text, (scan.source,)))
    return tuple(found)


def gd_field(case: Case, as_of: date) -> FieldState:
    """The field of enhancing lesions; contrast not given is not zero."""
    after = window_start(as_of)
    scans = scans_between(case, after, as_of)
    if found := gd_findings(case, as_of, after):
        return from_findings(found)
    if (missing := _no_brain_scan(case, scans)) is not None:
        return missing
    read = [scan for scan in scans if scan.region == BRAIN and scan.gd_given and scan.gd_lesions == 0]
    if read:
        return FieldState("ok", f"no enhancing lesion on {read[-1].date}", (read[-1].source,))
    reasons: dict[str, list[str]] = {}
    for scan in reversed(scans):
        reasons.setdefault(_not_read(scan), []).append(str(scan.date))
    words = [why.format(listed(days)) for why, days in reasons.items()]
    return not_assessable("; ".join(words), _rows(scans))


def _not_read(scan: Scan) -> str:
    """Why a scan says nothing about enhancing lesions, with a place for its date."""
    if scan.gd_given is False:
        contrary = f", yet {plural(scan.gd_lesions, 'enhancing lesion')} recorded" if scan.gd_lesions else ""
        return f"contrast not given on {{}}{contrary}"
    if scan.gd_given is None:
        return "contrast not given on {}, or not recorded as given"
    if scan.region != BRAIN:
        return f"{scan.region or 'region not recorded'} on {{}}"
    return "contrast given on {}, enhancing lesions not recorded"


def volume_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """The latest brain volume change that can be judged on a scan later than ``after``, watch or ok."""
    limit = activity_settings().brain_volume.watch_below
    for scan in reversed(scans_between(case, after, as_of)):
        change = volume_change(case, scan)
        if isinstance(change, VolumeChange):
            lost = change.per_year < limit
            side = f"beyond {limit:g} % per year" if lost else f"not beyond {limit:g} % per year"
            text = f"{change.words}, {side}"
            if lost:
                text += _pseudo_atrophy(case, as_of, change)
            return (Finding("watch" if lost else "ok", scan.date, text, change.sources),)
    return ()


def _pseudo_atrophy(case: Case, as_of: date, change: VolumeChange) -> str:
    present = present_exposure(case, as_of)
    if present is None:
        return ""
    baseline = present.start + timedelta(days=activity_settings().rebaseline_from_days)
    if change.earlier.date < baseline and present.start < change.scan.date:
        return f"; the first scan lies before the new baseline on {drug(present.dmt)}, so part may be pseudo-atrophy"
    return ""


def brain_volume_field(case: Case, as_of: date) -> FieldState:
    """The brain volume field; never an alert, because one reading errs by 0.3 to 0.5 % (clinical.md 2.5)."""
    after = window_start(as_of)
    scans = scans_between(case, after, as_of)
    if found := volume_findings(case, as_of, after):
        return from_findings(found)
    if (missing := _no_brain_scan(case, scans)) is not None:
        return missing
    reasons = [change for scan in reversed(scans) if isinstance(change := volume_change(case, scan), str)]
    measured = [reason for reason in reasons if "not measured" not in reason]
    return not_assessable((measured or reasons)[0], _rows(scans))
