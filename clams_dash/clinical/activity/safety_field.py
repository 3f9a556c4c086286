"""The safety field of the activity strip: monitoring on the present drug, and what a former drug leaves behind.

Built from the findings of :mod:`clams_dash.clinical.safety`. An overdue test is a watch, however late; a threshold that
has to last or be repeated is a watch until it has. Not known what is taken = not assessable, never normal.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from clams_dash.clinical.activity.attribution import present_exposure
from clams_dash.clinical.activity.findings import RANK, FieldState, Finding, State, from_findings, not_assessable
from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.person import exposures
from clams_dash.clinical.safety.eligibility import chips
from clams_dash.clinical.safety.findings import SafetyFinding
from clams_dash.clinical.safety.findings import State as Standing
from clams_dash.clinical.safety.monitoring import findings as monitoring_findings
from clams_dash.clinical.safety.monitoring import without_rules
from clams_dash.clinical.safety.pml_finding import TEST as PML_TEST
from clams_dash.clinical.safety.rules import Phase
from clams_dash.clinical.words import drug, in_sentence, listed, printed_units
from clams_dash.model.records import Case, LabResult


@dataclass(frozen=True, slots=True)
class SafetyView:
    """Monitoring as the strip and the line since the last visit read it.

    ``monitoring``: every finding of the safety rules. ``breaches``: those over a threshold, with their state in the
    strip; ``kept``: thresholds not reached; ``unknown``: thresholds without a result to judge by. ``overdue``: tests
    past their date. ``unrecorded``: tests this pool seldom holds, which move nothing. ``standing``: pregnancy and what
    a former drug leaves behind.
    """

    monitoring: tuple[SafetyFinding, ...]
    breaches: tuple[tuple[SafetyFinding, State], ...]
    kept: tuple[SafetyFinding, ...]
    overdue: tuple[SafetyFinding, ...]
    unknown: tuple[SafetyFinding, ...]
    unrecorded: tuple[str, ...]
    standing: tuple[Finding, ...]


def safety_view(case: Case, as_of: date) -> SafetyView:
    """Apply the safety rules and sort out what they find."""
    found = monitoring_findings(case, as_of)
    rules = activity_settings().safety
    live = [one for one in found if one.phase is not Phase.BEFORE and one.state is not Standing.NOT_APPLICABLE]
    asked = {one.test for one in live if one.phase is Phase.ON}
    seldom = [one for one in live if one.test in rules.seldom_recorded and one.last_date is None]
    judged = [one for one in live if one not in seldom and one.test not in rules.shown_elsewhere]
    thresholds = [one for one in judged if one.phase is Phase.ALERT]
    return SafetyView(
        monitoring=found,
        breaches=tuple((one, state) for one in thresholds if (state := _breach(one)) is not None),
        kept=tuple(one for one in thresholds if one.state is Standing.OK),
        overdue=tuple(one for one in judged if one.state is Standing.OVERDUE),
        unknown=tuple(one for one in thresholds if one.state is Standing.NOT_ASSESSABLE and _is_asked(one, asked)),
        unrecorded=tuple(dict.fromkeys(one.label for one in seldom if one.phase is Phase.ON)),
        standing=(*_pregnancy(case, as_of), *_former(case, as_of)),
    )


def _breach(one: SafetyFinding) -> State | None:
    if one.state is Standing.BREACHED:
        return "alert" if one.severity == "alert" else "watch"
    return "watch" if one.state is Standing.DUE else None


def _is_asked(one: SafetyFinding, asked: set[str]) -> bool:
    return one.test in asked or one.test == PML_TEST


def breach_text(one: SafetyFinding, view: SafetyView) -> str:
    """A breach in one clause with what the rule asks for; a JCV index on natalizumab with the risk of PML it means."""
    action = f"; {one.action}" if one.action else ""
    pml = next((other for other in view.monitoring if other.test == PML_TEST and _same_result(one, other)), None)
    said = f"{pml.label}: {pml.reason}" if pml else one.reason
    return printed_units(f"{said}{action}")


def _same_result(one: SafetyFinding, other: SafetyFinding) -> bool:
    return one.last_date == other.last_date and not set(one.sources).isdisjoint(other.sources)


def overdue_text(overdue: tuple[SafetyFinding, ...]) -> str:
    """All overdue tests in one clause, the longest overdue first."""
    ordered = sorted(overdue, key=lambda one: (one.due_date or date.max, one.label))
    parts = []
    for one in ordered:
        last = f"last {one.last_date}" if one.last_date else "none on the drug"
        parts.append(f"{one.label} ({last}, due {one.due_date})")
    return f"overdue on {listed(_drugs(overdue))}: {', '.join(parts)}"


def _drugs(found: tuple[SafetyFinding, ...]) -> list[str]:
    return list(dict.fromkeys(drug(one.drug) for one in found))


def breach_lab(case: Case, one: SafetyFinding) -> LabResult | None:
    """The laboratory result a finding rests on; None when it rests on none (a fact, a scan, the time on a drug)."""
    rows = set(one.sources)
    return next((lab for lab in case.labs if lab.date == one.last_date and lab.source in rows), None)


_VERDICTS: dict[str, State] = {"stop": "alert", "caution": "watch"}


def _pregnancy(case: Case, as_of: date) -> tuple[Finding, ...]:
    """Pregnancy or the wish for one on a drug that is to be stopped or weighed for it, by the eligibility rules."""
    present = present_exposure(case, as_of)
    if present is None:
        return ()
    return tuple(
        Finding(
            _VERDICTS[chip.verdict],
            as_of,
            f"{chip.finding} on {drug(present.dmt)}: {chip.advice}; check the current label",
            chip.sources,
        )
        for chip in chips(case, present.dmt, as_of)
        if chip.topic == "pregnancy" and chip.level in ("wish", "pregnant") and chip.verdict in _VERDICTS
    )


def _former(case: Case, as_of: date) -> tuple[Finding, ...]:
    found = []
    for rule in activity_settings().safety.former:
        stopped = [one for one in exposures(case, as_of) if one.dmt == rule.dmt and one.stop and one.stop <= as_of]
        running = any(one.dmt == rule.dmt and one.stop is None for one in exposures(case, as_of))
        if stopped and not running and (last := stopped[-1]).stop and as_of <= last.stop + timedelta(days=rule.days):
            text = f"{rule.text}, stopped on {last.stop}"
            found.append(Finding("watch", last.stop, text, (last.source,)))
    return tuple(found)


def safety_field(case: Case, as_of: date, view: SafetyView) -> FieldState:
    """The safety field of the strip."""
    found = [*_one_per_analyte(case, as_of, view), *view.standing]
    if view.overdue:
        rows = tuple(dict.fromkeys(source for one in view.overdue for source in one.sources))
        found.append(Finding("watch", as_of, overdue_text(view.overdue), rows))
    if found:
        return from_findings(found)
    if not case.treatments:
        return not_assessable("treatment not recorded, so what has to be monitored is not known")
    if no_rules := without_rules(case, as_of):
        return not_assessable(f"no monitoring rules on file for {listed([drug(dmt) for dmt in no_rules])}")
    if view.unknown and (not _in_time(view) or any(one.test == PML_TEST for one in view.unknown)):
        return not_assessable(_unknown_words(view), tuple(source for one in view.unknown for source in one.sources))
    return _in_order(case, as_of, view)


def _in_time(view: SafetyView) -> list[SafetyFinding]:
    """Scheduled tests that are in time."""
    tests = [one for one in view.monitoring if one.phase is Phase.ON and one.state in (Standing.OK, Standing.DUE)]
    return [one for one in tests if one.test not in activity_settings().safety.shown_elsewhere and one.last_date]


def _unknown_words(view: SafetyView) -> str:
    return ", ".join(dict.fromkeys(_in_sentence(one.reason) for one in view.unknown))


def _in_sentence(reason: str) -> str:
    """A reason such as ``no Neutrophils on record`` with the analyte's name as it stands within a sentence."""
    first, _, rest = reason.partition(" ")
    return f"{first} {in_sentence(rest)}" if first == "no" else reason


def _one_per_analyte(case: Case, as_of: date, view: SafetyView) -> list[Finding]:
    """The breaches, of each analyte the most serious one, so that a low count is not told by every threshold below."""
    best: dict[str, Finding] = {}
    for one, state in view.breaches:
        lab = breach_lab(case, one)
        key = lab.analyte if lab else one.origin
        if key not in best or RANK[state] < RANK[best[key].state]:
            best[key] = Finding(state, one.last_date or as_of, breach_text(one, view), one.sources)
    return list(best.values())


def _in_order(case: Case, as_of: date, view: SafetyView) -> FieldState:
    shown = _in_time(view)
    rows = tuple(dict.fromkeys(source for one in shown for source in one.sources))
    aside = f"; not on record here: {', '.join(view.unrecorded)}" if view.unrecorded else ""
    aside += f"; not known: {_unknown_words(view)}" if view.unknown else ""
    present = present_exposure(case, as_of)
    if shown:
        labels = list(dict.fromkeys(one.label for one in shown))
        names = listed(_drugs(tuple(shown)))
        return FieldState("ok", f"monitoring of {names} in time and within thresholds: {listed(labels)}{aside}", rows)
    if present is not None:
        return FieldState("ok", f"no routine laboratory test is due on {drug(present.dmt)}{aside}", (present.source,))
    last = case.treatments[-1]
    if view.kept:
        kept = listed(list(dict.fromkeys(one.label for one in view.kept)))
        after = listed(_drugs(view.kept))
        reason = f"no treatment at present; after {after} no test is due, within thresholds: {kept}"
        return FieldState("ok", reason, tuple(dict.fromkeys(source for one in view.kept for source in one.sources)))
    return FieldState("ok", "no treatment at present and nothing left to monitor", (last.source,))
