"""Faults page by page and completeness by field and centre."""

import pytest

from clams_dash.pool import quality
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.pools import both_kinds


@pytest.fixture
def database(pool: PoolFolder, import_tables: ImportTables) -> Database:
    """Two centres, one of them with gaps, and faults of two kinds."""
    people: list[dict[str, object]] = [
        {"patient_id": "anna", "sex": "female", "centre": "North", "course": "RRMS"},
        {"patient_id": "ben", "sex": "", "centre": "North", "course": "unknown"},
        {"patient_id": "carl", "sex": "male", "centre": "South", "course": ""},
    ]
    visits: list[dict[str, object]] = [
        {"patient_id": "anna", "date": "2020-01-01", "edss": 2.0},
        {"patient_id": "anna", "date": "2021-01-01", "edss": ""},
        {"patient_id": "anna", "date": "2022-01-01", "edss": 11},
        {"patient_id": "carl", "date": "2022-01-01", "edss": 0.5},
        {"patient_id": "carl", "date": "2023-01-01", "edss": 1.0},
        {"patient_id": "carl", "date": "2024-01-01", "edss": 6.0},
    ]
    import_tables(centre=None, patient=people, visit=visits)
    return Database(pool)


@both_kinds
def test_completeness_counts_values_by_field_and_centre(database: Database) -> None:
    found = {
        (one.table_name, one.column_name, one.centre): (one.rows, one.filled) for one in quality.completeness(database)
    }
    assert found["patient", "sex", "North"] == (2, 1)
    assert found["patient", "sex", "South"] == (1, 1)
    assert found["visit", "edss", "North"] == (2, 1)
    assert found["visit", "edss", "South"] == (2, 2)
    assert found["visit", quality.ANY_ROW, "North"] == (2, 1)
    assert found["lab", quality.ANY_ROW, "South"] == (1, 0)


def test_unknown_is_no_value(database: Database) -> None:
    courses = [one for one in quality.completeness(database) if one.column_name == "course"]
    assert [(one.centre, one.rows, one.filled) for one in courses] == [("North", 2, 1), ("South", 1, 0)]


@both_kinds
def test_a_centre_without_a_name_is_not_left_out(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(centre=None, patient=[{"patient_id": "anna", "sex": "female"}])
    assert {one.centre for one in quality.completeness(Database(pool))} == {quality.NO_CENTRE}


@pytest.mark.parametrize(
    ("wanted", "rows"),
    [
        (quality.FindingFilter(), [4, 5, 7]),
        (quality.FindingFilter(severity="error"), [4, 5]),
        (quality.FindingFilter(rule="edss_jump"), [7]),
        (quality.FindingFilter(table_name="lab"), []),
        (quality.FindingFilter(batch_id="' OR 1=1 --"), []),
    ],
)
def test_faults_are_chosen_by_batch_table_severity_and_check(
    database: Database, wanted: quality.FindingFilter, rows: list[int]
) -> None:
    page, found = quality.finding_page(database, wanted)
    assert [finding.source_row for finding in page] == rows
    assert found == len(rows)
    assert all(finding.in_pool for finding in page)


def test_pages_of_faults_follow_each_other(database: Database) -> None:
    pages = [quality.finding_page(database, quality.FindingFilter(), rows=1, first=first) for first in range(4)]
    assert [[finding.source_row for finding in page] for page, _ in pages] == [[4], [5], [7], []]


@both_kinds
def test_faults_are_counted_by_table_and_check(database: Database) -> None:
    counts = [(one.severity, one.table_name, one.rule, one.count) for one in quality.finding_counts(database)]
    assert counts == [("error", "visit", "choices", 2), ("warning", "visit", "edss_jump", 1)]
