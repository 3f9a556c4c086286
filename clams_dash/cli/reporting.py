"""The verb ``report``: one case as a letter in PDF."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json
from clams_dash.config import Settings
from clams_dash.errors import ClamsError


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("report")(report)


def report(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="The PDF file to write.")],
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="As known on that date (default: the day of the last data)."),
    ] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Write the letter of one case: what is new, activity, course, MRI, perspectives, safety, provenance."""
    from clams_dash.web.pool_services import PoolServices

    services = PoolServices(Settings(pool_dir=pool_folder(pool).path))
    content = services.letter(patient, at.date() if at else None)
    if content is None:
        raise ClamsError(f"{patient}: nothing dated is recorded about this person; give the day to look at with --at")
    try:
        output.write_bytes(content)
    except OSError as error:
        raise ClamsError(f"{output}: cannot be written ({error.strerror}); choose another file") from error
    if json:
        print_json({"patient": patient, "file": str(output), "bytes": len(content)})
    else:
        typer.echo(f"{output}: {len(content)} bytes")
