"""What the command line prints: one JSON document or plain lines on standard output, progress on standard error."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from clams_dash.config import default_pool_dir
from clams_dash.pool.folder import PoolFolder

PoolOption = Annotated[
    Path | None, typer.Option("--pool", help="Pool folder (default: CLAMS_POOL or data/pool).", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
LINES_SHOWN = 40
"""Faults printed unless all are asked for."""
Report = Callable[[str, float], None]


def pool_folder(path: Path | None) -> PoolFolder:
    """The pool folder of an option."""
    return PoolFolder((path or default_pool_dir()).resolve())


def print_json(document: object) -> None:
    """Print one JSON document."""
    typer.echo(json.dumps(document, indent=2, ensure_ascii=False, default=_plain))


def finding_line(row: Mapping[str, Any]) -> str:
    """One fault of an import as a line."""
    place = f"{row['source_file']}, row {row['source_row']}, column {row['column_name']}"
    return f"{row['severity']:7} {row['table_name']}: {place}: {row['reason']} (value {row['value']!r})"


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no JSON form here")


@contextmanager
def progress_bar() -> Iterator[Report]:
    """Show long work on standard error: gives a function that takes what is being done and the share done (0 to 1)."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as bar:
        task = bar.add_task("starting", total=1.0)

        def report(doing: str, share: float) -> None:
            bar.update(task, description=doing[:60].ljust(60), completed=share)

        yield report
        bar.update(task, completed=1.0)
