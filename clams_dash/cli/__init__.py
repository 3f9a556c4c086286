"""The command line ``clams``. Each verb lives in a module of its own."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import typer

from clams_dash.cli import (
    bench,
    consultation,
    curation,
    data,
    exporting,
    lesions,
    reporting,
    serving,
    sharing,
    summary,
    therapy,
    truth,
)
from clams_dash.errors import ClamsError

app = typer.Typer(
    help="CLAMS Dash: MRI, clinical course, laboratory and therapy perspectives in multiple sclerosis. "
    "Research and demonstration software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data.add_to(app)
consultation.add_to(app)
summary.add_to(app)
lesions.add_to(app)
curation.add_to(app)
exporting.add_to(app)
reporting.add_to(app)
sharing.add_to(app)
therapy.add_to(app)
serving.add_to(app)
truth.add_to(app)
bench.add_to(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits 0 on success, 1 on a refused input or failed check, 2 on wrong usage."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except ClamsError as error:
        _say(str(error))
    except (OSError, MemoryError, RecursionError, ValueError, KeyError, IndexError, TypeError) as error:
        if os.environ.get("CLAMS_DEBUG"):
            raise
        _say(f"{type(error).__name__}: {error}. This is a fault of the program; CLAMS_DEBUG=1 shows where it lies")


def _say(text: str) -> None:
    print(f"clams: {text}", file=sys.stderr)  # noqa: T201 - the command line speaks to its user
    sys.exit(1)
