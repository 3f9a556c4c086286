"""The truth as written: expected and realised outcomes of every arm, the world and the burden."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from clams_dash.cohort.simulate import Simulated
from clams_dash.cohort.truth.build import TruthPlan, build_truth
from clams_dash.cohort.truth.burden import burden_frame
from clams_dash.cohort.truth.futures import Effort
from clams_dash.errors import ClamsError, FactsError
from tests.cohort.truth.conftest import SMALL, silent

Tables = dict[str, pd.DataFrame]
PROBABILITIES = ("p_relapse", "p_worsening", "p_neda")


def test_the_tables_have_the_columns_of_the_contract(truth: Tables) -> None:
    asked = {"patient_id", "index_date", "dmt", "p_relapse", "p_worsening", "mean_new_t2", "p_neda", "se_relapse"}
    asked |= {"se_worsening", "se_neda", "state_p_relapse", "state_p_worsening", "state_p_neda", "eligible"}
    asked |= {"relapse", "worsening", "new_t2", "neda"}
    assert asked <= set(truth["truth"].columns)
    assert {"family", "scenario", "dmt", "arr_ratio", "worsening_ratio"} <= set(truth["world"].columns)
    assert list(truth["burden"].columns) == ["dmt", "value"]
    assert set(truth["burden"]["dmt"]) == set(truth["world"]["dmt"])
    assert not truth["truth"].isna().any().any()


def test_every_decision_has_the_untreated_arm_and_one_that_was_decided(truth: Tables) -> None:
    by_decision = truth["truth"].groupby(["patient_id", "index_date"])
    assert by_decision.ngroups == SMALL.decisions
    assert (by_decision["decided"].sum() == 1).all()
    assert by_decision["dmt"].apply(lambda names: "none" in set(names)).all()
    assert not truth["truth"].duplicated(["patient_id", "index_date", "dmt"]).any()


def test_probabilities_lie_between_nought_and_one_and_counts_are_not_negative(truth: Tables) -> None:
    for name in (*PROBABILITIES, *(f"state_{name}" for name in PROBABILITIES)):
        assert truth["truth"][name].between(0.0, 1.0).all(), name
    assert (truth["truth"][["mean_new_t2", "new_t2"]] >= 0).all().all()


def test_no_evidence_of_activity_is_never_likelier_than_no_relapse(truth: Tables) -> None:
    rows = truth["truth"]
    slack = 4 * (rows["se_relapse"] + rows["se_neda"]) + 0.01
    assert (rows["p_neda"] <= 1.0 - rows["p_relapse"] + slack).all()
    assert not (rows["neda"] & (rows["relapse"] | rows["worsening"])).any()


def test_the_same_seed_gives_the_same_truth(simulated: Simulated, truth: Tables) -> None:
    again = build_truth(simulated, 3, SMALL, silent)
    for name, frame in truth.items():
        pd.testing.assert_frame_equal(frame, again[name])


def test_rounds_go_on_until_the_error_is_as_small_as_asked(simulated: Simulated) -> None:
    aim = 0.02
    plan = TruthPlan(
        decisions=6,
        particles=64,
        given_record=Effort(draws=128, rounds=1, most_rounds=80, aim=aim),
        given_state=Effort(draws=64, rounds=1, most_rounds=1, aim=1.0),
        workers=1,
    )
    rows = build_truth(simulated, 4, plan, silent)["truth"]
    assert (rows[["se_relapse", "se_worsening", "se_neda"]] <= aim).all().all()


def test_a_plan_that_uses_particles_unequally_is_refused() -> None:
    with pytest.raises(ClamsError, match="multiple of particles"):
        TruthPlan(particles=100, given_record=Effort(draws=128, rounds=1, most_rounds=1, aim=1.0))


def test_a_burden_for_an_unknown_therapy_names_file_and_row(tmp_path) -> None:
    (tmp_path / "burden.csv").write_text("dmt,value,source\nnone,0,made up\nmoonshine,0.1,made up\n")
    with pytest.raises(FactsError, match=r"burden.csv: row 3, dmt = 'moonshine'"):
        burden_frame(("none",), tmp_path)


@pytest.mark.slow
def test_what_is_expected_given_the_record_is_the_mean_of_what_is_expected_given_the_state() -> None:
    """If the hidden states are drawn from their distribution given the record, E[state_p | p] = p."""
    from clams_dash.cohort.simulate import simulate

    plan = TruthPlan(
        decisions=600,
        particles=256,
        given_record=Effort(draws=256, rounds=1, most_rounds=1, aim=1.0),
        given_state=Effort(draws=256, rounds=1, most_rounds=1, aim=1.0),
    )
    rows = build_truth(simulate(8000, seed=11), 11, plan, silent)["truth"]
    decided = rows[rows["decided"]]
    for name in PROBABILITIES:
        given_record, given_state = decided[name].to_numpy(), decided[f"state_{name}"].to_numpy()
        assert given_state.mean() == pytest.approx(given_record.mean(), abs=0.02), name
        slope = np.polyfit(given_record, given_state, 1)[0]
        assert slope == pytest.approx(1.0, abs=0.12), name
        assert given_state.std() > given_record.std(), name
