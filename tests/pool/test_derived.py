"""Derived tables: a person's rows stand as long as the person's imaging does, and load with the case."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from clams_dash.model import tables
from clams_dash.pool.build import build_next
from clams_dash.pool.cases import display_copy, load_case
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.removal import erase, withdraw
from tests.conftest import ImportTables
from tests.pools import both_kinds

TURNED = [0.0, -1.0, 0.0, 4.0, 1.0, 0.0, 0.0, -2.0, 0.0, 0.0, 1.0, 9.0, 0.0, 0.0, 0.0, 1.0]


def _people(*names: str) -> list[dict[str, object]]:
    return [{"patient_id": name, "sex": "female", "course": "RRMS"} for name in names]


def _studies(name: str, *dates: str) -> list[dict[str, object]]:
    return [
        {"study_id": f"{name}-{number}", "patient_id": name, "date": day, "region": "brain"}
        for number, day in enumerate(dates, start=1)
    ]


def _put(pool: PoolFolder, name: str, studies: int, file: str | None = None) -> None:
    """Rows as the import works them out: the first study is the reference."""
    numbers = range(1, studies + 1)
    registration = [
        {
            "study_id": f"{name}-{number}", "patient_id": name, "reference_study_id": f"{name}-1",
            "matrix": np.eye(4).ravel().tolist() if number == 1 else TURNED, "metric": 1.2, "overlap": 1.0,
            "error_mm": 0.1, "quality": "pass", "reason": "two ways agree", "sequence": "FLAIR", "template": None,
            "inputs": "x", "batch_id": "b",
        }
        for number in numbers
    ]  # fmt: skip
    aligned = [
        {
            "series_id": f"{number:032x}", "study_id": f"{name}-{number}", "patient_id": name, "sequence": "FLAIR",
            "source_series_id": None, "matrix": None, "shape": [2, 3, 4], "spacing_mm": [1.0] * 3,
            "origin_mm": [-1.0, 0.0, 1.0], "box_mm": [0.0, 0.0, 0.0, 1.0, 1.0, 1.0], "focus_mm": None,
            "display_path": file, "display_sha256": "0" * 64, "window_low": 1.0, "window_high": 200.0, "batch_id": "b",
        }
        for number in numbers
    ]  # fmt: skip
    with pool.writing() as version:
        rows = {
            "registration": pd.DataFrame(registration), "aligned": pd.DataFrame(aligned),
            "lesion_course": _filled(tables.LESION_COURSE, name, numbers),
            "study_pair": _filled(tables.STUDY_PAIR, name, numbers),
            "mesh": _filled(tables.MESH, name, numbers),
        }  # fmt: skip
        build_next(version, "b", rows)
        version.publish()


def _filled(table: tables.Table, name: str, numbers: range) -> pd.DataFrame:
    """One row a study, what is required filled in."""
    required = {
        "lesion_id": 1,
        "track_id": "L1",
        "region": "unknown",
        "batch_id": "b",
        "mesh_id": "0" * 32,
        "kind": "brain",
        "path": "mesh/none.vtp",
        "sha256": "0" * 64,
    }
    rows = [{**required, "study_id": f"{name}-{number}", "patient_id": name} for number in numbers]
    return pd.DataFrame([{column.name: row.get(column.name) for column in table.columns} for row in rows])


def _everywhere(*studies: str) -> dict[str, list[str]]:
    return {table.name: list(studies) for table in tables.DERIVED_TABLES}


def _held(pool: PoolFolder) -> dict[str, list[str]]:
    database = Database(pool)
    found = {table.name: list(database.frame(table)["study_id"]) for table in tables.DERIVED_TABLES}
    database.close()
    return found


@pytest.fixture
def two_people(pool: PoolFolder, import_tables: ImportTables) -> PoolFolder:
    import_tables(
        patient=_people("anna", "bert"),
        mri=_studies("anna", "2020-01-01", "2021-01-01") + _studies("bert", "2020-01-01"),
    )
    _put(pool, "anna", 2)
    _put(pool, "bert", 1)
    return pool


@both_kinds
def test_a_case_knows_how_its_studies_lie_in_one_space(two_people: PoolFolder) -> None:
    first, second = load_case(Database(two_people), "anna").scans
    assert first.registration is not None
    assert first.registration.is_reference
    assert second.registration is not None
    assert not second.registration.is_reference
    np.testing.assert_array_equal(
        second.registration.matrix, [[0, -1, 0, 4], [1, 0, 0, -2], [0, 0, 1, 9], [0, 0, 0, 1]]
    )
    assert second.registration.comparable
    copy = second.first_aligned("T1W", "FLAIR")
    assert copy is not None
    assert (copy.shape, copy.origin_mm, copy.space) == ((2, 3, 4), (-1, 0, 1), "common grid of the person")


@both_kinds
def test_rows_of_a_person_are_gone_once_the_person_has_another_study(
    two_people: PoolFolder, import_tables: ImportTables
) -> None:
    import_tables(mri=[{"study_id": "anna-3", "patient_id": "anna", "date": "2022-01-01"}])
    assert _held(two_people) == _everywhere("bert-1")


def test_rows_stay_when_something_else_of_the_person_is_imported(
    two_people: PoolFolder, import_tables: ImportTables
) -> None:
    before = _held(two_people)
    import_tables(visit=[{"patient_id": "anna", "date": "2021-02-01", "edss": 2.0}])
    assert _held(two_people) == before


def test_rows_go_with_a_withdrawn_study_and_those_of_others_stay(
    two_people: PoolFolder, import_tables: ImportTables
) -> None:
    report = import_tables(mri=_studies("bert", "2020-01-02"))
    _put(two_people, "bert", 1)
    withdraw(two_people, report.batch_id)
    assert _held(two_people) == _everywhere("anna-1", "anna-2")


def test_an_erased_persons_copies_go_with_their_files(two_people: PoolFolder) -> None:
    file = two_people.imaging / "aligned" / "copy.vti"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"a brain")
    _put(two_people, "anna", 2, "aligned/copy.vti")

    rows = erase(two_people, "anna").rows

    assert (rows["registration"], rows["aligned"]) == (2, 2)
    assert not file.exists()
    assert _held(two_people) == _everywhere("bert-1")


def test_copies_on_the_common_grid_are_found_by_their_opaque_id(two_people: PoolFolder) -> None:
    _put(two_people, "anna", 2, "aligned/copy.vti")
    found = display_copy(Database(two_people), f"{2:032x}")
    assert found is not None
    assert (found.path, found.patient_id) == (Path(two_people.imaging / "aligned/copy.vti"), "anna")
    assert Path(found.path).is_relative_to(two_people.imaging)
