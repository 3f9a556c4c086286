"""A model on disk is used whole and unaltered, or not at all; XGBoost never sees a byte that was not vouched for."""

from __future__ import annotations

import hashlib
import json
import shutil
from datetime import date

import numpy as np
import pytest
import xgboost as xgb

from clams_dash.errors import ModelError
from clams_dash.response.bundle import load_bundle, save_bundle
from clams_dash.response.predict import predict
from clams_dash.response.vault import current_version

AT = date(2014, 3, 1)


@pytest.fixture
def copy(models_dir, report, tmp_path):
    """A copy of the models folder that may be damaged."""
    target = tmp_path / "models"
    shutil.copytree(models_dir, target)
    return target


@pytest.fixture
def trees(copy, report):
    """A file that XGBoost would read."""
    return sorted((copy / report.version).glob("*-*-00.json"))[0]


@pytest.fixture
def never_parsed(monkeypatch):
    """Fails the test when XGBoost is handed a model."""

    def refuse(self, content):
        raise AssertionError("XGBoost was given bytes of a damaged model")

    monkeypatch.setattr(xgb.Booster, "load_model", refuse)


def resigned(models_dir, change) -> None:
    """Alter the manifest (and files) as an attacker would who can recompute every digest."""
    old = models_dir / current_version(models_dir)
    manifest = json.loads((old / "MANIFEST.json").read_bytes())
    change(old, manifest)
    for path in old.iterdir():
        if path.name in manifest["files"]:
            manifest["files"][path.name] = {"sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    content = json.dumps(manifest).encode()
    (old / "MANIFEST.json").write_bytes(content)
    version = f"m-{hashlib.sha256(content).hexdigest()[:20]}"
    old.rename(models_dir / version)
    (models_dir / "CURRENT").write_text(version)


def edit_json(path, change) -> None:
    content = json.loads(path.read_bytes())
    change(content)
    path.write_bytes(json.dumps(content).encode())


def test_prediction_is_the_same_after_saving_and_loading_again(bundle, cohort, tmp_path):
    version = save_bundle(bundle, tmp_path)
    assert version == bundle.version
    again = load_bundle(tmp_path)
    for patient in cohort["patient"]["patient_id"].head(5):
        for name, arms in predict(bundle, cohort, patient, AT).outcomes.items():
            for one, other in zip(arms, predict(again, cohort, patient, AT).outcomes[name], strict=True):
                assert one.dmt == other.dmt
                np.testing.assert_allclose(
                    np.array([one.risk, one.low, one.high], dtype=float),
                    np.array([other.risk, other.low, other.high], dtype=float),
                    atol=1e-6,
                )


def test_folder_holds_only_json_and_one_array_and_the_pointer_names_it(copy, report):
    assert current_version(copy) == report.version
    names = {path.name for path in (copy / report.version).iterdir()}
    assert {"MANIFEST.json", "schema.json", "parts.json", "metrics.json", "card.json", "neighbours.npy"} <= names
    assert {path.suffix for path in (copy / report.version).iterdir()} == {".json", ".npy"}
    assert not list(copy.glob(".staging*"))


def test_manifest_tells_what_the_model_was_made_from(copy, report):
    manifest = json.loads((copy / report.version / "MANIFEST.json").read_bytes())
    assert manifest["data_version"] == "pool-test"
    assert manifest["synthetic"] is True
    assert manifest["seed"] == 1
    assert manifest["xgboost"] == xgb.__version__


def test_each_of_300_flipped_bits_is_refused_before_xgboost_reads_it(copy, report, never_parsed):
    random = np.random.default_rng(0)
    files = sorted((copy / report.version).iterdir())
    for path in [files[number % len(files)] for number in range(300)]:
        intact = path.read_bytes()
        damaged = bytearray(intact)
        damaged[int(random.integers(len(intact)))] ^= 1 << int(random.integers(8))
        path.write_bytes(damaged)
        with pytest.raises(ModelError, match="altered"):
            load_bundle(copy)
        path.write_bytes(intact)


@pytest.mark.parametrize("name", ["trees", "parts.json", "neighbours.npy", "MANIFEST.json"])
@pytest.mark.parametrize("kept", [0, 10, -1])
def test_truncated_file_is_refused(copy, report, trees, never_parsed, name, kept):
    name = trees.name if name == "trees" else name
    path = copy / report.version / name
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ModelError, match=name):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["trees", "schema.json", "MANIFEST.json"])
def test_missing_file_is_refused_by_name(copy, report, trees, never_parsed, name):
    name = trees.name if name == "trees" else name
    (copy / report.version / name).unlink()
    with pytest.raises(ModelError, match=name):
        load_bundle(copy)


def test_file_the_manifest_does_not_know_is_refused(copy, report, never_parsed):
    (copy / report.version / "extra.json").write_text("{}")
    with pytest.raises(ModelError, match=r"extra\.json"):
        load_bundle(copy)


def test_link_in_place_of_a_file_is_not_followed(trees, copy, never_parsed, tmp_path):
    path = trees
    shutil.copy(path, tmp_path / "elsewhere.json")
    path.unlink()
    path.symlink_to(tmp_path / "elsewhere.json")
    with pytest.raises(ModelError, match=path.name):
        load_bundle(copy)


@pytest.mark.parametrize("pointer", ["../../etc", "m-00", "", "m-" + "0" * 20, "m-" + "z" * 20, "x" * 500])
def test_pointer_to_anything_but_a_present_version_is_refused(copy, never_parsed, pointer):
    (copy / "CURRENT").write_text(pointer)
    with pytest.raises(ModelError):
        load_bundle(copy)


@pytest.mark.parametrize("name", ["../offset.json", "/etc/passwd", "a/b.json", "model.pkl", ".hidden.json"])
def test_manifest_naming_a_file_outside_the_folder_is_refused(copy, never_parsed, name):
    resigned(copy, lambda folder, manifest: manifest["files"].update({name: {"sha256": "0" * 64}}))
    with pytest.raises(ModelError, match="file name that no model has"):
        load_bundle(copy)


def test_other_format_is_refused(copy, never_parsed):
    resigned(copy, lambda folder, manifest: manifest.update(format=99))
    with pytest.raises(ModelError, match="format 99"):
        load_bundle(copy)


def test_model_of_a_newer_xgboost_is_refused(copy, never_parsed):
    resigned(copy, lambda folder, manifest: manifest.update(xgboost="99.0.0"))
    with pytest.raises(ModelError, match=r"XGBoost 99\.0\.0"):
        load_bundle(copy)


def test_features_in_another_order_are_refused(copy, never_parsed):
    resigned(copy, lambda folder, _: edit_json(folder / "schema.json", lambda schema: schema["features"].reverse()))
    with pytest.raises(ModelError, match=r"features\.csv"):
        load_bundle(copy)


def test_content_that_does_not_fit_is_refused_as_a_model_error(copy):
    resigned(copy, lambda folder, _: edit_json(folder / "parts.json", lambda parts: parts.pop("worsening")))
    with pytest.raises(ModelError, match="does not fit"):
        load_bundle(copy)


def test_array_with_python_objects_is_refused(copy):
    def pickled(folder, _):
        np.save(folder / "neighbours.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)

    resigned(copy, pickled)
    with pytest.raises(ModelError, match="does not fit"):
        load_bundle(copy)


def test_pool_without_a_model_says_how_to_train_one(tmp_path):
    with pytest.raises(ModelError, match="clams train"):
        load_bundle(tmp_path)


def test_models_folder_that_cannot_be_written_is_reported(bundle, tmp_path):
    (tmp_path / "models").write_text("a file, not a folder")
    with pytest.raises(ModelError, match="cannot be written"):
        save_bundle(bundle, tmp_path / "models")
