"""The command line ``clams``. Each verb lives in a module of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from clams_dash.cli import data, serving, therapy
from clams_dash.errors import ClamsError

app = typer.Typer(
    help="CLAMS Dash: MRI, clinical course, laboratory and therapy perspectives in multiple sclerosis. "
    "Research and demonstration software, not a medical device.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
data.add_to(app)
therapy.add_to(app)
serving.add_to(app)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line; exits 0 on success, 1 on a refused input or failed check, 2 on wrong usage."""
    try:
        app(args=list(arguments) if arguments is not None else None)
    except ClamsError as error:
        print(f"clams: {error}", file=sys.stderr)  # noqa: T201 - the command line speaks to its user
        sys.exit(1)
