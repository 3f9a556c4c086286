"""Verbs of the consultation: ``progression``."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json
from clams_dash.clinical.convention import Convention
from clams_dash.clinical.performance import (
    EdssPlus,
    PerformanceChange,
    edss_plus,
    performance_changes,
    performance_rules,
)
from clams_dash.clinical.progression import ConfirmedChange, Progression, UnconfirmedChange, progression
from clams_dash.clinical.spms import spms
from clams_dash.errors import ConventionError
from clams_dash.pool import cases
from clams_dash.pool.database import Database


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("progression")(show_progression)


ConventionOption = Annotated[
    list[str] | None,
    typer.Option(
        metavar="KEY=VALUE",
        help="Repeatable: threshold=A|B, confirm_days, tolerance_days, late_days=DAYS|any, relapse_days, "
        "onset_relapse_days, reference=fixed|roving|roving_worsening|roving_improvement, "
        "rebaseline=never|at_change|always, keep_higher=yes|no, event=first|multiple, sustained_days=DAYS|end, "
        "improvement_from=EDSS, "
        "pira=mueller2023|mueller2023_hs|kappos2020|cagol2022|msbase (which brings its own reference scheme). "
        "Default: A, 168, roving, mueller2023, multiple.",
        show_default=False,
    ),
]


def chosen_convention(options: list[str] | None) -> Convention:
    """The convention of the options. Raises BadParameter, naming the option that is unknown or unreadable."""
    try:
        return Convention.parsed(_options(options or []))
    except ConventionError as error:
        raise typer.BadParameter(str(error), param_hint="--convention") from error


def show_progression(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    convention: ConventionOption = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Show confirmed changes of the EDSS, PIRA or RAW, performance tests and SPMS, as of the last data.

    The same convention holds for the performance tests, with thresholds of their own.
    """
    chosen = chosen_convention(convention)
    case = cases.load_case(Database(pool_folder(pool)), patient)
    found = progression(case, chosen)
    tests = [change for test in performance_rules()[0] for change in performance_changes(case, test, chosen)]
    plus, conversion = edss_plus(case, chosen), spms(case)
    if json:
        beside = {
            "performance": [asdict(change) for change in tests],
            "edss_plus": asdict(plus),
            "spms": asdict(conversion),
        }
        print_json({"patient": patient, "convention": chosen.to_json(), **_document(found), **beside})
        return
    described = chosen.to_json()
    typer.echo(f"{patient}: change needed {described['threshold_text']}; {described['pira_text']}")
    typer.echo(", ".join(f"{key}={value}" for key, value in described.items() if not key.endswith("_text")))
    for event in found.events:
        typer.echo(_confirmed_line(event))
    for change in found.unconfirmed:
        typer.echo(f"{_change(change)}, not confirmed yet")
    if not found.events and not found.unconfirmed:
        typer.echo("no confirmed change and none waiting for confirmation")
    for test in tests:
        typer.echo(_test_line(test))
    typer.echo(f"EDSS-plus: {_edss_plus_words(plus)}")
    typer.echo(f"SPMS (CORe): {conversion.state.replace('_', ' ')}, {conversion.reason}")
    for note in found.notes:
        typer.echo(f"note: {note}")


def _options(given: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for one in given:
        key, equals, value = one.partition("=")
        if not equals or not value:
            raise ConventionError(f"{one!r} must be KEY=VALUE")
        if key in options:
            raise ConventionError(f"{key} is given twice")
        options[key] = value
    return options


def _document(found: Progression) -> dict[str, object]:
    return {
        "events": [asdict(event) for event in found.events],
        "unconfirmed": [asdict(change) for change in found.unconfirmed],
        "notes": list(found.notes),
    }


def _change(change: ConfirmedChange | UnconfirmedChange) -> str:
    start = f"{change.kind} {change.reference_edss:g} ({change.reference_date})"
    return f"{start} to {change.onset_edss:g} ({change.onset_date})"


def _test_line(change: PerformanceChange) -> str:
    course = f"{change.reference_value:g} ({change.reference_date}) to {change.onset_value:g} ({change.onset_date})"
    state = f"confirmed {change.confirmed_date}" if change.confirmed_date else "not confirmed yet"
    return f"{change.column}: {'worse' if change.kind == 'CDW' else 'better'}, {course}, {state}"


def _edss_plus_words(plus: EdssPlus) -> str:
    if plus.first is not None:
        component, onset, confirmed = plus.first
        return f"worsening first in {component} on {onset}, confirmed {confirmed}"
    lacking = ", ".join(plus.not_assessable)
    return f"not known: too few results of {lacking}" if lacking else "no confirmed worsening"


def _confirmed_line(event: ConfirmedChange) -> str:
    line = f"{_change(event)}, confirmed {event.confirmed_date}, held until {event.held_until}"
    if event.kind == "CDI":
        return line
    label = event.label or "PIRA or not cannot be told"
    since = f" since {event.label_confirmed_date}" if event.label_confirmed_date else ""
    return f"{line}: {label}{since}{'' if event.label_final else ' (later data may change this)'}"
