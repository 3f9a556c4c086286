"""A trained model on disk: a folder of JSON and one plain array, every byte accounted for.

``<pool>/models/<version>/`` with the version being derived from the digest of ``MANIFEST.json``, which in turn holds
the digest of every other file; ``<pool>/models/CURRENT`` names the version in use. Loading checks names, sizes and
digests of all files before anything is handed to XGBoost, whose parser can crash on altered input. No pickle.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xgboost as xgb

import clams_dash
from clams_dash.errors import ModelError
from clams_dash.response.arms import Arms
from clams_dash.response.features import feature_names
from clams_dash.response.learner import OutcomeModel
from clams_dash.response.outcome_files import outcome_from_json, outcome_to_json, tree_files
from clams_dash.response.settings import Support
from clams_dash.response.support import Neighbours, Propensity
from clams_dash.response.vault import RETRAIN, current_version, json_bytes, json_object, retrieve, store

FORMAT = 2


@dataclass(frozen=True)
class Bundle:
    """A model ready to predict.

    ``provenance``: data version, whether synthetic, seed and software versions. ``card``: statements to show with
    every prediction. ``metrics``: cross-validated figures by outcome.
    """

    version: str
    provenance: dict[str, Any]
    horizon_months: int
    outcomes: dict[str, OutcomeModel]
    neighbours: Neighbours
    propensity: Propensity
    support: Support
    metrics: dict[str, Any]
    card: dict[str, Any]

    @property
    def arms(self) -> Arms:
        """The catalogue's arms; which of them have an effect of their own differs by outcome."""
        return next(iter(self.outcomes.values())).arms

    @property
    def key_features(self) -> list[int]:
        """Positions of the features that decide who is comparable."""
        return [feature_names().index(name) for name in self.support.key_features]


def _files(bundle: Bundle) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    parts: dict[str, Any] = {}
    for name, model in bundle.outcomes.items():
        parts[name] = outcome_to_json(model)
        files |= tree_files(model)
    stored = io.BytesIO()
    np.save(stored, bundle.neighbours.to_array(), allow_pickle=False)
    schema = {
        "features": list(feature_names()),
        "outcomes": list(bundle.outcomes),
        "horizon_months": bundle.horizon_months,
        "support": asdict(bundle.support),
    }
    return {
        **files,
        "parts.json": json_bytes(parts),
        "schema.json": json_bytes(schema),
        "propensity.json": json_bytes(bundle.propensity.to_json()),
        "metrics.json": json_bytes(bundle.metrics),
        "card.json": json_bytes(bundle.card),
        "neighbours.npy": stored.getvalue(),
    }


def save_bundle(bundle: Bundle, models_dir: Path) -> str:
    """Write a bundle beside the others, put it in place in one step and point ``CURRENT`` at it.

    Returns its version (the one given in ``bundle`` is ignored). The same content gives the same version. Raises
    ModelError when the folder cannot be written.
    """
    return store(models_dir, _files(bundle), {**bundle.provenance, "format": FORMAT})


def provenance(data_version: str, *, synthetic: bool, seed: int) -> dict[str, Any]:
    """What a model was made from and with."""
    return {
        "clams": clams_dash.__version__,
        "xgboost": xgb.__version__,
        "data_version": data_version,
        "synthetic": synthetic,
        "seed": seed,
    }


def load_bundle(models_dir: Path, version: str | None = None) -> Bundle:
    """The model in use, or a given version of it, once every byte is verified.

    Raises ModelError when there is none, or when a file is missing, unknown, altered or of another format.
    """
    wanted = version or current_version(models_dir)
    if wanted is None:
        raise ModelError(f"{models_dir}: no model was trained on this pool yet; run `clams train`")
    folder = models_dir / wanted
    manifest, files = retrieve(models_dir, wanted, FORMAT)
    try:
        return _assembled(wanted, manifest, files)
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, xgb.core.XGBoostError) as error:
        raise ModelError(
            f"{folder}: content does not fit this version of the software ({error!r}); {RETRAIN}"
        ) from error


def _check_schema(schema: Mapping[str, Any], manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> None:
    if tuple(schema["features"]) != feature_names():
        raise ModelError(f"the model's features are not those of data/rules/features.csv, in this order; {RETRAIN}")
    trained_with, here = str(manifest["xgboost"]), xgb.__version__
    if int(trained_with.split(".")[0]) > int(here.split(".")[0]):
        raise ModelError(f"the model was made with XGBoost {trained_with}, this is {here}; update it, or {RETRAIN}")
    missing = {"parts.json", "propensity.json", "metrics.json", "card.json", "neighbours.npy"} - set(files)
    if missing:
        raise ModelError(f"the model lacks {', '.join(sorted(missing))}; {RETRAIN}")


def _assembled(version: str, manifest: Mapping[str, Any], files: Mapping[str, bytes]) -> Bundle:
    schema = json_object(files["schema.json"], "schema.json")
    _check_schema(schema, manifest, files)
    parts = json_object(files["parts.json"], "parts.json")
    support = {**schema["support"], "key_features": tuple(schema["support"]["key_features"])}
    return Bundle(
        version=version,
        provenance={name: manifest[name] for name in ("clams", "xgboost", "data_version", "synthetic", "seed")},
        horizon_months=int(schema["horizon_months"]),
        outcomes={name: outcome_from_json(name, parts[name], files) for name in schema["outcomes"]},
        neighbours=Neighbours.from_array(np.load(io.BytesIO(files["neighbours.npy"]), allow_pickle=False)),
        propensity=Propensity.from_json(json_object(files["propensity.json"], "propensity.json")),
        support=Support(**support),
        metrics=json_object(files["metrics.json"], "metrics.json"),
        card=json_object(files["card.json"], "card.json"),
    )
