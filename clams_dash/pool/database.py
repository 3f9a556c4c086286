"""Reading the pool: a locked-down, read-only connection that follows the pointer to a new version by itself."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import closing
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


@lru_cache(maxsize=64)
def statement(name: str) -> str:
    """Text of the named statement ``sql/<name>.sql``."""
    return (_SQL_DIR / f"{name}.sql").read_text(encoding="utf-8")


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
        return self._run(_select(table, one_patient=True), [patient_id], _dictionaries)

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
        try:
            return self._run_once(sql, parameters, take)
        except duckdb.IOException:
            # Somebody was erased while this version was open: its files are gone, and the next one stands.
            self._versions.forget()
        except duckdb.Error as error:
            raise self._unreadable(error) from error
        try:
            return self._run_once(sql, parameters, take)
        except duckdb.Error as error:
            raise self._unreadable(error) from error

    def _run_once(
        self, sql: str, parameters: Sequence[Any], take: Callable[[duckdb.DuckDBPyConnection], Result]
    ) -> Result:
        with closing(self._cursor()) as cursor:
            return take(cursor.execute(sql, list(parameters)))

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


def _select(table: Table, *, one_patient: bool) -> str:
    where = "WHERE patient_id = ?" if one_patient else ""
    return f"SELECT * FROM {table.name} {where} ORDER BY {', '.join(table.order)}"  # noqa: S608 - names of the description
