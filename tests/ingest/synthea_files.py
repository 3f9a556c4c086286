"""The people of FHIR Bundles once more, in the columns of Synthea's own CSV export."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COLUMNS = {
    "patients": ("Id", "BIRTHDATE", "DEATHDATE", "SSN", "FIRST", "LAST", "GENDER"),
    "conditions": ("START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"),
    "observations": ("DATE", "PATIENT", "ENCOUNTER", "CATEGORY", "CODE", "DESCRIPTION", "VALUE", "UNITS", "TYPE"),
    "medications": ("START", "STOP", "PATIENT", "PAYER", "ENCOUNTER", "CODE", "DESCRIPTION"),
    "procedures": ("START", "STOP", "PATIENT", "ENCOUNTER", "CODE", "DESCRIPTION"),
    "encounters": ("Id", "START", "STOP", "PATIENT", "ENCOUNTERCLASS", "CODE", "DESCRIPTION"),
}


def write_synthea_csv(bundles: Path, folder: Path) -> Path:
    """Write the CSV files for every Bundle of a folder."""
    folder.mkdir(parents=True)
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in COLUMNS}
    for file in sorted(bundles.glob("*.json")):
        entries = [entry["resource"] for entry in json.loads(file.read_text())["entry"]]
        patient = next(one["id"] for one in entries if one["resourceType"] == "Patient")
        for one in entries:
            for name, row in _rows(one):
                rows[name].append({"PATIENT": patient, **row})
    for name, columns in COLUMNS.items():
        with (folder / f"{name}.csv").open("w", newline="") as handle:
            writer = csv.DictWriter(handle, columns, restval="", extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows[name])
    return folder


def _coded(concept: dict[str, Any]) -> dict[str, str]:
    first = concept["coding"][0]
    return {"CODE": first["code"], "DESCRIPTION": first.get("display", "")}


def _rows(one: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    kind = one["resourceType"]
    if kind == "Patient":
        gender = one["gender"][0].upper()
        yield "patients", {"Id": one["id"], "BIRTHDATE": one["birthDate"], "GENDER": gender}
    elif kind == "Condition":
        yield "conditions", {"START": one.get("recordedDate", ""), **_coded(one["code"])}
    elif kind == "Observation":
        for part in (one, *one.get("component", ())):
            if value := part.get("valueQuantity"):
                measured = {"VALUE": value["value"], "UNITS": value.get("code", value.get("unit", ""))}
                yield "observations", {"DATE": one["effectiveDateTime"], **_coded(part["code"]), **measured}
            elif concept := part.get("valueCodeableConcept"):
                text = concept.get("text") or concept["coding"][0].get("display", "")
                yield "observations", {"DATE": one["effectiveDateTime"], **_coded(part["code"]), "VALUE": text}
    elif kind == "MedicationRequest" and "medicationCodeableConcept" in one:
        yield "medications", {"START": one["authoredOn"], **_coded(one["medicationCodeableConcept"])}
    elif kind == "Procedure":
        period = one.get("performedPeriod", {"start": one.get("performedDateTime", "")})
        yield "procedures", {"START": period["start"], **_coded(one["code"])}
    elif kind == "Encounter":
        yield "encounters", {"Id": one["id"], "START": one["period"]["start"], **_coded(one["type"][0])}
