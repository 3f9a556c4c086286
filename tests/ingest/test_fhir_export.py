"""A case written as a FHIR R4 Bundle validates with the models and is read back to the same rows."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fhir.resources.R4B.bundle import Bundle
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.errors import UnknownPatient
from clams_dash.ingest.fhir.write import case_bundle
from clams_dash.ingest.run import import_source
from clams_dash.model import catalogues
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.generated import Rows, building_pools, held, import_rows, people
from tests.pools import scanned_patient, silent


def _there_and_back(pool: PoolFolder, patient: str, folder: Path) -> PoolFolder:
    folder.mkdir(exist_ok=True)
    text = case_bundle(Database(pool), patient)
    Bundle.model_validate_json(text)
    (folder / "case.json").write_text(text, encoding="utf-8")
    back = PoolFolder(folder / "pool")
    report = import_source(back, folder / "case.json", format_name="fhir", centre=None, dry_run=False, progress=silent)
    assert report.errors == 0, report.rejects
    return back


def test_a_demo_case_comes_back_equal(demo_pool: PoolFolder, tmp_path: Path) -> None:
    patient = scanned_patient(demo_pool)
    back = held(_there_and_back(demo_pool, patient, tmp_path), "series")
    whole = held(demo_pool, "series")
    for name, rows in back.items():
        column = 1 if name in ("mri", "lesion") else 0
        assert rows == [row for row in whole[name] if row[column] == patient], name
    assert len(back["lesion"]) > 0
    assert len(back["lab"]) > 0


@building_pools(15)
@given(people(st.just(1)))
def test_any_case_comes_back_equal(rows: Rows) -> None:
    with TemporaryDirectory() as folder:
        pool = PoolFolder(Path(folder) / "pool")
        import_rows(pool, rows)
        back = _there_and_back(pool, rows["patient"][0]["patient_id"], Path(folder) / "out")
        assert held(back) == held(pool)


def test_every_therapy_comes_back_as_itself(pool: PoolFolder, import_tables: ImportTables, tmp_path: Path) -> None:
    courses: list[dict[str, object]] = [
        {"patient_id": "anna", "dmt": dmt, "start_date": "2024-01-01", "stop_date": "2024-02-01"}
        for dmt in catalogues.dmts()
    ]
    import_tables(centre=None, patient=[{"patient_id": "anna"}], treatment=courses)
    assert held(_there_and_back(pool, "anna", tmp_path / "out"))["treatment"] == held(pool)["treatment"]


def test_standard_codes_say_what_others_understand(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    import_tables(
        centre="North",
        patient=[{"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS",
                  "synthetic": True}],
        visit=[{"patient_id": "anna", "date": "2020-01-01", "edss": 2.5, "fs_visual": 1}],
        treatment=[{"patient_id": "anna", "dmt": "ocrelizumab", "start_date": "2020-02-01"}],
    )  # fmt: skip
    entries = [entry["resource"] for entry in json.loads(case_bundle(Database(pool), "anna"))["entry"]]
    codes = {(kind["resourceType"], code["system"], code["code"])
             for kind in entries for concept in (kind.get("code"), kind.get("medicationCodeableConcept")) if concept
             for code in concept["coding"]}  # fmt: skip
    assert ("Condition", "http://snomed.info/sct", "24700007") in codes
    assert ("Condition", "http://snomed.info/sct", "426373005") in codes
    assert ("Observation", "http://snomed.info/sct", "273554001") in codes
    assert ("MedicationStatement", "http://www.whocc.no/atc", "L04AG08") in codes
    assert ("MedicationStatement", "http://www.whocc.no/atc", "L04AA36") in codes
    person = entries[0]
    assert person["meta"]["security"][0]["code"] == "HTEST"
    assert (person["gender"], person["birthDate"], person["managingOrganization"]["display"]) == (
        "female", "1990-01-01", "North",
    )  # fmt: skip


def test_two_cases_in_one_folder_are_both_read(pool: PoolFolder, import_tables: ImportTables, tmp_path: Path) -> None:
    visits: list[dict[str, object]] = [{"patient_id": who, "date": "2020-01-01", "edss": 2.0} for who in ("a_1", "b_2")]
    import_tables(centre=None, patient=[{"patient_id": "a_1"}, {"patient_id": "b_2"}], visit=visits)
    (tmp_path / "out").mkdir()
    for who in ("a_1", "b_2"):
        (tmp_path / "out" / f"{who}.json").write_text(case_bundle(Database(pool), who))
    back = PoolFolder(tmp_path / "back")
    import_source(back, tmp_path / "out", format_name=None, centre=None, dry_run=False, progress=silent)
    assert held(back) == held(pool)


def test_nobody_is_no_bundle(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[{"patient_id": "anna"}])
    with pytest.raises(UnknownPatient, match="no patient 'nobody'"):
        case_bundle(Database(pool), "nobody")
