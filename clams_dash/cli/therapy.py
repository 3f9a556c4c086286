"""Verbs of the therapy-response model: ``train``, ``predict``, ``evaluate``."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from clams_dash.cli.output import JsonOption, PoolOption, Report, pool_folder, print_json, progress_bar
from clams_dash.errors import ClamsError
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder


class Kind(StrEnum):
    """Kinds of patients; a model is trained on one of them."""

    SYNTHETIC = "synthetic"
    OTHER = "not-synthetic"


def add_to(app: typer.Typer) -> None:
    """Add the verbs."""
    app.command("train")(train)
    app.command("predict")(predict)
    app.command("evaluate")(evaluate)


def train(
    seed: Annotated[int, typer.Option(min=0, help="Same pool and seed, same model.")] = 0,
    kind: Annotated[
        Kind | None, typer.Option("--on", help="Whom to train on; needed only where the pool holds both kinds.")
    ] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Train the therapy-response models on the pool."""
    with progress_bar() as progress:
        document = train_on(pool_folder(pool), seed, progress, kind)
    if json:
        print_json(document)
    else:
        typer.echo(f"model {document['version']} trained")


def train_on(folder: PoolFolder, seed: int, progress: Report, kind: Kind | None = None) -> dict[str, object]:
    """Train on a pool and return the training report as JSON data."""
    from clams_dash.response.train import train as train_models

    database = Database(folder)
    counts = cases.pool_counts(database)
    synthetic = _one_kind(counts, kind)
    frames = cases.load_frames(database, synthetic=synthetic)
    report = train_models(
        frames, folder.models, data_version=database.version, synthetic=synthetic, seed=seed, progress=progress
    )
    return {
        "version": report.version, "people": report.people, "decisions": report.decisions,
        "synthetic": synthetic, "seconds": round(report.seconds, 1), "metrics": report.metrics,
    }  # fmt: skip


def _one_kind(counts: cases.PoolCounts, kind: Kind | None) -> bool:
    if kind is None and counts.synthetic and counts.not_synthetic:
        raise ClamsError(
            f"the pool holds {counts.synthetic} synthetic patients and {counts.not_synthetic} others, and a model is "
            f"trained on one kind; choose with --on synthetic or --on not-synthetic"
        )
    return kind is Kind.SYNTHETIC if kind is not None else counts.synthetic > 0


def predict(
    patient: Annotated[str, typer.Argument(help="Pseudonym.")],
    at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="As known on that date (default: the day after the last data)."),
    ] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Show, per therapy and outcome, risk, interval, support and abstention for one person."""
    from clams_dash.response.bundle import load_bundle
    from clams_dash.response.predict import predict as predict_case

    folder = pool_folder(pool)
    database = Database(folder)
    frames = cases.load_patient_frames(database, patient)
    day: date | None = at.date() if at else cases.load_case(database, patient).decision_date()
    if day is None:
        raise ClamsError(f"{patient}: nothing is recorded about this person, so nothing can be estimated")
    prediction = predict_case(load_bundle(folder.models), frames, patient, day)
    document = prediction.to_json()
    if json:
        print_json(document)
        return
    typer.echo(
        f"{patient} on {day}: risks (new_t2: lesions), 90 % interval, comparable people (model {prediction.model})"
    )
    for outcome, estimates in prediction.outcomes.items():
        typer.echo(outcome)
        for one in estimates:
            if one.risk is None or one.low is None or one.high is None:
                typer.echo(f"  {one.dmt:24} no estimate: {one.reason}")
            elif one.observed_high is not None:
                typer.echo(f"  {one.dmt:24} {one.risk:6.1f}  {one.low:.1f} to {one.high:.1f}  n={one.n_similar}")
            else:
                typer.echo(f"  {one.dmt:24} {one.risk:6.1%}  {one.low:.1%} to {one.high:.1%}  n={one.n_similar}")


def evaluate(pool: PoolOption = None, json: JsonOption = False) -> None:
    """Score the model on held-out people, and against the truth where `clams truth` worked it out."""
    from clams_dash.pool.truth import read_truth
    from clams_dash.pool.truth_file import TRUTH_FILE
    from clams_dash.response.bundle import load_bundle
    from clams_dash.response.evaluation import against_truth, held_out_scores
    from clams_dash.response.evaluation_file import write_evaluation
    from clams_dash.response.settings import response_rules

    folder = pool_folder(pool)
    bundle = load_bundle(folder.models)
    frames = cases.load_frames(Database(folder), synthetic=bool(bundle.provenance["synthetic"]))
    document: dict[str, Any] = {"model": bundle.version, "held_out": held_out_scores(bundle, frames, response_rules())}
    if (folder.path / TRUTH_FILE).is_file():
        truth = read_truth(folder)
        document["truth"] = against_truth(bundle, frames, truth.decisions, truth.burden)
    path = write_evaluation(folder.models, bundle.version, document)
    if json:
        print_json(document)
        return
    typer.echo(f"model {bundle.version}, written to {path}")
    for name, found in document["held_out"].items():
        typer.echo(f"{name}, held-out people: {_in_words(found.get('model') or found)}")
        if found.get("constant"):
            typer.echo(f"  a constant: {_in_words(found['constant'])}")
    for name, found in document.get("truth", {}).items():
        if isinstance(found, dict):
            typer.echo(f"{name}, against the truth: {_in_words(found)}")


def _in_words(figures: dict[str, Any]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {value}" for name, value in figures.items())
