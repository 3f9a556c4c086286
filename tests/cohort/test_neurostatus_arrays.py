"""Functional systems drawn for a synthetic person fit the EDSS they were drawn for."""

from __future__ import annotations

import numpy as np

from clams_dash.clinical.neurostatus import edss_of_systems
from clams_dash.cohort.neurostatus import SystemsPool, draw_profiles
from clams_dash.model.tables import EDSS_STEPS


def test_scores_drawn_for_a_value_map_back_to_it() -> None:
    rng = np.random.default_rng(1)
    steps = np.arange(len(EDSS_STEPS))
    scores = SystemsPool(rng).draw(steps, draw_profiles(len(steps), rng), rng)
    assert edss_of_systems(scores).tolist() == list(EDSS_STEPS)
