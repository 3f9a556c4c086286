"""Codes of other systems: old and new ATC, RxNorm, SNOMED CT, LOINC, ICD-10, names of drugs."""

import pytest

from clams_dash.config import FACTS_DIR
from clams_dash.model import catalogues, codes


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


def test_every_row_of_the_table_names_a_known_thing_and_a_source() -> None:
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
