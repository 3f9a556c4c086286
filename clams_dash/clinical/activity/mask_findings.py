"""What the lesion masks show between scans, apart from what the record says: comparable pairs only, never an alert.

A count that software or a single reader drew must not trigger treatment rules alone (clinical.md 2.4), so the strip and
the response scores go on reading the recorded numbers; this stands beside them, with the report's words where they
conflict.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from clams_dash.clinical.activity.comparisons import scans_between
from clams_dash.clinical.activity.findings import Finding
from clams_dash.clinical.report_reading import report_conflict
from clams_dash.clinical.words import listed
from clams_dash.model.records import Case, Counted, Scan, Source, StudyPair


@dataclass(frozen=True, slots=True)
class MaskFact:
    """What the masks of a pair of scans show, in words, or why they are not compared; a conflicting report quoted."""

    scan: Scan
    pair: StudyPair
    text: str
    conflict: str | None
    sources: tuple[Source, ...]


def mask_facts(case: Case, scans: Iterable[Scan]) -> tuple[MaskFact, ...]:
    """One fact for every scan whose mask has an earlier one to be compared with."""
    by_study = {scan.study_id: scan for scan in case.scans}
    found = []
    for scan in scans:
        pair = scan.pair
        prior = by_study.get(pair.prior_study_id or "") if pair else None
        if pair is None or prior is None:
            continue
        conflict = report_conflict(scan)
        text = _text(scan, prior, pair)
        found.append(MaskFact(scan, pair, text, conflict.text if conflict else None, (scan.source, prior.source)))
    return tuple(found)


def mask_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """New and enlarging lesions by the masks of comparable scans later than ``after``; a watch."""
    found = []
    for fact in mask_facts(case, scans_between(case, after, as_of)):
        new, enlarging = fact.pair.new, fact.pair.enlarging
        if fact.pair.comparable and new and enlarging and (new.value or enlarging.value):
            found.append(Finding("watch", fact.scan.date, fact.text, fact.sources))
    return tuple(found)


def conflict_findings(case: Case, as_of: date, after: date) -> tuple[Finding, ...]:
    """Reports later than ``after`` whose new lesions are not those of the masks; a watch."""
    facts = mask_facts(case, scans_between(case, after, as_of))
    return tuple(
        Finding("watch", one.scan.date, f"scan of {one.scan.date}: {one.conflict}", one.sources)
        for one in facts
        if one.conflict is not None
    )


def _text(scan: Scan, prior: Scan, pair: StudyPair) -> str:
    against = f"masks of {scan.date} and {prior.date}"
    if not pair.comparable or pair.new is None or pair.enlarging is None:
        return f"{against} are not comparable: {'; '.join(pair.reasons)}"
    parts = [_count(pair.new, "new"), _count(pair.enlarging, "enlarging")]
    if pair.resolved:
        parts.append(f"{pair.resolved} resolved")
    caution = f" (caution: {'; '.join(pair.reasons)})" if pair.reasons else ""
    source = f", by {scan.mask_source}" if scan.mask_source else ""
    return f"{against}{source}: {listed(parts)} T2 lesions{caution}"


def _count(count: Counted, word: str) -> str:
    width = "" if count.low == count.high else f" ({count.low} to {count.high})"
    return f"{count.value} {word}{width}"


def mask_fact_json(fact: MaskFact) -> dict[str, object]:
    """A fact for the document of ``clams summary``."""
    pair = fact.pair
    return {
        "study": fact.scan.study_id,
        "date": fact.scan.date,
        "compared_with": pair.prior_study_id,
        "comparable": pair.comparable,
        "reasons": list(pair.reasons),
        "new": pair.new.value if pair.comparable and pair.new else None,
        "enlarging": pair.enlarging.value if pair.comparable and pair.enlarging else None,
        "resolved": pair.resolved if pair.comparable else None,
        "text": fact.text,
        "report_conflict": fact.conflict,
        "source": "; ".join(str(source) for source in fact.sources),
    }
