"""The monitoring rules as data: complete for the catalogue, and refused with the place when damaged."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.safety.rules import (
    MONITORING_FILE,
    TESTS_FILE,
    known_tests,
    load_monitoring,
    load_tests,
    monitoring,
)
from clams_dash.clinical.safety.schedule import next_due
from clams_dash.clinical.safety_settings import SAFETY_FILE, load_settings
from clams_dash.errors import FactsError
from clams_dash.model import catalogues


def test_every_drug_that_can_be_chosen_has_rules():
    missing = {name for name, dmt in catalogues.dmts().items() if dmt.tier != "none"} - set(monitoring().by_drug)
    assert missing == {"daclizumab"}, "withdrawn"


def test_every_test_is_asked_for_by_some_rule_and_every_rule_names_a_source():
    rules = [rule for of_drug in monitoring().by_drug.values() for rule in of_drug]
    assert {rule.test.test for rule in rules} == set(known_tests())
    assert all(rule.source and rule.label_version for rule in rules)


def test_threshold_of_a_schedule_belongs_to_a_test_that_measures_it():
    for of_drug in monitoring().by_drug.values():
        for rule in of_drug:
            if rule.threshold is not None:
                assert rule.threshold.quantity in (*rule.test.analytes, *rule.test.fact_kinds), rule.origin


CD20 = ("ocrelizumab", "ofatumumab", "ublituximab", "rituximab")
FUMARATES = ("dimethyl_fumarate", "diroximel_fumarate", "monomethyl_fumarate")
INTERFERONS = ("interferon_beta_1a_im", "interferon_beta_1a_sc", "interferon_beta_1b", "peginterferon_beta_1a")


@pytest.mark.parametrize(
    ("drugs", "before", "during"),
    [
        (INTERFERONS, "blood_count liver thyroid", "blood_count liver thyroid"),
        (("glatiramer_acetate",), "", ""),
        (("teriflunomide",), "blood_count liver blood_pressure tuberculosis pregnancy_test",
         "liver blood_count blood_pressure"),
        (FUMARATES, "blood_count liver renal", "blood_count liver renal"),
        (("fingolimod",), "blood_count liver ecg vzv eye skin first_dose", "blood_count liver eye"),
        (("siponimod",), "blood_count liver ecg vzv eye skin genotype", "blood_count liver eye"),
        (("ozanimod", "ponesimod"), "blood_count liver ecg vzv", "blood_count liver"),
        (("cladribine",), "blood_count hiv hbv_antigen hcv tuberculosis vzv mri liver pregnancy_test", "blood_count"),
        (("natalizumab",), "mri jcv liver blood_count", "jcv mri liver neutralising_antibodies"),
        (CD20, "hbv_antigen hbv_core immunoglobulins blood_count liver tuberculosis vaccines",
         "immunoglobulins blood_count b_cells"),
        (("alemtuzumab",), "blood_count renal urine thyroid liver hiv skin vzv hpv", "blood_count renal urine thyroid"),
        (("mitoxantrone",), "heart_function blood_count liver", "blood_count liver heart_function"),
    ],
)  # fmt: skip
def test_checks_of_every_drug_are_those_of_the_source(drugs, before, during):
    for drug in drugs:
        asked = {
            phase: {rule.test.test for rule in monitoring().of(drug, "EU") if rule.phase == phase}
            for phase in ("before", "on")
        }
        assert asked == {"before": set(before.split()), "on": set(during.split())}, drug


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("natalizumab,jcv,on", "natalizumab,jvc,on", "column test"),
        ("natalizumab,jcv,on", "natalisumab,jcv,on", "not in the catalogue: natalisumab"),
        ("natalizumab,jcv,on", "natalizumab,jcv,during", "column phase.*before, on, alert"),
        ("natalizumab,jcv,on,,6m", "natalizumab,jcv,on,,", "schedule needs one of them"),
        ("natalizumab,jcv,on,,6m", "natalizumab,jcv,on,,half a year", "span of time"),
        ("1m;3m;6m,6m", "3m;1m;6m,6m", "column at.*must ascend"),
        ("jcv_index,>,0.4", "jcv_index,>,", "column limit"),
        ("jcv_index,>,0.4", "jcv_index,over,0.4", "column operator"),
        ("jcv_index,>,0.4", "jcv,>,0.4", "neither an analyte nor a kind of fact"),
        ("jcv_negative_or_low", "jcv_negativ", "column applies_if"),
    ],
)
def test_faulty_rule_is_refused_with_the_place(tmp_path: Path, old, new, reason):
    text = MONITORING_FILE.read_text(encoding="utf-8")
    assert old in text
    path = tmp_path / "monitoring.csv"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(FactsError, match=rf"monitoring\.csv, row \d+.*{reason}"):
        load_monitoring(path, known_tests())


def test_test_that_nothing_could_show_is_refused(tmp_path: Path):
    path = tmp_path / "monitoring_tests.csv"
    path.write_text(TESTS_FILE.read_text(encoding="utf-8") + "smell,smell test,,,,6m,x\n", encoding="utf-8")
    with pytest.raises(FactsError, match="names no analyte, fact or scan"):
        load_tests(path)


def test_damaged_settings_are_refused(tmp_path: Path):
    path = tmp_path / "safety.toml"
    path.write_text(SAFETY_FILE.read_text(encoding="utf-8").replace("retest_days", "retest"), encoding="utf-8")
    with pytest.raises(FactsError, match="retest_days"):
        load_settings(path)


START = date(2023, 1, 1)


@given(st.sampled_from([rule for rules in monitoring().by_drug.values() for rule in rules if rule.phase == "on"]),
       st.integers(0, 3000))  # fmt: skip
def test_next_test_is_due_after_the_last_one(rule, last):
    tested = START + timedelta(days=last)
    following = next_due(rule, START, tested, 0.34)
    if following is not None:
        assert following[0] > tested
        assert following[1] > 0
    else:
        assert rule.every is None
