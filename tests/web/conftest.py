"""An app over a small pool: two synthetic people, one of them with a scan."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
import pandas as pd
import pytest
from dash import Dash
from flask import Flask
from flask.testing import FlaskClient

from clams_dash.config import Settings
from clams_dash.ingest.run import import_source
from clams_dash.pool.folder import PoolFolder
from clams_dash.web.factory import create_app
from clams_dash.web.pool_services import PoolServices

HOST = {"Host": "127.0.0.1:8050"}


@dataclass(frozen=True)
class SmallApp:
    """The app with its services and pool folder."""

    app: Dash
    services: PoolServices
    folder: PoolFolder

    def client(self) -> FlaskClient:
        server: Flask = self.app.server
        return server.test_client()


@pytest.fixture(scope="module")
def small_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallApp]:
    source = tmp_path_factory.mktemp("source")
    tables: dict[str, list[dict[str, object]]] = {
        "patient": [
            {"patient_id": "anna", "sex": "female", "birth_date": "1990-05-01", "onset_date": "2015-02-01",
             "course": "RRMS", "centre": "North", "synthetic": True},
            {"patient_id": "ben", "course": "unknown", "synthetic": True},
        ],
        "visit": [
            {"patient_id": "anna", "date": "2020-01-10", "edss": 2.0},
            {"patient_id": "anna", "date": "2021-01-10", "edss": 3.5},
        ],
        "relapse": [{"patient_id": "anna", "date": "2020-06-01", "severity": "severe",
                     "functional_systems": "<b>optic</b>;sensory"}],
        "treatment": [{"patient_id": "anna", "dmt": "dimethyl_fumarate", "start_date": "2020-07-01"}],
        "lab": [{"patient_id": "anna", "date": "2021-01-10", "analyte": "lymphocytes", "value": 0.6, "unit": "10^9/L"}],
        "mri": [{"study_id": "anna-1", "patient_id": "anna", "date": "2021-01-12", "new_t2": 2, "field_t": 3}],
        "series": [{"study_id": "anna-1", "sequence": "FLAIR", "path": "flair.nii.gz"}],
    }  # fmt: skip
    for name, rows in tables.items():
        pd.DataFrame(rows).to_csv(source / f"{name}.csv", index=False)
    data = np.zeros((30, 34, 20), dtype=np.float32)
    data[4:26, 4:30, 3:17] = 100
    nib.save(nib.Nifti1Image(data, np.eye(4)), source / "flair.nii.gz")
    folder = PoolFolder(tmp_path_factory.mktemp("pool") / "pool")
    import_source(folder, source, format_name=None, centre=None, dry_run=False, progress=lambda doing, share: None)
    settings = Settings(pool_dir=Path(folder.path))
    services = PoolServices(settings)
    yield SmallApp(create_app(settings, services), services, folder)
    services.close()
