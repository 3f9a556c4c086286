import math

import pytest

from clams_dash.errors import FactsError
from clams_dash.model.catalogues import dmts
from clams_dash.response.evidence import EFFECTS_FILE, logit_shift, published_effects


def test_every_therapy_has_an_effect_on_both_outcomes():
    for outcome in ("relapse", "worsening"):
        effects = published_effects(outcome, 0.25)
        assert set(effects) == set(dmts())
        assert all(effect.log_ratio < 0 < effect.se for name, effect in effects.items() if name != "none")


def test_own_published_ratio_is_kept_as_printed():
    effect = published_effects("relapse", 0.25)["natalizumab"]
    assert effect.basis == "own"
    assert math.exp(effect.log_ratio) == pytest.approx(0.51)
    assert effect.se == pytest.approx((math.log(0.61) - math.log(0.43)) / 3.92, abs=1e-4)


def test_trial_against_an_active_drug_goes_through_that_drugs_effect():
    effects = published_effects("worsening", 0.25)
    assert effects["ocrelizumab"].log_ratio == pytest.approx(math.log(0.60) + math.log(0.79))
    assert effects["ocrelizumab"].se > effects["interferon_beta_1a_im"].se


def test_two_trials_of_one_drug_are_more_certain_than_either():
    effects = published_effects("worsening", 0.25)
    assert math.log(0.68) <= effects["teriflunomide"].log_ratio <= math.log(0.70)
    assert effects["teriflunomide"].se < (math.log(0.97) - math.log(0.51)) / 3.92


def test_drug_without_figures_borrows_from_its_class_and_is_less_certain():
    effects = published_effects("relapse", 0.25)
    assert effects["rituximab"].basis == "class"
    assert effects["rituximab"].log_ratio == pytest.approx(effects["ocrelizumab"].log_ratio)
    assert effects["rituximab"].se > effects["ocrelizumab"].se


def test_risk_ratio_and_hazard_ratio_are_not_the_same_shift():
    ratio, risk = math.log(0.5), 0.5
    assert logit_shift("relapse", ratio, risk) == pytest.approx(math.log(0.25 / 0.75))
    assert logit_shift("worsening", ratio, risk) == pytest.approx(math.log((1 - 0.5**0.5) / 0.5**0.5))
    assert logit_shift("relapse", 0.0, risk) == 0.0


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("natalizumab,relapse,risk_ratio_24m", "natalizumab,relapse,rate_ratio", "rate_ratio"),
        ("natalizumab,relapse,", "nonsense,relapse,", "nonsense"),
        ("0.68,0.50,0.92,teriflunomide", "0.68,0.50,0.92,glatiramer_acetate", "no single comparator"),
    ],
)
def test_wrong_entry_is_refused_by_name(tmp_path, old, new, reason):
    text = EFFECTS_FILE.read_text(encoding="utf-8")
    assert old in text
    wrong = tmp_path / "published_effects.csv"
    wrong.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        published_effects("worsening", 0.25, wrong)
