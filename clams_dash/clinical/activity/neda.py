"""No evidence of disease activity (NEDA-3, NEDA-4) in three values: true, false, and unknown where data miss.

NEDA-3: no relapse, no confirmed worsening, no new, enlarging or enhancing lesion in the window; NEDA-4 also brain
volume loss of at most 0.4 % a year (Kappos 2016). On a new drug the window begins at the scan three to six months after
the start. A component is true only where assessments cover the window (``data/rules/activity.toml``), else unknown.
Contrast is not asked for: an enhancing lesion is a new or enlarging one on the scan it is compared by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from clams_dash.clinical.activity.attribution import present_exposure
from clams_dash.clinical.activity.clinical_fields import confirmed_words, scored
from clams_dash.clinical.activity.comparisons import (
    BRAIN,
    VolumeChange,
    comparisons,
    covered,
    lesion_words,
    scans_between,
    volume_change,
)
from clams_dash.clinical.activity.findings import known_on, window_start
from clams_dash.clinical.activity.settings import activity_settings
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.progression import progression
from clams_dash.clinical.words import drug, listed, plural
from clams_dash.model.records import Case, Source


@dataclass(frozen=True, slots=True)
class Component:
    """One component: True = no activity, False = activity, None = not known; with its reason and rows."""

    free: bool | None
    reason: str
    sources: tuple[Source, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """What NEDA is asked of: later than ``start``, up to ``end``; ``basis`` says how it was chosen."""

    start: date
    end: date
    basis: str


@dataclass(frozen=True, slots=True)
class Neda:
    """The components over a window; ``window`` None = no baseline yet, and then nothing is known."""

    window: Window | None
    relapse: Component
    edss: Component
    mri: Component
    brain_volume: Component

    @property
    def neda3(self) -> bool | None:
        """No evidence of relapse, worsening and MRI activity."""
        return all_free(self.relapse.free, self.edss.free, self.mri.free)

    @property
    def neda4(self) -> bool | None:
        """NEDA-3 and no accelerated brain volume loss."""
        return all_free(self.neda3, self.brain_volume.free)


def all_free(*components: bool | None) -> bool | None:
    """False when any component is False, else None when any is not known, else True."""
    if any(one is False for one in components):
        return False
    return None if any(one is None for one in components) else True


def neda(case: Case, as_of: date, convention: Convention | None = None) -> Neda:
    """NEDA of the last twelve months, or since the new baseline of a drug started within them."""
    known = known_on(case, as_of)
    window = present_window(known, as_of)
    if isinstance(window, str):
        unknown = Component(None, window)
        return Neda(None, unknown, unknown, unknown, unknown)
    return neda_in(known, window, convention)


def present_window(case: Case, as_of: date) -> Window | str:
    """The window that ends on ``as_of``; in words why there is none while a new drug has no baseline scan yet."""
    start, settings, present = window_start(as_of), activity_settings(), present_exposure(case, as_of)
    if present is None:
        return Window(start, as_of, "the last 12 months")
    first = present.start + timedelta(days=settings.rebaseline_from_days)
    if first <= start:
        return Window(start, as_of, f"the last 12 months on {drug(present.dmt)}")
    baseline = next((scan for scan in case.scans if scan.date >= first and scan.region == BRAIN), None)
    if baseline is None:
        return f"{drug(present.dmt)} was started on {present.start} and has no baseline scan after 3 to 6 months yet"
    late = (baseline.date - present.start).days > settings.rebaseline_until_days
    word = "late new baseline" if late else "new baseline"
    return Window(baseline.date, as_of, f"since the {word} on {drug(present.dmt)} of {baseline.date}")


def neda_in(case: Case, window: Window, convention: Convention | None = None) -> Neda:
    """NEDA over a given window, by all the case holds: a later visit may confirm a worsening within it.

    Raises ValueError when the window ends before it starts, and as :func:`progression` does.
    """
    if window.end < window.start:
        raise ValueError(f"the window ends on {window.end}, before it starts on {window.start}")
    known = known_on(case, date.max)
    return Neda(
        window,
        relapse=_relapse(known, window),
        edss=_edss(known, window, convention or Convention()),
        mri=_mri(known, window),
        brain_volume=_brain_volume(known, window),
    )


def _relapse(case: Case, window: Window) -> Component:
    found = [relapse for relapse in case.relapses if window.start < relapse.date <= window.end]
    if found:
        days = listed([str(relapse.date) for relapse in found])
        return Component(False, f"{plural(len(found), 'relapse')}: {days}", tuple(one.source for one in found))
    missing = gap([visit.date for visit in case.visits], window, "visit")
    if missing is not None:
        return Component(None, f"no relapse recorded, but {missing}")
    rows = tuple(visit.source for visit in case.visits if window.start < visit.date <= window.end)
    return Component(True, "no relapse at the visits", rows)


def _edss(case: Case, window: Window, convention: Convention) -> Component:
    scores = scored(case)
    rows = {visit.date: visit.source for visit in scores}
    found = progression(case, convention)
    for change in found.events:
        if change.kind == "CDW" and window.start < change.onset_date <= window.end:
            sources = (rows[change.confirmed_date], rows[change.onset_date], rows[change.reference_date])
            return Component(False, confirmed_words(change, convention.confirm_days), sources)
    for open_change in found.unconfirmed:
        if open_change.kind == "CDW" and window.start < open_change.onset_date <= window.end:
            reason = (
                f"EDSS {open_change.onset_edss:.1f} since {open_change.onset_date} after "
                f"{open_change.reference_edss:.1f}, unconfirmed"
            )
            return Component(None, reason, (rows[open_change.onset_date], rows[open_change.reference_date]))
    missing = gap([visit.date for visit in scores], window, "EDSS")
    if missing is not None:
        return Component(None, missing)
    inside = tuple(visit.source for visit in scores if window.start < visit.date <= window.end)
    return Component(True, f"no worsening by convention {convention.threshold}", inside)


def gap(days: Sequence[date], window: Window, what: str) -> str | None:
    """What is missing for assessments on ``days`` (ascending) to cover the window, in words; None when they do."""
    rules = activity_settings().neda
    edge = timedelta(days=rules.visit_edge_days)
    near = [day for day in days if window.start - edge <= day <= window.end + edge]
    if not near or near[0] > window.start + edge:
        return f"no {what} near {window.start}"
    for before, after in pairwise(near):
        if (after - before).days > rules.largest_visit_gap_days:
            return f"no {what} between {before} and {after}"
    if near[-1] < window.end - edge or near[-1] <= window.start:
        return f"no {what} since {near[-1]}"
    return None


def _mri(case: Case, window: Window) -> Component:
    scans = scans_between(case, window.start, window.end)
    edge = timedelta(days=activity_settings().neda.scan_edge_days)
    compared = comparisons(case, scans)
    positive = [one for one in compared if one.known_lesions]
    dated = [one for one in positive if one.earlier is not None and one.earlier.date >= window.start - edge]
    enhancing = [scan for scan in scans if scan.gd_lesions and scan.gd_given is not False]
    if dated or enhancing:
        words = [f"{lesion_words(one.scan)} on {one.scan.date}" for one in dated]
        words += [f"{plural(scan.gd_lesions or 0, 'enhancing lesion')} on {scan.date}" for scan in enhancing]
        rows = tuple(dict.fromkeys([*(one.scan.source for one in dated), *(scan.source for scan in enhancing)]))
        return Component(False, listed(words), rows)
    if positive:
        one = positive[-1]
        return Component(None, f"{one.words}, which may have formed before {window.start}", one.sources)
    stretch = covered(compared)
    if stretch is None:
        return Component(None, f"no scan of the brain since {window.start} compared with an earlier one")
    start, end = stretch
    if start > window.start + edge or end < window.end - edge:
        return Component(None, f"scans were compared only from {start} to {end}")
    rows = tuple(one.scan.source for one in compared)
    return Component(True, f"no new or enlarging lesion from {start} to {end}", rows)


def _brain_volume(case: Case, window: Window) -> Component:
    edge = timedelta(days=activity_settings().neda.scan_edge_days)
    reason = "no scan in the window"
    for scan in reversed(scans_between(case, window.start, window.end)):
        change = volume_change(case, scan)
        if not isinstance(change, VolumeChange):
            reason = change
        elif change.earlier.date < window.start - edge:
            reason = f"{change.words}, which began long before {window.start}"
        else:
            free = change.per_year >= activity_settings().brain_volume.watch_below
            return Component(free, change.words, change.sources)
    return Component(None, reason)
