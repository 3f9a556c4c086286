"""What is worked out once per version agrees with asking the tables; pools for the bench are pools like any other."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.ingest.run import import_source
from clams_dash.model import tables
from clams_dash.pool import bulk
from clams_dash.pool.build import build_next
from clams_dash.pool.cases import CaseRow, SortKey, case_page, load_case, pool_counts
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import Measure, reference_points
from clams_dash.pool.writing import ROW_GROUP_ROWS
from tests.conftest import ImportTables
from tests.generated import Rows, building_pools, import_rows, people
from tests.pools import silent

# The list of cases as it was asked for before anything was worked out: one look at every row.
_DIRECT = """
    SELECT patient_id FROM case_summary
    WHERE $1 = '' OR contains(lower(patient_id), $1) OR contains(lower(coalesce(course, '')), $1)
       OR contains(replace(lower(coalesce(dmt, '')), '_', ' '), replace($1, '-', ' '))
       OR contains(lower(coalesce(centre, '')), $1)
    ORDER BY {} NULLS LAST, studies_with_images DESC, patient_id
"""
_POINTS = {
    "edss": "SELECT patient_id, date, '' AS study, edss AS value FROM visit WHERE edss IS NOT NULL",
    "lesion_volume": (
        "SELECT patient_id, date, study_id AS study, t2_volume_ml AS value FROM mri "
        "WHERE t2_volume_ml IS NOT NULL AND region = 'brain'"
    ),
    "nfl": "SELECT patient_id, date, '' AS study, value FROM lab WHERE analyte = 'nfl'",
}
MEASURES: tuple[Measure, ...] = ("edss", "lesion_volume", "nfl")


def _asked(pool: PoolFolder, sql: str, values: list[Any] | None = None) -> list[tuple[Any, ...]]:
    database = Database(pool)
    rows = database.ask(lambda pool: pool.take(sql, values or [], duckdb.DuckDBPyConnection.fetchall))
    database.close()
    return rows


def _direct_list(pool: PoolFolder, text: str, sort: SortKey, descending: bool) -> list[str]:
    column, down = ("birth_date", not descending) if sort is SortKey.AGE else (sort.value, descending)
    order = f"{column} {'DESC' if down else 'ASC'}"
    return [row[0] for row in _asked(pool, _DIRECT.format(order), [text.strip().lower()])]


def _check_list(pool: PoolFolder, database: Database, text: str, sort: SortKey, descending: bool) -> None:
    expected = _direct_list(pool, text, sort, descending)
    found, count = case_page(database, search=text, sort=sort, descending=descending, rows=500)
    assert [row.patient_id for row in found] == expected
    assert count == len(expected)
    assert all(isinstance(row, CaseRow) for row in found)


def _check_points(pool: PoolFolder, database: Database, measure: Measure, synthetic: bool) -> None:
    expected = _asked(
        pool,
        f"""SELECT dense_rank() OVER (ORDER BY m.patient_id), date_diff('day', birth_date, date) / 365.25,
                   date_diff('day', onset_date, date) / 365.25, value
            FROM ({_POINTS[measure]}) m JOIN patient USING (patient_id) WHERE coalesce(synthetic, false) = ?
            ORDER BY m.patient_id, date, study, value""",  # noqa: S608 - constants of this file
        [synthetic],
    )
    points = reference_points(database, measure, synthetic=synthetic)
    found = np.column_stack([points.person, points.age, points.duration, points.value])
    np.testing.assert_array_equal(found, np.array(expected, dtype=np.float64).reshape(-1, 4))
    assert points.of_people == len({row[0] for row in expected})


@given(rows=people(st.integers(3, 6)), data=st.data())
@building_pools(3)
def test_what_a_version_works_out_agrees_with_its_tables(
    tmp_path_factory: pytest.TempPathFactory, rows: Rows, data: st.DataObject
) -> None:
    pool = PoolFolder(tmp_path_factory.mktemp("generated") / "pool")
    import_rows(pool, rows)
    database = Database(pool)
    for measure in MEASURES:
        for synthetic in (False, True):
            _check_points(pool, database, measure, synthetic)
    names = [str(row["patient_id"]) for row in rows["patient"]]
    texts = [
        "",
        *(name[start : start + length] for name in names for start, length in ((0, 1), (0, 3), (1, 2), (2, 12))),
    ]
    texts += (
        names + [str(row["centre"])[:3] for row in rows["patient"] if row["centre"]] + ["ms", "o", "interferon-beta"]
    )
    for text in texts:
        for sort in data.draw(st.lists(st.sampled_from(SortKey), min_size=2, max_size=2)):
            _check_list(pool, database, text, sort, data.draw(st.booleans()))
    counts = pool_counts(database)
    assert counts.patients == len(names)
    assert counts.synthetic == sum(row["synthetic"] is True for row in rows["patient"])
    database.close()


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> PoolFolder:
    """A pool of the bench, read only."""
    pool = PoolFolder(tmp_path_factory.mktemp("bulk") / "pool")
    bulk.build_bulk(pool, 3500)
    return pool


@pytest.mark.parametrize("sort", SortKey)
def test_the_list_is_sorted_and_searched_as_by_looking_at_every_case(made_up: PoolFolder, sort: SortKey) -> None:
    database = Database(made_up)
    name = bulk.some_people(made_up)[0]
    for text in ("", name, name[:4], name[3:6], name[2:14], "7", "spms", "natalizumab", "centre 0", "c", "nobody", "é"):
        for descending in (False, True):
            expected = _direct_list(made_up, text, sort, descending)
            found, count = case_page(database, search=text, sort=sort, descending=descending, rows=7, first=2)
            assert [row.patient_id for row in found] == expected[2:9], (text, descending)
            assert count == len(expected), text
    database.close()


def test_rows_of_the_bench_stand_in_the_pools_own_tables_in_their_order(made_up: PoolFolder) -> None:
    named = {
        (row[0], row[1]) for row in _asked(made_up, "SELECT table_name, column_name FROM information_schema.columns")
    }
    assert {(table.name, column.name) for table in tables.ALL_TABLES for column in table.columns} <= named
    for table in bulk.TABLES:
        order = ", ".join(table.order)
        stored = _asked(made_up, f"SELECT {order} FROM {table.name}")  # noqa: S608
        assert stored == sorted(stored), table.name
        assert len(set(stored)) == len(stored)
    (people, visits, labs) = _asked(
        made_up, "SELECT (SELECT count(*) FROM patient), (SELECT count(*) FROM visit), (SELECT count(*) FROM lab)"
    )[0]
    assert people == 3500
    assert 9 < visits / people < 11
    assert 9 < labs / people < 11


def test_a_case_of_the_bench_opens_with_rows_of_every_table(made_up: PoolFolder) -> None:
    database = Database(made_up)
    for name in bulk.some_people(made_up)[:20]:
        case = load_case(database, name)
        assert len(case.visits) >= 6
        assert len(case.labs) >= 6
        assert case.treatments
        assert case.scans
        assert [visit.date for visit in case.visits] == sorted(visit.date for visit in case.visits)
        assert case.visits[0].source.file == "visit"
    database.close()


def test_an_import_keeps_every_row_of_the_bench(made_up: PoolFolder, tmp_path: Path) -> None:
    bulk.write_sources(made_up, tmp_path / "csv", "csv")
    pool = PoolFolder(tmp_path / "pool")
    report = import_source(
        pool, tmp_path / "csv", format_name="tables", centre=None, dry_run=False, progress=silent
    )  # fmt: skip
    assert [reject for reject in report.rejects if reject.severity == "error"] == []
    held = {table.name: _asked(made_up, f"SELECT count(*) FROM {table.name}")[0][0] for table in bulk.TABLES}  # noqa: S608
    assert report.rows_kept == held
    copied = bulk.copy_plainly(tmp_path / "csv", "csv", tmp_path / "plain.duckdb")
    assert copied.rows == sum(held.values())


def test_a_sample_stands_for_a_large_cohort_and_says_of_how_many(
    made_up: PoolFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same people again with the next version: who is in the sample follows from the pseudonym."""
    pool = PoolFolder(tmp_path / "pool")
    shutil.copytree(made_up.path, pool.path)
    monkeypatch.setattr("clams_dash.pool.build.REFERENCE_PEOPLE", 400)
    samples = []
    for _ in range(2):
        with pool.writing() as version:
            build_next(version, "b", {})
            version.publish()
        database = Database(pool)
        points = reference_points(database, "edss", synthetic=True)
        database.close()
        assert len(set(points.person.tolist())) == 400
        assert points.of_people == 3500
        samples.append(points.value.tolist())
    assert samples[0] == samples[1]
    every = [row[0] for row in _asked(pool, "SELECT edss FROM visit WHERE edss IS NOT NULL")]
    assert abs(float(np.median(samples[0])) - float(np.median(every))) <= 0.5


def test_small_row_groups_keep_the_look_up_of_a_person_short(made_up: PoolFolder) -> None:
    groups = _asked(
        made_up, "SELECT row_group_id, max(start + count) - min(start) FROM pragma_storage_info('visit') GROUP BY ALL"
    )
    assert len(groups) > 1
    assert max(rows for _, rows in groups) <= ROW_GROUP_ROWS


def test_unknown_facts_of_a_person_are_sorted_last(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(
        patient=[{"patient_id": "anna"}],
        clinical_fact=[
            {"patient_id": "anna", "date": "2020-01-01", "kind": "smoking", "value": ""},
            {"patient_id": "anna", "date": "2020-01-01", "kind": "smoking", "value": "never"},
            {"patient_id": "anna", "date": "2019-01-01", "kind": "smoking", "value": "current"},
        ],
    )
    facts = load_case(Database(pool), "anna").facts
    assert [fact.value for fact in facts] == ["current", "never", None]
