"""EDSS from the functional systems on known examples (clinical.md 1.1), and its disagreement with the recorded one."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.edss import EDSS_RULES, is_valid
from clams_dash.clinical.neurostatus import (
    HIGHEST,
    NEUROSTATUS_FILE,
    SYSTEMS,
    disagreement,
    edss_from_systems,
    edss_of_systems,
    load_rule,
)
from clams_dash.errors import FactsError
from tests.clinical.chart import visit

DAY = date(2024, 3, 1)


def by_name(*scores: int) -> dict[str, int]:
    return dict(zip(SYSTEMS, scores, strict=True))


@pytest.mark.parametrize(
    ("scores", "edss"),
    [
        ((1, 2, 1, 3, 1, 4, 2, 1), 4.0),
        ((4, 3, 3, 3, 3, 3, 2, 2), 5.0),
        ((2, 2, 0, 0, 0, 0, 0, 1), 2.5),
        ((1, 1, 1, 1, 1, 1, 1, 0), 1.5),
    ],
)
def test_published_examples(scores, edss):
    assert edss_from_systems(by_name(*scores)) == edss


@pytest.mark.parametrize(
    ("scores", "edss", "why"),
    [
        ((0, 0, 0, 0, 0, 0, 0, 0), 0.0, "normal"),
        ((0, 0, 1, 0, 0, 0, 0, 1), 2.0, "minimal signs, walking not quite free"),
        ((0, 0, 3, 0, 0, 0, 0, 2), 4.5, "walks 300 to 500 m, whatever the systems below"),
        ((0, 0, 4, 2, 0, 0, 0, 0), 4.5, "a 4 with a 2"),
        ((0, 0, 4, 3, 3, 0, 3, 0), 5.0, "a 4 with three 3s"),
        ((0, 0, 4, 1, 0, 0, 0, 2), 4.5, "a 4 alone is 4.0 only while walking is at most mildly limited"),
        ((0, 0, 4, 1, 0, 0, 0, 1), 4.0, "a 4 alone"),
        ((0, 0, 3, 1, 0, 0, 0, 0), 3.0, "a 3 alone"),
        ((0, 0, 3, 2, 2, 0, 2, 0), 4.0, "a 3 with three 2s"),
        ((6, 0, 0, 0, 0, 0, 0, 0), 4.0, "blind: visual 6 counts as 4"),
        ((0, 0, 0, 0, 0, 6, 0, 0), 5.0, "bowel and bladder 6 counts as 5"),
    ],
)
def test_rows_of_the_table(scores, edss, why):
    assert edss_from_systems(by_name(*scores)) == edss, why


@pytest.mark.parametrize(
    ("ambulation", "edss"),
    [(3, 5.0), (4, 5.5), (5, 6.0), (6, 6.0), (7, 6.0), (8, 6.5), (9, 6.5), (10, 7.0), (11, 7.5), (12, 8.0), (13, 8.5),
     (14, 9.0), (15, 9.5), (16, 10.0)],
)  # fmt: skip
def test_walking_alone_fixes_the_edss_from_an_ambulation_score_of_three(ambulation, edss):
    assert edss_from_systems({"ambulation": ambulation}) == edss


def test_missing_system_gives_no_edss():
    scores = by_name(1, 2, 1, 3, 1, 4, 2, 1)
    for name in SYSTEMS:
        assert edss_from_systems({key: value for key, value in scores.items() if key != name}) is None


@given(st.tuples(*(st.integers(0, highest) for highest in HIGHEST)))
def test_every_possible_examination_gives_a_valid_edss(scores):
    edss = edss_from_systems(by_name(*scores))
    assert edss is not None
    assert is_valid(edss)


def test_array_is_refused_when_it_has_not_eight_columns():
    with pytest.raises(ValueError, match="n x 8 is needed"):
        edss_of_systems(np.zeros((3, 7), dtype=np.int64))


def test_score_off_its_scale_is_refused_by_name():
    with pytest.raises(ValueError, match="brainstem 6 is off its scale of 0 to 5"):
        edss_from_systems(by_name(1, 6, 1, 3, 1, 4, 2, 1))


def test_disagreement_is_a_warning_with_both_scores_and_its_row():
    found = disagreement(visit(DAY, 3.0, **by_name(1, 2, 1, 3, 1, 4, 2, 1)))
    assert found is not None
    assert (found.recorded, found.derived) == (3.0, 4.0)
    assert "EDSS 3.0 on 2024-03-01" in found.text
    assert "give 4.0" in found.text
    assert found.source.row == 5


def test_agreement_a_missing_edss_and_missing_systems_give_no_warning():
    scores = by_name(1, 2, 1, 3, 1, 4, 2, 1)
    assert disagreement(visit(DAY, 4.0, **scores)) is None
    assert disagreement(visit(DAY, None, **scores)) is None
    assert disagreement(visit(DAY, 3.0, pyramidal=3)) is None


@pytest.mark.parametrize(
    ("file", "old", "new", "reason"),
    [
        ("table", "3,1,0-1,,,3.0", "3,1,0-1,,,3.2", r"row 15, column edss.*is not an EDSS score"),
        ("table", "3,1,0-1,,,3.0", "3,one,0-1,,,3.0", "row 15, column how_many"),
        ("rules", "visual = [0, 1, 2, 2, 3, 3, 4]", "visual = [0, 1]", "one converted score per raw score"),
        ("rules", "[neurostatus]", "[other]", "neurostatus"),
    ],
)
def test_damaged_rule_is_refused_with_the_place(tmp_path: Path, file, old, new, reason):
    paths = {"table": tmp_path / "neurostatus.csv", "rules": tmp_path / "edss.toml"}
    for name, path in paths.items():
        text = (NEUROSTATUS_FILE if name == "table" else EDSS_RULES).read_text(encoding="utf-8")
        if name == file:
            assert old in text
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        load_rule(paths["rules"], paths["table"])
