"""MSSS and ARMSS: the rank formula on a toy cohort, the rows, and general laws (clinical.md 1.6)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.severity import load_table, local_table, rank_scores, row_of
from clams_dash.clinical.standing_settings import STANDING_FILE, load_settings, standing_settings
from clams_dash.errors import FactsError
from clams_dash.model.reference import ReferencePoints
from clams_dash.model.tables import EDSS_STEPS

RULES = standing_settings().severity
SMALL = replace(RULES, least_people=3)


def points(*entries: tuple[int, float, float, float]) -> ReferencePoints:
    """Entries of (person, age, duration, EDSS)."""
    columns = np.array(entries, dtype=np.float64).reshape(-1, 4)
    return ReferencePoints(columns[:, 0].astype(np.int64), columns[:, 1], columns[:, 2], columns[:, 3])


def test_toy_cohort_of_five():
    """EDSS 1, 2, 2, 3, 6 have ranks 1, 2.5, 2.5, 4, 5; score = 10 rank / 6."""
    found = rank_scores(np.array([3.0, 1.0, 2.0, 6.0, 2.0]))
    expected = {1.0: 10 / 6, 2.0: 25 / 6, 3.0: 40 / 6, 6.0: 50 / 6}
    assert {edss: found[edss] for edss in expected} == pytest.approx(expected)


def test_edss_that_nobody_has_lies_half_way_between_its_neighbours():
    found = rank_scores(np.array([3.0, 1.0, 2.0, 6.0, 2.0]))
    assert found[4.0] == pytest.approx(45 / 6)
    assert found[0.0] == pytest.approx(5 / 6)


def test_toy_cohort_by_disease_duration_with_its_two_year_window():
    table = local_table(
        "MSSS",
        points((1, 30, 5.2, 1), (2, 30, 3.1, 2), (3, 30, 7.9, 2), (4, 30, 5.0, 3), (5, 30, 6.0, 6),
               (6, 30, 8.0, 9.5), (7, 30, 2.9, 0)),
        SMALL,
    )  # fmt: skip
    assert table.people[6] == 5, "whole years 3 to 7 around 5; 2 and 8 are outside"
    assert table.at(2.0, 5.5) == pytest.approx(25 / 6)
    assert table.at(6.0, 5.0) == pytest.approx(50 / 6)


def test_person_counts_once_with_the_visit_nearest_to_the_row():
    table = local_table(
        "ARMSS",
        points((1, 38.6, 1, 6), (1, 40.4, 3, 2), (1, 41.9, 4, 7), (2, 40, 1, 3), (3, 40, 1, 4)),
        SMALL,
    )
    assert table.people[40] == 3
    assert table.at(2.0, 40.2) == pytest.approx(2.5)


def test_row_of_too_few_people_gives_no_score():
    table = local_table("ARMSS", points((1, 40, 1, 2), (2, 40, 1, 3)), SMALL)
    assert table.at(2.0, 40) is None


def test_edss_ten_is_neither_ranked_nor_scored():
    table = local_table("ARMSS", points((1, 40, 1, 2), (2, 40, 1, 3), (3, 40, 1, 4), (4, 40, 1, 10)), SMALL)
    assert table.people[40] == 3
    assert table.at(10.0, 40) is None


def test_day_of_onset_and_the_highest_ranked_edss_count():
    table = local_table("MSSS", points((1, 30, 0.0, 9.5), (2, 30, 0.0, 1), (3, 30, 1.0, 2)), SMALL)
    assert table.people[1] == 3
    assert table.at(9.5, 0.0) == pytest.approx(7.5)


def test_unknown_durations_and_ages_are_left_out():
    reference = points((1, 40, np.nan, 2), (2, np.nan, 5, 3), (3, 40, 5, 4))
    assert local_table("MSSS", reference, SMALL).people[6] == 2
    assert local_table("ARMSS", reference, SMALL).people[40] == 2


@pytest.mark.parametrize(
    ("years", "row"), [(-0.1, None), (0.0, 1), (0.99, 1), (1.0, 2), (10.4, 11), (29.0, 30), (40.0, 30)]
)
def test_msss_row_is_whole_years_since_onset_plus_one_capped_at_thirty(years, row):
    assert row_of("MSSS", years, RULES) == row


@pytest.mark.parametrize(("years", "row"), [(17.9, None), (18.0, 18), (18.9, 18), (75.9, 75), (76.0, None)])
def test_armss_row_is_whole_years_of_age_from_18_to_75(years, row):
    assert row_of("ARMSS", years, RULES) == row


def test_published_table_can_be_read_and_is_looked_up_by_the_same_rows(tmp_path: Path):
    path = tmp_path / "msss.csv"
    path.write_text("row,edss,score\n1,2.0,5.58\n6,3.0,6.08\n11,4.0,6.06\n21,6.0,6.04\n30,6.5,6.14\n", encoding="utf-8")
    table = load_table("MSSS", path)
    looked_up = [table.at(edss, years) for edss, years in ((2.0, 0), (3.0, 5), (4.0, 10), (6.0, 20), (6.5, 40))]
    assert looked_up == [5.58, 6.08, 6.06, 6.04, 6.14]
    assert table.at(2.0, 5) is None


@pytest.mark.parametrize(
    ("line", "reason"),
    [("1,0.5,3", "column edss"), ("1,2.0,11", "column score"), ("1,2.0,", "column score"), ("x,2.0,3", "column row"),
     ("1.5,2.0,3", "column row"), (",2.0,3", "column score"),
     ("1,1.0,3", "stands here twice")],
)  # fmt: skip
def test_faulty_table_is_refused_with_the_place(tmp_path: Path, line, reason):
    path = tmp_path / "msss.csv"
    path.write_text(f"row,edss,score\n1,1.0,2.5\n{line}\n", encoding="utf-8")
    with pytest.raises(FactsError, match=f"row 3, {reason}|row 3.*{reason}"):
        load_table("MSSS", path)


@given(st.lists(st.sampled_from(EDSS_STEPS[:-1]), min_size=1, max_size=60))
def test_scores_rise_with_the_edss_and_average_five(values):
    found = rank_scores(np.array(values))
    ordered = [found[edss] for edss in EDSS_STEPS[:-1]]
    assert ordered == sorted(ordered)
    assert all(0 < score < 10 for score in ordered)
    assert np.mean([found[value] for value in values]) == pytest.approx(5.0)


def test_damaged_settings_are_refused(tmp_path: Path):
    path = tmp_path / "standing.toml"
    text = STANDING_FILE.read_text(encoding="utf-8")
    path.write_text(text.replace("[10, 25, 50, 75, 90]", "[50, 10]"), encoding="utf-8")
    with pytest.raises(FactsError, match="percentiles have to ascend"):
        load_settings(path)
    path.write_text(text.replace("window_years", "window"), encoding="utf-8")
    with pytest.raises(FactsError, match="window_years"):
        load_settings(path)
