"""Codes and units of other systems: old and new ATC, RxNorm, SNOMED CT, LOINC, ICD-10, spellings of units."""

import re

import pytest

from clams_dash.config import FACTS_DIR
from clams_dash.model import catalogues, codes, units


@pytest.mark.parametrize(
    ("new", "old", "dmt"),
    [
        ("L04AE01", "L04AA27", "fingolimod"),
        ("L04AG03", "L04AA23", "natalizumab"),
        ("L04AX07", "N07XX09", "dimethyl_fumarate"),
    ],
)
def test_atc_codes_from_before_and_after_2024_name_the_same_therapy(new: str, old: str, dmt: str) -> None:
    for code in (new, old):
        assert codes.concepts_of("http://www.whocc.no/atc", code) == {f"dmt:{dmt}"}
    assert [code.code for code in codes.codes_of(f"dmt:{dmt}") if code.system == "atc"] == [new, old]


def test_every_therapy_and_analyte_is_found_by_its_own_codes_and_name() -> None:
    for dmt in catalogues.dmts():
        if dmt == "none":
            continue
        assert dmt in codes.dmts_of([(code.system, code.code) for code in codes.codes_of(f"dmt:{dmt}")], "")
        assert codes.dmts_named(dmt.replace("_", " ")) == {dmt}
    for analyte in catalogues.analytes():
        for code in codes.codes_of(f"lab:{analyte}"):
            assert codes.concepts_of(code.uri, code.code) == {f"lab:{analyte}"}


@pytest.mark.parametrize(
    ("text", "dmts"),
    [
        ("1 ML glatiramer acetate 20 MG/ML Prefilled Syringe", {"glatiramer_acetate"}),
        ("Plegridy 125", {"peginterferon_beta_1a"}),
        ("peginterferon beta-1a", {"peginterferon_beta_1a"}),
        ("Interferon beta-1a", {"interferon_beta_1a_im", "interferon_beta_1a_sc"}),
        ("REBIF 44", {"interferon_beta_1a_sc"}),
        ("methylprednisolone 1000 MG Injection", set()),
        ("Stop: DMFs", set()),
    ],
)
def test_a_drug_is_recognised_by_inn_or_brand_as_a_whole_word(text: str, dmts: set[str]) -> None:
    assert codes.dmts_named(text) == dmts


def test_the_name_is_believed_where_code_and_name_disagree_and_narrows_it_where_the_code_leaves_it_open() -> None:
    assert codes.dmts_of([("atc", "L04AE01")], "Natalizumab 300 mg") == {"natalizumab"}
    assert codes.dmts_of([("rxnorm", "75917")], "Avonex pen") == {"interferon_beta_1a_im"}
    assert codes.dmts_of([("atc", "A10BA02")], "metformin") == frozenset()


@pytest.mark.parametrize(
    ("system", "code", "concept"),
    [
        ("http://snomed.info/sct", "426373005", "course:RRMS"),
        ("http://snomed.info/sct", "24700007", "disease:ms"),
        ("http://hl7.org/fhir/sid/icd-10", "G35", "disease:ms"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "G35.10", "course:RRMS"),
        ("http://fhir.de/CodeSystem/bfarm/icd-10-gm", "G35.9", "disease:ms"),
        ("http://hl7.org/fhir/sid/icd-10-cm", "g35.b1", "course:PPMS"),
    ],
)
def test_the_disease_and_its_course_are_found_by_code(system: str, code: str, concept: str) -> None:
    assert codes.concepts_of(system, code) == {concept}


def test_another_disease_is_not_ms() -> None:
    assert codes.concepts_of("http://hl7.org/fhir/sid/icd-10", "G36.0") == frozenset()
    assert codes.concepts_of("http://snomed.info/sct", "73211009") == frozenset()


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "wanted"),
    [
        ("lymphocytes", 1.2, "10*3/uL", 1.2),
        ("lymphocytes", 1200, "cells/µL", 1.2),
        ("lymphocytes", 1.2, "x10⁹/l", 1.2),
        ("creatinine", 1.0, "mg/dL", 88.4),
        ("vitamin_d", 20, "ng/mL", 49.92),
        ("alt", 0.5, "µkat/L", 30),
        ("igg", 1000, "mg/dL", 10),
        ("jcv_index", 0.9, "{ratio}", 0.9),
        ("tsh", 2.1, "mIU/L", 2.1),
        ("cd19", 0.2, "10^9/L", 200),
    ],
)
def test_values_in_units_of_other_laboratories_become_the_pools(
    analyte: str, value: float, unit: str, wanted: float
) -> None:
    factor = units.factor(analyte, unit, catalogues.analytes()[analyte].unit)
    assert factor is not None
    assert value * factor == pytest.approx(wanted)


def test_a_unit_without_a_rule_is_not_guessed() -> None:
    assert units.factor("alt", "mmol/L", "U/L") is None
    assert units.factor("vitamin_d", "mg/dL", "nmol/L") is None


def test_every_row_of_the_tables_names_known_things_and_a_source() -> None:
    known = (
        {f"dmt:{name}" for name in catalogues.dmts()}
        | {f"lab:{name}" for name in catalogues.analytes()}
        | {f"course:{name}" for name in catalogues.labels("courses")}
        | {f"fact:{name}" for name in catalogues.labels("fact_kinds")}
    )
    for row in catalogues.read_rows(FACTS_DIR / "catalogues" / "codes.csv"):
        assert row["source"]
        assert row["system"] in {*codes.SYSTEM_URIS, "name"}
        kind = row["concept"].partition(":")[0]
        assert kind not in {"dmt", "lab", "course", "fact"} or row["concept"] in known
    for row in catalogues.read_rows(FACTS_DIR / "catalogues" / "units.csv"):
        assert row["source"]
        assert float(row["factor"]) > 0
        if row["quantity"] != "*":
            assert units.plain(row["to_unit"]) == units.plain(catalogues.analytes()[row["quantity"]].unit)
        assert re.sub(r"\s", "", row["from_unit"]) == row["from_unit"]
