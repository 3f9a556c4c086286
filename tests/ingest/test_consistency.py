"""What is unusual is kept and shown: each check across rows finds what it is for, and leaves the usual alone."""

from __future__ import annotations

import pytest

from clams_dash.ingest.consistency import rules
from clams_dash.ingest.staging import Reject
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables

Rows = dict[str, list[dict[str, object]]]

ANNA = {"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS"}
NO_FS: dict[str, object] = dict.fromkeys(
    ("fs_visual", "fs_brainstem", "fs_pyramidal", "fs_cerebellar", "fs_sensory", "fs_bowel_bladder", "fs_cerebral",
     "fs_ambulation"), 0,
)  # fmt: skip


def _row(day: str = "2020-01-01", **values: object) -> dict[str, object]:
    return {"patient_id": "anna", "date": day, **values}


def _course(dmt: str, start: str, stop: str | None = None, **more: object) -> dict[str, object]:
    return {"patient_id": "anna", "dmt": dmt, "start_date": start, "stop_date": stop, **more}


def _lab(**limits: object) -> dict[str, object]:
    return {**_row(analyte="lymphocytes", value=1.5, unit="10^9/L"), **limits}


def _scan(study: str, day: str, **values: object) -> dict[str, object]:
    return _row(day, study_id=study, **values)


UNUSUAL: list[tuple[str, Rows, tuple[str, int, str], str]] = [
    ("edss_against_fs", {"visit": [{**_row(edss=4.0), **NO_FS, "fs_pyramidal": 2}]}, ("visit", 2, "edss"), "give 2.0"),
    ("edss_jump", {"visit": [_row(edss=2.0), _row("2021-01-01", edss=5.0)]}, ("visit", 3, "edss"), "it was 2.0"),
    ("edss_jump", {"visit": [_row("2021-01-01", edss=1.0), _row(edss=6.0)]}, ("visit", 2, "edss"), "it was 6.0"),
    ("visit_soon_after_relapse", {"visit": [_row("2020-01-31")], "relapse": [_row()]}, ("visit", 2, "date"),
     "a relapse on 2020-01-01"),
    ("visit_soon_after_relapse", {"visit": [_row()], "relapse": [_row()]}, ("visit", 2, "date"), "2020-01-01"),
    ("relapse_soon_after_relapse", {"relapse": [_row("2020-01-20"), _row()]}, ("relapse", 2, "date"), "one on 2020"),
    ("treatment_overlap", {"treatment": [_course("natalizumab", "2019-01-01"), _course("ocrelizumab", "2020-01-01")]},
     ("treatment", 3, "start_date"), "natalizumab and ocrelizumab from 2020-01-01"),
    ("drug_not_yet_approved", {"treatment": [_course("ocrelizumab", "2010-01-01")]}, ("treatment", 2, "start_date"),
     "ocrelizumab in 2017"),
    ("stop_reason_without_stop", {"treatment": [_course("natalizumab", "2019-01-01", stop_reason="pml_risk")]},
     ("treatment", 2, "stop_reason"), "no stop date"),
    ("enhancing_without_contrast", {"mri": [_scan("a", "2020-01-01", gd_given=False, gd_lesions=1)]},
     ("mri", 2, "gd_lesions"), "without contrast"),
    ("more_new_than_all", {"mri": [_scan("a", "2020-01-01", new_t2=5, t2_count=4)]}, ("mri", 2, "new_t2"), "more new"),
    ("comparison_study", {"mri": [_scan("a", "2020-01-01", comparison_study_id="gone")]},
     ("mri", 2, "comparison_study_id"), "unknown"),
    ("comparison_study", {"mri": [_scan("a", "2020-01-01", comparison_study_id="b"), _scan("b", "2021-01-01")]},
     ("mri", 2, "comparison_study_id"), "not earlier"),
    ("lab_limits", {"lab": [_lab(lower_limit=4.0, upper_limit=1.0)]}, ("lab", 2, "lower_limit"), "above its upper"),
]  # fmt: skip

USUAL: list[Rows] = [
    {"visit": [{**_row(edss=2.0), **NO_FS, "fs_pyramidal": 2}]},
    {"visit": [{**_row(edss=5.0), **NO_FS, "fs_pyramidal": 2, "fs_ambulation": 3}]},
    {"visit": [_row(edss=6.0, fs_pyramidal=2)]},
    {"visit": [_row(edss=2.0), _row("2021-01-01", edss=4.5)]},
    {"visit": [_row("2020-02-01")], "relapse": [_row()]},
    {"visit": [_row("2019-12-31")], "relapse": [_row()]},
    {"relapse": [_row(), _row("2020-02-01")]},
    {"treatment": [_course("natalizumab", "2019-01-01", "2020-01-01"), _course("ocrelizumab", "2020-01-01")]},
    {"treatment": [_course("none", "2015-01-01"), _course("ocrelizumab", "2020-01-01")]},
    {"treatment": [_course("ocrelizumab", "2017-01-01", "2018-01-01", stop_reason="pml_risk")]},
    {"treatment": [_course("rituximab", "2005-01-01")]},
    {"mri": [_scan("a", "2020-01-01", gd_given=True, gd_lesions=1, new_t2=4, t2_count=4),
             _scan("b", "2021-01-01", gd_lesions=1, comparison_study_id="a")]},
    {"lab": [_lab(lower_limit=1.0, upper_limit=4.0)]},
]  # fmt: skip


@pytest.mark.parametrize(
    ("rule", "rows", "place", "said"), UNUSUAL, ids=lambda value: value if isinstance(value, str) else ""
)
def test_what_is_unusual_is_kept_with_a_warning(
    pool: PoolFolder, import_tables: ImportTables, rule: str, rows: Rows, place: tuple[str, int, str], said: str
) -> None:
    report = import_tables(patient=[ANNA], **rows)
    (warning,) = report.rejects
    assert (warning.rule, warning.severity) == (rule, "warning")
    assert (warning.table_name, warning.source_row, warning.column_name) == place
    assert said in warning.reason
    assert warning.reason.endswith("row kept")
    assert warning.patient_id == "anna"
    assert sum(report.rows_kept.values()) == 1 + sum(len(lines) for lines in rows.values())


@pytest.mark.parametrize("rows", USUAL)
def test_the_usual_raises_no_warning(import_tables: ImportTables, rows: Rows) -> None:
    assert import_tables(patient=[ANNA], **rows).rejects == ()


def test_every_rule_of_the_data_file_is_used_here_or_below() -> None:
    here = {rule for rule, *_ in UNUSUAL}
    below = {"person_changed", "pregnancy_of_a_man", "diagnosis_before_onset"}
    assert here | below == set(rules())


def test_the_diagnosis_of_a_clinical_course_follows_its_onset(import_tables: ImportTables) -> None:
    report = import_tables(patient=[{**ANNA, "onset_date": "2015-01-01", "diagnosis_date": "2014-01-01"}])
    assert [fault.rule for fault in report.rejects] == ["diagnosis_before_onset"]


def test_a_pregnancy_of_a_man_is_shown(import_tables: ImportTables) -> None:
    ben = {**ANNA, "patient_id": "ben", "sex": "male"}
    pregnancies: list[dict[str, object]] = [
        _row(kind="pregnancy", value="yes", patient_id=who) for who in ("anna", "ben")
    ]
    report = import_tables(patient=[ANNA, ben], clinical_fact=pregnancies)
    assert [(fault.rule, fault.source_row) for fault in report.rejects] == [("pregnancy_of_a_man", 3)]


@pytest.mark.parametrize("later", [True, False])
def test_checks_look_at_what_the_pool_holds(import_tables: ImportTables, later: bool) -> None:
    first, second = _course("natalizumab", "2019-01-01", "2020-06-01"), _course("ocrelizumab", "2020-01-01")
    import_tables(patient=[ANNA], treatment=[first if later else second], relapse=[_row()])
    report = import_tables(treatment=[second if later else first], visit=[_row("2020-01-10", edss=2.0)])
    assert sorted(str(fault.rule) for fault in report.rejects) == ["treatment_overlap", "visit_soon_after_relapse"]
    assert {fault.source_row for fault in report.rejects} == {2}


def test_a_correction_is_judged_without_the_row_it_replaces(import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA], visit=[_row(edss=2.0), _row("2021-01-01", edss=6.0), _row("2022-01-01", edss=2.5)])
    assert import_tables(visit=[_row("2021-01-01", edss=2.5)]).rejects == ()


def _after_death(report_rejects: tuple[Reject, ...]) -> list[tuple[str, int | None]]:
    return [(fault.table_name, fault.source_row) for fault in report_rejects if fault.rule == "after_death"]


def test_what_is_dated_after_a_death_is_set_aside(pool: PoolFolder, import_tables: ImportTables) -> None:
    death = _row("2020-06-01", kind="death")
    report = import_tables(patient=[ANNA], visit=[_row(), _row("2021-01-01")], clinical_fact=[death])
    assert _after_death(report.rejects) == [("visit", 3)]
    later = import_tables(visit=[_row("2020-05-01"), _row("2020-07-01")])
    assert _after_death(later.rejects) == [("visit", 3)]
    assert len(cases.load_case(Database(pool), "anna").visits) == 2
