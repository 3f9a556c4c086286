"""Writing a shared pool: one writer at a time, each version one transaction in DuckLake.

The version is built as any other, in a file of this machine, from the newest one and what is new; then its tables are
written as Parquet files and named in the catalogue, all of them or none.
"""

from __future__ import annotations

import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from clams_dash.errors import PoolError
from clams_dash.pool.shared.catalogue import AUTHOR, Catalogue, unreachable, write_views
from clams_dash.pool.shared.engine import connect, quoted
from clams_dash.pool.shared.place import SharedPlace
from clams_dash.pool.shared.snapshots import version_name
from clams_dash.pool.writing import NextVersion, attach_file

_LOG = logging.getLogger(__name__)
KEPT_SNAPSHOTS = 3
_TABLES_OF_VALUES = ("ducklake_file_column_stats", "ducklake_table_column_stats")
"""Tables of the catalogue that hold values of the pool's rows: the least and the greatest of each column."""
_TRY_AGAIN = 0.2
"""Seconds between two tries to become the writer."""
_OPTIONS = {
    "data_inlining_row_limit": "0",  # rows in the catalogue would be read by DuckLake alone
    "parquet_compression": "zstd",
    "parquet_row_group_size": "20480",  # few enough rows that one person's are found quickly
}


def start_lake(place: SharedPlace) -> None:
    """Make an empty catalogue in the database. Raises PoolError when it holds one, or for a superuser."""
    with Catalogue(place) as catalogue:
        if not catalogue.is_empty():
            raise PoolError(
                f"{place.host}:{place.port}/{place.database}: holds the catalogue of a pool already; one database is "
                f"for one pool. A machine that sees that pool's folder needs no `clams share`"
            )
    place.tables.mkdir(parents=True, exist_ok=True)
    try:
        with _lake(place) as connection:
            for option, value in _OPTIONS.items():
                connection.execute(f"CALL lake.set_option({quoted(option)}, {quoted(value)})")
    except duckdb.Error as error:
        raise unreachable(place, error) from error


@contextmanager
def writing_shared(place: SharedPlace, waiting: Callable[[], None]) -> Iterator[NextVersion]:
    """Become the only writer and give the version to be built on the newest one.

    While another machine or process writes, ``waiting`` is called again and again; it may raise to give up.
    """
    try:
        with Catalogue(place) as catalogue, tempfile.TemporaryDirectory(prefix="clams-version-") as work:
            while not catalogue.try_lock():
                waiting()
                time.sleep(_TRY_AGAIN)
            yield _NextSnapshot(place, catalogue, Path(work))
    except duckdb.Error as error:
        raise unreachable(place, error) from error


@dataclass(slots=True)
class _NextSnapshot:
    """The next version of a shared pool; ``base`` is the snapshot it is built on."""

    place: SharedPlace
    catalogue: Catalogue
    work: Path
    base: int | None = None

    @property
    def building(self) -> Path:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        return self.work / "building.duckdb"

    def attach_earlier(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        self.base = next(iter(self.catalogue.versions()), None)
        if self.base is None:
            return False
        views = self.work / "earlier.duckdb"
        write_views(self.catalogue.tables(self.base), self.place, views)
        attach_file(connection, views)
        return True

    def publish(self) -> str:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        publish_file(self.place, self.building, self._make_sure)
        snapshot = self.catalogue.versions()[0]
        try:
            self._drop_all_but(self.catalogue.versions()[:KEPT_SNAPSHOTS])
        except duckdb.Error as error:
            _LOG.warning(
                "%s; the new version stands, the next one clears earlier ones away", unreachable(self.place, error)
            )
        return version_name(snapshot)

    def drop_earlier(self) -> int:
        """See :class:`clams_dash.pool.writing.NextVersion`."""
        versions = self.catalogue.versions()
        self._drop_all_but(versions[:1])
        with connect("postgres_scanner") as connection:
            connection.execute(f"ATTACH {quoted(self.place.connection)} AS database (TYPE postgres)")
            for table in _TABLES_OF_VALUES:  # the planner's own sample of them may hold what was dropped
                connection.execute(f"CALL postgres_execute('database', 'ANALYZE {table}')")
        return len(versions) - 1

    def _make_sure(self) -> None:
        self.catalogue.make_sure_of_lock()
        if next(iter(self.catalogue.versions()), None) != self.base:
            raise PoolError(f"{self.place.name}: another version came in between; nothing changed, import again")

    def _drop_all_but(self, kept: list[int]) -> None:
        """Remove snapshots, their rows of the catalogue and their files; and files that killed writers left."""
        gone = ", ".join(map(str, self.catalogue.snapshots_but(kept)))
        with _lake(self.place) as connection:
            if gone:
                connection.execute(f"CALL ducklake_expire_snapshots('lake', versions => [{gone}])")
            connection.execute("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)")
            connection.execute("CALL ducklake_delete_orphaned_files('lake', cleanup_all => true)")


def publish_file(place: SharedPlace, file: Path, make_sure: Callable[[], None]) -> None:
    """Write the tables of a DuckDB file as the newest version, in one transaction.

    ``make_sure`` is called just before it becomes the version that readers see, and may raise to leave all as it was.
    Every table is written anew, so that what is known of the values of an earlier one can go with it.
    """
    with _lake(place) as connection:
        connection.execute(f"ATTACH {quoted(str(file))} AS next (READ_ONLY)")
        before = set(place.tables.rglob("*.parquet"))
        connection.execute("BEGIN")
        for schema, name in _tables(connection, "lake"):
            connection.execute(f"DROP TABLE lake.{schema}.{name}")
        for schema, name in _tables(connection, "next"):
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS lake.{schema}")
            connection.execute(f"CREATE TABLE lake.{schema}.{name} AS FROM next.{schema}.{name}")
        connection.execute(f"CALL lake.set_commit_message({quoted(AUTHOR)}, 'a version of the pool')")
        for written in set(place.tables.rglob("*.parquet")) - before:
            _sync(written)
        make_sure()
        connection.execute("COMMIT")


def _tables(connection: duckdb.DuckDBPyConnection, database: str) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [database],
    ).fetchall()


@contextmanager
def _lake(place: SharedPlace) -> Iterator[duckdb.DuckDBPyConnection]:
    """The lake of a place, to be written; made when there is none yet."""
    folder = quoted(f"{place.tables}/")
    with connect("ducklake", "postgres_scanner") as connection:
        address = quoted(f"ducklake:postgres:{place.connection}")
        connection.execute(f"ATTACH {address} AS lake (DATA_PATH {folder}, OVERRIDE_DATA_PATH true)")
        yield connection


def _sync(path: Path) -> None:
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
