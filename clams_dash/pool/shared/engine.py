"""DuckDB with the extensions of a shared pool, from their packages: nothing is fetched or put into the home folder."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import duckdb

from clams_dash.errors import PoolError

_CLOSED: dict[str, str | bool | int | float | list[str]] = {
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "python_enable_replacements": "false",
    "threads": "2",
}


def connect(*extensions: str) -> duckdb.DuckDBPyConnection:
    """A connection of its own in memory, with extensions. Raises PoolError when their packages are not there."""
    files = [_file(name) for name in extensions]
    connection = duckdb.connect(config=_CLOSED)
    for file in files:
        connection.execute(f"LOAD {quoted(str(file))}")
    return connection


def quoted(text: str) -> str:
    """A text as SQL."""
    return "'" + text.replace("'", "''") + "'"


def _file(name: str) -> Path:
    package = f"duckdb_extension_{name}"
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise PoolError(f"a shared pool needs the package {package.replace('_', '-')}: `uv sync --extra scale`")
    file = Path(spec.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    if not file.is_file():
        raise PoolError(
            f"{package.replace('_', '-')} is not made for DuckDB {duckdb.__version__}; `uv sync --extra scale` "
            f"installs the two that belong together"
        )
    return file
