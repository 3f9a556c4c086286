"""Whom a monitoring rule concerns: the words of column ``applies_if``. None = the record does not say."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

from clams_dash.clinical.labs import pml
from clams_dash.clinical.person import age_on, facts_of
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.model.records import Case


def holds(condition: str, case: Case, day: date) -> bool | None:
    """Whether a condition of ``monitoring.csv`` holds for the case on ``day``; None when it cannot be told."""
    return _CONDITIONS[condition](case, day)


def female(case: Case, day: date) -> bool | None:
    """Whether the record says female."""
    return None if case.patient.sex is None else case.patient.sex == "female"


def childbearing(case: Case, day: date) -> bool | None:
    """Whether a woman is of an age at which a pregnancy test is asked for."""
    sex, age = female(case, day), age_on(case.patient, day)
    low, high = safety_settings().childbearing_age
    in_range = None if age is None else low <= age <= high
    if sex is False or in_range is False:
        return False
    return None if sex is None or in_range is None else True


def _infusion_reaction(case: Case, day: date) -> bool | None:
    return any("reaction" in (fact.value or "").lower() for fact in facts_of(case, "adverse_event"))


def _jcv_negative_or_low(case: Case, day: date) -> bool | None:
    found = pml.serology(case, day)
    if found is None or found.stratum == pml.NO_INDEX:
        return None
    return found.index is None or found.index <= safety_settings().pml.retest_at_or_below


def _pml_high_risk(case: Case, day: date) -> bool | None:
    return pml.assess(case, day).high_risk


def _not_pml_high_risk(case: Case, day: date) -> bool | None:
    """False as well when the risk is not known: the rule for high risk then applies."""
    return pml.assess(case, day).high_risk is False


_CONDITIONS: dict[str, Callable[[Case, date], bool | None]] = {
    "childbearing": childbearing,
    "female": female,
    "infusion_reaction": _infusion_reaction,
    "jcv_negative_or_low": _jcv_negative_or_low,
    "pml_high_risk": _pml_high_risk,
    "not_pml_high_risk": _not_pml_high_risk,
}
