"""The verb ``lesions``: what became of a person's lesions, study by study."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json
from clams_dash.clinical.lesion_report import lesion_document
from clams_dash.clinical.words import plural
from clams_dash.config import NOT_A_DEVICE
from clams_dash.pool import cases
from clams_dash.pool.database import Database


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("lesions")(show_lesions)


def show_lesions(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")], pool: PoolOption = None, json: JsonOption = False
) -> None:
    """Show lesions by study: comparability first, then new, enlarging and resolved, volumes with their errors."""
    found = lesion_document(cases.load_case(Database(pool_folder(pool)), patient))
    if json:
        print_json(found)
        return
    typer.echo(
        f"{found['patient']}{' · SYNTHETIC' if found['synthetic'] else ''}: {plural(len(found['studies']), 'scan')}"
    )
    for study in reversed(found["studies"]):
        for line in _study_lines(study):
            typer.echo(line)
    typer.echo(f"\n{NOT_A_DEVICE}")


def _study_lines(study: dict[str, Any]) -> Iterator[str]:
    yield f"\n{study['date']}  {study['study']}"
    against = f" with {study['prior_study']}" if study["prior_study"] else ""
    state = {True: f"comparable{against}", False: f"not comparable{against}", None: "not compared"}
    said = "; ".join(study["reasons"])
    yield f"  {state[study['comparable_with_prior']]}{f': {said}' if said else ''}"
    if study["t2_count"] is not None:
        error = study["t2_volume_error_ml"]
        volume = "" if study["t2_volume_ml"] is None else f", {study['t2_volume_ml']:.2f}"
        width = "" if error is None or not volume else f" ± {error:.2f}"
        yield f"  {plural(study['t2_count'], 'T2 lesion')}{volume}{width}{' ml' if volume else ''}"
    if study["new"] is not None:
        yield f"  by the masks: {_count(study, 'new')}, {_count(study, 'enlarging')}, {study['resolved']} resolved"
        for lesion in study["lesions"]:
            if lesion["change"] in ("new", "enlarging", "shrinking") and not lesion["below_floor"]:
                yield f"    {_lesion_words(lesion)}"
    recorded = study["recorded"]
    if recorded["new_t2"] is not None:
        yield f"  as recorded: {recorded['new_t2']} new ({recorded['source']})"
    if study["report"] and study["report"]["conflict"]:
        yield f"  CONFLICT: {study['report']['conflict']}"


def _count(study: dict[str, Any], name: str) -> str:
    spread = study[f"{name}_range"]
    width = "" if spread["low"] == spread["high"] else f" ({spread['low']} to {spread['high']})"
    return f"{study[name]} {name}{width}"


def _lesion_words(lesion: dict[str, Any]) -> str:
    rate = lesion.get("percent_per_year")
    yearly = f", {rate:+.0f} % a year" if rate is not None else ""
    error = lesion.get("volume_error_mm3") or 0.0
    region = lesion["region"].replace("_", " ") if lesion["region"] != "unknown" else "region not known"
    return f"{lesion['change']} {lesion['track']}, {region}, {lesion['volume_mm3']:.0f} ± {error:.0f} mm3{yearly}"
