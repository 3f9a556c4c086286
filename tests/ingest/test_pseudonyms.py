"""Pseudonyms on the way in: no identifier reaches the pool, the same key finds the same people, intervals stay."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.errors import ImportRefused
from clams_dash.ingest.arrival import Arrival
from clams_dash.ingest.links import Link, read_links
from clams_dash.ingest.pseudonyms import Pseudonyms, free_text, make_key, read_key
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.model import tables
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

KEY = b"a key for tests, thirty-two bytes"
ID = "Miller-Anna-19900203"
SECRETS = ("Miller", "19900203", "1990-02-03", "Herbert", "555 1234 567", "ACC-778")

Bring = Callable[..., ImportReport]


def _rows() -> dict[str, list[dict[str, object]]]:
    return {
        "patient": [{"patient_id": ID, "sex": "female", "birth_date": "1990-02-03", "onset_date": "2015-03-04"}],
        "visit": [{"patient_id": ID, "date": "2020-01-01", "edss": 2.0},
                  {"patient_id": ID, "date": "2020-07-01", "edss": 2.5},
                  {"patient_id": ID, "date": "seen by Miller", "edss": 2.5}],
        "treatment": [{"patient_id": ID, "dmt": "ocrelizumab", "start_date": "2018-01-01", "dose": "600 mg, 3.4.2020"}],
        "clinical_fact": [{"patient_id": ID, "date": "2020-01-01", "kind": "comorbidity", "value": "asthma"}],
        "mri": [{"study_id": "ACC-778", "patient_id": ID, "date": "2020-01-05", "mask_source": "expert",
                 "report_text": f"Mrs {ID}, born 1990-02-03, telephone 555 1234 567: two new lesions. Dr Herbert"}],
        "series": [{"study_id": "ACC-778", "sequence": "FLAIR", "path": "Miller_Anna.nii.gz"},
                   {"study_id": "ACC-778", "sequence": "T1W", "path": "Miller_gone.nii.gz"}],
    }  # fmt: skip


@pytest.fixture
def bring(tmp_path: Path, pool: PoolFolder) -> Bring:
    """Write tables (and one image) and import them: ``bring(pseudonyms, centre=..., visit=[...])``."""
    count = 0

    def run(
        pseudonyms: Pseudonyms | None, *, centre: str | None = "North", links: str = "", **rows: list[dict[str, object]]
    ) -> ImportReport:
        nonlocal count
        count += 1
        source = tmp_path / f"Miller{count}"
        source.mkdir()
        for name, lines in rows.items():
            pd.DataFrame(lines).to_csv(source / f"{name}.csv", index=False)
        if "series" in rows:
            image = nib.Nifti1Image(np.full((8, 8, 8), 100, dtype=np.int16), np.eye(4))
            image.header["descrip"] = b"Miller Anna"
            image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Miller, born 1990-02-03"))
            nib.save(image, source / "Miller_Anna.nii.gz")
        told: tuple[Link, ...] = ()
        if links:
            (source / "links.txt").write_text("patient_id,other_centre,other_patient_id\n" + links)
            told = read_links(source / "links.txt")
        return import_source(
            pool, source, format_name=None, centre=centre, dry_run=False, progress=silent,
            arrival=Arrival(pseudonyms, told),
        )  # fmt: skip

    return run


def _everything(pool: PoolFolder) -> str:
    database = Database(pool)
    frames = [database.frame(table).to_csv() for table in tables.ALL_TABLES]
    images = [gzip.decompress(file.read_bytes()).decode("latin-1") for file in (pool.imaging / "nifti").glob("*")]
    assert images
    return "\n".join([*frames, *images, *(file.name for file in pool.path.rglob("*"))])


def test_no_identifier_reaches_the_pool(pool: PoolFolder, bring: Bring) -> None:
    report = bring(Pseudonyms(KEY, shift_days=365), **_rows())
    assert {fault.table_name for fault in report.rejects} == {"visit", "series"}
    text = _everything(pool) + repr(report.rejects)
    assert [secret for secret in SECRETS if secret in text] == []
    assert KEY.decode() not in text
    (person,) = cases.case_page(Database(pool))[0]
    case = cases.load_case(Database(pool), person.patient_id)
    assert (case.patient.sex, len(case.visits), case.scans[0].report_text) == ("female", 2, None)
    assert case.treatments[0].dose == "600 mg, [removed]"
    assert case.facts[0].value == "asthma"
    assert case.scans[0].mask_source == "expert"


def test_intervals_and_ages_stay_while_dates_move(pool: PoolFolder, bring: Bring) -> None:
    bring(Pseudonyms(KEY, shift_days=365), **_rows())
    (person,) = cases.case_page(Database(pool))[0]
    case = cases.load_case(Database(pool), person.patient_id)
    first, second = (visit.date for visit in case.visits)
    assert (second - first).days == 182
    assert case.patient.birth_date is not None
    assert (first - case.patient.birth_date).days == (pd.Timestamp("2020-01-01") - pd.Timestamp("1990-02-03")).days
    assert 1 <= (pd.Timestamp("2020-01-01") - pd.Timestamp(first)).days <= 365


def test_a_list_of_words_keeps_the_report_without_them(pool: PoolFolder, bring: Bring) -> None:
    bring(Pseudonyms(KEY, words=frozenset({"Herbert", "Mrs"})), **_rows())
    (person,) = cases.case_page(Database(pool))[0]
    (scan,) = cases.load_case(Database(pool), person.patient_id).scans
    assert scan.report_text == (
        "[removed] [removed], born [removed], telephone [removed]: two new lesions. Dr [removed]"
    )


def test_the_same_key_finds_the_same_person_and_another_is_refused(pool: PoolFolder, bring: Bring) -> None:
    rows = _rows()
    bring(Pseudonyms(KEY, shift_days=365), patient=rows["patient"], visit=rows["visit"][:1])
    bring(Pseudonyms(KEY, shift_days=365), visit=[{**rows["visit"][0], "edss": 3.0}, rows["visit"][1]])
    (person,) = cases.case_page(Database(pool))[0]
    assert [visit.edss for visit in cases.load_case(Database(pool), person.patient_id).visits] == [3.0, 2.5]
    for other in (Pseudonyms(b"x" * 32, 365), Pseudonyms(KEY, 30), None):
        with pytest.raises(ImportRefused, match="the same person would stand in the pool twice"):
            bring(other, visit=[rows["visit"][0]])
    assert bring(Pseudonyms(KEY), centre="South", patient=rows["patient"]).rejects == ()
    assert cases.pool_counts(Database(pool)).patients == 2


def test_a_date_in_the_future_is_not_moved_into_the_past(pool: PoolFolder, bring: Bring) -> None:
    rows = _rows()
    report = bring(Pseudonyms(KEY, 3650), patient=rows["patient"], visit=[{**rows["visit"][0], "date": "2999-01-01"}])
    assert [(fault.rule, fault.value) for fault in report.rejects] == [("future", None)]


def test_every_free_text_of_the_tables_is_on_the_list() -> None:
    ids = {"patient_id", "study_id", "comparison_study_id", "series_id", "track_id", "path"}
    coded = {"loinc", "unit", "vendor", "model", "centre"}  # catalogued elsewhere, or no words about a person
    typed = {
        (table.name, column.name)
        for table in tables.CLINICAL_TABLES
        for column in table.source_columns
        if column.kind == "text" and column.choices is None and column.name not in ids | coded
    }
    assert typed <= set(free_text())
    assert set(free_text()) <= typed | {("clinical_fact", "unit")}


PERSON = {"patient_id": "n1", "sex": "female", "birth_date": "1990-01-01"}


@pytest.mark.parametrize("pseudonyms", [None, Pseudonyms(KEY, 100)])
def test_a_person_of_two_centres_is_joined_where_a_centre_says_so(
    pool: PoolFolder, bring: Bring, pseudonyms: Pseudonyms | None
) -> None:
    visit: dict[str, object] = {"patient_id": "n1", "date": "2020-01-01", "edss": 2.0}
    bring(pseudonyms, centre="North", patient=[PERSON], visit=[visit])
    there: dict[str, object] = {"patient_id": "s9", "date": "2021-01-01", "edss": 3.0}
    report = bring(pseudonyms, centre="South", links="s9,North,n1\n", patient=[{**PERSON, "patient_id": "s9"}],
                   visit=[there, {**there, "date": "2020-01-01"}])  # fmt: skip
    assert [(fault.table_name, fault.rule, fault.severity) for fault in report.rejects] == [
        ("patient", "link", "warning"), ("visit", "other_centre", "error"),
    ]  # fmt: skip
    bring(pseudonyms, centre="South", visit=[{**there, "edss": 3.5}, {**there, "date": "2022-01-01"}])
    (person,) = cases.case_page(Database(pool))[0]
    case = cases.load_case(Database(pool), person.patient_id)
    assert [visit.edss for visit in case.visits] == [2.0, 3.5, 3.0]
    assert case.patient.centre == "North"


@pytest.mark.parametrize(
    ("other", "link", "reason"),
    [
        ({"sex": "male"}, "s9,North,n1", "another sex"),
        ({"birth_date": "1991-01-01"}, "s9,North,n1", "another birth date"),
        ({}, "s9,North,n7", "holds no such person of centre North"),
        ({}, "s9,East,n1", "centre East"),
    ],
)
def test_people_who_cannot_be_the_same_are_not_joined(
    pool: PoolFolder, bring: Bring, other: dict[str, object], link: str, reason: str
) -> None:
    bring(None, centre="North", patient=[PERSON])
    report = bring(None, centre="South", links=link + "\n", patient=[{**PERSON, "patient_id": "s9", **other}])
    (fault,) = report.rejects
    assert (fault.table_name, fault.severity) == ("patient_link", "error")
    assert reason in fault.reason
    assert cases.pool_counts(Database(pool)).patients == 2


def test_the_same_number_at_two_centres_is_two_people_under_a_key(pool: PoolFolder, bring: Bring) -> None:
    bring(Pseudonyms(KEY), centre="North", patient=[PERSON])
    assert bring(Pseudonyms(KEY), centre="South", patient=[PERSON]).rejects == ()
    assert cases.pool_counts(Database(pool)).patients == 2


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40), st.integers(0, 3650))
def test_pseudonyms_fit_addresses_and_shifts_their_limits(one: str, other: str, shift: int) -> None:
    pseudonyms = Pseudonyms(KEY, shift)
    name = pseudonyms.patient("North", one)
    assert re.fullmatch(tables.PATIENT_ID_PATTERN, name)
    assert (pseudonyms.patient("North", other) == name) == (one == other)
    assert pseudonyms.patient("South", one) != name
    assert (1 <= pseudonyms.days_back(name) <= shift) if shift else pseudonyms.days_back(name) == 0


def test_a_key_is_made_kept_private_and_away_from_the_pool(tmp_path: Path) -> None:
    file = tmp_path / "key"
    make_key(file)
    assert len(read_key(file, tmp_path / "pool")) == 64
    with pytest.raises(ImportRefused, match="cannot be written"):
        make_key(file)
    with pytest.raises(ImportRefused, match="lies in the pool's folder"):
        read_key(file, tmp_path)
    file.chmod(0o644)
    with pytest.raises(ImportRefused, match="others may read it"):
        read_key(file, tmp_path / "pool")
    (tmp_path / "short").touch(mode=0o600)
    with pytest.raises(ImportRefused, match="too few"):
        read_key(tmp_path / "short", tmp_path / "pool")
