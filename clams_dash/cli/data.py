"""Verbs that build the pool: ``demo``, ``import``.

What only one verb needs is imported inside it, so that the others start at once.
"""

from __future__ import annotations

from dataclasses import asdict
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clams_dash.cli.output import (
    LINES_SHOWN,
    JsonOption,
    PoolOption,
    finding_line,
    pool_folder,
    print_json,
    progress_bar,
)
from clams_dash.config import DEMO_PATIENTS, DEMO_SCANS, DEMO_SEED
from clams_dash.pool.folder import PoolFolder

if TYPE_CHECKING:
    from clams_dash.ingest.arrival import Arrival
    from clams_dash.ingest.run import ImportReport


class Format(StrEnum):
    """Formats a source may have."""

    TABLES = "tables"
    MAPPED = "mapped"
    SYNTHEA = "synthea"
    FHIR = "fhir"
    BIDS = "bids"
    DICOM = "dicom"
    OPEN_MS_DATA = "open_ms_data"


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("demo")(demo)
    app.command("import")(import_)
    app.command("key")(key)


def demo(
    patients: Annotated[int, typer.Option(min=1, help="Synthetic patients.")] = DEMO_PATIENTS,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same clinical data.")] = DEMO_SEED,
    scans: Annotated[int, typer.Option(min=0, help="Patients with phantom MRI.")] = DEMO_SCANS,
    family: Annotated[
        str, typer.Option(help="How effects differ between people: smooth, threshold or interaction.")
    ] = "smooth",
    scenario: Annotated[
        str, typer.Option(help="default, null, hidden_confounder, poor_overlap or shifted_centre.")
    ] = "default",
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Build the synthetic demo pool."""
    from clams_dash.ingest.alignment import align_people
    from clams_dash.ingest.demo import build_demo

    with progress_bar() as progress:
        report = build_demo(
            pool_folder(pool),
            patients=patients,
            seed=seed,
            scans=scans,
            progress=progress,
            family=family,
            scenario=scenario,
        )
        align_people(pool_folder(pool), progress)
    _print_report(report, json)


def import_(
    source: Annotated[Path, typer.Argument(help="Folder or file to read.")],
    format_name: Annotated[
        Format | None, typer.Option("--format", help="Format of the source; recognised if not given.")
    ] = None,
    centre: Annotated[str | None, typer.Option(help="Centre of patients that name none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
    mapping: Annotated[Path | None, typer.Option(help="Mapping file for a centre's own columns and codes.")] = None,
    draft_mapping: Annotated[
        bool,
        typer.Option("--draft-mapping", help="Print a first draft of a mapping file for the source; read nothing in."),
    ] = False,
    key: Annotated[
        Path | None, typer.Option(help="Key file: people and studies get pseudonyms (`clams key` makes one).")
    ] = None,
    shift_days: Annotated[
        int, typer.Option(min=0, max=3650, help="With --key: move each person's dates back by 1 to this many days.")
    ] = 0,
    scrub: Annotated[
        Path | None, typer.Option(help="With --key: keep reports and notes, without the words of this list.")
    ] = None,
    links: Annotated[
        Path | None, typer.Option(help="CSV of persons who are the same as another centre's; needs --centre.")
    ] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Read a folder or file into the pool."""
    from clams_dash.ingest.alignment import align_people
    from clams_dash.ingest.run import import_source

    if draft_mapping:
        _print_draft(source, json)
        return
    arrival = _arrival(pool_folder(pool), key, shift_days, scrub, links)
    if mapping is not None:
        if format_name not in (None, Format.MAPPED):
            raise typer.BadParameter(f"--mapping reads tables; it does not go with --format {format_name.value}")
        _import_mapped(source, mapping, centre, dry_run, pool_folder(pool), json, arrival)
        return
    with progress_bar() as progress:
        report = import_source(
            pool_folder(pool),
            source,
            format_name=format_name and format_name.value,
            centre=centre,
            dry_run=dry_run,
            progress=progress,
            arrival=arrival,
        )
        if report.version is not None:
            align_people(pool_folder(pool), progress)
    _print_report(report, json)


def _arrival(folder: PoolFolder, key: Path | None, shift_days: int, scrub: Path | None, links: Path | None) -> Arrival:
    """How people are named, from the options."""
    from clams_dash.ingest.arrival import Arrival
    from clams_dash.ingest.links import read_links
    from clams_dash.ingest.pseudonyms import Pseudonyms, read_key, read_words

    found = read_links(links) if links else ()
    if key is None:
        if shift_days or scrub is not None:
            raise typer.BadParameter("--shift-days and --scrub need --key")
        return Arrival(None, found)
    words = read_words(scrub) if scrub else None
    return Arrival(Pseudonyms(read_key(key, folder.path), shift_days, words), found)


def key(
    file: Annotated[Path, typer.Argument(help="Where to write it; keep it away from the pool, and keep it.")],
) -> None:
    """Write a new random key for pseudonyms."""
    from clams_dash.ingest.pseudonyms import make_key

    make_key(file)
    typer.echo(f"{file}: written; without it no later import finds the same people")


def _print_draft(source: Path, json: bool) -> None:
    from clams_dash.ingest.mapping.draft import draft_mapping

    text = draft_mapping(source)
    if json:
        print_json({"source": str(source), "mapping": text})
    else:
        typer.echo(text, nl=False)


def _import_mapped(
    source: Path, mapping: Path, centre: str | None, dry_run: bool, folder: PoolFolder, json: bool, arrival: Arrival
) -> None:
    from clams_dash.ingest.mapping.read import stage
    from clams_dash.ingest.run import import_staged

    with progress_bar() as progress:
        staged = stage(source, mapping)
        report = import_staged(folder, staged, centre=centre, dry_run=dry_run, progress=progress, arrival=arrival)
    _print_report(report, json)


def _print_report(report: ImportReport, json: bool) -> None:
    if json:
        print_json({**asdict(report), "rejects": [asdict(reject) for reject in report.rejects]})
        return
    if report.already_imported:
        typer.echo(f"{report.source}: already in the pool as batch {report.batch_id}; nothing changed")
        return
    kept = ", ".join(f"{count} {table}" for table, count in report.rows_kept.items())
    typer.echo(f"{report.source} ({report.format}): {report.rows_read} rows read; kept {kept}")
    for reject in report.rejects[:LINES_SHOWN]:
        typer.echo(finding_line(asdict(reject)))
    if len(report.rejects) > LINES_SHOWN:
        typer.echo(f"... and {len(report.rejects) - LINES_SHOWN} more: `clams check --batch {report.batch_id} --all`")
    if report.rows_superseded:
        taken = ", ".join(f"{count} {table}" for table, count in report.rows_superseded.items())
        typer.echo(f"took the place of earlier rows: {taken}")
    warnings = len(report.rejects) - report.errors
    outcome = f"pool version {report.version}" if report.version else "dry run: nothing changed"
    typer.echo(f"{report.errors} set aside, {warnings} warnings; batch {report.batch_id}; {outcome}")
