"""Laboratory results worth a word since the last visit: over a rule's threshold on the drug, or outside limits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from clams_dash.clinical.activity.findings import RANK, Finding, State
from clams_dash.clinical.activity.safety_field import SafetyView, breach_lab, breach_text
from clams_dash.clinical.labs import GradedLab, graded
from clams_dash.clinical.labs.grades import grade, limits_of
from clams_dash.clinical.words import printed_units
from clams_dash.model import catalogues
from clams_dash.model.records import Case, LabResult

_AGE_ADJUSTED = ("nfl", "gfap")
"""Analytes without fixed limits, judged against people of the same age."""


def lab_items(case: Case, as_of: date, after: date, view: SafetyView) -> tuple[Finding, ...]:
    """One finding per analyte whose latest result is later than ``after`` and worth a word, with the result before it.

    Over a threshold of the monitoring rules it has the state of the strip. Outside limits, and not so before, it is
    plain information; where its grade is severe and no rule for the drug allows it, a watch, new or not.
    """
    ruled: dict[str, Finding] = {}
    for breach, breach_state in view.breaches:
        lab = breach_lab(case, breach)
        if lab is None or lab.date <= after:
            continue
        held = ruled.get(lab.analyte)
        if held is None or RANK[breach_state] < RANK[held.state]:
            text = breach_text(breach, view) + _before(case, lab)
            ruled[lab.analyte] = Finding(breach_state, lab.date, text, (lab.source,))
    allowed = {lab.analyte for one in view.kept if (lab := breach_lab(case, one)) is not None}
    plain: dict[str, Finding] = {}
    for result in graded(known_drugs_only(case), as_of):
        if result.date > after and result.analyte not in ruled and _worth_a_word(case, result):
            grave = result.severity == "alert" and result.analyte not in allowed
            state: State = "watch" if grave else "ok"
            text = printed_units(result.text) + _before(case, _record(case, result))
            held = plain.get(result.analyte)
            if held is None or held.day < result.date:
                plain[result.analyte] = Finding(state, result.date, text, result.sources)
    return (*ruled.values(), *plain.values())


def known_drugs_only(case: Case) -> Case:
    """The case without courses of drugs that the catalogue does not know, which have no class to grade by."""
    known = catalogues.dmts()
    return replace(case, treatments=tuple(course for course in case.treatments if course.dmt in known))


def _worth_a_word(case: Case, result: GradedLab) -> bool:
    if result.analyte in _AGE_ADJUSTED:
        return result.severity == "watch"
    limits = limits_of(_record(case, result))
    low = limits.lower is not None and result.value < limits.lower
    high = limits.upper is not None and result.value > limits.upper
    return (low or high) and (result.severity == "alert" or not _as_before(case, _record(case, result)))


def _as_before(case: Case, lab: LabResult) -> bool:
    """Whether the result before had the same grade, so that nothing is new."""
    earlier = _earlier(case, lab)
    return earlier is not None and grade(earlier, frozenset()).grade == grade(lab, frozenset()).grade


def _record(case: Case, result: GradedLab) -> LabResult:
    return next(lab for lab in case.labs if lab.source in result.sources and lab.date == result.date)


def _before(case: Case, lab: LabResult) -> str:
    """The result before in brackets, where there is one."""
    earlier, decimals = _earlier(case, lab), catalogues.analytes()[lab.analyte].decimals
    return f" (before: {earlier.value:.{decimals}f} on {earlier.date})" if earlier else ""


def _earlier(case: Case, lab: LabResult) -> LabResult | None:
    same = [one for one in case.labs if one.analyte == lab.analyte and one.specimen == lab.specimen]
    return next((one for one in reversed(same) if one.date < lab.date), None)
