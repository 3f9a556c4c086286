"""The clinical fields of the activity strip: relapse and EDSS."""

from __future__ import annotations

from datetime import date, timedelta

from clams_dash.clinical.activity.attribution import attribute
from clams_dash.clinical.activity.findings import FieldState, Finding, from_findings, not_assessable, window_start
from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression import ConfirmedChange, Progression, UnconfirmedChange
from clams_dash.clinical.words import plural
from clams_dash.model.records import Case, Relapse, Source, Visit


def relapse_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """One finding per relapse dated later than ``after``: an alert, or a watch while the drug cannot work yet."""
    found = []
    for relapse in case.relapses:
        if relapse.date > after:
            attribution = attribute(case, relapse.date, as_of)
            text = f"{_relapse_words(relapse)}, {attribution.words}"
            found.append(Finding("watch" if attribution.early else "alert", relapse.date, text, (relapse.source,)))
    return tuple(found)


def _relapse_words(relapse: Relapse) -> str:
    severity = "" if relapse.severity == "unknown" else f"{relapse.severity} "
    steroids = {True: "steroids given", False: "no steroids", None: "steroids not recorded"}[relapse.steroids]
    recovery = {
        "complete": "complete recovery",
        "partial": "partial recovery",
        "none": "no recovery",
    }.get(relapse.recovery, "recovery not recorded")
    systems = f", {', '.join(relapse.functional_systems).replace('_', ' ')}" if relapse.functional_systems else ""
    return f"{severity}relapse on {relapse.date} ({steroids}, {recovery}{systems})"


def relapse_field(case: Case, as_of: date) -> FieldState:
    """The relapse field. Without a relapse it is ok only where visits could have heard of one."""
    after = window_start(as_of)
    if found := relapse_findings(case, as_of, after):
        return from_findings(found)
    if not case.visits:
        return not_assessable("no relapse and no visit recorded")
    last = case.visits[-1]
    if last.date <= after:
        return not_assessable(f"no visit in the last 12 months, the last was on {last.date}", (last.source,))
    if len(case.visits) < activity_settings().least_visits:
        return not_assessable(f"only one visit recorded, on {last.date}", (last.source,))
    seen = [visit for visit in case.visits if visit.date > after]
    reason = f"no relapse recorded in the last 12 months ({plural(len(seen), 'visit')}, the last on {last.date})"
    return FieldState("ok", reason, tuple(visit.source for visit in reversed(seen)))


def scored(case: Case) -> tuple[Visit, ...]:
    """Visits with an EDSS, in order of date."""
    return tuple(visit for visit in case.visits if visit.edss is not None)


def confirmed_words(change: ConfirmedChange, confirm_days: int) -> str:
    """A confirmed change in one clause, with its label, dates and span of confirmation."""
    kind = "improvement" if change.kind == "CDI" else "worsening"
    label = {"PIRA": " (PIRA)", "RAW": " (RAW)", "undefined": " (neither PIRA nor RAW)"}.get(change.label or "", "")
    if change.kind == "CDW" and change.label is None:
        label = " (PIRA or RAW cannot be told)"
    open_label = "; the label may still change" if change.kind == "CDW" and not change.label_final else ""
    return (
        f"confirmed {kind}{label}: EDSS {change.onset_edss:.1f} since {change.onset_date} after "
        f"{change.reference_edss:.1f}, confirmed on {change.confirmed_date} ({confirm_days // 7} weeks){open_label}"
    )


def unconfirmed_words(change: UnconfirmedChange, last: float, confirm_days: int) -> str:
    """An unconfirmed worsening in one clause, with the day from which a visit may confirm it."""
    from_day = change.onset_date + timedelta(days=confirm_days)
    now = "" if last == change.onset_edss else f", now {last:.1f}"
    return (
        f"EDSS {change.onset_edss:.1f} since {change.onset_date} after {change.reference_edss:.1f}{now}: worsening "
        f"unconfirmed, a visit from {from_day} on can confirm it"
    )


def edss_findings(case: Case, found: Progression, convention: Convention, after: date) -> tuple[Finding, ...]:
    """Worsening and improvement confirmed later than ``after``, and worsening that stands unconfirmed."""
    scores = scored(case)
    rows = {visit.date: visit.source for visit in scores}
    days = convention.confirm_days
    findings = [
        Finding(
            "alert" if change.kind == "CDW" else "ok",
            change.confirmed_date,
            confirmed_words(change, days) + _since_then(change, scores[-1]),
            _rows(rows, change.confirmed_date, change.onset_date, change.reference_date),
        )
        for change in found.events
        if change.confirmed_date > after
    ]
    for open_change in found.unconfirmed:
        last = scores[-1]
        if open_change.kind == "CDW" and last.edss is not None and last.date > after:
            text = unconfirmed_words(open_change, last.edss, days)
            sources = _rows(rows, last.date, open_change.onset_date, open_change.reference_date)
            findings.append(Finding("watch", last.date, text, sources))
    return tuple(findings)


def _since_then(change: ConfirmedChange, last: Visit) -> str:
    if change.held_until != last.date:
        return f", last held on {change.held_until}; EDSS {last.edss:.1f} on {last.date}"
    return "" if last.edss == change.onset_edss else f"; EDSS now {last.edss:.1f} ({last.date})"


def _rows(rows: dict[date, Source], *days: date) -> tuple[Source, ...]:
    return tuple(dict.fromkeys(rows[day] for day in days))


def edss_field(case: Case, as_of: date, found: Progression, convention: Convention) -> FieldState:
    """The EDSS field; ok only where two scores can be compared and the last lies in the window."""
    after = window_start(as_of)
    scores = scored(case)
    if not scores:
        return not_assessable("no EDSS recorded")
    last = scores[-1]
    if findings := edss_findings(case, found, convention, after):
        return from_findings(findings)
    if len(scores) < 2:
        return not_assessable(f"only one EDSS recorded: {last.edss:.1f} on {last.date}", (last.source,))
    if last.date <= after:
        reason = f"no EDSS in the last 12 months, the last was {last.edss:.1f} on {last.date}"
        return not_assessable(reason, (last.source,))
    if not _has_reference(case, scores, convention):
        days = convention.relapse_days
        return not_assessable(f"every earlier EDSS lies within {days} days after a relapse, so there is no reference")
    before = scores[-2]
    reason = f"EDSS {last.edss:.1f} on {last.date}, {before.edss:.1f} on {before.date}: no worsening of a full step"
    return FieldState("ok", reason, (last.source, before.source))


def _has_reference(case: Case, scores: tuple[Visit, ...], convention: Convention) -> bool:
    gap = timedelta(days=convention.relapse_days)
    return any(
        not any(relapse.date <= visit.date < relapse.date + gap for relapse in case.relapses) for visit in scores[:-1]
    )
