"""The pool's people as a reference cohort."""

from __future__ import annotations

import numpy as np

from clams_dash.clinical.bands import Along, bands
from clams_dash.clinical.severity import local_table
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.reference import reference_points
from tests.conftest import ImportTables


def test_ages_and_durations_of_every_examination(pool: PoolFolder, import_tables: ImportTables):
    import_tables(
        patient=[
            {"patient_id": "a", "birth_date": "1980-01-01", "onset_date": "2010-01-01"},
            {"patient_id": "b", "birth_date": "", "onset_date": "2012-01-01"},
        ],
        visit=[
            {"patient_id": "a", "date": "2015-01-01", "edss": 2.0},
            {"patient_id": "a", "date": "2020-01-01", "edss": 3.0},
            {"patient_id": "a", "date": "2021-01-01", "edss": ""},
            {"patient_id": "b", "date": "2013-01-01", "edss": 1.5},
        ],
        lab=[{"patient_id": "a", "date": "2020-01-01", "analyte": "nfl", "value": 9.5, "unit": "pg/mL"}],
        mri=[
            {"patient_id": "a", "study_id": "s1", "date": "2020-01-01", "region": "brain", "t2_volume_ml": 4.2},
            {"patient_id": "a", "study_id": "s2", "date": "2020-01-01", "region": "cord", "t2_volume_ml": 0.3},
        ],
    )
    database = Database(pool)
    edss = reference_points(database, "edss", synthetic=False)
    assert edss.person.tolist() == [1, 1, 2]
    assert edss.value.tolist() == [2.0, 3.0, 1.5]
    assert np.round(edss.age, 1).tolist()[:2] == [35.0, 40.0]
    assert np.isnan(edss.age[2])
    assert np.round(edss.duration, 1).tolist() == [5.0, 10.0, 1.0]
    assert reference_points(database, "nfl", synthetic=False).value.tolist() == [9.5]
    assert reference_points(database, "lesion_volume", synthetic=False).value.tolist() == [4.2]
    assert len(reference_points(database, "edss", synthetic=True)) == 0


def test_demo_cohort_gives_rising_scores_and_bands(demo_pool: PoolFolder):
    edss = reference_points(Database(demo_pool), "edss", synthetic=True)
    table = local_table("ARMSS", edss)
    scores = [table.at(value, 45.0) for value in (0.0, 2.0, 4.0, 6.0)]
    known = [score for score in scores if score is not None]
    assert len(known) == 4
    assert known == sorted(known)
    found = bands(Along.of(edss, "duration"), np.array([5.0, 15.0]))
    assert (np.diff(found.values, axis=0) >= 0).all()
    assert (found.people > 20).all()
