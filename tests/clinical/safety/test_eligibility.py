"""Who may be given a drug: chips from the record, apart from any prediction."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.clinical.safety.eligibility import ELIGIBILITY_FILE, EligibilityChip, chips, drugs, load_eligibility
from clams_dash.clinical.safety.findings import CHECK_LABEL
from clams_dash.errors import FactsError
from clams_dash.model import catalogues
from clams_dash.model.records import Case
from tests.clinical.chart import case, fact, lab, patient, shifted

DAY = date(2024, 6, 1)
RECENT = date(2024, 4, 1)
OLD = date(2021, 1, 1)


def chip(chart: Case, drug: str, topic: str, day: date = DAY) -> EligibilityChip:
    (found,) = (one for one in chips(chart, drug, day) if one.topic == topic)
    return found


def test_every_drug_that_can_be_chosen_has_rules():
    missing = {name for name, dmt in catalogues.dmts().items() if dmt.tier != "none"} - set(drugs())
    assert missing == {"daclizumab"}, "withdrawn"


def test_empty_record_clears_nobody_for_anything():
    nobody = case(person=patient(sex=None, birth=None))
    for drug in drugs():
        assert {one.verdict for one in chips(nobody, drug, DAY)} == {"unknown"}


@pytest.mark.parametrize(
    ("index", "verdict"),
    [(0.1, "ok"), (0.3, "caution"), (0.7, "ok"), (1.2, "caution"), (2.4, "caution"), (None, "unknown")],
)
def test_jcv_decides_on_natalizumab(index, verdict):
    labs = [] if index is None else [lab("jcv_index", RECENT, index)]
    assert chip(case(labs=labs), "natalizumab", "jcv").verdict == verdict


def test_old_negative_jcv_result_is_unknown_and_asks_for_a_retest():
    found = chip(case(labs=[lab("jcv_index", OLD, 0.1)]), "natalizumab", "jcv")
    assert found.verdict == "unknown"
    assert "retest" in found.finding


@pytest.mark.parametrize(
    ("labs", "facts", "verdict"),
    [
        ([lab("vzv_igg", OLD, 900)], [], "ok"),
        ([lab("vzv_igg", OLD, 90)], [], "stop"),
        ([lab("vzv_igg", OLD, 90, lower=80)], [], "ok"),
        ([], [fact("varicella_immunity", OLD, "no")], "stop"),
        ([], [fact("vaccination", OLD, "Varicella, 2 doses")], "ok"),
        ([], [fact("vaccination", OLD, "influenza")], "unknown"),
    ],
)
def test_vzv_immunity_decides_on_fingolimod(labs, facts, verdict):
    assert chip(case(labs=labs, facts=facts), "fingolimod", "vzv").verdict == verdict


def hbv(antigen: float | None, core: float | None, on: date = RECENT) -> Case:
    values = {"hbsag": antigen, "anti_hbc": core}
    return case(labs=[lab(name, on, value) for name, value in values.items() if value is not None])


def test_hepatitis_b_decides_on_anti_cd20():
    assert chip(hbv(0.1, 0.1), "ocrelizumab", "hbv").verdict == "ok"
    assert chip(hbv(8.0, 5.0), "ocrelizumab", "hbv").verdict == "stop"
    assert chip(hbv(0.1, 5.0), "ocrelizumab", "hbv").verdict == "caution"


def test_one_negative_hepatitis_test_alone_or_two_old_ones_are_unknown_but_an_old_positive_stands():
    assert chip(hbv(0.1, None), "ocrelizumab", "hbv").verdict == "unknown"
    assert chip(hbv(0.1, 0.1, OLD), "ocrelizumab", "hbv").verdict == "unknown"
    assert chip(hbv(8.0, None, OLD), "ocrelizumab", "hbv").verdict == "stop"


@pytest.mark.parametrize(
    ("facts", "drug", "verdict"),
    [
        ([fact("pregnancy_wish", RECENT, "yes")], "teriflunomide", "stop"),
        ([fact("pregnancy_wish", RECENT, "yes")], "glatiramer_acetate", "ok"),
        ([fact("pregnancy_wish", RECENT, "no")], "teriflunomide", "ok"),
        ([fact("pregnancy_wish", OLD, "no")], "teriflunomide", "unknown"),
        ([fact("pregnancy_wish", RECENT, "no"), fact("pregnancy", RECENT, "yes")], "teriflunomide", "stop"),
        ([fact("pregnancy_wish", RECENT, "no"), fact("pregnancy", OLD, "yes")], "teriflunomide", "ok"),
        ([], "teriflunomide", "unknown"),
    ],
)
def test_pregnancy_and_the_wish_for_it(facts, drug, verdict):
    assert chip(case(facts=facts), drug, "pregnancy").verdict == verdict


def test_pregnancy_does_not_arise_in_men():
    assert chip(case(person=patient(sex="male")), "teriflunomide", "pregnancy").level == "not_applicable"


@pytest.mark.parametrize(
    ("value", "day", "cladribine", "fumarate"),
    [(1.5, RECENT, "ok", "ok"), (0.9, RECENT, "stop", "ok"), (0.7, RECENT, "stop", "caution"),
     (0.4, RECENT, "stop", "stop"), (1.5, OLD, "unknown", "unknown")],
)  # fmt: skip
def test_lymphocytes_before_a_start(value, day, cladribine, fumarate):
    chart = case(labs=[lab("lymphocytes", day, value)])
    assert chip(chart, "cladribine", "lymphocytes").verdict == cladribine
    assert chip(chart, "dimethyl_fumarate", "lymphocytes").verdict == fumarate


@pytest.mark.parametrize(("born", "level"), [(2010, "under_18"), (1990, "adult"), (1965, "over_55")])
def test_age(born, level):
    assert chip(case(person=patient(birth=date(born, 1, 1))), "ocrelizumab", "age").level == level


@pytest.mark.parametrize(
    ("facts", "verdict"),
    [
        ([fact("comorbidity", OLD, "coronary heart disease"), fact("ecg", RECENT, "normal")], "stop"),
        ([fact("comorbidity", OLD, "dementia")], "unknown"),
        ([fact("ecg", RECENT, "normal")], "ok"),
        ([fact("ecg", OLD, "normal")], "unknown"),
        ([fact("ecg", RECENT, "AV block I")], "stop"),
        ([], "unknown"),
    ],
)
def test_heart_before_an_s1p_modulator(facts, verdict):
    assert chip(case(facts=facts), "ponesimod", "cardiac").verdict == verdict


@pytest.mark.parametrize(("genotype", "verdict"), [("*1/*1", "ok"), ("*2/*3", "caution"), ("*3/*3", "stop")])
def test_genotype_before_siponimod(genotype, verdict):
    assert chip(case(facts=[fact("cyp2c9_genotype", OLD, genotype)]), "siponimod", "genotype").verdict == verdict


def days_before(days: int) -> date:
    return DAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("chart", "topic", "level"),
    [
        (case(labs=[lab("vzv_igg", OLD, 150)]), "vzv", "immune"),
        (case(labs=[lab("vzv_igg", OLD, 149)]), "vzv", "not_immune"),
        (case(labs=[lab("lymphocytes", RECENT, 0.80)]), "lymphocytes", "low"),
        (case(labs=[lab("lymphocytes", RECENT, 0.50)]), "lymphocytes", "below_800"),
        (case(labs=[lab("lymphocytes", RECENT, 1.0)]), "lymphocytes", "normal"),
        (case(labs=[lab("lymphocytes", days_before(183), 1.5)]), "lymphocytes", "normal"),
        (case(labs=[lab("lymphocytes", days_before(184), 1.5)]), "lymphocytes", "unknown"),
        (case(facts=[fact("pregnancy_wish", days_before(730), "no")]), "pregnancy", "none"),
        (case(facts=[fact("pregnancy_wish", days_before(731), "no")]), "pregnancy", "unknown"),
        (case(facts=[fact("pregnancy", days_before(300), "yes")]), "pregnancy", "pregnant"),
        (case(facts=[fact("pregnancy", days_before(301), "yes")]), "pregnancy", "unknown"),
        (case(person=patient(birth=date(2006, 5, 31))), "age", "adult"),
        (case(person=patient(birth=date(2006, 6, 3))), "age", "under_18"),
    ],
)
def test_levels_at_their_limits(chart, topic, level):
    assert chip(chart, "fingolimod", topic).level == level


def test_hepatitis_b_index_at_the_cut_off_is_positive():
    assert chip(hbv(1.0, 0.1), "ocrelizumab", "hbv").level == "active"
    assert chip(hbv(0.99, 1.0), "ocrelizumab", "hbv").level == "past"


def test_newer_of_measurement_and_statement_counts():
    labs = [lab("hbsag", RECENT, 0.1), lab("anti_hbc", RECENT, 0.1)]
    later = case(labs=labs, facts=[fact("hepatitis_b_antigen", RECENT + timedelta(days=9), "positive")])
    earlier = case(labs=labs, facts=[fact("hepatitis_b_antigen", OLD, "positive")])
    assert chip(later, "ocrelizumab", "hbv").level == "active"
    assert chip(earlier, "ocrelizumab", "hbv").level == "past", "negative now, but once positive"


def test_every_text_sends_the_reader_to_the_label():
    chart = case(labs=[lab("jcv_index", RECENT, 2.4)])
    for drug in drugs():
        for found in chips(chart, drug, DAY):
            assert found.text.endswith(CHECK_LABEL)
            assert "eligibility.csv row" in found.origin


@settings(max_examples=40, deadline=None)
@given(index=st.floats(0.05, 4), tested=st.integers(0, 900), asked=st.integers(0, 1500), shift=st.integers(-3000, 3000))
def test_shifting_every_date_changes_no_chip(index, tested, asked, shift):
    chart = case(
        labs=[lab("jcv_index", DAY - timedelta(days=tested), index)],
        facts=[fact("pregnancy_wish", DAY - timedelta(days=asked), "no")],
    )
    moved = shifted(chart, shift)
    for drug in drugs():
        here, there = chips(chart, drug, DAY), chips(moved, drug, DAY + timedelta(days=shift))
        assert [one.verdict for one in here] == [one.verdict for one in there]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("siponimod,genotype,two_slow,stop", "siponimod,genotype,one_slow,stop", "unknown or given twice: one_slow"),
        ("siponimod,genotype,two_slow,stop", "siponimod,genome,two_slow,stop", "column topic"),
        ("siponimod,genotype,two_slow,stop", "siponimodd,genotype,two_slow,stop", "not in the catalogue: siponimodd"),
        (
            "siponimod,genotype,two_slow,stop,CYP2C9 *3/*3: contraindicated",
            "siponimod,genotype,two_slow,stop,",
            "column text",
        ),
    ],
)
def test_faulty_rule_is_refused_with_the_place(tmp_path: Path, old, new, reason):
    text = ELIGIBILITY_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "eligibility.csv"
    path.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=reason):
        load_eligibility(path)


def test_topic_with_a_level_left_open_is_refused(tmp_path: Path):
    lines = ELIGIBILITY_FILE.read_text(encoding="utf-8").splitlines()
    path = tmp_path / "eligibility.csv"
    path.write_text("\n".join(line for line in lines if "two_slow" not in line) + "\n", encoding="utf-8")
    with pytest.raises(FactsError, match="siponimod, topic genotype: no row for two_slow"):
        load_eligibility(path)
