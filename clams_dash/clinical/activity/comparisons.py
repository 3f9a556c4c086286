"""What the scans of a case compare: lesion counts between two scans, the time they cover, brain volume of a pair."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.rule_files import DAYS_PER_YEAR
from clams_dash.clinical.words import plural
from clams_dash.model.records import Case, Scan, Source

BRAIN = "brain"


@dataclass(frozen=True, slots=True)
class Comparison:
    """A scan against an earlier one. ``earlier`` None = the earlier scan is not on record, so the span is unknown.

    ``lesions``: new plus enlarging T2 lesions, None when either is not recorded. ``known_lesions``: what is recorded
    of the two, a lower bound. ``named``: whether the record says what was compared; otherwise the scan before is taken.
    """

    scan: Scan
    earlier: Scan | None
    named: bool
    lesions: int | None
    known_lesions: int

    @property
    def words(self) -> str:
        """The lesions and the two dates, such as ``4 new T2 lesions on 2026-01-12 (compared with 2025-01-06)``."""
        return f"{lesion_words(self.scan)} on {self.scan.date} ({self.against})"

    @property
    def against(self) -> str:
        """What the scan was compared with."""
        if self.earlier is None:
            return "compared with a scan that is not on record"
        return f"compared with {self.earlier.date}"

    @property
    def sources(self) -> tuple[Source, ...]:
        """The rows of both scans, the later first."""
        return (self.scan.source, self.earlier.source) if self.earlier else (self.scan.source,)


def lesion_words(scan: Scan) -> str:
    """New and enlarging T2 lesions of a scan in words; what is not recorded is said."""
    new, enlarging = scan.new_t2, scan.enlarging_t2
    if new is None:
        return f"{plural(enlarging or 0, 'enlarging T2 lesion')} (new lesions not recorded)"
    if enlarging is None:
        return f"{plural(new, 'new T2 lesion')} (enlarging lesions not recorded)"
    if new and enlarging:
        return f"{new} new and {enlarging} enlarging T2 lesions"
    if enlarging:
        return plural(enlarging, "enlarging T2 lesion")
    return plural(new, "new T2 lesion") if new else "no new or enlarging T2 lesion"


def scans_between(case: Case, after: date, until: date) -> tuple[Scan, ...]:
    """Scans dated later than ``after`` and not later than ``until``."""
    return tuple(scan for scan in case.scans if after < scan.date <= until)


def earlier_scan(case: Case, scan: Scan) -> tuple[Scan | None, bool]:
    """The scan a study was compared with, and whether the record names it.

    Where it names none, the last scan of the same region before it; None when there is none or the named one is not
    on record or not earlier.
    """
    if scan.comparison_study_id is not None:
        named = next((one for one in case.scans if one.study_id == scan.comparison_study_id), None)
        return (named if named is not None and named.date < scan.date else None), True
    before = [one for one in case.scans if one.date < scan.date and one.region == scan.region]
    return (before[-1] if before else None), False


def comparisons(case: Case, scans: Iterable[Scan]) -> tuple[Comparison, ...]:
    """The scans for which new or enlarging lesions were counted, in order of date."""
    found = []
    for scan in scans:
        if scan.new_t2 is None and scan.enlarging_t2 is None:
            continue
        earlier, named = earlier_scan(case, scan)
        complete = scan.new_t2 is not None and scan.enlarging_t2 is not None
        known = (scan.new_t2 or 0) + (scan.enlarging_t2 or 0)
        found.append(Comparison(scan, earlier, named, known if complete else None, known))
    return tuple(found)


def covered(compared: Iterable[Comparison]) -> tuple[date, date] | None:
    """The unbroken time up to the latest brain scan over which new and enlarging lesions are known, or None."""
    spans = [
        (one.earlier.date, one.scan.date)
        for one in compared
        if one.earlier is not None and one.lesions is not None and one.scan.region == BRAIN
    ]
    if not spans:
        return None
    start, end = max(spans, key=lambda span: span[1])
    while True:
        reaching = [first for first, last in spans if first < start <= last]
        if not reaching:
            return start, end
        start = min(reaching)


@dataclass(frozen=True, slots=True)
class VolumeChange:
    """Brain volume change of a pair of scans: percent over the interval, and per year."""

    scan: Scan
    earlier: Scan
    percent: float
    per_year: float

    @property
    def words(self) -> str:
        """The change with its dates and what it is per year."""
        months = round((self.scan.date - self.earlier.date).days / DAYS_PER_YEAR * 12)
        return (
            f"brain volume {self.percent:+.2f} % over {plural(months, 'month')} "
            f"({self.earlier.date} to {self.scan.date}), {self.per_year:+.2f} % per year"
        )

    @property
    def sources(self) -> tuple[Source, ...]:
        """The rows of both scans."""
        return self.scan.source, self.earlier.source


def volume_change(case: Case, scan: Scan) -> VolumeChange | str:
    """Brain volume change of a scan, or in words why it cannot be judged.

    Asks for the same field strength, vendor and model and for about twelve months (clinical.md 2.2, 2.5): the error of
    one yearly reading is 0.3 to 0.5 %.
    """
    if scan.pbvc_percent is None:
        return f"brain volume change not measured on {scan.date}"
    earlier, _ = earlier_scan(case, scan)
    if earlier is None:
        return f"not comparable: the scan that {scan.date} was compared with is not on record"
    differences = _differences(earlier, scan)
    if differences:
        return f"{earlier.date} and {scan.date} are not comparable: {'; '.join(differences)}"
    days = (scan.date - earlier.date).days
    if days < activity_settings().brain_volume.least_pair_days:
        return f"{earlier.date} and {scan.date} are not comparable: {plural(days, 'day')} apart, less than 12 months"
    return VolumeChange(scan, earlier, scan.pbvc_percent, scan.pbvc_percent * DAYS_PER_YEAR / days)


def _differences(earlier: Scan, later: Scan) -> list[str]:
    found = []
    for name, before, after, unit in (
        ("field strength", earlier.field_t, later.field_t, " T"),
        ("vendor", earlier.vendor, later.vendor, ""),
        ("scanner model", earlier.model, later.model, ""),
    ):
        if before is None or after is None:
            found.append(f"{name} not recorded")
        elif before != after:
            found.append(f"{name} {before}{unit}, then {after}{unit}")
    return found
