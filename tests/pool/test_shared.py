"""A pool that several machines share: the same answers, one writer at a time, nothing lost, nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from clams_dash.cli import app as command_line
from clams_dash.errors import PoolError
from clams_dash.ingest.demo import build_demo
from clams_dash.pool import cases, quality
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import reference_points
from clams_dash.pool.removal import erase
from clams_dash.pool.shared import engine
from clams_dash.pool.shared.catalogue import Catalogue
from clams_dash.pool.shared.place import place_of, shared_place
from clams_dash.pool.shared.writer import _lake
from clams_dash.pool.sharing import share
from tests.conftest import ImportTables
from tests.generated import held
from tests.pools import SHARED, silent
from tests.postgres import ROLE, Server

SCRIPTS = Path(__file__).parents[2] / "scripts"
ANNA = {"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS"}
ZOE = {**ANNA, "patient_id": "zoe-unmistakable"}
on_shared = pytest.mark.parametrize("pool", [SHARED], indirect=True)


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory, postgres: Server) -> tuple[PoolFolder, PoolFolder]:
    """The same demo twice: as files, and moved into a database."""
    folder = tmp_path_factory.mktemp("moved")
    pools = PoolFolder(folder / "files"), PoolFolder(folder / "shared")
    for pool in pools:
        build_demo(pool, patients=60, seed=3, scans=0, progress=silent)
    share(pools[1], postgres.make_database("moved"))
    return pools


def test_a_moved_pool_gives_the_same_answers(moved: tuple[PoolFolder, PoolFolder]) -> None:
    assert held(moved[0]) == held(moved[1])
    files, shared = map(Database, moved)
    assert cases.pool_counts(files) == cases.pool_counts(shared)
    for sort in cases.SortKey:
        assert cases.case_page(files, sort=sort) == cases.case_page(shared, sort=sort)
    for person in cases.case_page(files, rows=5)[0]:
        assert cases.load_case(files, person.patient_id) == cases.load_case(shared, person.patient_id)
    assert quality.completeness(files) == quality.completeness(shared)
    filters = quality.FindingFilter(severity="warning")
    assert quality.finding_page(files, filters) == quality.finding_page(shared, filters)
    for measure in ("edss", "lesion_volume", "nfl"):
        one, other = (reference_points(pool, measure, synthetic=True) for pool in (files, shared))
        assert len(one.value) > 0
        assert (one.value == other.value).all()
        assert (one.person == other.person).all()


def test_no_version_stays_behind_as_a_file(moved: tuple[PoolFolder, PoolFolder]) -> None:
    assert list(moved[1].path.rglob("*.duckdb")) == []
    assert not (moved[1].path / "CURRENT").exists()


def test_the_folder_may_lie_elsewhere_on_another_machine(moved: tuple[PoolFolder, PoolFolder], tmp_path: Path) -> None:
    (tmp_path / "mounted here").symlink_to(moved[1].path)
    assert cases.pool_counts(Database(PoolFolder(tmp_path / "mounted here"))).patients == 60


@pytest.mark.parametrize(
    "hostile",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_parquet('/etc/passwd')",
        "SELECT * FROM glob('{pool}/*')",
        "SELECT * FROM read_text('{pool}/shared.toml')",
        "ATTACH 'dbname=postgres host=127.0.0.1' AS p (TYPE postgres)",
        "COPY (SELECT 1) TO '/tmp/stolen.csv'",
        "DROP VIEW patient",
        "CREATE TABLE mine (x INTEGER)",
        "LOAD postgres_scanner",
        "SET allowed_directories = ['/']",
        "SET enable_external_access = true",
    ],
)
def test_the_reading_connection_reads_its_tables_and_no_more(
    moved: tuple[PoolFolder, PoolFolder], hostile: str
) -> None:
    cursor = Database(moved[1])._cursor()
    with pytest.raises(duckdb.Error):
        cursor.execute(hostile.format(pool=moved[1].path))


@pytest.mark.slow
def test_two_writers_beside_four_readers_lose_nothing(database_url: str, tmp_path: Path) -> None:
    """The same script by hand, with more people, says how long the readers waited."""
    words = ["--imports", "1", "--writers", "2", "--patients", "30", "--longest-wait", "600", "--latest-sight", "600"]
    home = tmp_path / "home"
    home.mkdir()
    done = subprocess.run(
        [sys.executable, str(SCRIPTS / "import_while_reading.py"), *words, "--shared", database_url,
         "--work", str(tmp_path)], capture_output=True, text=True, check=False, env={**os.environ, "HOME": str(home)},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 imports of 30 people by 2 writers at once beside 4 readers, 0 failed" in done.stdout
    assert "90 people and 900 visits of 3 imports in the pool, (0, 0) lost" in done.stdout
    assert "0 readers missed the last version" in done.stdout
    assert not (home / ".duckdb").exists()


@on_shared
def test_a_killed_writer_leaves_the_pool_as_it_was(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA])
    before = pool.current_version()
    holding = (
        "import sys, time; from pathlib import Path; from clams_dash.pool.folder import PoolFolder\n"
        "with PoolFolder(Path(sys.argv[1])).writing() as version:\n"
        "    version.building.write_bytes(b'half'); print('writing', flush=True); time.sleep(600)"
    )
    writer = subprocess.Popen([sys.executable, "-c", holding, str(pool.path)], stdout=subprocess.PIPE, text=True)
    assert writer.stdout is not None
    assert writer.stdout.readline() == "writing\n"

    def give_up() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError), pool.writing(give_up):
        pass
    (pool.path / "tables" / "main" / "orphan.parquet").write_bytes(b"left by a writer that was killed")
    writer.send_signal(signal.SIGKILL)
    writer.communicate()

    assert pool.current_version() == before
    import_tables(patient=[{**ANNA, "patient_id": "ben"}])
    assert cases.pool_counts(Database(pool)).patients == 2
    assert not (pool.path / "tables" / "main" / "orphan.parquet").exists()


@on_shared
def test_an_erased_person_is_in_no_file_and_no_statistic(
    pool: PoolFolder, import_tables: ImportTables, postgres: Server
) -> None:
    import_tables(patient=[ANNA, ZOE], visit=[{"patient_id": ZOE["patient_id"], "date": "2020-01-01", "edss": 2.0}])
    reader = Database(pool)
    assert cases.pool_counts(reader).patients == 2
    place = shared_place(pool.path)
    assert place is not None
    statistics = "SELECT count(*) FROM ducklake_file_column_stats WHERE max_value = 'zoe-unmistakable'"
    assert postgres.as_role(statistics, database=place.database) != "0"

    sampled = "SELECT count(*) FROM pg_stats WHERE pg_stats::text LIKE '%zoe-unmistakable%'"
    postgres.as_role("ANALYZE ducklake_file_column_stats", database=place.database)
    assert postgres.as_role(sampled, database=place.database) != "0"

    erased = erase(pool, ZOE["patient_id"])

    assert postgres.as_role(sampled, database=place.database) == "0"

    assert erased.rows == {"patient": 1, "visit": 1}
    assert erased.versions == 1
    assert cases.pool_counts(reader).patients == 1, "a reader that had the version open goes on with the next"
    dump = subprocess.run(
        [postgres.programs / "pg_dump", "-h", place.host, "-p", str(place.port), "-U", ROLE, place.database],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    assert "ducklake_table_column_stats" in dump
    assert "unmistakable" not in dump
    for file in pool.path.rglob("*.parquet"):
        values = duckdb.read_parquet(str(file)).fetchall()
        assert "unmistakable" not in repr(values), file


@on_shared
def test_readers_go_on_while_the_database_is_away_and_imports_say_so(
    pool: PoolFolder, import_tables: ImportTables, postgres: Server
) -> None:
    import_tables(patient=[ANNA])
    reader = Database(pool)
    assert cases.pool_counts(reader).patients == 1
    postgres.stop()
    try:
        reader._versions.forget()
        assert cases.load_case(reader, "anna").patient.sex == "female"
        with pytest.raises(PoolError, match="the database does not answer"):
            import_tables(patient=[ZOE])
        with pytest.raises(PoolError, match="the database does not answer"):
            cases.pool_counts(Database(pool))
    finally:
        postgres.start()
    import_tables(patient=[ZOE])
    reader._versions.forget()
    assert cases.pool_counts(reader).patients == 2


@on_shared
def test_what_others_write_into_the_lake_is_no_version(pool: PoolFolder, import_tables: ImportTables) -> None:
    version = import_tables(patient=[ANNA, ZOE]).version
    place = shared_place(pool.path)
    assert place is not None
    with _lake(place) as analyst:
        analyst.execute("DELETE FROM lake.patient; CREATE TABLE lake.mine AS SELECT 1 AS x")
    assert pool.current_version() == version
    assert cases.pool_counts(Database(pool)).patients == 2
    import_tables(patient=[{**ANNA, "patient_id": "ben"}])
    assert cases.pool_counts(Database(pool)).patients == 3


@on_shared
def test_only_the_last_versions_are_kept(pool: PoolFolder, import_tables: ImportTables) -> None:
    for number in range(4):
        import_tables(patient=[{**ANNA, "patient_id": f"p{number}"}])
    place = shared_place(pool.path)
    assert place is not None
    with Catalogue(place) as catalogue:
        assert len(catalogue.versions()) == 3
    assert len(list((pool.path / "tables" / "main" / "patient").glob("*.parquet"))) == 3


def test_an_empty_shared_pool_is_neither_read_nor_filled_with_a_demo(pool: PoolFolder, database_url: str) -> None:
    runner = CliRunner()
    done = runner.invoke(command_line, ["share", database_url, "--pool", str(pool.path)])
    assert done.exit_code == 0, done.output
    assert not pool.exists()
    with pytest.raises(PoolError, match="writes its first version"):
        cases.pool_counts(Database(pool))
    served = runner.invoke(command_line, ["serve", "--pool", str(pool.path), "--port", "1"])
    assert "holds nothing yet" in str(served.exception)
    with pytest.raises(PoolError, match="shared already"):
        share(pool, database_url)


def test_a_database_is_for_one_pool(pool: PoolFolder, database_url: str, tmp_path: Path) -> None:
    share(pool, database_url)
    with pytest.raises(PoolError, match="holds the catalogue of a pool already"):
        share(PoolFolder(tmp_path / "other"), database_url)
    assert not (tmp_path / "other" / "shared.toml").exists()


def test_a_superuser_is_refused(pool: PoolFolder, database_url: str) -> None:
    with pytest.raises(PoolError, match="postgres is a superuser"):
        share(pool, database_url.replace(f"{ROLE}@", "postgres@"))


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://clams:secret@host/db", "holds a password"),
        ("mysql://clams@host/db", "scheme"),
        ("postgresql://host/db", "user"),
        ("postgresql://clams@/db", "host"),
        ("postgresql://clams@host", "database"),
        ("postgresql://clams@host/d b", "database"),
        ("postgresql://clams@host/db?sslmode=none", "sslmode"),
        ("postgresql://clams@host/db?options=-c%20x", "options"),
        ("postgresql://clams@host'/db", "host"),
        ("postgresql://clams@host:port/db", "cannot be read"),
    ],
)
def test_an_address_that_cannot_be_used_is_named_without_repeating_it(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(PoolError, match=said) as refused:
        place_of(url, tmp_path)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("content", ["", "catalogue = 3", 'catalogue = "x"\nmore = 1', "=", "\x00"])
def test_a_damaged_shared_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "shared.toml").write_text(content)
    with pytest.raises(PoolError, match=r"shared\.toml"):
        PoolFolder(tmp_path).exists()


def test_without_the_extensions_the_error_says_which_extra_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duckdb, "__version__", "2.0.0")
    with pytest.raises(PoolError, match=r"not made for DuckDB 2\.0\.0; `uv sync --extra scale`"):
        engine.connect("ducklake")
    with pytest.raises(PoolError, match="needs the package duckdb-extension-none: `uv sync --extra scale`"):
        engine.connect("none")
