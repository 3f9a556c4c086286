"""What the page says about work beside the server: what is ready, what is missing, and when there are new data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from dash import no_update
from plotly.utils import PlotlyJSONEncoder

from clams_dash.pool.background import Background, Stage, Work
from clams_dash.web.services import NoPrediction
from clams_dash.web.views import news
from tests.web.conftest import SmallApp

WORK = Work(patients=20_000, seed=1, scans=12, stage=Stage.SCANS, scans_ready=3)


@pytest.fixture
def recorded(small_app: SmallApp) -> Iterator[Background]:
    """The record of work on the small pool, removed afterwards."""
    background = Background(small_app.folder)
    yield background
    (small_app.folder.path / "background.json").unlink(missing_ok=True)


def test_the_page_says_how_many_scans_are_ready_and_what_comes_next() -> None:
    assert news.words(WORK, alive=True) == "3 of 12 patients' scans are ready; then the model for therapies is trained"


def test_the_page_says_that_the_model_is_being_trained() -> None:
    training = replace(WORK, stage=Stage.MODEL, scans_ready=12, share=0.4)
    assert news.words(training, alive=True) == "The model for therapies is being trained (40%)"


def test_the_page_says_that_scans_are_being_compared() -> None:
    comparing = replace(WORK, stage=Stage.SPACES, scans_ready=12, share=0.25)
    assert "laid over each other, to compare their lesions (25%)" in news.words(comparing, alive=True)
    assert news.words(comparing, alive=False).startswith("not all scans are laid over each other yet")


def test_where_nobody_works_any_more_the_page_says_what_is_missing() -> None:
    said = news.words(WORK, alive=False)
    assert said.startswith("3 of 12 patients' scans are ready; there is no model for therapies yet")
    assert "the process that prepared the rest was ended" in said
    assert "`clams serve` again" in said


def test_a_failure_is_given_in_its_own_words() -> None:
    said = news.words(replace(WORK, scans_ready=12, failure="the disk is full"), alive=False)
    assert "the disk is full" in said
    assert "patients' scans" not in said


def test_without_work_nothing_is_said_and_the_clock_stops(small_app: SmallApp) -> None:
    said, seen, refresh, finished = news.look(small_app.services, None, "/")
    assert (said, refresh, finished) == ([], no_update, True)
    assert seen == small_app.services.news().token


def test_the_clock_goes_on_while_something_is_missing(small_app: SmallApp, recorded: Background) -> None:
    recorded.write(WORK)
    assert news.look(small_app.services, None, "/")[3] is False


def test_a_new_version_is_fetched_by_the_list_and_offered_by_a_case(small_app: SmallApp) -> None:
    token = small_app.services.news().token
    _, seen, refresh, _ = news.look(small_app.services, "an older version", "/")
    assert seen == token
    assert isinstance(refresh, dict)
    said, seen, refresh, _ = news.look(small_app.services, "an older version", "/case/anna", "?at=2021-01-01")
    assert (seen, refresh) == (no_update, no_update)
    assert '"/case/anna?at=2021-01-01"' in json.dumps(said, cls=PlotlyJSONEncoder)


def test_a_case_says_that_the_model_is_being_trained_only_while_it_is(
    small_app: SmallApp, recorded: Background
) -> None:
    recorded.write(replace(WORK, stage=Stage.MODEL))
    with recorded.claim():
        training = small_app.services.predict("anna")
    stopped = small_app.services.predict("anna")
    assert isinstance(training, NoPrediction)
    assert isinstance(stopped, NoPrediction)
    assert "being trained" in training.reason
    assert "clams train" in stopped.reason
