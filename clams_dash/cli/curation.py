"""Verbs that look after the pool: ``check``, ``withdraw``, ``erase``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated

import typer

from clams_dash.cli.output import LINES_SHOWN, JsonOption, PoolOption, finding_line, pool_folder, print_json
from clams_dash.clinical.words import plural
from clams_dash.pool import quality
from clams_dash.pool.database import Database


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("check")(check)
    app.command("withdraw")(withdraw)
    app.command("erase")(erase)


def check(
    batch: Annotated[str, typer.Option(help="Only this import.", show_default=False)] = "",
    table: Annotated[str, typer.Option(help="Only this table.", show_default=False)] = "",
    everything: Annotated[bool, typer.Option("--all", help=f"Every fault, not the first {LINES_SHOWN}.")] = False,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Data quality of the pool: what was set aside or warned of, by table and import, with source rows, and gaps."""
    database = Database(pool_folder(pool))
    wanted = quality.FindingFilter(batch_id=batch, table_name=table)
    findings, total = quality.finding_page(database, wanted, rows=2**31 - 1 if everything or json else LINES_SHOWN)
    counts = [one for one in quality.finding_counts(database) if _meant(one, wanted)]
    sizes: dict[str, int] = {row["table_name"]: row["n"] for row in database.rows("table_sizes")}
    if json:
        print_json(
            {
                "pool": database.version,
                "tables": sizes,
                "batches": database.rows("batches"),
                "rejects": [asdict(one) for one in findings],
                "counts": [asdict(one) for one in counts],
                "completeness": [asdict(one) for one in quality.completeness(database)],
            }
        )
    else:
        for name, rows in sizes.items():
            typer.echo(f"{name:14} {rows:>9} rows")
        _print_gaps(quality.completeness(database))
        _print_findings(findings, total, counts)
    if any(one.severity == "error" for one in counts):
        raise typer.Exit(1)


def _meant(one: quality.FindingCount, wanted: quality.FindingFilter) -> bool:
    return wanted.batch_id in ("", one.batch_id) and wanted.table_name in ("", one.table_name)


def _print_gaps(gaps: Sequence[quality.Completeness]) -> None:
    """Fields that lack values, all centres together."""
    total: dict[tuple[str, str], tuple[int, int]] = {}
    for one in gaps:
        rows, filled = total.get((one.table_name, one.column_name), (0, 0))
        total[(one.table_name, one.column_name)] = (rows + one.rows, filled + one.filled)
    for (table, column), (rows, filled) in total.items():
        if filled < rows:
            of = "people with any row" if column == quality.ANY_ROW else column
            typer.echo(f"filled  {table}: {of}: {filled} of {rows} ({filled / rows:.0%})")


def _print_findings(findings: Sequence[quality.Finding], total: int, counts: Sequence[quality.FindingCount]) -> None:
    for count in counts:
        typer.echo(f"{count.severity:7} {count.table_name}: {count.rule}: {count.count} in {count.batch_id}")
    for finding in findings:
        typer.echo(finding_line(asdict(finding)))
    if total > len(findings):
        typer.echo(f"... and {total - len(findings)} more; --all shows them")


def withdraw(
    batch: Annotated[str, typer.Argument(help="Import to take back, as `clams check --json` and /pool list them.")],
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Take an import back: its rows leave the pool, and rows it took the place of stand again."""
    from clams_dash.pool.removal import withdraw as withdraw_batch

    version = withdraw_batch(pool_folder(pool), batch)
    if json:
        print_json({"batch_id": batch, "version": version})
    else:
        typer.echo(f"{batch}: withdrawn; pool version {version}")


def erase(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Rebuild the pool without one person; earlier versions, their images, marks and all models go too."""
    from clams_dash.journal.store import forget, journal_file
    from clams_dash.pool.removal import erase as erase_person

    folder = pool_folder(pool)
    # First, so that after a failure in between a second call still finds the person in the pool and does the rest.
    marks = forget(journal_file(folder.path), patient)
    erased = erase_person(folder, patient)
    if json:
        print_json(asdict(erased) | {"journal_entries": marks})
        return
    rows = ", ".join(f"{count} {table}" for table, count in erased.rows.items())
    typer.echo(f"erased {rows}; {erased.image_files} image files and {erased.versions} earlier versions removed")
    if marks:
        typer.echo(f"{plural(marks, 'entry', 'entries')} of the journal removed")
    if erased.models:
        typer.echo("the models held what they need of the people they compare with; train anew with `clams train`")
