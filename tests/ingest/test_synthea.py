"""The Synthea CSV export: who has MS, what becomes a visit, a course of therapy, a result, and what is left out."""

import datetime as dt
from pathlib import Path

import pytest

from clams_dash.errors import ImportRefused
from clams_dash.ingest import read_synthea
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

FILES = {
    "patients": """Id,BIRTHDATE,DEATHDATE,SSN,FIRST,LAST,GENDER
aa-1,1985-04-03,,999-76-6866,Jane608,Doe12,F
bb-2,1970-11-17,2023-01-05,999-11-1111,John,Roe,M
cc-3,1990-01-01,,999-22-2222,Not,Ill,F
""",
    "conditions": """START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION
2015-03-01,,aa-1,e1,24700007,Multiple sclerosis (disorder)
2016-03-01,,aa-1,e1,426373005,Relapsing remitting multiple sclerosis (disorder)
2017-06-01,2017-07-01,aa-1,e1,192929006,Exacerbation of multiple sclerosis
2018-06-01,,aa-1,e1,10509002,Acute bronchitis
2011-01-01,,bb-2,e2,426373005,Primary progressive multiple sclerosis
2011-01-01,,cc-3,e3,44054006,Diabetes
""",
    "observations": """DATE,PATIENT,ENCOUNTER,CODE,DESCRIPTION,VALUE,UNITS,TYPE
2017-08-01T09:00:00Z,aa-1,e1,273554001,EDSS,2.5,{score},numeric
2017-08-01T11:00:00Z,aa-1,e1,273554001,EDSS,3.0,{score},numeric
2018-08-01T09:00:00Z,aa-1,e1,273554001,EDSS,0.5,{score},numeric
2017-08-01T09:00:00Z,aa-1,e1,731-0,Lymphocytes,1.9,10*3/uL,numeric
2017-08-01T09:00:00Z,aa-1,e1,1742-6,ALT,30,mmol/L,numeric
2017-08-01T09:00:00Z,aa-1,e1,39156-5,Body mass index,24.1,kg/m2,numeric
2017-08-01T09:00:00Z,aa-1,e1,8302-2,Body Height,170,cm,numeric
2017-08-01T09:00:00Z,cc-3,e3,731-0,Lymphocytes,1.9,10*3/uL,numeric
""",
    "medications": """START,STOP,PATIENT,PAYER,ENCOUNTER,CODE,DESCRIPTION
2015-04-01T00:00:00Z,2015-10-01T00:00:00Z,aa-1,p,e1,1111641,1 ML glatiramer acetate 20 MG/ML Prefilled Syringe
2015-10-20T00:00:00Z,2016-04-01T00:00:00Z,aa-1,p,e1,1111641,1 ML glatiramer acetate 20 MG/ML Prefilled Syringe
2017-10-01T00:00:00Z,,aa-1,p,e1,1373491,dimethyl fumarate 240 MG Delayed Release Oral Capsule
2015-03-02T00:00:00Z,2015-03-05T00:00:00Z,aa-1,p,e1,1743726,methylprednisolone 1000 MG Injection
2012-03-02T00:00:00Z,2013-03-05T00:00:00Z,bb-2,p,e2,75917,interferon beta-1a
""",
    "procedures": """START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION
2015-03-01T08:00:00Z,2015-03-01T09:00:00Z,aa-1,e1,698354004,Magnetic resonance imaging for measurement of brain volume
2015-03-01T10:00:00Z,2015-03-01T11:00:00Z,aa-1,e1,241645008,Magnetic resonance imaging of spine (procedure)
2015-03-01T10:00:00Z,2015-03-01T11:00:00Z,aa-1,e1,430193006,Medication Reconciliation (procedure)
""",
    "encounters": """Id,START,STOP,PATIENT,ENCOUNTERCLASS,CODE,DESCRIPTION
e1,2015-03-01T07:00:00Z,2015-03-01T12:00:00Z,aa-1,ambulatory,185347001,Encounter for problem
e9,2019-03-01T07:00:00Z,2019-03-01T12:00:00Z,aa-1,ambulatory,185347001,Encounter for problem
""",
}


@pytest.fixture
def export(tmp_path: Path) -> Path:
    """Synthea's output folder, with the export in ``csv``."""
    folder = tmp_path / "output" / "csv"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / f"{name}.csv").write_text(text)
    return folder.parent


def _import(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)


def test_people_with_ms_come_in_with_course_visits_drugs_results_and_scans(pool: PoolFolder, export: Path) -> None:
    report = _import(pool, export)
    case = cases.load_case(Database(pool), "aa-1")

    assert report.format == "synthea"
    assert cases.pool_counts(Database(pool)).patients == 2
    person = case.patient
    assert (person.sex, person.course, person.diagnosis_date, person.synthetic) == (
        "female", "RRMS", dt.date(2015, 3, 1), True,
    )  # fmt: skip
    assert [(visit.date, visit.edss) for visit in case.visits] == [(dt.date(2017, 8, 1), 2.5)]
    assert [relapse.date for relapse in case.relapses] == [dt.date(2017, 6, 1)]
    assert [(one.dmt, one.start_date, one.stop_date) for one in case.treatments] == [
        ("glatiramer_acetate", dt.date(2015, 4, 1), dt.date(2016, 4, 1)),
        ("dimethyl_fumarate", dt.date(2017, 10, 1), None),
    ]
    assert [(lab.analyte, lab.value, lab.unit) for lab in case.labs] == [("lymphocytes", 1.9, "10^9/L")]
    assert {(scan.region, scan.t2_count) for scan in case.scans} == {("brain", None), ("cord", None)}
    facts = {(fact.kind, fact.date, fact.value) for fact in case.facts}
    assert facts == {("bmi", dt.date(2017, 8, 1), "24.1"), ("last_contact", dt.date(2019, 3, 1), None)}


def test_what_is_wrong_or_open_is_set_aside_with_file_and_row(pool: PoolFolder, export: Path) -> None:
    rejects = _import(pool, export).rejects
    errors = {(one.source_file, one.source_row, one.column_name) for one in rejects if one.severity == "error"}
    assert errors == {
        ("observations.csv", 4, "edss"),
        ("observations.csv", 6, "unit"),
        ("medications.csv", 6, "dmt"),
    }
    said = {one.reason: one.value for one in rejects if one.severity == "warning"}
    assert "edss: another value of the same day was kept (2.5)" in said
    assert said["people without MS were left out"] == "1"
    assert said["drugs without a place in the pool"] == "1"


def test_a_course_whose_code_and_text_disagree_is_not_taken(pool: PoolFolder, export: Path) -> None:
    report = _import(pool, export)
    assert cases.load_case(Database(pool), "bb-2").patient.course == "unknown"
    assert any("the code means RRMS, its text PPMS" in reject.reason for reject in report.rejects)


def test_identity_of_the_export_stays_outside(pool: PoolFolder, export: Path) -> None:
    _import(pool, export)
    stored = b"".join(file.read_bytes() for file in pool.path.rglob("*") if file.is_file())
    for secret in (b"Jane608", b"Doe12", b"999-76-6866"):
        assert secret not in stored


def test_an_export_without_ms_is_refused_and_says_so(export: Path) -> None:
    (export / "csv" / "conditions.csv").write_text("START,STOP,PATIENT,ENCOUNTER,CODE,DESCRIPTION\n")
    with pytest.raises(ImportRefused, match="3 people, none with a diagnosis of MS"):
        read_synthea.stage(export)


@pytest.mark.parametrize(
    ("file", "text", "reason"),
    [
        ("conditions", "START,PATIENT\n", r"conditions\.csv: row 1: column 'CODE' of the Synthea export is missing"),
        ("medications", "", r"medications\.csv: is empty"),
        ("observations", "DATE,PATIENT,CODE,VALUE,VALUE\n", r"'VALUE' stands twice"),
    ],
)
def test_an_export_that_is_none_is_refused(export: Path, file: str, text: str, reason: str) -> None:
    (export / "csv" / f"{file}.csv").write_text(text)
    with pytest.raises(ImportRefused, match=reason):
        read_synthea.stage(export)


def test_a_link_out_of_the_export_is_refused(export: Path) -> None:
    outside = export.parent / "elsewhere.csv"
    (export / "csv" / "medications.csv").rename(outside)
    (export / "csv" / "medications.csv").symlink_to(outside)
    with pytest.raises(ImportRefused, match="outside the imported folder"):
        read_synthea.stage(export)
