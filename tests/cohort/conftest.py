"""One synthetic cohort shared by the statements about it."""

from __future__ import annotations

import pandas as pd
import pytest

from clams_dash.cohort.simulate import simulate_cohort

Frames = dict[str, pd.DataFrame]


@pytest.fixture(scope="session")
def cohort() -> Frames:
    return simulate_cohort(1500, seed=7)
