"""The facts of a consultation as one document: what changed, is it active, what happened, scans, laboratory, safety.

Rules only, no model. The document is what ``clams summary --json`` prints; every entry names its source rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from clams_dash.clinical.activity.clinical_fields import confirmed_words
from clams_dash.clinical.activity.findings import known_on
from clams_dash.clinical.activity.lab_items import known_drugs_only
from clams_dash.clinical.activity.mask_findings import mask_fact_json, mask_facts
from clams_dash.clinical.activity.neda import Neda, neda
from clams_dash.clinical.activity.scores import ResponseScore, response_scores
from clams_dash.clinical.activity.since_last_visit import Item, line_begins_after, since_last_visit
from clams_dash.clinical.activity.strip import Strip, activity_strip
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.labs import GradedLab, graded
from clams_dash.clinical.person import exposures
from clams_dash.clinical.progression import progression
from clams_dash.clinical.safety.findings import SafetyFinding, State
from clams_dash.clinical.safety.monitoring import findings as monitoring_findings
from clams_dash.clinical.safety.rules import Phase
from clams_dash.clinical.words import drug, plural, printed_units
from clams_dash.config import NOT_A_DEVICE
from clams_dash.model import catalogues
from clams_dash.model.records import Case, Scan, Source


@dataclass(frozen=True, slots=True)
class Event:
    """One entry of the timeline."""

    date: date
    kind: str
    text: str
    sources: tuple[Source, ...]


@dataclass(frozen=True, slots=True)
class Summary:
    """All that is known and judged of one person on one day.

    ``convention``: what counts as worsening. ``since``: the day the line begins after, None when nothing is compared.
    """

    case: Case
    as_of: date
    convention: Convention
    since: date | None
    since_last_visit: tuple[Item, ...]
    strip: Strip
    neda: Neda
    scores: tuple[ResponseScore, ...]
    events: tuple[Event, ...]
    labs: tuple[GradedLab, ...]
    safety: tuple[SafetyFinding, ...]

    def to_json(self) -> dict[str, Any]:
        """The document, with dates as such; keys are those of ``interfaces.md`` and more."""
        return {
            "patient": self.case.patient.patient_id,
            "as_of": self.as_of,
            "synthetic": self.case.patient.synthetic,
            "notice": NOT_A_DEVICE,
            "convention": self.convention.to_json(),
            "since": self.since,
            "since_last_visit": [_item(item) for item in self.since_last_visit],
            "activity": {
                name: {"state": field.state, "reason": field.reason, "sources": _rows(field.sources)}
                for name, field in self.strip.items()
            },
            "neda": _neda(self.neda),
            "scores": [_score(score) for score in self.scores],
            "events": [
                {"date": one.date, "kind": one.kind, "text": one.text, "source": _row(one.sources)}
                for one in self.events
            ],
            "lesions": [_lesions(scan) for scan in reversed(self.case.scans)],
            "lesions_by_mask": [mask_fact_json(one) for one in mask_facts(self.case, reversed(self.case.scans))],
            "labs": [_lab(lab) for lab in self.labs],
            "safety": [_safety(finding) for finding in self.safety],
        }


def summary(case: Case, as_of: date, convention: Convention | None = None, since: date | None = None) -> Summary:
    """Everything above for a case as known on ``as_of``.

    ``since``: the line looks at what is later than that day instead of the visit before last. Raises ValueError when
    it lies after ``as_of``, and for EDSS scores that no pool holds.
    """
    known, chosen = known_on(case, as_of), convention or Convention()
    return Summary(
        case=known,
        as_of=as_of,
        convention=chosen,
        since=since or line_begins_after(known),
        since_last_visit=since_last_visit(known, as_of, chosen, since),
        strip=activity_strip(known, as_of, chosen),
        neda=neda(known, as_of, chosen),
        scores=response_scores(known, as_of, chosen),
        events=events(known, as_of, chosen),
        labs=graded(known_drugs_only(known), as_of),
        safety=tuple(
            finding for finding in monitoring_findings(known, as_of) if finding.state is not State.NOT_APPLICABLE
        ),
    )


def events(case: Case, as_of: date, convention: Convention) -> tuple[Event, ...]:
    """The timeline, most recent first: visits with an EDSS, relapses, confirmed changes, therapies, scans, facts."""
    found = [
        *(Event(visit.date, "visit", _edss_words(visit.edss), (visit.source,)) for visit in case.visits),
        *(
            Event(one.date, "relapse", _relapse_words(one.severity, one.recovery), (one.source,))
            for one in case.relapses
        ),
        *_changes(case, convention),
        *_therapies(case, as_of),
        *(Event(scan.date, "scan", scan_words(scan), (scan.source,)) for scan in case.scans),
        *_facts(case),
    ]
    return tuple(sorted(found, key=lambda one: (-one.date.toordinal(), one.kind)))


def _edss_words(edss: float | None) -> str:
    return "visit, EDSS not recorded" if edss is None else f"EDSS {edss:.1f}"


def _relapse_words(severity: str, recovery: str) -> str:
    said = severity if severity != "unknown" else "severity not recorded"
    after = f"recovery {recovery}" if recovery != "unknown" else "recovery not recorded"
    return f"relapse, {said}, {after}"


def _changes(case: Case, convention: Convention) -> Iterable[Event]:
    rows = {visit.date: visit.source for visit in case.visits}
    for change in progression(case, convention).events:
        sources = tuple(dict.fromkeys(rows[day] for day in (change.confirmed_date, change.onset_date)))
        yield Event(change.onset_date, change.kind, confirmed_words(change, convention.confirm_days), sources)


def _therapies(case: Case, as_of: date) -> Iterable[Event]:
    for one in exposures(case, as_of):
        yield Event(one.start, "treatment_start", f"{drug(one.dmt)} started", (one.source,))
        if one.stop is not None:
            yield Event(one.stop, "treatment_stop", f"{drug(one.dmt)} stopped", (one.source,))


def _facts(case: Case) -> Iterable[Event]:
    labels = catalogues.labels("fact_kinds")
    for fact in case.facts:
        value = " ".join(filter(None, (fact.value or "no value recorded", fact.unit)))
        yield Event(fact.date, fact.kind, f"{labels.get(fact.kind, fact.kind)}: {value}", (fact.source,))


def scan_words(scan: Scan) -> str:
    """A scan in one clause: region, new and enlarging lesions, enhancing lesions; what is not known is said."""
    region = {"brain": "brain MRI", "cord": "spinal cord MRI", "optic": "optic nerve MRI"}.get(
        scan.region or "", "MRI, region not recorded"
    )
    if scan.new_t2 is None and scan.enlarging_t2 is None:
        change = "not compared with an earlier scan"
    else:
        new = "new lesions not recorded" if scan.new_t2 is None else f"{scan.new_t2} new"
        enlarging = "enlarging not recorded" if scan.enlarging_t2 is None else f"{scan.enlarging_t2} enlarging"
        change = f"T2 lesions: {new}, {enlarging}"
    return f"{region}, {change}, {_contrast_words(scan)}"


def _contrast_words(scan: Scan) -> str:
    if scan.gd_given is False:
        return "contrast not given"
    if scan.gd_lesions is None:
        return "contrast given, enhancing lesions not recorded" if scan.gd_given else "contrast not recorded"
    return plural(scan.gd_lesions, "enhancing lesion")


def _rows(sources: Iterable[Source]) -> list[str]:
    return [str(source) for source in sources]


def _row(sources: tuple[Source, ...]) -> str:
    return "; ".join(_rows(sources))


def _item(item: Item) -> dict[str, Any]:
    return {"kind": item.kind, "text": item.text, "severity": item.severity, "source": _row(item.sources)}


def _neda(found: Neda) -> dict[str, Any]:
    window = found.window
    components = {"relapse": found.relapse, "edss": found.edss, "mri": found.mri, "brain_volume": found.brain_volume}
    return {
        "neda3": found.neda3,
        "neda4": found.neda4,
        "window": None if window is None else {"start": window.start, "end": window.end, "basis": window.basis},
        "components": {
            name: {"no_activity": one.free, "reason": one.reason, "sources": _rows(one.sources)}
            for name, one in components.items()
        },
    }


def _score(score: ResponseScore) -> dict[str, Any]:
    return {
        "name": score.name, "value": score.value, "low": score.low, "high": score.high, "high_risk": score.high_risk,
        "progression_within_3_years": score.risk, "reason": score.reason, "caveat": score.caveat,
        "rule_source": score.source,
    }  # fmt: skip


def _lesions(scan: Scan) -> dict[str, Any]:
    return {
        "study": scan.study_id, "date": scan.date, "date_approximate": scan.date_approximate, "region": scan.region,
        "compared_with": scan.comparison_study_id, "new": scan.new_t2, "enlarging": scan.enlarging_t2,
        "gd_given": scan.gd_given, "gd_lesions": scan.gd_lesions, "t2_count": scan.t2_count,
        "t2_volume_ml": scan.t2_volume_ml, "pbvc_percent": scan.pbvc_percent, "source": str(scan.source),
    }  # fmt: skip


def _lab(lab: GradedLab) -> dict[str, Any]:
    return {
        "analyte": lab.analyte, "label": lab.label, "specimen": lab.specimen, "date": lab.date, "value": lab.value,
        "unit": lab.unit, "lower_limit": lab.lower, "upper_limit": lab.upper, "grade": lab.grade,
        "severity": lab.severity, "stale": lab.stale, "age_days": lab.age_days, "text": printed_units(lab.text),
        "origin": lab.origin, "source": _row(lab.sources),
    }  # fmt: skip


def _safety(one: SafetyFinding) -> dict[str, Any]:
    return {
        "drug": one.drug, "test": one.test, "label": one.label, "phase": one.phase.value, "state": one.state.value,
        "severity": one.severity, "due_date": one.due_date, "last_date": one.last_date, "value": one.value,
        "unit": one.unit, "text": printed_units(one.text), "origin": one.origin, "region": one.region,
        "unsure": one.unsure, "source": _row(one.sources),
    }  # fmt: skip


def stands_out(finding: SafetyFinding) -> bool:
    """Whether a monitoring finding on the drug is to be noted: due, overdue, breached or not to be judged."""
    return finding.phase is not Phase.BEFORE and finding.state not in (State.OK, State.NOT_APPLICABLE)
