"""One FHIR resource after the other into coded records. What was entered in error, or never taken, is left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from clams_dash.ingest.coded.records import Coded, CodedRecords
from clams_dash.ingest.fhir.load import Resource
from clams_dash.ingest.fhir.values import (
    Day,
    codings,
    day_of,
    extension_columns,
    own_code,
    reference,
    start_and_end,
    value_of,
    words,
)
from clams_dash.model.codes import concepts_of

_VOID = frozenset({"entered-in-error", "cancelled", "not-taken", "not-done", "refuted"})
_NO_ORDER = frozenset({"proposal", "plan", "option"})
_DAYS_PER_UNIT = {"d": 1.0, "wk": 7.0, "mo": 365.25 / 12, "a": 365.25}
_DICOM_UID = "urn:dicom:uid"
_TEST_DATA = "HTEST"


@dataclass
class Taker:
    """Where resources go, and what was learned of them: addresses in Bundles, studies and drugs by id."""

    records: CodedRecords
    urls: dict[str, tuple[str, str]] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    studies: dict[str, str] = field(default_factory=dict)
    drugs: dict[str, Any] = field(default_factory=dict)
    void: Counter[str] = field(default_factory=Counter)

    def take(self, resource: Resource) -> None:
        """Take one resource; people, conditions and studies come before what refers to them."""
        if _is_void(resource.model):
            self.void[resource.kind] += 1
        else:
            _TAKERS[resource.kind](self, resource)

    def entry(self, resource: Resource, concept: Any, subject: Any) -> Coded:
        """The coded entry of a resource."""
        patient = reference(subject, "Patient", self.urls) or ""
        return Coded(self.people.get(patient, patient), codings(concept), words(concept), resource.file, resource.row)


def _is_void(model: Any) -> bool:
    verification = getattr(model, "verificationStatus", None)
    told = {getattr(model, "status", None), *(code for _, code in codings(verification))}
    return bool(told & _VOID) or getattr(model, "intent", None) in _NO_ORDER


def _patient(taker: Taker, resource: Resource) -> None:
    model = resource.model
    born, died = day_of(model.birthDate), day_of(model.deceasedDateTime)
    centre = model.managingOrganization.display if model.managingOrganization else None
    told = extension_columns(model, "patient")
    patient = str(told.pop("patient_id", None) or model.id or "")
    taker.people[str(model.id or "")] = patient
    columns = {
        "sex": model.gender if model.gender in ("female", "male") else None,
        "birth_date": born.text if born else None,
        "birth_date_approximate": bool(born and not born.whole),
        "centre": centre,
        "synthetic": _synthetic(model),
    }
    taker.records.person(patient, resource.file, resource.row, **{**columns, **told})
    if died is not None:
        entry = Coded(patient, (), "", resource.file, resource.row)
        taker.records.add("clinical_fact", entry, date=died.text, kind="death")


def _synthetic(model: Any) -> bool:
    """Whether the person says of itself to be made up: by a tag, as test data, or by the number Synthea gives."""
    marks = [*(model.meta.tag or ()), *(model.meta.security or ())] if model.meta else []
    tagged = any(mark.code in ("synthetic", _TEST_DATA) for mark in marks)
    return tagged or any("synthea" in (one.system or "").casefold() for one in model.identifier or ())


def _whole_day(taker: Taker, entry: Coded, table: str, column: str, day: Day | None) -> str | None:
    if day is not None and not day.whole:
        taker.records.warn(table, entry, column, day.text, f"{column}: only month or year is told; not taken")
        return None
    return day.text if day else None


def _condition(taker: Taker, resource: Resource) -> None:
    model = resource.model
    entry = taker.entry(resource, model.code, model.subject)
    onset = _whole_day(taker, entry, "patient", "onset_date", start_and_end(model, "onset")[0])
    recorded = _whole_day(taker, entry, "patient", "diagnosis_date", day_of(model.recordedDate))
    severity = next(
        (
            concept.removeprefix("severity:")
            for system, code in codings(model.severity)
            for concept in concepts_of(system, code)
        ),
        own_code(model.severity),
    )
    relapse = {"severity": severity, **extension_columns(model, "relapse")}
    taker.records.condition(entry, onset=onset, recorded=recorded, **relapse)


def _study(taker: Taker, resource: Resource) -> None:
    model = resource.model
    modalities = {one.code for one in model.modality or ()} | {
        one.modality.code for one in model.series or () if one.modality
    }
    uid = next((one.value for one in model.identifier or () if one.system == _DICOM_UID and one.value), None)
    told = extension_columns(model, "mri")
    study = str(told.pop("study_id", None) or uid or model.id or "").removeprefix("urn:oid:")
    if "MR" not in modalities or not study:
        taker.void["ImagingStudy of another modality"] += 1
        return
    if model.id:
        taker.studies[model.id] = study
    entry = taker.entry(resource, None, model.subject)
    sites = [(one.bodySite.system, one.bodySite.code) for one in model.series or () if one.bodySite]
    found = {concept for system, code in sites if system and code for concept in concepts_of(system, code)}
    found |= {concept for code in model.procedureCode or () for pair in codings(code) for concept in concepts_of(*pair)}
    region = next((name for name in ("brain", "cord") if {f"region:{name}", f"procedure:mri_{name}"} & found), None)
    day = day_of(model.started)
    approximate = True if day and not day.whole else None
    columns = {"region": region, "protocol": model.description, "date_approximate": approximate, **told}
    taker.records.study(entry, study, day.text if day else None, **columns)


def _encounter(taker: Taker, resource: Resource) -> None:
    day = day_of(resource.model.period.start) if resource.model.period else None
    taker.records.contact(taker.entry(resource, None, resource.model.subject), day.text if day else None)


def _drug(taker: Taker, resource: Resource) -> None:
    if resource.model.id:
        taker.drugs[resource.model.id] = resource.model.code


def _observation(taker: Taker, resource: Resource) -> None:
    model = resource.model
    entry = taker.entry(resource, model.code, model.subject)
    day = start_and_end(model, "effective")[0]
    text = day.text if day else None
    approximate = bool(day and not day.whole)
    study = _study_of(taker, model)
    if own_code(model.code) == "lesion":
        columns = {
            (own_code(one.code) or "").removeprefix("lesion."): value_of(one)[0] for one in model.component or ()
        }
        taker.records.add("lesion", entry, study_id=study, **{name: value for name, value in columns.items() if name})
        return
    value, unit = value_of(model)
    fact = extension_columns(model, "clinical_fact")
    value, unit = fact.get("value", value), str(fact["unit"]) if "unit" in fact else unit
    if value is not None or not model.component:
        taker.records.observation(entry, text, value, unit, study=study, approximate=approximate, **_lab_columns(model))
    for part in model.component or ():
        value, unit = value_of(part)
        inner = Coded(entry.patient, codings(part.code), words(part.code), entry.file, entry.row)
        if value is not None:
            taker.records.observation(
                inner, text, value, unit, study=study, approximate=approximate, **_lab_columns(part)
            )
    if visit := extension_columns(model, "visit"):
        taker.records.about_visit(entry, text, **visit)


def _lab_columns(owner: Any) -> dict[str, object]:
    limits = (owner.referenceRange or [None])[0]
    specimen, method = getattr(owner, "specimen", None), getattr(owner, "method", None)
    return {
        "lower_limit": str(limits.low.value) if limits and limits.low and limits.low.value is not None else None,
        "upper_limit": str(limits.high.value) if limits and limits.high and limits.high.value is not None else None,
        "specimen": specimen.display if specimen else None,
        "assay": words(method) or None,
    }


def _study_of(taker: Taker, model: Any) -> str | None:
    pointers = [*(model.derivedFrom or ()), *(model.partOf or ()), *(model.focus or ())]
    ids = [reference(one, "ImagingStudy", taker.urls) for one in pointers]
    return next((taker.studies[one] for one in ids if one in taker.studies), None)


def _medication_of(taker: Taker, model: Any) -> Any:
    if model.medicationCodeableConcept is not None:
        return model.medicationCodeableConcept
    pointer = getattr(model.medicationReference, "reference", None) or ""
    if pointer.startswith("#"):
        inside = [one for one in model.contained or () if one.id == pointer[1:]]
        return getattr(inside[0], "code", None) if inside else None
    return taker.drugs.get(reference(model.medicationReference, "Medication", taker.urls) or "")


def _statement(taker: Taker, resource: Resource) -> None:
    model = resource.model
    start, stop = start_and_end(model, "effective")
    reason = next(iter(model.statusReason or ()), None)
    told = extension_columns(model, "treatment")
    columns = {
        "dose": model.dosage[0].text if model.dosage else None,
        "interval_weeks": _interval_weeks(model.dosage),
        "stop_reason": own_code(reason) or words(reason) or None,
        **told,
    }
    route = words(model.dosage[0].route) if model.dosage else ""
    taker.records.drug(
        taker.entry(resource, _medication_of(taker, model), model.subject), start.text if start else None,
        stop.text if stop else None, route=route, renewal=False,
        open_end=model.status not in ("stopped", "completed", "on-hold"), **columns,
    )  # fmt: skip


def _request(taker: Taker, resource: Resource) -> None:
    model = resource.model
    day = day_of(model.authoredOn)
    supply = model.dispenseRequest.validityPeriod if model.dispenseRequest else None
    end = day_of(supply.end) if supply else None
    dosage = model.dosageInstruction
    taker.records.drug(
        taker.entry(resource, _medication_of(taker, model), model.subject), day.text if day else None,
        end.text if end and model.status != "active" else None, route=words(dosage[0].route) if dosage else "",
        open_end=model.status == "active", dose=dosage[0].text if dosage else None,
        interval_weeks=_interval_weeks(dosage),
    )  # fmt: skip


def _interval_weeks(dosage: Any) -> float | None:
    repeat = dosage[0].timing.repeat if dosage and dosage[0].timing else None
    if repeat is None or repeat.period is None or repeat.periodUnit not in _DAYS_PER_UNIT:
        return None
    return float(repeat.period) * _DAYS_PER_UNIT[repeat.periodUnit] / 7.0 / float(repeat.frequency or 1)


def _procedure(taker: Taker, resource: Resource) -> None:
    model = resource.model
    day = start_and_end(model, "performed")[0]
    taker.records.procedure(taker.entry(resource, model.code, model.subject), day.text if day else None)


def _report(taker: Taker, resource: Resource) -> None:
    model = resource.model
    ids = [reference(one, "ImagingStudy", taker.urls) for one in model.imagingStudy or ()]
    study = next((taker.studies[one] for one in ids if one in taker.studies), None)
    if study is None or not model.conclusion:
        taker.void["DiagnosticReport without an MRI study or words"] += 1
        return
    taker.records.finding(taker.entry(resource, model.code, model.subject), study, report_text=model.conclusion)


_TAKERS: dict[str, Callable[[Taker, Resource], None]] = {
    "Patient": _patient,
    "Condition": _condition,
    "ImagingStudy": _study,
    "Encounter": _encounter,
    "Medication": _drug,
    "Observation": _observation,
    "MedicationStatement": _statement,
    "MedicationRequest": _request,
    "Procedure": _procedure,
    "DiagnosticReport": _report,
}
