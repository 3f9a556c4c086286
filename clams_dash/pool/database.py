"""Reading the pool: a locked-down, read-only connection that follows the pointer to a new version by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pandas as pd

from clams_dash.errors import PoolError
from clams_dash.model.tables import Table
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reading import versions_of

Result = TypeVar("Result")

_SQL_DIR = Path(__file__).parent / "sql"
_OF_ONE = "SELECT * FROM {} WHERE patient_id = ?"


@lru_cache(maxsize=64)
def statement(name: str) -> str:
    """Text of the named statement ``sql/<name>.sql``."""
    return (_SQL_DIR / f"{name}.sql").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One version of the pool, for questions that belong together; for one thread."""

    _cursor: duckdb.DuckDBPyConnection

    def rows(self, name: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run the named statement and return its rows as dictionaries."""
        return self.query(statement(name), parameters)

    def query(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run a statement composed within the pool package (values as parameters only); its rows as dictionaries."""
        return self.take(sql, parameters, _dictionaries)

    def take(self, sql: str, parameters: Sequence[Any], how: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        """Run a statement and return what ``how`` makes of its result."""
        return how(self._cursor.execute(sql, list(parameters)))


class Database:
    """A pool opened for reading; may be shared by threads.

    Every call runs on a cursor of its own. When ``CURRENT`` names another version than the one open, the next call
    opens that version; calls under way finish on the old one.
    """

    def __init__(self, folder: PoolFolder) -> None:
        self.folder = folder
        self._versions = versions_of(folder)
        self._lock = threading.Lock()
        self._version = ""
        self._connection: duckdb.DuckDBPyConnection | None = None

    @property
    def version(self) -> str:
        """Version that the next call will read."""
        self._cursor().close()
        return self._version

    def rows(self, name: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run the named statement and return its rows as dictionaries."""
        return self._run(statement(name), parameters, _dictionaries)

    def named_frame(self, name: str, parameters: Sequence[Any] = ()) -> pd.DataFrame:
        """Run the named statement and return its rows as a frame, for results too many to hold as dictionaries."""
        return self._run(statement(name), parameters, duckdb.DuckDBPyConnection.df)

    def patient_rows(self, table: Table, patient_id: str) -> list[dict[str, Any]]:
        """Rows of one patient in a clinical table, in the table's order."""
        return self.person((table,), patient_id)[table.name]

    def person(self, of: Sequence[Table], patient_id: str) -> dict[str, list[dict[str, Any]]]:
        """Rows of one patient by table, each in the table's order, all out of the same version of the pool."""
        # A person's few rows are sorted here: planning an ORDER BY costs more than reading them.
        return self.ask(
            lambda snapshot: {
                table.name: _sorted(snapshot.query(_OF_ONE.format(table.name), [patient_id]), table) for table in of
            }
        )

    def frame(self, table: Table, patient_id: str | None = None) -> pd.DataFrame:
        """Rows of a clinical table, of all patients or of one (dates as datetime64), in the table's order."""
        if patient_id is None:
            return self._run(_select(table, one_patient=False), [], duckdb.DuckDBPyConnection.df)
        return self._run(_select(table, one_patient=True), [patient_id], duckdb.DuckDBPyConnection.df)

    def frame_where(self, table: Table, column: str, values: Sequence[str]) -> pd.DataFrame:
        """Rows of a table with one of ``values`` in a text column, in the table's order."""
        if column not in table.by_name:
            raise ValueError(f"{column} is not a column of {table.name}")
        where = f"{column} IN (SELECT unnest(CAST(? AS VARCHAR[])))"
        sql = f"SELECT * FROM {table.name} WHERE {where} ORDER BY {', '.join(table.order)}"  # noqa: S608 - names of the description
        return self._run(sql, [list(values)], duckdb.DuckDBPyConnection.df)

    def _run(self, sql: str, parameters: Sequence[Any], take: Callable[[duckdb.DuckDBPyConnection], Result]) -> Result:
        return self.ask(lambda snapshot: snapshot.take(sql, parameters, take))

    def ask(self, questions: Callable[[Snapshot], Result]) -> Result:
        """Ask several questions of one and the same version."""
        try:
            return self._asked(questions)
        except duckdb.IOException:
            # Somebody was erased while this version was open: its files are gone, and the next one stands.
            self._versions.forget()
        except duckdb.Error as error:
            raise self._unreadable(error) from error
        try:
            return self._asked(questions)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _asked(self, questions: Callable[[Snapshot], Result]) -> Result:
        with closing(self._cursor()) as cursor:
            return questions(Snapshot(cursor))

    def _unreadable(self, error: duckdb.Error) -> PoolError:
        return PoolError(f"{self.folder.path}: the pool could not be read ({type(error).__name__})")

    def close(self) -> None:
        """Close the connection; the next call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
            self._connection, self._version = None, ""
            self._versions.close()

    def _cursor(self) -> duckdb.DuckDBPyConnection:
        version = self._versions.current()
        with self._lock:
            if self._connection is None or version != self._version:
                self._connection = self._versions.open(version)
                self._version = version
            return self._connection.cursor()


def _dictionaries(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    columns = [column[0] for column in result.description or []]
    return [dict(zip(columns, row, strict=True)) for row in result.fetchall()]


def _sorted(rows: list[dict[str, Any]], table: Table) -> list[dict[str, Any]]:
    """Rows in the table's order; what is not known comes last."""
    return sorted(rows, key=lambda row: [(row[name] is None, row[name]) for name in table.order])


def _select(table: Table, *, one_patient: bool) -> str:
    where = "WHERE patient_id = ?" if one_patient else ""
    return f"SELECT * FROM {table.name} {where} ORDER BY {', '.join(table.order)}"  # noqa: S608 - names of the description
