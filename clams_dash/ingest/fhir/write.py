"""One case as a FHIR R4 Bundle that validates with the R4B models and that this project reads back to the same rows.

Standard elements and codes where FHIR has them (SNOMED CT, LOINC, ATC, HTEST for synthetic people); what it has no
element for rides in extensions ``urn:clams-dash:codes:TABLE.COLUMN``. Pixels stay out, and with them ``series``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from fhir.resources.R4B.bundle import Bundle
from pydantic import ValidationError

from clams_dash.errors import ClamsError, UnknownPatient
from clams_dash.ingest.fhir.values import EXTENSION
from clams_dash.model import catalogues, tables
from clams_dash.model.codes import SYSTEM_URIS, Code, codes_of
from clams_dash.pool.database import Database

Row = Mapping[str, Any]
Resource = dict[str, Any]

_MEASURES = ("new_t2", "enlarging_t2", "gd_lesions", "t2_count", "t2_volume_ml", "brain_volume_ml", "pbvc_percent")
_STUDY_EXTENSIONS = (
    "study_id", "date_approximate", "region", "field_t", "vendor", "model", "protocol", "gd_given", "mask_source",
    "comparison_study_id", "note",
)  # fmt: skip
_PATIENT_EXTENSIONS = (
    "patient_id", "birth_date_approximate", "onset_date", "diagnosis_date", "course", "centre", "synthetic",
)  # fmt: skip
_MR = {"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "MR"}
_TEST_DATA = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST"}
_NOT_KNOWN = {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/data-absent-reason", "code": "unknown"}]}
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_SPACE = uuid.uuid5(uuid.NAMESPACE_OID, "clams-dash")


def case_bundle(database: Database, patient_id: str) -> str:
    """The case as the JSON text of a Bundle. Raises UnknownPatient, and ClamsError when the models refuse it."""
    people = database.patient_rows(tables.PATIENT, patient_id)
    if not people:
        raise UnknownPatient(f"no patient {patient_id[:80]!r} in this pool; the case list shows who is")
    writer = _Writer(people[0])
    for table, write in _WRITERS.items():
        for row in database.patient_rows(tables.BY_NAME[table], patient_id):
            write(writer, row)
    document = {"resourceType": "Bundle", "type": "collection", "entry": writer.entries}
    try:
        Bundle.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise ClamsError(f"{patient_id}: is no FHIR R4 Bundle at {place} ({first['msg']})") from error
    return json.dumps(document, indent=1, ensure_ascii=False)


class _Writer:
    """Collects the entries of one person's Bundle."""

    def __init__(self, person: Row) -> None:
        self.person = str(person["patient_id"])
        self.entries: list[dict[str, Any]] = []
        self.subject = self._write_patient(person)

    def add(self, kind: str, key: Iterable[object], **content: Any) -> dict[str, str]:
        """Add a resource named by its natural key; returns a reference to it."""
        name = "\0".join([self.person, kind, *map(str, key)])
        own = str(uuid.uuid5(_SPACE, name))
        given = {field: value for field, value in content.items() if value not in (None, [], {})}
        resource = {"resourceType": kind, "id": own, **given}
        self.entries.append({"fullUrl": f"urn:uuid:{own}", "resource": resource})
        return {"reference": f"urn:uuid:{own}"}

    def _write_patient(self, row: Row) -> dict[str, str]:
        extensions = _extensions("patient", row, _PATIENT_EXTENSIONS)
        subject = self.add(
            "Patient", (), extension=extensions, gender=row["sex"] or "unknown", birthDate=_day(row["birth_date"]),
            meta={"security": [_TEST_DATA]} if row["synthetic"] else None,
            managingOrganization={"display": row["centre"]} if row["centre"] else None,
        )  # fmt: skip
        course = row["course"] or "unknown"
        codes = [*(codes_of("disease:ms") if course != "RIS" else ()), *codes_of(f"course:{course}")]
        label = catalogues.labels("courses").get(course, course)
        self.add(
            "Condition", ("ms",), subject=subject, clinicalStatus=_coded(_CLINICAL, "active"),
            code=_concept(f"course:{course}", codes, f"Multiple sclerosis, {label}"),
            onsetDateTime=_day(row["onset_date"]), recordedDate=_day(row["diagnosis_date"]),
        )  # fmt: skip
        return subject


def _visit(writer: _Writer, row: Row) -> None:
    columns = [column for column in tables.VISIT.source_columns if column.name not in ("patient_id", "date")]
    parts = [
        {"code": _measure_code("visit", column.name), **_value(row[column.name], column)}
        for column in columns
        if column.name not in ("edss", "date_approximate") and row[column.name] is not None
    ]
    score = {"valueQuantity": {"value": row["edss"], "unit": "{score}"}} if row["edss"] is not None else {}
    writer.add(
        "Observation", ("visit", row["date"]), status="final", subject=writer.subject,
        code=_measure_code("visit", "edss"), effectiveDateTime=_day(row["date"]), component=parts,
        extension=_extensions("visit", row, ("date_approximate",)), **(score or {"dataAbsentReason": _NOT_KNOWN}),
    )  # fmt: skip


def _relapse(writer: _Writer, row: Row) -> None:
    told = ("functional_systems", "severity", "steroids", "recovery")
    severity = codes_of(f"severity:{row['severity']}")
    writer.add(
        "Condition", ("relapse", row["date"]), subject=writer.subject, onsetDateTime=_day(row["date"]),
        clinicalStatus=_coded(_CLINICAL, "inactive"),
        code=_concept("event:relapse", codes_of("event:relapse"), "Relapse of multiple sclerosis"),
        severity={"coding": [_coding(code) for code in severity]} if severity else None,
        extension=_extensions("relapse", row, told),
    )  # fmt: skip


def _treatment(writer: _Writer, row: Row) -> None:
    drug = catalogues.dmts()[row["dmt"]]
    weeks = row["interval_weeks"]
    timing = {"repeat": {"frequency": 1, "period": weeks, "periodUnit": "wk"}} if weeks else None
    dosage = {"text": row["dose"], "timing": timing}
    dosage = {name: value for name, value in dosage.items() if value is not None}
    period = {"start": _day(row["start_date"]), "end": _day(row["stop_date"])}
    writer.add(
        "MedicationStatement", ("treatment", row["dmt"], row["start_date"]), subject=writer.subject,
        status="active" if row["stop_date"] is None else "stopped",
        medicationCodeableConcept=_concept(f"dmt:{drug.dmt}", codes_of(f"dmt:{drug.dmt}"), drug.label),
        effectivePeriod={name: day for name, day in period.items() if day},
        dosage=[dosage] if dosage else None,
        statusReason=[_coded(SYSTEM_URIS["clams"], row["stop_reason"])] if row["stop_reason"] else None,
        extension=_extensions("treatment", row, ("dose", "interval_weeks")),
    )  # fmt: skip


def _fact(writer: _Writer, row: Row) -> None:
    kind, value, unit = row["kind"], row["value"], row["unit"]
    number = _number(value) if unit else None
    said: dict[str, Any] = {"valueString": value} if value is not None else {}
    if number is not None:
        said = {"valueQuantity": {"value": number, "unit": unit}}
    writer.add(
        "Observation", ("fact", row["date"], kind, value), status="final", subject=writer.subject,
        code=_concept(f"fact:{kind}", codes_of(f"fact:{kind}"), str(catalogues.labels("fact_kinds").get(kind, kind))),
        effectiveDateTime=_day(row["date"]), extension=_extensions("clinical_fact", row, ("value", "unit")), **said,
    )  # fmt: skip


def _lab(writer: _Writer, row: Row) -> None:
    analyte = catalogues.analytes()[row["analyte"]]
    loinc = [Code("loinc", row["loinc"], analyte.label)] if row["loinc"] else []
    limits = {
        end: {"value": row[name], "unit": row["unit"]}
        for end, name in (("low", "lower_limit"), ("high", "upper_limit"))
        if row[name] is not None
    }
    writer.add(
        "Observation", ("lab", row["date"], row["analyte"], row["specimen"]), status="final", subject=writer.subject,
        code=_concept(f"lab:{analyte.analyte}", loinc, analyte.label), effectiveDateTime=_day(row["date"]),
        valueQuantity={"value": row["value"], "unit": row["unit"]}, referenceRange=[limits] if limits else None,
        specimen={"display": row["specimen"]} if row["specimen"] else None,
        method={"text": row["assay"]} if row["assay"] else None,
    )  # fmt: skip


def _study(writer: _Writer, row: Row) -> None:
    study = writer.add(
        "ImagingStudy", ("mri", row["study_id"]), status="available", subject=writer.subject, modality=[_MR],
        started=_day(row["date"]), description=row["protocol"], extension=_extensions("mri", row, _STUDY_EXTENSIONS),
    )  # fmt: skip
    for name in _MEASURES:
        if row[name] is not None:
            writer.add(
                "Observation", ("mri", row["study_id"], name), status="final", subject=writer.subject,
                code=_measure_code("mri", name), effectiveDateTime=_day(row["date"]), derivedFrom=[study],
                **_value(row[name], tables.MRI.by_name[name]),
            )  # fmt: skip
    if row["report_text"]:
        writer.add(
            "DiagnosticReport", ("mri", row["study_id"]), status="final", subject=writer.subject,
            code={"text": "MRI report"}, imagingStudy=[study], conclusion=row["report_text"],
            effectiveDateTime=_day(row["date"]),
        )  # fmt: skip


def _lesion(writer: _Writer, row: Row) -> None:
    study = str(uuid.uuid5(_SPACE, "\0".join([writer.person, "ImagingStudy", "mri", row["study_id"]])))
    columns = [column for column in tables.LESION.source_columns if column.name != "study_id"]
    parts = [
        {"code": _coded(SYSTEM_URIS["clams"], f"lesion.{column.name}"), **_value(row[column.name], column)}
        for column in columns
        if row[column.name] is not None
    ]
    writer.add(
        "Observation", ("lesion", row["study_id"], row["lesion_id"]), status="final", subject=writer.subject,
        code=_coded(SYSTEM_URIS["clams"], "lesion"), derivedFrom=[{"reference": f"urn:uuid:{study}"}], component=parts,
    )  # fmt: skip


_WRITERS: dict[str, Callable[[_Writer, Row], None]] = {
    "visit": _visit,
    "relapse": _relapse,
    "treatment": _treatment,
    "clinical_fact": _fact,
    "lab": _lab,
    "mri": _study,
    "lesion": _lesion,
}


def _day(value: date | None) -> str | None:
    return value.isoformat() if value else None


def _coding(code: Code) -> dict[str, str]:
    return {"system": code.uri, "code": code.code, "display": code.display}


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _concept(concept: str, codes: Iterable[Code], text: str) -> dict[str, Any]:
    """A concept under the pool's own code and those of other systems."""
    own = {"system": SYSTEM_URIS["clams"], "code": concept}
    others = [_coding(code) for code in codes if code.system != "clams"]
    return {"coding": [own, *others], "text": text}


def _measure_code(table: str, column: str) -> dict[str, Any]:
    return {
        "coding": [_coding(code) for code in codes_of(f"{table}:{column}")],
        "text": tables.BY_NAME[table].by_name[column].meaning,
    }


def _value(value: Any, column: tables.Column) -> dict[str, Any]:
    if column.kind == "flag":
        return {"valueBoolean": bool(value)}
    if column.kind == "number" or (column.kind == "whole" and column.unit):
        return {"valueQuantity": {"value": value, **({"unit": column.unit} if column.unit else {})}}
    return {"valueInteger": value} if column.kind == "whole" else {"valueString": str(value)}


def _extensions(table: str, row: Row, names: Iterable[str]) -> list[dict[str, Any]]:
    """The pool's own extensions for columns that have a value."""
    kinds = tables.BY_NAME[table].by_name
    return [
        {"url": f"{EXTENSION}{table}.{name}", **_extended(row[name], kinds[name].kind)}
        for name in names
        if row[name] is not None
    ]


def _extended(value: Any, kind: str) -> dict[str, Any]:
    if kind == "flag":
        return {"valueBoolean": bool(value)}
    if kind == "number":
        return {"valueDecimal": value}
    return {"valueDate": value.isoformat()} if kind == "date" else {"valueString": str(value)}


def _number(text: str | None) -> float | None:
    """The number a text is; None when it is none."""
    try:
        return float(Decimal(text)) if text is not None and Decimal(text).is_finite() else None
    except InvalidOperation:
        return None
