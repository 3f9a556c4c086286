"""The last evaluation of each model version, beside the models: a model's own folder holds only vouched-for bytes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clams_dash.errors import ModelError
from clams_dash.response.vault import json_bytes, json_object


def write_evaluation(models_dir: Path, version: str, document: Mapping[str, Any]) -> Path:
    """Write it, replacing an earlier one in one step. Raises ModelError when the folder cannot be written."""
    path, building = _path(models_dir, version), models_dir / f".evaluation-{version}"
    try:
        building.write_bytes(json_bytes(dict(document)))
        building.replace(path)
    except OSError as error:
        raise ModelError(f"{path}: cannot be written ({error.strerror})") from error
    return path


def read_evaluation(models_dir: Path, version: str) -> dict[str, Any] | None:
    """The evaluation of a version, None where there is none. Raises ModelError when it is no JSON."""
    path = _path(models_dir, version)
    try:
        return json_object(path.read_bytes(), path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read ({error.strerror})") from error


def _path(models_dir: Path, version: str) -> Path:
    return models_dir / f"evaluation-{version}.json"
