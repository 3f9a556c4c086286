"""A corrected file takes the place of older rows of the same centre; both stay traceable; an import can be undone."""

from __future__ import annotations

from pathlib import Path

import duckdb
import nibabel as nib
import numpy as np
import pytest

from clams_dash.errors import PoolError, UnknownPatient
from clams_dash.ingest.run import ImportReport
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.removal import erase, withdraw
from tests.conftest import ImportTables

ANNA = {"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS"}
BEN = {"patient_id": "ben", "sex": "male", "birth_date": "1985-01-01", "course": "PPMS"}


def _visit(day: str, edss: float, patient: str = "anna") -> dict[str, object]:
    return {"patient_id": patient, "date": day, "edss": edss}


def _scores(pool: PoolFolder, patient: str = "anna") -> list[float | None]:
    return [visit.edss for visit in cases.load_case(Database(pool), patient).visits]


def _superseded(pool: PoolFolder, table: str = "visit") -> list[tuple[object, ...]]:
    with duckdb.connect(str(pool.version_file(pool.current_version())), read_only=True) as connection:
        columns = "edss, source_file, source_row" if table == "visit" else "lesion_id"
        return connection.execute(
            f"SELECT {columns}, batch_id, superseded_by FROM superseded.{table} ORDER BY ALL"  # noqa: S608
        ).fetchall()


@pytest.fixture
def corrected(import_tables: ImportTables) -> tuple[ImportReport, ImportReport]:
    """Two visits, then a file that corrects the second and adds a third."""
    first = import_tables(patient=[ANNA], visit=[_visit("2020-01-01", 2.0), _visit("2021-01-01", 2.5)])
    second = import_tables(visit=[_visit("2021-01-01", 3.0), _visit("2022-01-01", 3.5)])
    return first, second


def test_a_correction_takes_the_place_and_both_rows_stay_traceable(
    pool: PoolFolder, corrected: tuple[ImportReport, ImportReport]
) -> None:
    first, second = corrected
    assert _scores(pool) == [2.0, 3.0, 3.5]
    assert second.rows_superseded == {"visit": 1}
    assert _superseded(pool) == [(2.5, "visit.csv", 3, first.batch_id, second.batch_id)]
    visit = cases.load_case(Database(pool), "anna").visits[1]
    assert (visit.source.batch_id, visit.source.row) == (second.batch_id, 2)


def test_a_withdrawn_correction_gives_the_earlier_rows_back(
    pool: PoolFolder, corrected: tuple[ImportReport, ImportReport]
) -> None:
    withdraw(pool, corrected[1].batch_id)
    assert _scores(pool) == [2.0, 2.5]
    assert _superseded(pool) == []
    listed = {row["batch_id"]: row["withdrawn_at"] for row in Database(pool).rows("batches")}
    assert listed[corrected[0].batch_id] is None
    assert listed[corrected[1].batch_id] is not None


def test_a_correction_of_a_correction_stands_when_the_middle_one_is_withdrawn(
    pool: PoolFolder, import_tables: ImportTables, corrected: tuple[ImportReport, ImportReport]
) -> None:
    third = import_tables(visit=[_visit("2021-01-01", 4.0)])
    withdraw(pool, corrected[1].batch_id)
    assert _scores(pool) == [2.0, 4.0]
    assert _superseded(pool) == [(2.5, "visit.csv", 3, corrected[0].batch_id, third.batch_id)]
    withdraw(pool, third.batch_id)
    assert _scores(pool) == [2.0, 2.5]


def test_an_import_on_which_others_build_is_not_withdrawn(
    pool: PoolFolder, corrected: tuple[ImportReport, ImportReport]
) -> None:
    with pytest.raises(PoolError, match=f"{corrected[1].batch_id} brought rows of people whom only this import"):
        withdraw(pool, corrected[0].batch_id)
    assert _scores(pool) == [2.0, 3.0, 3.5]


@pytest.mark.parametrize("batch", ["b-none", "'; DROP TABLE visit; --"])
def test_what_is_no_import_is_not_withdrawn(
    pool: PoolFolder, corrected: tuple[ImportReport, ImportReport], batch: str
) -> None:
    with pytest.raises(PoolError, match="no such import"):
        withdraw(pool, batch)


def test_what_was_withdrawn_may_come_again(pool: PoolFolder, import_tables: ImportTables, tmp_path: Path) -> None:
    import_tables(patient=[ANNA])
    folder = tmp_path / "again"
    first = import_tables(folder, visit=[_visit("2020-01-01", 2.0)])
    withdraw(pool, first.batch_id)
    second = import_tables(folder)
    assert not second.already_imported
    assert second.batch_id != first.batch_id
    assert _scores(pool) == [2.0]
    with pytest.raises(PoolError, match="withdrawn before"):
        withdraw(pool, first.batch_id)
    assert import_tables(folder).already_imported


def test_faults_of_a_withdrawn_import_are_no_longer_shown(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    report = import_tables(visit=[_visit("2020-01-01", 2.0), _visit("2021-01-01", 11)])
    assert len(Database(pool).rows("rejects")) == 1
    withdraw(pool, report.batch_id)
    assert Database(pool).rows("rejects") == []


def test_another_centre_corrects_nothing_and_joins_nobody(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(centre="North", patient=[ANNA], visit=[_visit("2020-01-01", 2.0)])
    report = import_tables(
        centre="South",
        patient=[{**ANNA, "sex": "male"}, BEN],
        visit=[_visit("2020-01-01", 9.0), _visit("2021-01-01", 9.0), _visit("2021-01-01", 5.0, "ben")],
    )
    assert [(fault.table_name, fault.source_row, fault.rule) for fault in report.rejects] == [
        ("patient", 2, "other_centre"), ("visit", 2, "other_centre"), ("visit", 3, "other_centre"),
    ]  # fmt: skip
    assert "centre North, not South" in report.rejects[0].reason
    assert _scores(pool) == [2.0]
    assert cases.load_case(Database(pool), "anna").patient.sex == "female"
    assert _scores(pool, "ben") == [5.0]


def test_rows_of_a_person_whose_own_row_names_another_centre_are_set_aside_too(
    pool: PoolFolder, import_tables: ImportTables
) -> None:
    import_tables(centre=None, patient=[{**ANNA, "centre": "North"}], visit=[_visit("2020-01-01", 2.0)])
    report = import_tables(centre=None, patient=[{**ANNA, "centre": "South"}, BEN], visit=[_visit("2021-01-01", 9.0)])
    assert {(fault.table_name, fault.rule) for fault in report.rejects} == {
        ("patient", "other_centre"), ("visit", "other_centre"),
    }  # fmt: skip
    assert _scores(pool) == [2.0]


def test_an_import_that_names_no_centre_speaks_of_the_pools_people(
    pool: PoolFolder, import_tables: ImportTables
) -> None:
    import_tables(centre="North", patient=[ANNA], visit=[_visit("2020-01-01", 2.0)])
    import_tables(centre=None, visit=[_visit("2020-01-01", 2.5)])
    assert _scores(pool) == [2.5]


def test_a_study_of_one_person_is_not_taken_over_by_another(pool: PoolFolder, import_tables: ImportTables) -> None:
    study = {"study_id": "s1", "patient_id": "anna", "date": "2020-01-01", "new_t2": 1}
    import_tables(patient=[ANNA, BEN], mri=[study])
    report = import_tables(patient=[{**BEN, "course": "SPMS"}], mri=[{**study, "patient_id": "ben"}])
    assert [(fault.table_name, fault.rule) for fault in report.rejects] == [("mri", "other_person")]
    assert len(cases.load_case(Database(pool), "anna").scans) == 1


def test_a_correction_that_changes_who_someone_is_is_shown(import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    report = import_tables(patient=[{**ANNA, "sex": "male", "course": "SPMS"}])
    assert [(fault.rule, fault.severity, fault.column_name) for fault in report.rejects] == [
        ("person_changed", "warning", "sex")
    ]


def _with_mask(folder: Path, lesions: int, **more: object) -> dict[str, list[dict[str, object]]]:
    folder.mkdir(exist_ok=True)
    image, mask = np.full((24, 24, 24), 50, dtype=np.float32), np.zeros((24, 24, 24), dtype=np.uint8)
    image[2:22, 2:22, 2:22] = 100
    for number in range(lesions):
        mask[4 : 7 + number, 4 + 6 * number : 7 + 6 * number, 4:7] = 1
    nib.save(nib.Nifti1Image(image, np.eye(4)), folder / "flair.nii.gz")
    nib.save(nib.Nifti1Image(mask, np.eye(4)), folder / "mask.nii.gz")
    study = {"study_id": "s1", "patient_id": "anna", "date": "2020-01-01", **more}
    return {
        "mri": [study],
        "series": [{"study_id": "s1", "sequence": "FLAIR", "path": "flair.nii.gz"},
                   {"study_id": "s1", "sequence": "lesion_mask", "path": "mask.nii.gz"}],
    }  # fmt: skip


def test_a_new_mask_takes_the_place_of_all_lesions_of_the_old(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    import_tables(tmp_path / "a", patient=[ANNA], **_with_mask(tmp_path / "a", 3))
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, len(scan.lesions)) == (3, 3)

    one = import_tables(tmp_path / "b", **_with_mask(tmp_path / "b", 1))
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, [lesion.lesion_id for lesion in scan.lesions], len(scan.series)) == (1, [1], 2)
    assert len(_superseded(pool, "lesion")) == 3

    none = import_tables(tmp_path / "c", **_with_mask(tmp_path / "c", 0))
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, scan.lesions) == (0, ())

    withdraw(pool, one.batch_id)
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, scan.lesions) == (0, ())
    withdraw(pool, none.batch_id)
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, len(scan.lesions)) == (3, 3)


def test_a_corrected_report_does_not_undo_what_the_mask_gave(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    import_tables(tmp_path / "a", patient=[ANNA], **_with_mask(tmp_path / "a", 2, mask_source="expert"))
    import_tables(mri=[{"study_id": "s1", "patient_id": "anna", "date": "2020-01-02", "report_text": "two lesions"}])
    (scan,) = cases.load_case(Database(pool), "anna").scans
    assert (scan.t2_count, scan.report_text, len(scan.series)) == (2, "two lesions", 2)
    assert scan.mask_source == "expert"


def test_an_erased_person_is_gone_from_every_file_of_the_pool_and_stays_away(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    folder = tmp_path / "both"
    import_tables(folder, patient=[ANNA, BEN], visit=[_visit("2020-01-01", 11), _visit("2020-01-01", 5.0, "ben")],
                  **_with_mask(folder, 1))  # fmt: skip
    (pool.models / "some").mkdir(parents=True)

    erased = erase(pool, "anna")

    assert erased.rows == {
        "patient": 1, "mri": 1, "series": 2, "lesion": 1, "lesion_course": 1, "study_pair": 1, "mesh": 1,
    }  # fmt: skip
    assert (erased.versions, erased.models, pool.models.exists()) == (1, True, False)
    assert [file for file in pool.imaging.rglob("*") if file.is_file()] == []
    assert _scores(pool, "ben") == [5.0]
    assert Database(pool).rows("rejects") == []
    for file in pool.path.iterdir():
        if file.is_file():
            assert b"anna" not in file.read_bytes(), file
    with pytest.raises(UnknownPatient):
        cases.load_case(Database(pool), "anna")
    again = import_tables(patient=[ANNA, {**BEN, "patient_id": "carl"}], visit=[_visit("2021-01-01", 2.0)])
    assert {(fault.rule, fault.value, fault.patient_id) for fault in again.rejects} == {("erased", None, None)}
    assert cases.pool_counts(Database(pool)).patients == 2
    with pytest.raises(UnknownPatient):
        erase(pool, "anna")
