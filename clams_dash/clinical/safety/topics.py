"""What the record says about the topics that decide who may be given a drug: JCV, VZV, hepatitis B and others.

Every topic has a few named levels; ``unknown`` (nothing valid on record) belongs to all of them and is never taken
for the harmless one. Limits and words: ``data/rules/safety.toml``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from clams_dash.clinical.labs import pml
from clams_dash.clinical.labs.grades import limits_of
from clams_dash.clinical.person import age_on, facts_of, latest_fact, yes_or_no
from clams_dash.clinical.safety.conditions import childbearing
from clams_dash.clinical.safety.rules import known_tests
from clams_dash.clinical.safety_settings import safety_settings
from clams_dash.model.records import Case, ClinicalFact, LabResult, Source

UNKNOWN = "unknown"

LEVELS: dict[str, tuple[str, ...]] = {
    "jcv": (pml.NEGATIVE, pml.INDETERMINATE, *pml.POSITIVE, pml.NO_INDEX),
    "vzv": ("immune", "not_immune"),
    "hbv": ("negative", "past", "active"),
    "pregnancy": ("none", "wish", "pregnant", "not_applicable"),
    "lymphocytes": ("normal", "low", "below_800", "below_500"),
    "age": ("adult", "under_18", "over_55"),
    "cardiac": ("none", "present"),
    "genotype": ("other", "one_slow", "two_slow"),
}
"""Levels of each topic besides ``unknown``."""

LABELS: dict[str, str] = {
    "jcv": "JCV",
    "vzv": "VZV",
    "hbv": "Hepatitis B",
    "pregnancy": "Pregnancy",
    "lymphocytes": "Lymphocytes",
    "age": "Age",
    "cardiac": "Heart",
    "genotype": "CYP2C9",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """The level of a topic for one person on one day, in words, with the rows it rests on."""

    level: str
    words: str
    sources: tuple[Source, ...] = ()


def standing(topic: str, case: Case, day: date) -> Standing:
    """Where the case stands on a topic. Only what was known on ``day`` is looked at."""
    return _TOPICS[topic](case.as_of(day), day)


def _unknown(words: str, *sources: Source) -> Standing:
    return Standing(UNKNOWN, words, sources)


def _newest(case: Case, analyte: str) -> LabResult | None:
    return next((lab for lab in reversed(case.labs) if lab.analyte == analyte), None)


def _too_old(test: str, measured: date, day: date) -> bool:
    valid = known_tests()[test].valid_days
    return valid is not None and (day - measured).days > valid


def _jcv(case: Case, day: date) -> Standing:
    found = pml.serology(case, day)
    if found is None:
        return _unknown("no JCV result on record")
    if found.retest_due:
        return _unknown(f"{found.words}: retest", found.source)
    return Standing(found.stratum, found.words, (found.source,))


def _vzv(case: Case, day: date) -> Standing:
    settings = safety_settings().eligibility
    lab, fact = _newest(case, "vzv_igg"), latest_fact(case, "varicella_immunity", day)
    said = yes_or_no(fact)
    if lab is not None and (fact is None or said is None or lab.date >= fact.date):
        limit = lab.lower_limit if lab.lower_limit is not None else settings.vzv_immune_iu_l
        immune = lab.value >= limit
        return Standing(_immune(immune), f"VZV IgG {lab.value:g} {lab.unit} on {lab.date.isoformat()}", (lab.source,))
    if fact is not None and said is not None:
        return Standing(_immune(said), f"varicella immunity: {fact.value} on {fact.date.isoformat()}", (fact.source,))
    given = [one for one in facts_of(case, "vaccination") if _mentions(one, settings.varicella_words)]
    if given:
        return Standing("immune", f"varicella vaccination on {given[-1].date.isoformat()}", (given[-1].source,))
    return _unknown("no VZV antibody or vaccination on record")


def _immune(immune: bool) -> str:
    return "immune" if immune else "not_immune"


def _mentions(fact: ClinicalFact, words: tuple[str, ...]) -> bool:
    """Whether the fact's text has a word that begins with one of ``words``."""
    text = f"{(fact.value or '').lower()} "
    return any(re.search(rf"\b{re.escape(word)}", text) for word in words)


def _hbv(case: Case, day: date) -> Standing:
    antigen = _serology(case, day, "hbv_antigen", "hbsag", "hepatitis_b_antigen")
    core = _serology(case, day, "hbv_core", "anti_hbc", "hepatitis_b_core_antibody")
    if antigen is not None and antigen.positive:
        return Standing("active", f"HBsAg positive on {antigen.date.isoformat()}", (antigen.source,))
    if core is not None and core.positive:
        return Standing("past", f"anti-HBc positive on {core.date.isoformat()}", (core.source,))
    if (once := _once_positive(case)) is not None:
        return Standing("past", f"hepatitis B serology positive on {once.date.isoformat()}", (once.source,))
    for name, result in (("HBsAg", antigen), ("anti-HBc", core)):
        if result is None:
            return _unknown(f"no {name} on record")
        if result.old:
            return _unknown(f"{name} of {result.date.isoformat()} is too old", result.source)
    if antigen is None or core is None:
        raise AssertionError("both were looked at above")
    return Standing("negative", "HBsAg and anti-HBc negative", (antigen.source, core.source))


def _once_positive(case: Case) -> LabResult | ClinicalFact | None:
    """The newest positive result of either test, whatever came after it."""
    limit = safety_settings().eligibility.positive_index
    kinds = ("hepatitis_b_antigen", "hepatitis_b_core_antibody")
    positive: list[LabResult | ClinicalFact] = [
        *(lab for lab in case.labs if lab.analyte in ("hbsag", "anti_hbc") and lab.value >= limit),
        *(fact for fact in facts_of(case, *kinds) if yes_or_no(fact) is True),
    ]
    return max(positive, key=lambda one: one.date, default=None)


@dataclass(frozen=True, slots=True)
class _Serology:
    positive: bool
    old: bool
    date: date
    source: Source


def _serology(case: Case, day: date, test: str, analyte: str, kind: str) -> _Serology | None:
    """The newest positive or negative result, measured or said."""
    lab, fact = _newest(case, analyte), latest_fact(case, kind, day)
    said = yes_or_no(fact)
    if lab is not None and (fact is None or said is None or lab.date >= fact.date):
        positive = lab.value >= safety_settings().eligibility.positive_index
        return _Serology(positive, _too_old(test, lab.date, day), lab.date, lab.source)
    if fact is None or said is None:
        return None
    return _Serology(said, _too_old(test, fact.date, day), fact.date, fact.source)


def _pregnancy(case: Case, day: date) -> Standing:
    settings = safety_settings().eligibility
    possible = childbearing(case, day)
    if possible is False:
        return Standing("not_applicable", "does not arise")
    pregnancy, wish = latest_fact(case, "pregnancy", day), latest_fact(case, "pregnancy_wish", day)
    if pregnancy is not None and yes_or_no(pregnancy) and (day - pregnancy.date).days <= settings.pregnancy_days:
        return Standing("pregnant", f"pregnant ({pregnancy.date.isoformat()})", (pregnancy.source,))
    answer = yes_or_no(wish)
    if wish is None or answer is None:
        return _unknown("wish for pregnancy not on record")
    if (day - wish.date).days > settings.wish_days:
        return _unknown(f"wish for pregnancy last asked on {wish.date.isoformat()}", wish.source)
    words = "wish for pregnancy" if answer else "no wish for pregnancy"
    return Standing("wish" if answer else "none", f"{words} ({wish.date.isoformat()})", (wish.source,))


def _lymphocytes(case: Case, day: date) -> Standing:
    lab = _newest(case, "lymphocytes")
    if lab is None:
        return _unknown("no lymphocyte count on record")
    words = f"lymphocytes {lab.value:.2f} {lab.unit} on {lab.date.isoformat()}"
    if _too_old("blood_count", lab.date, day):
        return _unknown(f"{words}: too old", lab.source)
    severe, moderate = safety_settings().eligibility.lymphocytes_low
    lower = limits_of(lab).lower
    if lab.value < severe:
        return Standing("below_500", words, (lab.source,))
    if lab.value < moderate:
        return Standing("below_800", words, (lab.source,))
    low = lower is not None and lab.value < lower
    return Standing("low" if low else "normal", words, (lab.source,))


def _age(case: Case, day: date) -> Standing:
    settings, age = safety_settings().eligibility, age_on(case.patient, day)
    if age is None:
        return _unknown("birth date not on record")
    level = "under_18" if age < settings.under_age else "over_55" if age > settings.over_age else "adult"
    return Standing(level, f"{int(age)} years", (case.patient.source,))


def _cardiac(case: Case, day: date) -> Standing:
    words = safety_settings().eligibility.cardiac_words
    ill = [fact for fact in facts_of(case, "comorbidity") if _mentions(fact, words)]
    if ill:
        return Standing("present", f"{ill[-1].value} ({ill[-1].date.isoformat()})", (ill[-1].source,))
    ecg = latest_fact(case, "ecg", day)
    if ecg is None:
        return _unknown("no ECG on record")
    shown = f"ECG {ecg.value} on {ecg.date.isoformat()}"
    if (ecg.value or "").strip().lower() != "normal":
        return Standing("present", shown, (ecg.source,))
    if _too_old("ecg", ecg.date, day):
        return _unknown(f"{shown}: too old", ecg.source)
    return Standing("none", shown, (ecg.source,))


def _genotype(case: Case, day: date) -> Standing:
    fact = latest_fact(case, "cyp2c9_genotype", day)
    if fact is None:
        return _unknown("CYP2C9 genotype not on record")
    slow = (fact.value or "").count("*3")
    return Standing(("other", "one_slow", "two_slow")[min(slow, 2)], f"CYP2C9 {fact.value}", (fact.source,))


_TOPICS: dict[str, Callable[[Case, date], Standing]] = {
    "jcv": _jcv,
    "vzv": _vzv,
    "hbv": _hbv,
    "pregnancy": _pregnancy,
    "lymphocytes": _lymphocytes,
    "age": _age,
    "cardiac": _cardiac,
    "genotype": _genotype,
}
