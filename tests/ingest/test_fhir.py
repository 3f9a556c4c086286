"""FHIR R4: Bundles and bulk NDJSON to rows of the pool; what is broken is set aside, what is void left out."""

import copy
import datetime as dt
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from clams_dash.errors import ImportRefused
from clams_dash.ingest import read_synthea
from clams_dash.ingest.fhir.read import stage
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.model.codes import SYSTEM_URIS
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.ingest.synthea_files import write_synthea_csv
from tests.pools import silent

OWN, SCT, LOINC, ATC = (SYSTEM_URIS[name] for name in ("clams", "snomed", "loinc", "atc"))
WHO = {"reference": "urn:uuid:p1"}
Resource = dict[str, Any]


def _code(*pairs: tuple[str, str], text: str | None = None) -> Resource:
    return {"coding": [{"system": system, "code": code} for system, code in pairs], **({"text": text} if text else {})}


def _quantity(value: float, unit: str, **more: object) -> Resource:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit, **more}


def _observed(identity: str, code: Resource, day: str = "2020-02-03", **more: object) -> Resource:
    return {
        "resourceType": "Observation", "id": identity, "status": "final", "code": code, "subject": WHO,
        "effectiveDateTime": day, **more,
    }  # fmt: skip


PATIENT: Resource = {"resourceType": "Patient", "id": "anna", "gender": "female", "birthDate": "1985-04"}
DISEASE: Resource = {
    "resourceType": "Condition", "id": "c1", "subject": WHO, "code": _code((SCT, "426373005")),
    "onsetDateTime": "2014-05-01", "recordedDate": "2015-03-01",
}  # fmt: skip
RELAPSE: Resource = {
    "resourceType": "Condition", "id": "c2", "subject": WHO, "code": _code((OWN, "event:relapse")),
    "onsetDateTime": "2017-06-01", "severity": _code((SCT, "24484000")),
    "extension": [
        {"url": f"{OWN}:relapse.recovery", "valueString": "partial"},
        {"url": f"{OWN}:relapse.steroids", "valueBoolean": True},
    ],
}  # fmt: skip
EDSS = _observed(
    "o1", _code((SCT, "273554001")), valueQuantity=_quantity(3.5, "{score}"),
    component=[
        {"code": _code((OWN, "visit.fs_pyramidal")), "valueInteger": 3},
        {"code": _code((OWN, "visit.t25fw_s")), "valueQuantity": _quantity(0.1, "min")},
        {"code": _code((LOINC, "8480-6")), "valueQuantity": _quantity(120, "mm[Hg]")},
    ],
)  # fmt: skip
LAB = _observed(
    "o2", _code((LOINC, "731-0")), valueQuantity=_quantity(1200, "{cells}/uL"),
    referenceRange=[{"low": {"value": 1000}, "high": {"value": 3500}}],
)  # fmt: skip
STUDY: Resource = {
    "resourceType": "ImagingStudy", "id": "s1", "status": "available", "subject": WHO,
    "started": "2020-01-05T10:00:00+02:00",
    "modality": [{"system": "http://dicom.nema.org/resources/ontology/DCM", "code": "MR"}],
    "identifier": [{"system": "urn:dicom:uid", "value": "urn:oid:1.2.3.4"}],
    "series": [{"uid": "1.2.3.4.1", "modality": {"code": "MR"}, "bodySite": {"system": SCT, "code": "12738006"}}],
    "extension": [{"url": f"{OWN}:mri.field_t", "valueDecimal": 3}],
}  # fmt: skip
COUNT = _observed(
    "o3", _code((OWN, "mri.new_t2")), valueInteger=2, derivedFrom=[{"reference": "ImagingStudy/s1"}]
)  # fmt: skip
REPORT: Resource = {
    "resourceType": "DiagnosticReport", "id": "r1", "status": "final", "code": _code(text="MRI"), "subject": WHO,
    "imagingStudy": [{"reference": "ImagingStudy/s1"}], "conclusion": "Two new lesions.",
}  # fmt: skip
DRUG: Resource = {
    "resourceType": "MedicationStatement", "id": "m1", "status": "stopped", "subject": WHO,
    "medicationCodeableConcept": _code((ATC, "L04AA27")),
    "effectivePeriod": {"start": "2016-01-01", "end": "2018-01-01"},
    "statusReason": [_code((OWN, "adverse_event"))],
}  # fmt: skip
ORDER: Resource = {
    "resourceType": "MedicationRequest", "id": "m2", "status": "active", "intent": "order", "subject": WHO,
    "medicationReference": {"reference": "#drug"}, "authoredOn": "2018-03-01T08:00:00Z",
    "contained": [{"resourceType": "Medication", "id": "drug", "code": _code((ATC, "L04AG03"), text="Tysabri")}],
    "dosageInstruction": [{"text": "300 mg", "timing": {"repeat": {"frequency": 1, "period": 4, "periodUnit": "wk"}}}],
}  # fmt: skip
SEEN: Resource = {
    "resourceType": "Encounter", "id": "e1", "status": "finished", "class": {"code": "AMB"}, "subject": WHO,
    "period": {"start": "2021-05-06T10:00:00+02:00"},
}  # fmt: skip
ALL = [SEEN, ORDER, DRUG, REPORT, COUNT, STUDY, LAB, EDSS, RELAPSE, DISEASE, PATIENT]


def _bundle(*resources: Resource) -> Resource:
    entries = [
        {"fullUrl": "urn:uuid:p1" if one["resourceType"] == "Patient" else f"urn:uuid:{number}", "resource": one}
        for number, one in enumerate(resources)
    ]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _write(folder: Path, *resources: Resource, name: str = "case.json") -> Path:
    (folder / name).write_text(json.dumps(_bundle(*resources)))
    return folder / name


def _import(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)


def test_a_bundle_becomes_a_case_whatever_its_order(pool: PoolFolder, tmp_path: Path) -> None:
    report = _import(pool, _write(tmp_path, *ALL))
    case = cases.load_case(Database(pool), "anna")

    assert (report.format, report.errors) == ("fhir", 0)
    person = case.patient
    assert (person.sex, person.birth_date, person.birth_date_approximate) == ("female", dt.date(1985, 4, 15), True)
    assert (person.course, person.onset_date, person.diagnosis_date, person.synthetic) == (
        "RRMS", dt.date(2014, 5, 1), dt.date(2015, 3, 1), False,
    )  # fmt: skip
    (visit,) = case.visits
    assert (visit.date, visit.edss, visit.fs, visit.t25fw_s) == (dt.date(2020, 2, 3), 3.5, {"pyramidal": 3}, 6.0)
    (relapse,) = case.relapses
    assert (relapse.severity, relapse.recovery, relapse.steroids) == ("severe", "partial", True)
    assert [
        (one.dmt, one.start_date, one.stop_date, one.stop_reason, one.interval_weeks) for one in case.treatments
    ] == [
        ("fingolimod", dt.date(2016, 1, 1), dt.date(2018, 1, 1), "adverse_event", None),
        ("natalizumab", dt.date(2018, 3, 1), None, None, 4.0),
    ]
    (lab,) = case.labs
    assert (lab.analyte, lab.value, lab.unit, lab.lower_limit, lab.upper_limit) == (
        "lymphocytes", 1.2, "10^9/L", 1.0, 3.5,
    )  # fmt: skip
    (scan,) = case.scans
    assert (scan.study_id, scan.date, scan.region, scan.field_t, scan.new_t2, scan.report_text) == (
        "1.2.3.4", dt.date(2020, 1, 5), "brain", 3.0, 2, "Two new lesions.",
    )  # fmt: skip
    assert [(fact.kind, fact.date) for fact in case.facts] == [("last_contact", dt.date(2021, 5, 6))]


def test_bulk_ndjson_says_the_same_as_the_bundle(tmp_path: Path) -> None:
    bundle = stage(_write(tmp_path, *ALL)).frames
    bulk = tmp_path / "bulk"
    bulk.mkdir()
    for one in ALL:
        text = json.dumps(one).replace("urn:uuid:p1", "Patient/anna")
        with (bulk / f"{one['resourceType']}.000.ndjson").open("a", encoding="utf-8") as handle:
            handle.write(text + "\n")
    lines = stage(bulk).frames
    place = ["_source_file", "_source_row"]
    assert lines.keys() == bundle.keys()
    for name, frame in lines.items():
        rows = frame.drop(columns=place).to_dict("records")
        assert str(rows) == str(bundle[name][list(frame.columns)].drop(columns=place).to_dict("records"))


@pytest.mark.parametrize(
    "void",
    [
        {**EDSS, "status": "entered-in-error"},
        {**EDSS, "status": "cancelled"},
        {**DRUG, "status": "not-taken"},
        {**ORDER, "intent": "proposal"},
        {**RELAPSE, "verificationStatus": {"coding": [{"code": "refuted", "system": "x"}]}},
    ],
)
def test_what_is_void_is_left_out_and_counted(tmp_path: Path, void: Resource) -> None:
    staged = stage(_write(tmp_path, PATIENT, DISEASE, void))
    assert {name for name, frame in staged.frames.items() if len(frame)} <= {"patient"}
    assert any(void["resourceType"] in note.reason and note.value == "1" for note in staged.notes)


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        ({**EDSS, "status": "finale?", "code": "x"}, "code"),
        ({**LAB, "valueQuantity": {"value": "much"}}, "valueQuantity.value"),
        ({**LAB, "effectiveDateTime": "03.02.2020"}, "effectiveDateTime"),
        ({"resourceType": "MedicationStatement", "id": "r5", "status": "recorded", "medication": {"concept": {}}}, ""),
        ({"resourceType": "Observation"}, ""),
        ({**LAB, "component": [[[]]]}, "component"),
    ],
)
def test_a_resource_that_is_none_is_set_aside_with_its_place(
    pool: PoolFolder, tmp_path: Path, broken: Resource, place: str
) -> None:
    report = _import(pool, _write(tmp_path, PATIENT, DISEASE, broken))
    (error,) = [reject for reject in report.rejects if reject.severity == "error"]
    assert (error.source_file, error.source_row) == ("case.json", 3)
    assert place in (error.column_name or "")
    assert error.reason.startswith(broken["resourceType"])
    assert report.rows_kept == {"patient": 1}


def test_a_result_below_the_limit_of_its_test_is_no_number(pool: PoolFolder, tmp_path: Path) -> None:
    below = copy.deepcopy(LAB)
    below["valueQuantity"]["comparator"] = "<"
    report = _import(pool, _write(tmp_path, PATIENT, DISEASE, below))
    assert {(one.column_name, one.value) for one in report.rejects} == {("value", "<1200")}
    assert report.rows_kept == {"patient": 1}


def test_a_month_is_no_day_of_onset(tmp_path: Path) -> None:
    staged = stage(_write(tmp_path, PATIENT, {**DISEASE, "onsetDateTime": "2014"}))
    assert staged.frames["patient"]["onset_date"].isna().all()
    assert any(note.column_name == "onset_date" for note in staged.notes)


def test_an_ended_therapy_without_an_end_does_not_look_ongoing(tmp_path: Path) -> None:
    ended = {**DRUG, "status": "stopped", "effectivePeriod": {"start": "2016-01-01"}}
    staged = stage(_write(tmp_path, PATIENT, DISEASE, ended))
    assert list(staged.frames["treatment"]["stop_date"]) == ["2016-01-01"]
    assert any("not told" in note.reason for note in staged.notes)


def test_a_resource_that_stands_there_twice_counts_once(tmp_path: Path) -> None:
    _write(tmp_path, PATIENT, DISEASE, EDSS)
    _write(tmp_path, PATIENT, DISEASE, {**EDSS, "valueQuantity": _quantity(9, "{score}")}, name="second.json")
    staged = stage(tmp_path)
    assert list(staged.frames["visit"]["edss"]) == ["3.5"]
    assert any("stand there twice" in note.reason and note.value == "3" for note in staged.notes)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.json", b'{"resourceType": "Patient"', r"a\.json: is not JSON \(line 1"),
        ("a.json", b'["resourceType"]', "is no FHIR resource"),
        ("a.json", b'{"resourceType": "Bundle", "entry": {}}', "none with a diagnosis of MS|entry is not a list"),
        ("a.json", b'{"resourceType": "Bundle", "entry": {"x": 1}}', "Bundle.entry is not a list"),
        ("a.json", b'{"resourceType": "Bundle"}', "0 people, none with a diagnosis of MS"),
        ("a.json", b'{"resourceType": ' + b"[" * 200_000, "cannot be read as JSON|is not JSON"),
        ("a.json", '{"resourceType": "Patient"}'.encode("utf-16"), "is not UTF-8 text"),
        ("a.json", b"", "is not JSON"),
        ("a.ndjson", b'{"resourceType": "Patient"}\nnot json\n', r"a\.ndjson, line 2: is not JSON"),
        ("a.ndjson", b'{"resourceType": "Patient"}\n{"id": 1}\n', "line 2: is no FHIR resource"),
        ("a.ndjson", b'{"resourceType": "Patient"}\n\0\n', "line 2: is not JSON"),
        ("a.json", b'{"resourceType": "Patient", "id": "x", "birthDate": NaN}', "first fault: a.json, entry 1"),
    ],
)  # fmt: skip
def test_what_is_no_fhir_is_refused_and_named(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=reason):
        stage(tmp_path)


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "case.json").symlink_to(_write(tmp_path, *ALL, name="outside.json"))
    with pytest.raises(ImportRefused, match="outside the imported folder"):
        stage(tmp_path / "in")


def test_bundles_of_another_projects_simulator_are_read(pool: PoolFolder, foreign: Path) -> None:
    report = _import(pool, foreign)
    assert report.errors == 0
    assert report.rows_kept["patient"] == 2
    documents = [json.loads(file.read_text()) for file in sorted(foreign.glob("*.json"))]
    for document in documents:
        found = [entry["resource"] for entry in document["entry"]]
        (person,) = [one for one in found if one["resourceType"] == "Patient"]
        case = cases.load_case(Database(pool), person["id"])
        assert case.patient.synthetic
        assert str(case.patient.birth_date) == person["birthDate"]
        assert {course.dmt for course in case.treatments} == {"glatiramer_acetate", "dimethyl_fumarate"}
        told = {
            one["effectiveDateTime"][:10]
            for one in found
            if one["resourceType"] == "Observation" and "39156-5" in json.dumps(one["code"])
        }
        assert {str(fact.date) for fact in case.facts if fact.kind == "bmi"} == told
        for secret in (person["identifier"][2]["value"], person["identifier"][1]["value"]):
            assert not any(secret.encode() in file.read_bytes() for file in pool.path.rglob("*.duckdb"))


def test_the_csv_export_of_the_same_people_gives_the_same_rows(foreign: Path, tmp_path: Path) -> None:
    csv = write_synthea_csv(foreign, tmp_path / "csv")
    bundles, tables = stage(foreign).frames, read_synthea.stage(csv).frames
    for name, columns in {
        "patient": ["patient_id", "sex", "birth_date", "diagnosis_date", "course", "synthetic"],
        "lab": ["patient_id", "date", "analyte", "loinc", "value", "unit"],
        "clinical_fact": ["patient_id", "date", "kind", "value"],
        "mri": ["patient_id", "date", "region"],
        "treatment": ["patient_id", "dmt", "start_date"],
    }.items():
        ours, theirs = (_plain_rows(frames[name], columns) for frames in (bundles, tables))
        assert ours == theirs, name
        assert ours


def _plain_rows(frame: pd.DataFrame, columns: list[str]) -> set[tuple[str, ...]]:
    def text(value: object) -> str:
        try:
            return f"{float(str(value)):.6g}"
        except ValueError:
            return str(value)

    return {tuple(text(value) for value in row) for row in frame[columns].itertuples(index=False)}
