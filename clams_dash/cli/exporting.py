"""The verb ``export``: the pool as Parquet files, or one case as a FHIR R4 Bundle."""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json
from clams_dash.errors import ClamsError
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder


class Format(StrEnum):
    """What is written."""

    PARQUET = "parquet"
    FHIR = "fhir"


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("export")(export)


def export(
    target: Annotated[Path | None, typer.Argument(help="New folder for the Parquet files.")] = None,
    patient: Annotated[str | None, typer.Option(help="With --format fhir: whose case.")] = None,
    format_name: Annotated[Format, typer.Option("--format", help="What to write.")] = Format.PARQUET,
    output: Annotated[Path | None, typer.Option("-o", "--output", help="With --format fhir: file to write.")] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Write every table as Parquet (with the image files), or one case as a FHIR R4 Bundle."""
    if format_name is Format.FHIR:
        if patient is None or output is None or target is not None:
            raise typer.BadParameter("--format fhir needs --patient and -o FILE, and no folder")
        _export_case(pool_folder(pool), patient, output, json)
    elif target is None or patient is not None or output is not None:
        raise typer.BadParameter("a folder is needed; --patient and -o go with --format fhir")
    else:
        _export_tables(pool_folder(pool), target, json)


def _export_tables(folder: PoolFolder, target: Path, json: bool) -> None:
    from clams_dash.pool.export import export_tables

    exported = export_tables(folder, target)
    if json:
        print_json({"folder": str(target), **asdict(exported)})
    else:
        rows = ", ".join(f"{count} {table}" for table, count in exported.rows.items() if count)
        typer.echo(f"{target}: {rows}; {exported.superseded} superseded rows, {exported.image_files} image files")


def _export_case(folder: PoolFolder, patient: str, output: Path, json: bool) -> None:
    from clams_dash.ingest.fhir.write import case_bundle

    if output.exists():
        raise ClamsError(f"{output}: exists already; name a new file")
    text = case_bundle(Database(folder), patient)
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ClamsError(f"{output}: cannot be written ({error.strerror})") from error
    if json:
        print_json({"patient": patient, "file": str(output), "bytes": len(text.encode())})
    else:
        typer.echo(f"{output}: the case of {patient} as a FHIR R4 Bundle; images are not in it")
