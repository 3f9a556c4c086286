"""The verb ``truth``: what would have happened to the demo pool's patients under every therapy."""

from __future__ import annotations

import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clams_dash.cli.output import JsonOption, PoolOption, pool_folder, print_json, progress_bar
from clams_dash.config import DEMO_PATIENTS, DEMO_SEED
from clams_dash.errors import ClamsError
from clams_dash.pool.folder import PoolFolder

if TYPE_CHECKING:
    from clams_dash.cohort.simulate import Simulated


def add_to(app: typer.Typer) -> None:
    """Add the verb."""
    app.command("truth")(truth)


def truth(
    decisions: Annotated[int, typer.Option(min=1, help="Decisions of held-out patients.")] = 5_000,
    patients: Annotated[int, typer.Option(min=1, help="As `clams demo` was given.")] = DEMO_PATIENTS,
    seed: Annotated[int, typer.Option(min=0, help="As `clams demo` was given.")] = DEMO_SEED,
    family: Annotated[str, typer.Option(help="As `clams demo` was given.")] = "smooth",
    scenario: Annotated[str, typer.Option(help="As `clams demo` was given.")] = "default",
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; all cores if not given.")] = None,
    pool: PoolOption = None,
    json: JsonOption = False,
) -> None:
    """Work out the truth of a synthetic pool (truth.duckdb beside it); about half an hour on two cores."""
    from clams_dash.cohort.simulate import simulate
    from clams_dash.cohort.truth.build import TruthPlan, build_truth
    from clams_dash.cohort.truth.informative import informativeness
    from clams_dash.pool.truth_file import write_truth

    folder = pool_folder(pool)
    with progress_bar() as progress:
        progress("simulating patients", 0.0)
        cohort = simulate(patients, seed, family=family, scenario=scenario)
        _require_same(folder, cohort)
        tables = build_truth(cohort, seed, TruthPlan(decisions=decisions, workers=workers), progress)
        path = write_truth(folder, tables)
    lines = informativeness(tables["truth"])
    errors = tables["truth"][["se_relapse", "se_worsening", "se_neda"]].max()
    if json:
        print_json(
            {
                "file": str(path),
                "rows": len(tables["truth"]),
                "decisions": decisions,
                "largest_standard_error": {name: float(value) for name, value in errors.items()},
                "informative": [{key: _finite(value) for key, value in asdict(line).items()} for line in lines],
            }
        )
        return
    typer.echo(f"{path}: {decisions} decisions, {len(tables['truth'])} arms; largest standard error {errors.max():.4f}")
    for line in lines:
        typer.echo(
            f"{line.outcome}: happened in {line.happened:.3f}; AUROC {line.given_record:.3f} given the record, "
            f"{line.given_state:.3f} given the hidden state; slope of the second on the first {line.slope:.2f}"
        )


def _finite(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _require_same(folder: PoolFolder, cohort: Simulated) -> None:
    """Raise ClamsError unless the pool holds just this cohort's patients."""
    from clams_dash.model.tables import PATIENT
    from clams_dash.pool.database import Database

    database = Database(folder)
    try:
        held = database.frame(PATIENT).sort_values("patient_id").reset_index(drop=True)
    finally:
        database.close()
    made = cohort.frames["patient"]
    same = len(held) == len(made) and bool(
        (held["patient_id"].astype(object).to_numpy() == made["patient_id"].astype(object).to_numpy()).all()
        and (held["birth_date"].to_numpy() == made["birth_date"].to_numpy()).all()
        and (held["onset_date"].to_numpy() == made["onset_date"].to_numpy()).all()
    )
    if not same:
        raise ClamsError(
            f"{folder.path}: its patients are not those of this cohort; give --patients, --seed, --family and "
            "--scenario as `clams demo` was given, and a pool with nothing but that demo"
        )
