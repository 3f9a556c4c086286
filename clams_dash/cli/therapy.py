"""Verbs of the therapy-response model: ``train``, ``predict``."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

import typer

from clams_dash.cli.output import JsonOption, PoolOption, Report, pool_folder, print_json, progress_bar
from clams_dash.errors import ClamsError
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.response.bundle import load_bundle
from clams_dash.response.predict import predict as predict_case


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("train")(train)
    app.command("predict")(predict)


def train(
    seed: Annotated[int, typer.Option(min=0, help="Same pool and seed, same model.")] = 0,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Train the therapy-response models on the pool."""
    with progress_bar() as progress:
        document = train_on(pool_folder(pool), seed, progress)
    if json:
        print_json(document)
    else:
        typer.echo(f"model {document['version']} trained")


def train_on(folder: PoolFolder, seed: int, progress: Report) -> dict[str, object]:
    """Train on a pool and return the training report as JSON data."""
    from clams_dash.response.train import train as train_models

    database = Database(folder)
    counts = cases.pool_counts(database)
    if counts.synthetic and counts.not_synthetic:
        progress("the pool mixes synthetic and other patients", 0.0)
    frames = cases.load_frames(database)
    synthetic = counts.not_synthetic == 0
    report = train_models(
        frames, folder.models, data_version=database.version, synthetic=synthetic, seed=seed, progress=progress
    )
    return report.to_json()


def predict(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    at: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="As known on that date (default: the last data).")
    ] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Show, per therapy and outcome, risk, interval, support and abstention for one person."""
    folder = pool_folder(pool)
    database = Database(folder)
    frames = cases.load_frames(database, patient)
    day: date | None = at.date() if at else cases.load_case(database, patient).last_date()
    if day is None:
        raise ClamsError(f"{patient}: nothing is recorded about this person, so nothing can be estimated")
    prediction = predict_case(load_bundle(folder.models), frames, patient, day)
    document = prediction.to_json()
    if json:
        print_json(document)
        return
    typer.echo(f"{patient} on {day}: 24-month risks, 90 % interval, comparable people (model {prediction.model})")
    for outcome, estimates in prediction.outcomes.items():
        typer.echo(outcome)
        for one in estimates:
            if one.risk is None or one.low is None or one.high is None:
                typer.echo(f"  {one.dmt:24} no estimate: {one.reason}")
            else:
                typer.echo(f"  {one.dmt:24} {one.risk:6.1%}  {one.low:.1%} to {one.high:.1%}  n={one.n_similar}")
