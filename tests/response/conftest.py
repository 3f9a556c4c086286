from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from clams_dash.response.bundle import Bundle, load_bundle
from clams_dash.response.settings import ResponseRules, response_rules
from clams_dash.response.train import TrainingReport, train
from tests.response.small_cohort import small_cohort


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> Iterator[None]:
    """Fits of this size lose time to threads waiting for each other."""
    with threadpool_limits(1):
        yield


@pytest.fixture(scope="session")
def quick_rules() -> ResponseRules:
    """The project's rules with fewer folds and resamples, for speed; minimum group sizes fit a small cohort."""
    rules = response_rules()
    learner = replace(rules.decisions, folds=3, draws=12, resamples=2, most_rounds=40, patience=8)
    return replace(rules, decisions=learner)


@pytest.fixture(scope="session")
def cohort() -> dict[str, pd.DataFrame]:
    return small_cohort(370, seed=3)


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(scope="session")
def report(cohort, models_dir, quick_rules) -> TrainingReport:
    return train(cohort, models_dir, data_version="pool-test", synthetic=True, seed=1, rules=quick_rules)


@pytest.fixture(scope="session")
def bundle(report, models_dir) -> Bundle:
    return load_bundle(models_dir)


@pytest.fixture(scope="session")
def tiny_rules(quick_rules: ResponseRules) -> ResponseRules:
    """Fewer still, where only the course of training matters."""
    return replace(quick_rules, decisions=replace(quick_rules.decisions, draws=4, resamples=1, most_rounds=8))


@pytest.fixture(scope="session")
def tiny() -> dict[str, pd.DataFrame]:
    return small_cohort(220, seed=5)
