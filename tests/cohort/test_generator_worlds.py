"""Worlds: what is drawn is kept, effects vary as the family says, and a randomised trial finds what was put in."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from clams_dash.cohort.acceptance import randomised_effects, resized
from clams_dash.cohort.disease import poisson_of
from clams_dash.cohort.families import OUTCOMES, load_families
from clams_dash.cohort.parameters import Parameters, load_parameters
from clams_dash.cohort.reference import load_reference_trial
from clams_dash.cohort.simulate import simulate_cohort, world_of
from clams_dash.cohort.trial import Start, confirmed_worsening, follow, natural_start
from clams_dash.cohort.worlds import World, make_world

FAMILIES = ("smooth", "threshold", "interaction")


@pytest.fixture(scope="module")
def parameters() -> Parameters:
    return load_parameters()


@pytest.fixture(scope="module")
def world(parameters: Parameters) -> World:
    return make_world(parameters, None)


@pytest.fixture(scope="module")
def start(world: World, parameters: Parameters) -> Start:
    return natural_start(9000, world, parameters, np.random.SeedSequence(5))


def test_the_three_families_are_there() -> None:
    assert tuple(load_families()) == FAMILIES


def test_the_world_of_a_seed_is_the_one_its_cohort_was_drawn_in(parameters: Parameters) -> None:
    first, again, other = (world_of(seed, parameters).frame() for seed in (3, 3, 4))
    pd.testing.assert_frame_equal(first, again)
    assert not np.allclose(first["arr_ratio"][1:], other["arr_ratio"][1:])
    assert first.iloc[0][["arr_ratio", "full_relapse_ratio", "full_progression_ratio"]].eq(1.0).all()


@pytest.mark.parametrize("family", FAMILIES)
def test_effects_differ_between_persons_and_not_in_the_null_scenario(parameters: Parameters, family: str) -> None:
    features = load_reference_trial().features
    drug = np.full(len(features.age), make_world(parameters, None).drugs.index("natalizumab"))
    lively = make_world(parameters, None, family=family).exponents(features, drug)
    null = make_world(parameters, None, family=family, scenario="null")
    assert lively[OUTCOMES.index("relapse")].std() > 0.1
    assert (null.exponents(features, drug) == 1.0).all()
    assert (null.age_rule(np.array([20.0, 50.0, 80.0])) == 1.0).all()


def test_age_weakens_the_effect_on_worsening_to_nothing(parameters: Parameters) -> None:
    """Weideman 2017: no effect on disability from about 53 years (clinical.md 4.3)."""
    for family in FAMILIES:
        rule = make_world(parameters, None, family=family).age_rule(np.array([25.0, 38.0, 60.0]))
        assert rule[0] > rule[1] > rule[2]
        assert 0.7 < rule[1] < 1.35
        assert rule[2] < 0.1


@pytest.mark.parametrize("family", FAMILIES)
def test_a_randomised_trial_finds_what_was_put_in(parameters: Parameters, start: Start, family: str) -> None:
    """Three drugs on some 9,000 per arm; all of them on 20,000 in the slow tests."""
    names = ("glatiramer_acetate", "fingolimod", "ocrelizumab")
    world = make_world(parameters, None, family=family)
    checks = list(randomised_effects(resized(start, 9000), world, parameters, seed=6, names=names))
    assert len(checks) == 9
    assert [check for check in checks if not check.passed] == []


def test_arms_have_their_random_numbers_in_common(parameters: Parameters, world: World, start: Start) -> None:
    """Under a drug nobody has a lesion who would have none without it."""
    seeds = np.random.SeedSequence(8)
    none, treated = (
        follow(start, drug, 12, world, parameters, seeds) for drug in (0, world.drugs.index("natalizumab"))
    )
    again = follow(start, 0, 12, world, parameters, seeds)
    assert (none.new_t2 == again.new_t2).all()
    assert (treated.relapse[0] == none.relapse[0]).all()
    assert (treated.new_t2.sum(axis=0) <= none.new_t2.sum(axis=0)).mean() > 0.97


def test_following_leaves_the_start_as_it_was(parameters: Parameters, world: World, start: Start) -> None:
    before = start.state.take(np.arange(len(start)))
    follow(start, 1, 6, world, parameters, np.random.SeedSequence(1))
    assert (before.step == start.state.step).all()
    assert (before.volume == start.state.volume).all()


def test_a_person_repeated_has_the_same_state_and_another_future(
    parameters: Parameters, world: World, start: Start
) -> None:
    twins = start.take(np.zeros(400, dtype=np.int64))
    arm = follow(twins, 0, 24, world, parameters, np.random.SeedSequence(2))
    assert len(np.unique(twins.state.volume)) == 1
    assert len(np.unique(arm.new_t2.sum(axis=0))) > 3


def test_worsening_counts_only_when_it_holds_for_six_months(parameters: Parameters, world: World, start: Start) -> None:
    arm = follow(start.take(np.arange(4)), 0, 31, world, parameters, np.random.SeedSequence(3))
    step = np.full((31, 4), 4, dtype=np.int8)
    step[5:, 0] = 6
    step[5:10, 1] = 6
    step[5:, 2] = 5
    step[25:, 3] = 6
    held = replace(arm, start_step=np.full(4, 4), step=step)
    assert confirmed_worsening(held).tolist() == [5, -1, -1, -1]


def test_poisson_numbers_by_inversion_have_their_mean_and_order() -> None:
    uniform = np.random.default_rng(1).random(40_000)
    few, many = poisson_of(uniform, np.full(40_000, 0.4)), poisson_of(uniform, np.full(40_000, 3.0))
    assert abs(few.mean() - 0.4) < 0.02
    assert abs(many.mean() - 3.0) < 0.05
    assert abs(many.var() - 3.0) < 0.12
    assert (few <= many).all()


def crude_relapse_ratio(frames: dict[str, pd.DataFrame], one: set[str], other: set[str]) -> float:
    """Relapses in the two years after a first start of one group of drugs against another, as the tables show them."""
    courses = frames["treatment"].sort_values("start_date").drop_duplicates("patient_id")
    seen = frames["visit"].groupby("patient_id")["date"].agg(["min", "max"])
    two_years = pd.Timedelta(days=730)
    courses = courses[courses["start_date"] + two_years <= courses["patient_id"].map(seen["max"])]
    courses = courses[courses["start_date"] >= courses["patient_id"].map(seen["min"])]
    rows = frames["relapse"].merge(courses[["patient_id", "start_date"]])
    inside = rows[(rows["date"] > rows["start_date"]) & (rows["date"] <= rows["start_date"] + two_years)]
    count = courses["patient_id"].map(inside.groupby("patient_id").size()).fillna(0)
    relapsing = courses["patient_id"].map(frames["patient"].set_index("patient_id")["course"]) != "PPMS"
    rates = [count[relapsing & courses["dmt"].isin(names)].mean() for names in (one, other)]
    return float(rates[0] / rates[1])


STRONG = {"natalizumab", "ocrelizumab", "rituximab", "ofatumumab", "ublituximab", "alemtuzumab"}
MILD = {"interferon_beta_1b", "interferon_beta_1a_im", "interferon_beta_1a_sc", "glatiramer_acetate", "teriflunomide"}


def true_ratio(seed: int, parameters: Parameters, scenario: str) -> float:
    inputs = world_of(seed, parameters, scenario=scenario).frame().set_index("dmt")["arr_ratio"]
    return float(inputs[list(STRONG)].mean() / inputs[list(MILD)].mean())


def test_with_a_hidden_confounder_crude_ratios_mislead_unless_assignment_is_by_lot(parameters: Parameters) -> None:
    """Must-show 2: the strong drugs look weaker than they are where the sicker get them, and as they are by lot."""
    seed, scenario = 21, "hidden_confounder"
    truth = true_ratio(seed, parameters, scenario)
    observed = crude_relapse_ratio(simulate_cohort(6000, seed, scenario=scenario), STRONG, MILD)
    by_lot = crude_relapse_ratio(simulate_cohort(6000, seed, scenario=scenario, randomised=True), STRONG, MILD)
    assert observed > 1.25 * truth
    assert abs(by_lot / truth - 1.0) < 0.15


def test_poor_overlap_makes_the_choice_of_drug_predictable(parameters: Parameters) -> None:
    def spread(scenario: str) -> float:
        frames = simulate_cohort(3000, 4, scenario=scenario)
        first = frames["treatment"].sort_values("start_date").drop_duplicates("patient_id")
        share = first[first["start_date"] >= "2021-01-01"]["dmt"].value_counts(normalize=True)
        return float((share**2).sum())

    assert spread("poor_overlap") > 1.5 * spread("default")


def test_the_shifted_centre_differs_and_the_others_do_not(parameters: Parameters) -> None:
    def onset_age(scenario: str) -> pd.Series:
        people = simulate_cohort(4000, 4, scenario=scenario)["patient"]
        people = people[people["course"] != "PPMS"]
        age: pd.Series = (people["onset_date"] - people["birth_date"]).dt.days / 365.25
        return age.groupby(people["centre"]).mean()

    change = onset_age("shifted_centre") - onset_age("default")
    assert change["Castell Day Hospital"] > 5.0
    assert change.drop("Castell Day Hospital").abs().max() < 0.8
