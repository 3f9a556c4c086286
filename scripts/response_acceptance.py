"""Scores the therapy-response model against known truth: families and seeds, with comparators in the same run.

    uv run python scripts/response_acceptance.py --patients 20000 --decisions 300 --seeds 11 --families smooth threshold
    uv run python scripts/response_acceptance.py first-events --repeats 20      # the learner on a real table

Prints one JSON document: by family, seed and outcome the figures of the model, of penalised regression and of baseline
risk x published effects; then median and range, and for every target whether it is met. The generator is frozen and is
never tuned to a score. The truth given the record (``p``) is what no predictor can beat; features say less than the
record, so a ceiling from features lies above zero error (``rmse_constant`` is what knowing nothing gives).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from clams_dash.cohort.simulate import simulate
from clams_dash.cohort.truth.build import TruthPlan, build_truth
from clams_dash.response import fit_effects
from clams_dash.response.bundle import load_bundle
from clams_dash.response.dataset import decisions
from clams_dash.response.evaluation import TRUTH_COLUMNS, against_truth
from clams_dash.response.learner import fit_comparator
from clams_dash.response.scores import auroc, calibration_line
from clams_dash.response.settings import response_rules
from clams_dash.response.train import fit_models, for_training, train

TARGETS: dict[str, tuple[float, float]] = {
    "npehe_untreated_shown": (0.0, 0.65),
    "npehe_drug": (0.0, 1.0),
    "coverage_shown": (0.88, 0.92),
    "difference_coverage_shown": (0.88, 0.92),
    "coverage_worst_arm": (0.85, 1.0),
    "calibration_slope": (0.95, 1.05),
}
COMPARATORS = {"penalised regression": False, "baseline risk x published effects": True}


def one_cohort(family: str, seed: int, patients: int, wanted: int, workers: int) -> dict[str, Any]:
    """Simulate, work out the truth, train and score."""
    cohort = simulate(patients, seed, family=family)
    tables = build_truth(cohort, seed, TruthPlan(decisions=wanted, workers=workers), lambda text, share: None)
    rules = response_rules()
    with tempfile.TemporaryDirectory() as folder:
        report = train(cohort.frames, Path(folder), data_version="acceptance", synthetic=True, rules=rules)
        bundle = load_bundle(Path(folder))
    scores: dict[str, Any] = {"model": against_truth(bundle, cohort.frames, tables["truth"], tables["burden"])}
    with threadpool_limits(1):
        made = for_training(decisions(cohort.frames, rules.design))
        trained = fit_models(cohort.frames, made, rules, 0, lambda text, share: None)
        for label, pinned in COMPARATORS.items():
            models = {
                name: replace(model, fitted=fit_comparator(*trained.decided[name], pinned=pinned)[0])
                for name, model in bundle.outcomes.items()
            }
            beside = replace(bundle, outcomes=models)
            scores[label] = against_truth(beside, cohort.frames, tables["truth"], tables["burden"])
    gates = {name: figures["personal"] for name, figures in report.metrics.items()}
    return {"family": family, "seed": seed, "seconds": round(report.seconds), "gates": gates, "scores": scores}


def summary(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Median and range over the runs, and whether each target is met by the median."""
    found: dict[str, Any] = {}
    for outcome in TRUTH_COLUMNS:
        found[outcome] = {}
        for figure in (*TARGETS, "rmse", "rmse_constant"):
            values = [run["scores"]["model"].get(outcome, {}).get(figure) for run in runs]
            known = [value for value in values if value is not None]
            if not known:
                continue
            middle = statistics.median(known)
            entry: dict[str, Any] = {"median": middle, "range": [min(known), max(known)]}
            if figure in TARGETS:
                low, high = TARGETS[figure]
                entry |= {"target": [low, high], "met": low <= middle <= high}
            found[outcome][figure] = entry
    regrets = [run["scores"]["model"]["policy"] for run in runs if "policy" in run["scores"]["model"]]
    found["policy"] = {"regret_over_fixed": [round(one["model"] / max(one["fixed"], 1e-9), 2) for one in regrets]}
    return found


def first_events(repeats: int) -> dict[str, Any]:
    """AUROC and calibration slope on people with a first demyelinating event, repeated five-fold."""
    folder = Path(os.environ.get("CLAMS_REAL_DATA", "../shared/data")) / "cis_to_cdms"
    table = pd.read_csv(folder / "cis_ms_full.csv", index_col=0)
    y = (table["group"] == 1).to_numpy(dtype=np.float64)
    features = table.drop(columns=["ID", "Initial_EDSS", "Final_EDSS", "group"]).to_numpy(dtype=np.float64)
    found = []
    for repeat in range(repeats):
        fold = np.random.default_rng(repeat).permutation(np.arange(len(y)) % 5)
        risk = np.empty(len(y))
        for out in range(5):
            within = fold != out
            model = fit_effects(features[within], np.zeros(int(within.sum())), y[within], seed=repeat)
            risk[~within] = model.predict(features[~within]).risk[:, 0]
        ones = np.ones(len(y))
        found.append((auroc(y, risk, ones), calibration_line(y, risk, ones)[1]))
        print(f"repeat {repeat + 1} of {repeats}: AUROC {found[-1][0]:.3f}", file=sys.stderr)
    aurocs, slopes = zip(*found, strict=True)
    return {
        "auroc": {"mean": round(float(np.mean(aurocs)), 4), "range": [round(min(aurocs), 4), round(max(aurocs), 4)]},
        "slope": {"mean": round(float(np.mean(slopes)), 3), "range": [round(min(slopes), 3), round(max(slopes), 3)]},
    }


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", nargs="?", choices=["truth", "first-events"], default="truth")
    parser.add_argument("--patients", type=int, default=20_000)
    parser.add_argument("--decisions", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[11])
    parser.add_argument("--families", nargs="+", default=["smooth", "threshold", "interaction"])
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--workers", type=int, default=1)
    asked = parser.parse_args()
    if asked.what == "first-events":
        print(json.dumps(first_events(asked.repeats), indent=1))
        return
    runs = []
    for family in asked.families:
        for seed in asked.seeds:
            print(f"{family}, seed {seed}", file=sys.stderr)
            runs.append(one_cohort(family, seed, asked.patients, asked.decisions, asked.workers))
    print(json.dumps({"runs": runs, "summary": summary(runs)}, indent=1))


if __name__ == "__main__":
    main()
