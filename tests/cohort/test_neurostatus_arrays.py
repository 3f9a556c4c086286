"""The Neurostatus rule on known examples (clinical.md 1.1)."""

from __future__ import annotations

import numpy as np
import pytest

from clams_dash.cohort.neurostatus import SystemsPool, draw_profiles, edss_of_systems
from clams_dash.model.tables import EDSS_STEPS


@pytest.mark.parametrize(
    ("scores", "edss"),
    [
        ((1, 2, 1, 3, 1, 4, 2, 1), 4.0),
        ((4, 3, 3, 3, 3, 3, 2, 2), 5.0),
        ((2, 2, 0, 0, 0, 0, 0, 1), 2.5),
        ((1, 1, 1, 1, 1, 1, 1, 0), 1.5),
        ((0, 0, 0, 0, 0, 0, 0, 0), 0.0),
        ((0, 0, 1, 0, 0, 0, 0, 1), 2.0),
        ((0, 0, 4, 2, 0, 0, 0, 0), 4.5),
        ((0, 0, 3, 1, 0, 0, 0, 0), 3.0),
        ((0, 0, 4, 0, 0, 0, 0, 6), 6.0),
        ((0, 0, 4, 0, 0, 0, 0, 9), 6.5),
    ],
)
def test_scores_map_to_the_published_edss(scores: tuple[int, ...], edss: float) -> None:
    assert edss_of_systems(np.array([scores]))[0] == edss


def test_scores_drawn_for_a_value_map_back_to_it() -> None:
    rng = np.random.default_rng(1)
    steps = np.arange(len(EDSS_STEPS))
    scores = SystemsPool(rng).draw(steps, draw_profiles(len(steps), rng), rng)
    assert edss_of_systems(scores).tolist() == list(EDSS_STEPS)
