"""The line "since last visit": what is new or changed, ordered by weight, each item with its numbers and source rows.

From the visit before the last one (exclusive) to the day looked at (inclusive), or since a chosen date. An item has the
state its finding has in the strip. No item without data behind it; with nothing to compare, the line says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Literal

from clams_dash.clinical.activity.clinical_fields import edss_findings, relapse_findings, scored
from clams_dash.clinical.activity.comparisons import comparisons, lesion_words, scans_between
from clams_dash.clinical.activity.findings import RANK, Finding, State, known_on, window_start
from clams_dash.clinical.activity.lab_items import lab_items
from clams_dash.clinical.activity.mask_findings import conflict_findings, mask_findings
from clams_dash.clinical.activity.mri_fields import gd_findings, t2_findings, volume_findings
from clams_dash.clinical.activity.safety_field import SafetyView, breach_lab, breach_text, overdue_text, safety_view
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.person import Exposure, exposures
from clams_dash.clinical.progression import progression
from clams_dash.clinical.safety.pml_finding import TEST as PML_TEST
from clams_dash.clinical.words import drug, plural, sentence
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Source

Kind = Literal[
    "relapse",
    "new_t2",
    "masks",
    "report_conflict",
    "gd",
    "edss",
    "brain_volume",
    "lab",
    "safety",
    "treatment",
    "nothing_new",
    "no_comparison",
]
Severity = Literal["alert", "watch", "info"]
_SEVERITY: dict[State, Severity] = {"alert": "alert", "watch": "watch", "ok": "info", "not_assessable": "info"}
_WEIGHT: dict[Severity, int] = {"alert": 0, "watch": 1, "info": 2}
_PLACE: dict[Kind, int] = {
    "relapse": 0, "new_t2": 1, "masks": 2, "report_conflict": 3, "gd": 4, "edss": 5, "brain_volume": 6, "lab": 7,
    "safety": 8, "treatment": 9, "nothing_new": 10, "no_comparison": 11,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One item of the line: a sentence without its full stop, how much it matters, and the rows behind it."""

    kind: Kind
    text: str
    severity: Severity
    sources: tuple[Source, ...]


def since_last_visit(
    case: Case, as_of: date, convention: Convention | None = None, since: date | None = None
) -> tuple[Item, ...]:
    """The line as known on ``as_of``. ``since``: look at what is later than that day, not than the visit before last.

    Raises ValueError when ``since`` is later than ``as_of``, and as :func:`progression` does.
    """
    if since is not None and since > as_of:
        raise ValueError(f"since {since} lies after {as_of}")
    known, chosen = known_on(case, as_of), convention or Convention()
    after = since or line_begins_after(known)
    if after is None:
        return (_no_comparison(known),)
    view = safety_view(known, as_of)
    found = [
        *_items("relapse", relapse_findings(known, as_of, after)),
        *_items("new_t2", _lesions(known, as_of, after)),
        *_items("masks", mask_findings(known, as_of, after)),
        *_items("report_conflict", conflict_findings(known, as_of, after)),
        *_items("gd", gd_findings(known, as_of, after)),
        *_items("edss", edss_findings(known, progression(known, chosen), chosen, after)),
        *_items("brain_volume", (one for one in volume_findings(known, as_of, after) if one.state == "watch")),
        *_items("lab", lab_items(known, as_of, after, view)),
        *_items("safety", _standing(known, as_of, after, view)),
        *_items("treatment", _treatments(known, as_of, after)),
    ]
    if not found:
        return (_nothing_new(known, as_of, after),)
    return tuple(sorted(found, key=lambda item: (_WEIGHT[item.severity], _PLACE[item.kind])))


def line_begins_after(case: Case) -> date | None:
    """The day of the visit before the last one; None with fewer than two visits."""
    return sorted(visit.date for visit in case.visits)[-2] if len(case.visits) > 1 else None


def _items(kind: Kind, findings: Iterable[Finding]) -> list[Item]:
    ordered = sorted(findings, key=lambda one: (RANK[one.state], -one.day.toordinal()))
    return [Item(kind, sentence(one.text), _SEVERITY[one.state], one.sources) for one in ordered]


def _lesions(case: Case, as_of: date, after: date) -> list[Finding]:
    """New lesions later than ``after``: those in the window of the strip with its state, older ones with their own."""
    start = window_start(as_of)
    recent = [one for one in t2_findings(case, as_of, start) if one.day > after]
    older = [one for one in t2_findings(case, as_of, after) if one.day <= start]
    return [*recent, *older]


def _standing(case: Case, as_of: date, after: date, view: SafetyView) -> list[Finding]:
    """What stands on the day and is no laboratory value: breaches without one, all overdue tests in one item, the rest.

    The PML risk rests on an index and on the time on the drug, so it stands even where the index is not new.
    """
    found = []
    for one, state in view.breaches:
        lab = breach_lab(case, one)
        if lab is None or (one.test == PML_TEST and lab.date <= after):
            found.append(Finding(state, one.last_date or as_of, breach_text(one, view), one.sources))
    if view.overdue:
        rows = tuple(dict.fromkeys(source for one in view.overdue for source in one.sources))
        found.append(Finding("watch", as_of, overdue_text(view.overdue), rows))
    return [*found, *view.standing]


def _treatments(case: Case, as_of: date, after: date) -> list[Finding]:
    """Starts and stops later than ``after``; a stop and the start that followed it are one switch."""
    known = exposures(case, as_of)
    starts = [one for one in known if one.start > after]
    stops = [one for one in known if one.stop is not None and one.stop > after]
    found = []
    for started in starts:
        left = next((one for one in reversed(stops) if one.dmt != started.dmt and one.start < started.start), None)
        if left is None:
            text = f"{drug(started.dmt)} started on {started.start}"
            found.append(Finding("ok", started.start, text, (started.source,)))
        else:
            stops.remove(left)
            text = f"switch from {_stopped(case, left)} to {drug(started.dmt)} (started on {started.start})"
            found.append(Finding("ok", started.start, text, (started.source, left.source)))
    return [*found, *(Finding("ok", one.stop or as_of, _stop_words(case, one), (one.source,)) for one in stops)]


def _stop_reason(case: Case, exposure: Exposure) -> str:
    course = next(one for one in case.treatments if one.dmt == exposure.dmt and one.stop_date == exposure.stop)
    if course.stop_reason in (None, "unknown"):
        return ""
    return f", {catalogues.labels('stop_reasons').get(course.stop_reason, course.stop_reason)}"


def _stopped(case: Case, exposure: Exposure) -> str:
    return f"{drug(exposure.dmt)} (stopped on {exposure.stop}{_stop_reason(case, exposure)})"


def _stop_words(case: Case, exposure: Exposure) -> str:
    return f"{drug(exposure.dmt)} stopped on {exposure.stop}{_stop_reason(case, exposure)}"


def _no_comparison(case: Case) -> Item:
    if not case.visits:
        return Item("no_comparison", "Nothing to compare: no visit recorded", "info", (case.patient.source,))
    only = case.visits[0]
    edss = "EDSS not recorded" if only.edss is None else f"EDSS {only.edss:.1f}"
    return Item(
        "no_comparison", f"Nothing to compare: one visit recorded, on {only.date} ({edss})", "info", (only.source,)
    )


def _nothing_new(case: Case, as_of: date, after: date) -> Item:
    """That nothing is new, with what was looked at: EDSS, scans, laboratory. What is missing is said."""
    looked = [_edss_looked_at(case, after), *_scans_looked_at(case, as_of, after), _labs_looked_at(case, after)]
    rows = [visit.source for visit in reversed(case.visits) if visit.date > after]
    rows += [scan.source for scan in reversed(scans_between(case, after, as_of))]
    text = f"Nothing new recorded since {after}: {', '.join(looked)}"
    return Item("nothing_new", text, "info", tuple(rows) or (case.patient.source,))


def _edss_looked_at(case: Case, after: date) -> str:
    scores = scored(case)
    if not scores or scores[-1].date <= after:
        return "no EDSS"
    last = scores[-1]
    if len(scores) == 1:
        return f"EDSS {last.edss:.1f} on {last.date}, none before"
    before = "unchanged" if scores[-2].edss == last.edss else f"{scores[-2].edss:.1f} before"
    return f"EDSS {last.edss:.1f} on {last.date} ({before})"


def _scans_looked_at(case: Case, as_of: date, after: date) -> list[str]:
    scans = scans_between(case, after, as_of)
    if not scans:
        return ["no scan"]
    compared = {one.scan.study_id: one for one in comparisons(case, scans)}
    words = []
    for scan in reversed(scans):
        if scan.study_id in compared:
            words.append(f"scan of {scan.date} with {lesion_words(scan)}")
        else:
            words.append(f"scan of {scan.date} not compared with an earlier one")
    return words


def _labs_looked_at(case: Case, after: date) -> str:
    new = [lab for lab in case.labs if lab.date > after]
    return f"{plural(len(new), 'laboratory result')}, none newly abnormal" if new else "no laboratory result"
