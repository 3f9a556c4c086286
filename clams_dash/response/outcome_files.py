"""An outcome's model as JSON, and its trees as XGBoost JSON; read back only from bytes whose digest was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np
import xgboost as xgb

from clams_dash.errors import ModelError
from clams_dash.response.anchor import Anchor, arm_design
from clams_dash.response.arms import Arms
from clams_dash.response.effects.conformal import Residuals
from clams_dash.response.effects.core import Fitted, FittedCandidate, LinearFit, TreeFit
from clams_dash.response.effects.design import ArmDesign, Layout
from clams_dash.response.effects.links import Link
from clams_dash.response.effects.trees import Grower, TreeSettings
from clams_dash.response.heterogeneity import Evidence
from clams_dash.response.learner import OutcomeModel
from clams_dash.response.preparation import Preparation
from clams_dash.response.settings import Spread, response_rules
from clams_dash.response.timelines import Floats
from clams_dash.response.vault import RETRAIN


def outcome_to_json(model: OutcomeModel) -> dict[str, Any]:
    """All but the trees."""
    fitted = model.fitted
    return {
        "link": model.link.value,
        "arms": model.arms.to_json(),
        "preparation": model.preparation.to_json(),
        "anchor": model.anchor.to_json(),
        "evidence": asdict(model.evidence),
        "residuals": _residuals_to_json(model.residuals),
        "spread": asdict(model.spread),
        "candidates": [_candidate_to_json(one) for one in fitted.candidates],
        "shift": fitted.shift.tolist(),
        "intercept": fitted.intercept,
        "slope": fitted.slope,
        "jitter": fitted.jitter.tolist(),
        "spread_drawn": fitted.spread_drawn,
        "spread_mixed": fitted.spread_mixed,
    }


def tree_files(model: OutcomeModel) -> dict[str, bytes]:
    """XGBoost JSON by file name."""
    return {
        _file(model.outcome, place, number): bytes(booster.save_raw(raw_format="json"))
        for place, one in enumerate(model.fitted.candidates)
        if one.trees is not None
        for number, booster in enumerate((one.trees.point, *one.trees.resampled))
    }


def outcome_from_json(name: str, raw: Mapping[str, Any], files: Mapping[str, bytes]) -> OutcomeModel:
    """As written by the two functions above. Raises ModelError for trees with other columns than the schema's."""
    arms, anchor, link = Arms.from_json(raw["arms"]), Anchor.from_json(raw["anchor"]), Link(raw["link"])
    design = arm_design(arms, anchor, response_rules().arms)
    candidates = tuple(
        _candidate_from_json(name, place, one, files, design, link) for place, one in enumerate(raw["candidates"])
    )
    return OutcomeModel(
        outcome=name,
        link=link,
        arms=arms,
        preparation=Preparation.from_json(raw["preparation"]),
        anchor=anchor,
        fitted=Fitted(
            design=design,
            link=link,
            candidates=candidates,
            shift=_floats(raw["shift"]),
            intercept=float(raw["intercept"]),
            slope=float(raw["slope"]),
            jitter=_floats(raw["jitter"]),
            spread_drawn=float(raw["spread_drawn"]),
            spread_mixed=float(raw["spread_mixed"]),
        ),
        evidence=Evidence(**raw["evidence"]),
        residuals=_residuals_from_json(raw["residuals"]),
        spread=Spread(**raw["spread"]),
    )


def _file(outcome: str, place: int, number: int) -> str:
    return f"{outcome}-{place}-{number:02d}.json"


def _floats(values: object) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _candidate_to_json(one: FittedCandidate) -> dict[str, Any]:
    linear = one.linear
    return {
        "name": one.name,
        "heterogeneous": one.heterogeneous,
        "share": one.share,
        "base": one.base,
        "linear": None
        if linear is None
        else {"modified": list(linear.layout.modified), "mean": linear.mean.tolist(), "draws": linear.draws.tolist()},
        "trees": None
        if one.trees is None
        else {
            "settings": {**asdict(one.trees.grower.settings), "monotone": list(one.trees.grower.settings.monotone)},
            "names": list(one.trees.grower.names),
            "know_arms": one.trees.grower.arms,
            "seed": one.trees.grower.seed,
            "resampled": len(one.trees.resampled),
        },
    }


def _candidate_from_json(
    outcome: str, place: int, raw: Mapping[str, Any], files: Mapping[str, bytes], design: ArmDesign, link: Link
) -> FittedCandidate:
    linear, trees = raw["linear"], raw["trees"]
    return FittedCandidate(
        name=str(raw["name"]),
        heterogeneous=bool(raw["heterogeneous"]),
        share=float(raw["share"]),
        base=float(raw["base"]),
        linear=None
        if linear is None
        else LinearFit(
            Layout(tuple(int(one) for one in linear["modified"]), smooth=False),
            _floats(linear["mean"]),
            _floats(linear["draws"]),
        ),
        trees=None if trees is None else _trees(outcome, place, trees, files, design, link),
    )


def _trees(
    outcome: str, place: int, raw: Mapping[str, Any], files: Mapping[str, bytes], design: ArmDesign, link: Link
) -> TreeFit:
    settings = {**raw["settings"], "monotone": tuple(raw["settings"]["monotone"])}
    names = tuple(str(name) for name in raw["names"])
    grower = Grower(TreeSettings(**settings), design, bool(raw["know_arms"]), link, int(raw["seed"]), names)
    point, *resampled = (
        _booster(files[_file(outcome, place, number)], names) for number in range(1 + int(raw["resampled"]))
    )
    return TreeFit(grower, point, tuple(resampled))


def _booster(content: bytes, names: tuple[str, ...]) -> xgb.Booster:
    booster = xgb.Booster({"nthread": 1})
    booster.load_model(bytearray(content))
    if tuple(booster.feature_names or ()) != names:
        raise ModelError(f"the trees' columns are not those of the model's schema; {RETRAIN}")
    return booster


def _residuals_to_json(residuals: Residuals | None) -> dict[str, Any] | None:
    if residuals is None:
        return None
    return {"scale": residuals.scale.tolist(), "low": residuals.low.tolist(), "high": residuals.high.tolist()}


def _residuals_from_json(raw: Mapping[str, Any] | None) -> Residuals | None:
    return None if raw is None else Residuals(_floats(raw["scale"]), _floats(raw["low"]), _floats(raw["high"]))
