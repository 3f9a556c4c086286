"""Response scores at one year on a drug: Rio, modified Rio and MAGNIMS (clinical.md 1.5).

Each is a number only where relapses, EDSS and lesions of the year are all known; otherwise the lowest and highest it
could be. All three were validated for injectables, which is said beside them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta

from clams_dash.clinical.activity.attribution import present_exposure
from clams_dash.clinical.activity.clinical_fields import scored
from clams_dash.clinical.activity.comparisons import BRAIN, Comparison, comparisons, covered, scans_between
from clams_dash.clinical.activity.findings import known_on
from clams_dash.clinical.activity.neda import Window, gap
from clams_dash.clinical.activity.settings import ScoreRule, activity_settings
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.person import Exposure
from clams_dash.clinical.progression import Score as Edss
from clams_dash.clinical.progression import change_from
from clams_dash.clinical.words import drug, plural
from clams_dash.model.records import Case, Scan


@dataclass(frozen=True, slots=True)
class Range:
    """What a quantity may be: equal ends when it is known; ``high`` None = no upper end known."""

    low: int
    high: int | None
    reason: str

    def above(self, limit: int) -> tuple[int, int]:
        """Lowest and highest of one point for a quantity above ``limit``."""
        low = int(self.low > limit)
        return low, 1 if self.high is None else int(self.high > limit)


@dataclass(frozen=True, slots=True)
class ResponseScore:
    """A score at one year. ``value`` None = not known, then it lies from ``low`` to ``high``.

    ``risk``: progression within three years by the source, where it gives one. ``high_risk`` by the rule's limit.
    """

    name: str
    value: int | None
    low: int
    high: int
    high_risk: bool | None
    risk: str | None
    reason: str
    caveat: str
    source: str


@dataclass(frozen=True, slots=True)
class YearOne:
    """What the first year on a drug showed; ``active_lesions`` are new, enlarging and enhancing ones."""

    dmt: str
    start: date
    relapses: Range
    worsening: Range
    new_lesions: Range
    active_lesions: Range


def response_scores(case: Case, as_of: date, convention: Convention | None = None) -> tuple[ResponseScore, ...]:
    """The three scores of the present drug's first year; empty without a drug, before its end and three years later."""
    known = known_on(case, as_of)
    present = present_exposure(known, as_of)
    rules = activity_settings().score_year
    if present is None or not rules.year_days <= (as_of - present.start).days <= rules.shown_until_days:
        return ()
    year = year_one(known, present, convention or Convention())
    return (_rio(year), _modified_rio(year), _magnims(year))


def year_one(case: Case, exposure: Exposure, convention: Convention) -> YearOne:
    """Relapses, worsening and lesions of the first year of an exposure, each as a range."""
    end = exposure.start + timedelta(days=activity_settings().score_year.year_days)
    year = Window(exposure.start, end, "first year")
    until = exposure.start + timedelta(days=activity_settings().score_year.scan_until_days)
    scans = scans_between(case, exposure.start, until)
    compared = [one for one in comparisons(case, scans) if one.scan.region == BRAIN]
    only_new = [replace(one, lesions=one.scan.new_t2, known_lesions=one.scan.new_t2 or 0) for one in compared]
    return YearOne(
        dmt=exposure.dmt,
        start=exposure.start,
        relapses=_relapses(case, year),
        worsening=_worsening(case, year, convention),
        new_lesions=_lesions(only_new, exposure.start, "new T2 lesion"),
        active_lesions=_active(scans, _lesions(compared, exposure.start, "new or enlarging T2 lesion")),
    )


def _relapses(case: Case, year: Window) -> Range:
    count = sum(year.start < relapse.date <= year.end for relapse in case.relapses)
    missing = gap([visit.date for visit in case.visits], year, "visit")
    words = plural(count, "relapse")
    if missing is not None:
        return Range(count, None, f"at least {words} ({missing})")
    return Range(count, count, words)


def _worsening(case: Case, year: Window, convention: Convention) -> Range:
    """1 when the EDSS rose by a step within the year and stayed up, against the last score before the start."""
    oldest = year.start - timedelta(days=activity_settings().score_year.edss_before_days)
    scores = scored(case)
    before = [visit for visit in scores if oldest <= visit.date <= year.start]
    later = [Edss(visit.date, visit.edss) for visit in scores if visit.date > year.start and visit.edss is not None]
    if not before or before[-1].edss is None:
        return Range(0, 1, f"no EDSS before the start on {year.start}")
    reference = Edss(before[-1].date, before[-1].edss)
    relapses = [relapse.date for relapse in case.relapses]
    found = change_from(reference, later, relapses, convention)
    event = found.first("CDW")
    if event is not None and event.onset_date <= year.end:
        return Range(1, 1, f"EDSS {event.onset_edss:.1f} after {reference.edss:.1f}, sustained")
    open_rise = any(one.kind == "CDW" and one.onset_date <= year.end for one in found.unconfirmed)
    missing = gap([visit.date for visit in scores], year, "EDSS")
    if open_rise or missing is not None:
        return Range(0, 1, "EDSS risen, not yet confirmed" if open_rise else f"EDSS incomplete ({missing})")
    return Range(0, 0, "no sustained EDSS worsening")


def _lesions(compared: list[Comparison], start: date, noun: str) -> Range:
    """Lesions of the year by the scan that closes it, against a scan around the start."""
    rules = activity_settings().score_year
    earliest = start - timedelta(days=rules.baseline_before_days)
    counted = [one for one in compared if one.earlier is not None and one.earlier.date >= earliest]
    known = sum(one.known_lesions for one in counted)
    stretch = covered(counted)
    if stretch is None:
        return Range(known, None, "no scan that closes the year, compared with one around the start")
    first, last = stretch
    complete = (
        len(counted) == len(compared)
        and all(one.lesions is not None for one in counted)
        and first <= start + timedelta(days=rules.baseline_until_days)
        and last >= start + timedelta(days=rules.scan_from_days)
    )
    words = plural(known, noun)
    if not complete:
        return Range(known, None, f"at least {words} (compared only from {first} to {last})")
    return Range(known, known, f"{words} from {first} to {last}")


def _active(scans: tuple[Scan, ...], lesions: Range) -> Range:
    """New, enlarging or enhancing lesions: an enhancing one may be among the new ones, so the sum is a range."""
    enhancing = [
        scan.gd_lesions
        for scan in scans
        if scan.region == BRAIN and scan.gd_given is not False and scan.gd_lesions is not None
    ]
    if not enhancing:
        return Range(lesions.low, lesions.high, f"{lesions.reason}, enhancing lesions not known")
    high = None if lesions.high is None else lesions.high + sum(enhancing)
    reason = f"{lesions.reason}, {plural(sum(enhancing), 'enhancing lesion')}"
    return Range(max(lesions.low, max(enhancing)), high, reason)


def _rio(year: YearOne) -> ResponseScore:
    rule = activity_settings().rio
    points = [year.relapses.above(0), year.worsening.above(0), year.active_lesions.above(rule.lesions_above)]
    reasons = (year.relapses, year.worsening, year.active_lesions)
    return _score("Rio", year, rule, sum(low for low, _ in points), sum(high for _, high in points), reasons)


def _modified_rio(year: YearOne) -> ResponseScore:
    rule = activity_settings().modified_rio
    lesion_low, lesion_high = year.new_lesions.above(rule.lesions_above)
    low = min(year.relapses.low, 2) + lesion_low
    high = (2 if year.relapses.high is None else min(year.relapses.high, 2)) + lesion_high
    return _score("modified Rio", year, rule, low, high, (year.relapses, year.new_lesions))


def _magnims(year: YearOne) -> ResponseScore:
    """0: no relapse, few lesions; 1: many lesions, or one relapse with few; 2: one relapse with many, or two."""
    rule = activity_settings().magnims
    lesion_low, lesion_high = year.new_lesions.above(rule.lesions_above)
    low = min(year.relapses.low + lesion_low, 2)
    high = 2 if year.relapses.high is None else min(year.relapses.high + lesion_high, 2)
    return _score("MAGNIMS", year, rule, low, high, (year.relapses, year.new_lesions))


def _score(name: str, year: YearOne, rule: ScoreRule, low: int, high: int, reasons: tuple[Range, ...]) -> ResponseScore:
    high_risk = True if low >= rule.high_risk_from else False if high < rule.high_risk_from else None
    known = low == high
    words = ", ".join(one.reason for one in reasons)
    return ResponseScore(
        name=name,
        value=low if known else None,
        low=low,
        high=high,
        high_risk=high_risk,
        risk=rule.risks[min(low, len(rule.risks) - 1)] if known and rule.risks else None,
        reason=f"first year on {drug(year.dmt)} from {year.start}: {words}",
        caveat=rule.caveat,
        source=rule.source,
    )
