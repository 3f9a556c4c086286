"""Versions of the pool: a reader never waits and never sees half an import."""

import json
import subprocess
import sys
import threading
from pathlib import Path

import duckdb
import pytest

from clams_dash.errors import PoolError
from clams_dash.model import tables
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import KEPT_VERSIONS, PoolFolder
from tests.conftest import ImportTables

ANNA = {"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS"}


def _people(count: int, prefix: str) -> list[dict[str, object]]:
    return [{**ANNA, "patient_id": f"{prefix}{number}"} for number in range(count)]


def test_an_import_adds_a_version_and_moves_the_pointer(pool: PoolFolder, import_tables: ImportTables) -> None:
    first = import_tables(patient=[ANNA]).version
    second = import_tables(patient=_people(2, "b")).version

    assert first is not None
    assert second is not None
    assert pool.current_version() == second
    assert pool.version_file(first).exists()


def test_an_open_reader_sees_the_new_version_with_its_next_question(
    pool: PoolFolder, import_tables: ImportTables
) -> None:
    import_tables(patient=[ANNA])
    database = Database(pool)
    assert cases.pool_counts(database).patients == 1

    import_tables(patient=_people(3, "b"))

    assert cases.pool_counts(database).patients == 4


def test_readers_ask_all_the_time_while_imports_run(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    database, stop = Database(pool), threading.Event()
    seen: list[int] = []
    faults: list[BaseException] = []

    def ask() -> None:
        try:
            while not stop.is_set():
                seen.append(cases.pool_counts(database).patients)
        except BaseException as error:  # noqa: BLE001 - any fault of a reader fails the test
            faults.append(error)

    readers = [threading.Thread(target=ask) for _ in range(4)]
    for reader in readers:
        reader.start()
    for number in range(4):
        import_tables(patient=_people(2, f"p{number}-"))
    stop.set()
    for reader in readers:
        reader.join()

    assert faults == []
    assert set(seen) <= {1, 3, 5, 7, 9}
    assert cases.pool_counts(database).patients == 9


def test_only_the_last_versions_are_kept(pool: PoolFolder, import_tables: ImportTables) -> None:
    for number in range(KEPT_VERSIONS + 2):
        import_tables(patient=_people(1, f"p{number}-"))
    assert len(list(pool.path.glob("pool-*.duckdb"))) == KEPT_VERSIONS


def test_two_imports_at_once_are_told_apart(pool: PoolFolder, import_tables: ImportTables) -> None:
    with pool.writing(), pytest.raises(PoolError, match="another import is writing"):
        import_tables(patient=[ANNA])


def test_what_a_killed_import_left_is_cleared_by_the_next(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    leftover = pool.path / ".building-deadbeef.duckdb"
    leftover.write_bytes(b"half a pool")

    import_tables(patient=_people(1, "b"))

    assert not leftover.exists()


def test_rows_carry_batch_file_and_row(pool: PoolFolder, import_tables: ImportTables) -> None:
    visits_given: list[dict[str, object]] = [
        {"patient_id": "anna", "date": "2020-01-01", "edss": 2.0},
        {"patient_id": "anna", "date": "2021-01-01", "edss": 3.0},
    ]
    report = import_tables(patient=[ANNA], visit=visits_given)

    visits = cases.load_case(Database(pool), "anna").visits

    assert [(visit.edss, visit.source.file, visit.source.row) for visit in visits] == [
        (2.0, "visit.csv", 2),
        (3.0, "visit.csv", 3),
    ]
    assert {visit.source.batch_id for visit in visits} == {report.batch_id}


@pytest.mark.parametrize(
    "hostile",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "ATTACH '/tmp/other.duckdb'",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "INSERT INTO pool_info SELECT * FROM pool_info",
        "DELETE FROM patient",
        "DROP TABLE patient",
        "CREATE TABLE mine (x INTEGER)",
        "INSTALL httpfs",
        "LOAD httpfs",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
    ],
)
def test_the_reading_connection_can_do_nothing_but_read(
    pool: PoolFolder, import_tables: ImportTables, hostile: str
) -> None:
    import_tables(patient=[ANNA])
    database = Database(pool)
    cursor = database._cursor()
    with pytest.raises(duckdb.Error):
        cursor.execute(hostile)


@pytest.mark.parametrize("content", ["", "../../etc/passwd", "pool-none.duckdb", "\x00"])
def test_a_damaged_pointer_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "CURRENT").write_text(content)
    with pytest.raises(PoolError, match="CURRENT"):
        PoolFolder(tmp_path).current_version()


def test_a_lost_pointer_never_starts_a_new_pool_over_the_old(pool: PoolFolder, import_tables: ImportTables) -> None:
    version = import_tables(patient=[ANNA]).version
    assert version is not None
    (pool.path / "CURRENT").unlink()
    with pytest.raises(PoolError, match=f"is missing, but there are versions .*{version}"):
        import_tables(patient=_people(1, "b"))
    assert pool.version_file(version).exists()


def test_a_pool_of_another_format_is_refused(pool: PoolFolder, import_tables: ImportTables) -> None:
    version = import_tables(patient=[ANNA]).version
    assert version is not None
    with duckdb.connect(str(pool.version_file(version))) as connection:
        connection.execute("UPDATE pool_info SET format = 0")
    with pytest.raises(PoolError, match="pool format 0"):
        cases.pool_counts(Database(pool))


def test_list_and_case_agree_on_the_last_data(pool: PoolFolder, import_tables: ImportTables) -> None:
    course = {"patient_id": "anna", "dmt": "ocrelizumab", "start_date": "2015-01-01", "stop_date": "2020-12-01"}
    import_tables(patient=[ANNA], treatment=[course])
    database = Database(pool)
    assert cases.case_page(database)[0][0].last_date == cases.load_case(database, "anna").last_date()


def test_a_damaged_pool_file_is_refused(pool: PoolFolder, import_tables: ImportTables) -> None:
    version = import_tables(patient=[ANNA]).version
    assert version is not None
    pool.version_file(version).write_bytes(b"not a database at all" * 1000)
    with pytest.raises(PoolError, match="cannot be opened"):
        cases.pool_counts(Database(pool))


def test_the_tables_of_the_contract_exist_with_their_columns(pool: PoolFolder, import_tables: ImportTables) -> None:
    version = import_tables(patient=[ANNA]).version
    assert version is not None
    with duckdb.connect(str(pool.version_file(version)), read_only=True) as connection:
        rows = connection.execute("SELECT table_name, column_name FROM information_schema.columns").fetchall()
    held = {(table, column) for table, column in rows}
    assert {(table.name, column.name) for table in tables.ALL_TABLES for column in table.columns} <= held
    contract = json.loads((Path(__file__).parent / "contract_tables.json").read_text())
    assert {(table, column) for table, columns in contract.items() for column in columns} <= held


def test_a_search_text_is_never_sql(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    database = Database(pool)
    for hostile in ("' OR 1=1 --", "%", "_", "\\", "'; DROP TABLE patient; --", "anna' UNION SELECT * FROM patient --"):
        assert cases.case_page(database, search=hostile) == ([], 0)
    assert cases.case_page(database, search="ANNA")[1] == 1


@pytest.mark.slow
def test_an_import_killed_at_thirty_moments_changes_nothing(tmp_path: Path) -> None:
    """The same script by hand: ``python scripts/kill_import.py``."""
    script = Path(__file__).parents[2] / "scripts" / "kill_import.py"
    done = subprocess.run(
        [sys.executable, str(script), "--kills", "30", "--work", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "30 of 30 kills left the served pool unchanged" in done.stdout
