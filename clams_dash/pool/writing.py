"""What building a version needs to know about where the pool is kept: a file in its folder, or elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import duckdb

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


def attach_file(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Attach a DuckDB file as ``earlier``, to be read only."""
    quoted = str(file).replace("'", "''")
    connection.execute(f"ATTACH '{quoted}' AS {EARLIER} (READ_ONLY)")
