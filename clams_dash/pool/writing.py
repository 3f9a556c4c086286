"""What building a version needs to know about where the pool is kept: a file in its folder, or elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

import duckdb

ROW_GROUP_ROWS = 16384
"""Rows that DuckDB stores together. A look-up visits every group and scans the one that holds the person, so both very
small and very large groups cost time; measured in docs/scale.md."""
EARLIER = "earlier"
"""Name under which the current version is attached while the next one is built."""


class NextVersion(Protocol):
    """A version under construction. Who holds one is the only writer of the pool."""

    @property
    def building(self) -> Path:
        """DuckDB file to build it in; whatever is left of it when the writing ends is removed."""

    def attach_earlier(self, connection: duckdb.DuckDBPyConnection) -> bool:
        """Attach the current version, to be read only, as ``earlier``; False when there is none yet."""

    def publish(self) -> str:
        """Make the finished file the current version and return the version's name."""

    def drop_earlier(self) -> int:
        """Remove every version but the current one; returns how many. A reader that has one open keeps it so far."""


@contextmanager
def new_file(file: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that creates its tables in a new DuckDB file."""
    # Only ATTACH can say how large row groups are.
    with duckdb.connect() as connection:
        connection.execute("SET temp_directory = ?", [f"{file}.tmp"])
        connection.execute(f"ATTACH '{_quoted(file)}' AS next (ROW_GROUP_SIZE {ROW_GROUP_ROWS})")
        connection.execute("USE next")
        yield connection


def attach_file(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Attach a DuckDB file as ``earlier``, to be read only."""
    connection.execute(f"ATTACH '{_quoted(file)}' AS {EARLIER} (READ_ONLY)")


def _quoted(file: Path) -> str:
    return str(file).replace("'", "''")
