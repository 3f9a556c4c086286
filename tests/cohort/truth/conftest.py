"""One small cohort and the truth of some of its decisions, shared by the statements about them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from clams_dash.cohort.simulate import Simulated, simulate
from clams_dash.cohort.truth.build import TruthPlan, build_truth
from clams_dash.cohort.truth.capture import Captured, capture
from clams_dash.cohort.truth.decisions import Decisions, choose_decisions
from clams_dash.cohort.truth.futures import Effort
from clams_dash.response.settings import response_rules

SMALL = TruthPlan(
    decisions=36,
    particles=64,
    given_record=Effort(draws=128, rounds=1, most_rounds=1, aim=1.0),
    given_state=Effort(draws=64, rounds=1, most_rounds=1, aim=1.0),
    workers=1,
)


@dataclass(frozen=True)
class Looked:
    cohort: Simulated
    decisions: Decisions
    captured: Captured


def silent(doing: str, share: float) -> None:
    pass


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    return simulate(2500, seed=5)


@pytest.fixture(scope="session")
def looked(simulated: Simulated) -> Looked:
    decisions = choose_decisions(simulated, 300, response_rules().design, np.random.default_rng(1))
    return Looked(simulated, decisions, capture(simulated, decisions, np.random.default_rng(2)))


@pytest.fixture(scope="session")
def truth(simulated: Simulated) -> dict[str, pd.DataFrame]:
    return build_truth(simulated, 3, SMALL, silent)
