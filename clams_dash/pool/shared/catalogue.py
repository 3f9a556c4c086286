"""The catalogue of a shared pool: DuckLake's tables in PostgreSQL, read with the queries of DuckLake's specification.

A version of the pool is a snapshot that CLAMS wrote. Snapshots of others (an analyst's own changes to the lake) are
not: they are not read, and the next version takes their place.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb

from clams_dash.errors import PoolError
from clams_dash.pool.shared.engine import connect, quoted
from clams_dash.pool.shared.place import SharedPlace

AUTHOR = "CLAMS Dash"
_TYPES = {
    "varchar": "VARCHAR", "boolean": "BOOLEAN", "date": "DATE", "timestamp": "TIMESTAMP", "int8": "TINYINT",
    "int16": "SMALLINT", "int32": "INTEGER", "int64": "BIGINT", "uint8": "UTINYINT", "uint16": "USMALLINT",
    "uint32": "UINTEGER", "uint64": "UBIGINT", "int128": "HUGEINT", "float32": "FLOAT", "float64": "DOUBLE",
}  # fmt: skip
"""DuckDB's names of the lake's types."""
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")


@dataclass
class SnapshotTable:
    """One table of a version: where its files lie under the tables' folder, and its columns with their types."""

    schema: str
    name: str
    folder: str
    files: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)


class Catalogue:
    """A connection to the database of a shared pool, for its catalogue only. Not to be used by several threads."""

    def __init__(self, place: SharedPlace) -> None:
        self.place = place
        self._connection = connect("postgres_scanner")
        # The lock is held by a transaction; one of its own, for a long one does not see what others commit.
        self._lock_holder = self._connection.cursor()
        try:
            self._connection.execute(f"ATTACH {quoted(place.connection)} AS catalogue (TYPE postgres, READ_ONLY)")
            (is_super,) = self.ask("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")[0]
        except duckdb.Error as error:
            self.close()
            raise unreachable(place, error) from error
        if is_super:
            self.close()
            raise PoolError(
                f"{place.user} is a superuser of {place.host}:{place.port} and may read every file of that machine: "
                f"connect with a plain role that owns the database {place.database}"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Leave the database; locks held go."""
        self._connection.close()

    def ask(self, sql: str) -> list[tuple[Any, ...]]:
        """Rows of a query that PostgreSQL runs."""
        return _ask(self._connection, sql)

    def is_empty(self) -> bool:
        """Whether the database holds no catalogue at all."""
        return not self.ask("SELECT 1 FROM pg_tables WHERE tablename = 'ducklake_snapshot'")

    def try_lock(self) -> bool:
        """Become the pool's only writer until this catalogue is closed; False while another one is.

        PostgreSQL lets go of the lock when this process dies or its machine is gone.
        """
        self._lock_holder.execute("BEGIN")
        if _ask(self._lock_holder, "SELECT pg_try_advisory_xact_lock(4849, 1)")[0][0]:
            return True
        self._lock_holder.execute("ROLLBACK")
        return False

    def make_sure_of_lock(self) -> None:
        """Raise an error of DuckDB when the connection that held the lock was lost, and the lock with it."""
        _ask(self._lock_holder, "SELECT 1")

    def versions(self) -> list[int]:
        """Snapshots that are versions of the pool, the latest first."""
        found = self.ask(
            "SELECT snapshot_id FROM ducklake_snapshot JOIN ducklake_snapshot_changes USING (snapshot_id) "  # noqa: S608
            f"WHERE author = {quoted(AUTHOR)} ORDER BY snapshot_id DESC"
        )
        return [row[0] for row in found]

    def snapshots_but(self, keep: list[int]) -> list[int]:
        """All snapshots but some."""
        return [row[0] for row in self.ask("SELECT snapshot_id FROM ducklake_snapshot") if row[0] not in keep]

    def tables(self, snapshot: int) -> list[SnapshotTable]:
        """The tables of a version. Raises PoolError for a table that no version of CLAMS can hold."""
        at = f"begin_snapshot <= {snapshot} AND (end_snapshot IS NULL OR end_snapshot > {snapshot})"
        found: dict[int, SnapshotTable] = {}
        for number, schema, name, schema_path, path, relative in self.ask(
            "SELECT t.table_id, s.schema_name, t.table_name, s.path AS schema_path, t.path, "  # noqa: S608
            "s.path_is_relative AND t.path_is_relative AS relative "
            f"FROM (SELECT * FROM ducklake_table WHERE {at}) t JOIN (SELECT * FROM ducklake_schema WHERE {at}) s "
            "USING (schema_id) ORDER BY 2, 3"
        ):
            if not (relative and _PLAIN.fullmatch(schema) and _PLAIN.fullmatch(name)):
                raise self._foreign(f"{schema}.{name}")
            found[number] = SnapshotTable(schema, name, f"{schema_path}{path}")
        for number, path, relative in self.ask(
            f"SELECT table_id, path, path_is_relative FROM ducklake_data_file WHERE {at} ORDER BY data_file_id"  # noqa: S608
        ):
            if not relative:
                raise self._foreign(path)
            found[number].files.append(path)
        for number, columns in self._columns(at).items():
            found[number].columns = columns
        return list(found.values())

    def _columns(self, at: str) -> dict[int, list[str]]:
        rows = self.ask(
            "SELECT table_id, column_id, column_name, column_type, parent_column FROM ducklake_column "  # noqa: S608
            f"WHERE {at} ORDER BY table_id, column_order"
        )
        elements = {(table, parent): kind for table, _, _, kind, parent in rows if parent is not None}
        columns: dict[int, list[str]] = defaultdict(list)
        for table, number, name, kind, parent in rows:
            if parent is None:
                one = elements.get((table, number), "") if kind == "list" else kind
                if one not in _TYPES or not _PLAIN.fullmatch(name):
                    raise self._foreign(f"column {name} ({kind})")
                columns[table].append(f"{name} {_TYPES[one]}{'[]' if kind == 'list' else ''}")
        return columns

    def _foreign(self, what: str) -> PoolError:
        return PoolError(f"{self.place.name}: {what} in a version of the pool is nothing that CLAMS writes")


def _ask(connection: duckdb.DuckDBPyConnection, sql: str) -> list[tuple[Any, ...]]:
    return connection.execute(f"FROM postgres_query('catalogue', {quoted(sql)})").fetchall()


def unreachable(place: SharedPlace, error: Exception) -> PoolError:
    """What to say when the database does not answer, or not as expected."""
    lines = [line for line in str(error).strip().splitlines() if line.strip()]
    return PoolError(f"{place.name}: the database does not answer as it should ({lines[0] if lines else error})")


def write_views(tables: list[SnapshotTable], place: SharedPlace, file: Path) -> None:
    """Write a small DuckDB file through which the tables of a version are read as if they were its own."""
    with duckdb.connect(str(file)) as connection:
        for schema in sorted({table.schema for table in tables} - {"main"}):
            connection.execute(f"CREATE SCHEMA {schema}")
        for table in tables:
            name = f"{table.schema}.{table.name}"
            if table.files:
                paths = ", ".join(quoted(str(place.tables / f"{table.folder}{one}")) for one in table.files)
                connection.execute(f"CREATE VIEW {name} AS FROM read_parquet([{paths}])")
            else:
                connection.execute(f"CREATE TABLE {name} ({', '.join(table.columns)})")
