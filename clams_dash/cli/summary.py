"""The verb ``summary``: what the rules say of one person, as text or as one JSON document."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from clams_dash.cli.consultation import ConventionOption, chosen_convention
from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json
from clams_dash.config import NOT_A_DEVICE
from clams_dash.errors import ClamsError
from clams_dash.pool import cases
from clams_dash.pool.database import Database

if TYPE_CHECKING:
    from clams_dash.clinical.summary import Summary

_DATES = ["%Y-%m-%d"]
_EVENTS_SHOWN = 15


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("summary")(summary)


def summary(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    at: Annotated[
        datetime | None, typer.Option(formats=_DATES, help="As known on that date (default: the day of the last data).")
    ] = None,
    since: Annotated[
        datetime | None,
        typer.Option(formats=_DATES, help="What is new since that date (default: since the visit before the last)."),
    ] = None,
    convention: ConventionOption = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Show what changed since the last visit, the activity strip, events, laboratory and safety of one person."""
    from clams_dash.clinical.summary import summary as summarise

    case = cases.load_case(Database(pool_folder(pool)), patient)
    day = at.date() if at else case.last_date()
    if day is None:
        raise ClamsError(f"{patient}: nothing dated is recorded about this person; give the day to look at with --at")
    if since is not None and since.date() > day:
        raise typer.BadParameter(f"{since.date()} lies after the day looked at, {day}", param_hint="--since")
    chosen = chosen_convention(convention)
    found = summarise(case, day, chosen, since.date() if since else None)
    if json:
        print_json(found.to_json())
        return
    for line in _lines(found):
        typer.echo(line)


def _lines(found: Summary) -> Iterator[str]:
    from clams_dash.clinical import case_words

    person = found.case.patient
    mark = " · SYNTHETIC" if person.synthetic else ""
    yield (
        f"{person.patient_id} · {case_words.person(person, found.as_of)} · {case_words.course(person, found.as_of)} · "
        f"{case_words.present_therapy(found.case, found.as_of)}{mark}"
    )
    yield f"As known on {found.as_of}. {_convention_line(found)}"
    yield f"\nSince last visit{f' (after {found.since})' if found.since else ''}"
    for item in found.since_last_visit:
        yield f"  {_marked(item.severity)} {item.text}."
    yield "\nActivity, last 12 months"
    for name, field in found.strip.items():
        yield f"  {name.replace('_', ' '):13} {field.state.replace('_', ' '):15} {field.reason}"
    yield from _neda_lines(found)
    yield from _safety_lines(found)
    yield from _lab_lines(found)
    yield from _event_lines(found)
    yield f"\n{NOT_A_DEVICE}"


def _convention_line(found: Summary) -> str:
    chosen = found.convention
    return (
        f"Worsening by threshold convention {chosen.threshold}, confirmed at {chosen.confirm_days // 7} weeks; "
        f"PIRA by {chosen.definition().label.split(':')[0]}."
    )


def _marked(severity: str) -> str:
    return {"alert": "[alert]", "watch": "[watch]"}.get(severity, "[info] ")


def _truth(value: bool | None) -> str:
    return {True: "met", False: "not met", None: "not known"}[value]


def _activity(free: bool | None) -> str:
    return {True: "no activity", False: "activity", None: "not known"}[free]


def _neda_lines(found: Summary) -> Iterator[str]:
    window = found.neda.window
    over = found.neda.relapse.reason if window is None else window.basis
    yield f"\nNEDA-3 {_truth(found.neda.neda3)}, NEDA-4 {_truth(found.neda.neda4)} ({over})"
    for name, part in (
        ()
        if window is None
        else (
            ("relapse", found.neda.relapse),
            ("edss", found.neda.edss),
            ("mri", found.neda.mri),
            ("brain volume", found.neda.brain_volume),
        )
    ):
        yield f"  {name:13} {_activity(part.free):15} {part.reason}"
    for score in found.scores:
        value = str(score.value) if score.value is not None else f"not known, {score.low} to {score.high}"
        risk = f"; progression within 3 years {score.risk}" if score.risk else ""
        yield f"  {score.name:13} {value:18} {score.reason}{risk} ({score.caveat})"


def _safety_lines(found: Summary) -> Iterator[str]:
    from clams_dash.clinical.summary import stands_out
    from clams_dash.clinical.words import plural, printed_units

    outstanding = [f"{one.state.value.replace('_', ' '):15} {one.text}" for one in found.safety if stands_out(one)]
    yield f"\nSafety monitoring: {plural(len(found.safety), 'rule')} looked at, {len(outstanding)} to note"
    for line in dict.fromkeys(outstanding):
        yield f"  {printed_units(line)}"


def _lab_lines(found: Summary) -> Iterator[str]:
    from clams_dash.clinical.words import plural, printed_units

    yield f"\nLaboratory, newest result of {plural(len(found.labs), 'analyte')}"
    for lab in found.labs:
        yield f"  {lab.severity.replace('_', ' '):15} {printed_units(lab.text)}"


def _event_lines(found: Summary) -> Iterator[str]:
    shown = found.events[:_EVENTS_SHOWN]
    yield f"\nEvents, the last {len(shown)} of {len(found.events)}"
    for event in shown:
        yield f"  {event.date}  {event.text}"
