"""PIRA and RAW under the five named definitions, on the golden series of clinical.md 1.3 (executed with pymsprog)."""

from datetime import date, timedelta

import pytest

from clams_dash.clinical.convention import Convention
from clams_dash.clinical.definitions import PROGRESSION_RULES, load_rules, progression_rules
from clams_dash.clinical.progression import Score, confirmed_changes
from clams_dash.errors import FactsError

START = date(2020, 1, 1)
ONSET = 182


def on(day: int) -> date:
    return START + timedelta(days=day)


def every_91_days(*edss: float) -> list[Score]:
    return [Score(on(91 * visit), value) for visit, value in enumerate(edss)]


SERIES = every_91_days(2, 2, 3, 3, 3, 3)
DEFINITIONS = ("mueller2023", "mueller2023_hs", "kappos2020", "cagol2022", "msbase")
RELAPSE_AT_OFFSET = {
    -170: ("PIRA", "undefined", "PIRA", "PIRA", "PIRA"),
    -91: ("PIRA", "undefined", None, "PIRA", None),
    -90: ("RAW", "RAW", "RAW", "RAW", "RAW"),
    -1: ("RAW", "RAW", "RAW", "RAW", "RAW"),
    0: ("RAW", "RAW", "RAW", "RAW", "RAW"),
    10: ("undefined", "undefined", "undefined", "undefined", "PIRA"),
    30: ("undefined", "undefined", "undefined", "undefined", "PIRA"),
    31: ("PIRA", "undefined", "PIRA", "undefined", "PIRA"),
    90: ("PIRA", "undefined", "PIRA", "undefined", "PIRA"),
    91: ("PIRA", "undefined", "PIRA", "undefined", "PIRA"),
    100: ("PIRA", "PIRA", "PIRA", "PIRA", "PIRA"),
}


def first_worsening(pira: str, relapse_day: int | None, series=SERIES):
    relapses = [] if relapse_day is None else [on(relapse_day)]
    return confirmed_changes(series, relapses, Convention.named(pira, confirm_days=84)).first("CDW")


@pytest.mark.parametrize("offset", RELAPSE_AT_OFFSET)
@pytest.mark.parametrize("position", range(5), ids=DEFINITIONS)
def test_golden_label_by_distance_of_the_relapse_from_onset(offset, position):
    event = first_worsening(DEFINITIONS[position], ONSET + offset)
    expected = RELAPSE_AT_OFFSET[offset][position]
    assert (event and event.label) == expected
    if event is not None:
        assert event.onset_date == on(ONSET)


@pytest.mark.parametrize("pira", DEFINITIONS)
def test_without_a_relapse_every_definition_says_pira_at_the_confirmation(pira):
    event = first_worsening(pira, None)
    assert event is not None
    assert (event.label, event.confirmed_date, event.label_confirmed_date) == ("PIRA", on(273), on(273))


@pytest.mark.parametrize(
    ("pira", "offset", "confirmed", "label_confirmed"),
    [
        ("mueller2023", 31, 273, 364),
        ("mueller2023", 90, 364, 364),
        ("mueller2023", 100, 273, 455),
        ("mueller2023_hs", 100, 273, 273),
        ("msbase", 10, 273, 273),
        ("msbase", 61, 273, 364),
        ("msbase", 90, 364, 364),
        ("msbase", 91, 364, 364),
        ("msbase", 100, 273, 273),
    ],
)
def test_pira_may_become_known_at_a_later_visit_than_the_worsening(pira, offset, confirmed, label_confirmed):
    event = first_worsening(pira, ONSET + offset)
    assert event is not None
    assert (event.confirmed_date, event.label_confirmed_date) == (on(confirmed), on(label_confirmed))


@pytest.mark.parametrize("pira", ["kappos2020", "msbase"])
def test_a_relapse_gives_a_new_reference_where_the_definition_asks_for_it(pira):
    event = first_worsening(pira, ONSET - 170)
    assert event is not None
    assert event.reference_date == on(91)
    event = first_worsening("mueller2023", ONSET - 170)
    assert event is not None
    assert event.reference_date == START


def test_kappos_never_lowers_the_reference_after_a_relapse_msbase_does():
    series = every_91_days(3, 2, 2, 3, 3, 3)
    kappos = confirmed_changes(series, [on(1)], Convention.named("kappos2020", confirm_days=84))
    msbase = confirmed_changes(series, [on(1)], Convention.named("msbase", confirm_days=84))
    assert kappos.first("CDW") is None
    worsening = msbase.first("CDW")
    assert worsening is not None
    assert (worsening.reference_edss, worsening.onset_date) == (2, on(273))


def test_label_without_relapse_free_confirmation_yet_is_open_until_a_visit_settles_it():
    early = first_worsening("mueller2023", ONSET + 31, SERIES[:4])
    assert early is not None
    assert (early.label, early.label_confirmed_date, early.label_final) == ("undefined", None, False)
    late = first_worsening("mueller2023", ONSET + 31, SERIES[:5])
    assert late is not None
    assert (late.label, late.label_final) == ("PIRA", False)
    settled = first_worsening("mueller2023", ONSET + 31, SERIES)
    assert settled is not None
    assert (settled.label, settled.label_confirmed_date, settled.label_final) == ("PIRA", on(364), True)


def test_undefined_is_final_when_the_relapse_lies_where_no_later_visit_can_help():
    event = first_worsening("mueller2023", ONSET + 10)
    assert event is not None
    assert (event.label, event.label_final) == ("undefined", True)


def test_improvement_has_no_label():
    found = confirmed_changes(every_91_days(4, 3, 3, 3), [], Convention.named("mueller2023", confirm_days=84))
    assert [(event.kind, event.label) for event in found.events] == [("CDI", None)]


def test_relapse_without_a_date_leaves_pira_unknown_but_not_raw():
    convention = Convention.named("mueller2023", confirm_days=84)
    found = confirmed_changes(SERIES, [None], convention)
    assert [(event.label, event.label_final) for event in found.events] == [(None, False)]
    assert "1 relapse has no date" in found.notes[0]
    found = confirmed_changes(SERIES, [None, on(ONSET - 5)], convention)
    assert [event.label for event in found.events] == ["RAW"]


def test_every_definition_names_its_source():
    assert set(DEFINITIONS) == set(progression_rules().definitions)
    assert all("doi" in one.source or "S11" in one.source for one in progression_rules().definitions.values())


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"mueller2023"', '"other"', "default_pira"),
        ('from = ["onset", -90]', 'from = ["baseline", -90]', "not a valid progression rules file"),
        ("days_before_onset = 90", "days_before_onset = -1", "must not be negative"),
        ('reference = "fixed"', 'reference = "moving"', "is not known"),
    ],
)
def test_damaged_rules_file_is_refused_by_name(tmp_path, old, new, message):
    path = tmp_path / "progression.toml"
    path.write_text(PROGRESSION_RULES.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactsError, match=message) as caught:
        load_rules(path)
    assert str(path) in str(caught.value)
