"""Bad tables: each fault is refused or set aside with file, row, column and reason; the rest stands."""

import duckdb
import pytest
from typer.testing import CliRunner

from clams_dash.errors import ImportRefused
from clams_dash.ingest.staging import Reject
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables

ANNA = {"patient_id": "anna", "sex": "female", "birth_date": "1990-01-01", "course": "RRMS"}


def _dated(**values: object) -> dict[str, object]:
    return {"patient_id": "anna", "date": "2020-01-01", **values}


def _visit(day: str = "2020-01-01", **values: object) -> dict[str, object]:
    return {"patient_id": "anna", "date": day, "edss": 2.0, **values}


def _only(rejects: tuple[Reject, ...]) -> Reject:
    assert len(rejects) == 1, rejects
    return rejects[0]


@pytest.mark.parametrize("edss", [0.5, 11, 2.25, -1])
def test_an_edss_off_the_scale_is_set_aside_with_its_row(
    pool: PoolFolder, import_tables: ImportTables, edss: float
) -> None:
    report = import_tables(patient=[ANNA], visit=[_visit(), _visit("2021-01-01", edss=edss)])

    reject = _only(report.rejects)
    assert (reject.table_name, reject.source_file, reject.source_row, reject.column_name) == (
        "visit",
        "visit.csv",
        3,
        "edss",
    )
    assert float(reject.value or "nan") == edss
    assert "not on the EDSS scale" in reject.reason
    case = cases.load_case(Database(pool), "anna")
    assert [visit.edss for visit in case.visits] == [2.0]


@pytest.mark.parametrize(
    ("table", "row", "column", "reason"),
    [
        ("visit", _visit("1989-12-31"), "date", "before the patient's birth"),
        ("visit", _visit("2999-01-01"), "date", "in the future"),
        ("visit", _visit("01.02.2020"), "date", "a date as YYYY-MM-DD is needed"),
        ("visit", _visit("2020-02-30"), "date", "a date as YYYY-MM-DD is needed"),
        ("visit", _visit(""), "date", "a value is needed"),
        ("visit", _visit(patient_id="nobody"), "patient_id", "no such patient"),
        ("visit", _visit(fs_visual=7), "fs_visual", "above the highest possible value 6"),
        ("visit", _visit(sdmt="forty"), "sdmt", "a whole number is needed"),
        ("visit", _visit(t25fw_s=-3), "t25fw_s", "below the lowest possible value 0 s"),
        ("visit", _visit(edss="2,5"), "edss", "a number with a decimal point is needed"),
        ("treatment", {"patient_id": "anna", "dmt": "aspirin", "start_date": "2020-01-01"}, "dmt", "known values"),
        (
            "treatment",
            {"patient_id": "anna", "dmt": "natalizumab", "start_date": "2020-01-01", "stop_date": "2019-01-01"},
            "stop_date",
            "before the start",
        ),
        ("lab", _dated(analyte="alt", value=30, unit="mmol/L"), "unit", "kept in U/L"),
        ("lab", _dated(analyte="lymphocytes", value=1800, unit="10^9/L"), "value", "not plausible"),
        ("mri", _dated(study_id="s", new_t2=-1), "new_t2", "lowest possible"),
    ],
)  # fmt: skip
def test_a_row_at_fault_is_set_aside_and_the_rest_stands(
    pool: PoolFolder, import_tables: ImportTables, table: str, row: dict[str, object], column: str, reason: str
) -> None:
    report = import_tables(patient=[ANNA], **{table: [row]})

    reject = _only(report.rejects)
    assert (reject.table_name, reject.source_row, reject.column_name, reject.severity) == (table, 2, column, "error")
    assert reject.source_file == f"{table}.csv"
    assert reason in reject.reason
    assert cases.load_case(Database(pool), "anna").patient.sex == "female"
    stored = Database(pool).rows("rejects")
    assert [(one["source_row"], one["column_name"], one["reason"]) for one in stored] == [(2, column, reject.reason)]


def test_a_second_row_of_the_same_patient_and_day_is_set_aside(pool: PoolFolder, import_tables: ImportTables) -> None:
    report = import_tables(patient=[ANNA], visit=[_visit(), _visit(edss=6.0)])

    assert "second row with the same key" in _only(report.rejects).reason
    assert [visit.edss for visit in cases.load_case(Database(pool), "anna").visits] == [2.0]


@pytest.mark.parametrize("word", ["N/A", "NA", "", "NULL", "nan"])
def test_words_for_not_known_are_missing_and_not_text(pool: PoolFolder, import_tables: ImportTables, word: str) -> None:
    report = import_tables(patient=[{**ANNA, "sex": word, "course": word}], visit=[_visit(edss=word)])

    assert report.rejects == ()
    case = cases.load_case(Database(pool), "anna")
    assert (case.patient.sex, case.patient.course, case.visits[0].edss) == (None, "unknown", None)


def test_an_unknown_column_refuses_the_whole_import(pool: PoolFolder, import_tables: ImportTables) -> None:
    with pytest.raises(ImportRefused, match=r"visit\.csv: row 1: column 'edds' is not a column .* did you mean 'edss'"):
        import_tables(patient=[ANNA], visit=[{"patient_id": "anna", "date": "2020-01-01", "edds": 2.0}])
    assert not pool.exists()


def test_a_needed_column_that_is_missing_refuses_the_whole_import(import_tables: ImportTables) -> None:
    with pytest.raises(ImportRefused, match=r"visit\.csv: row 1: column 'date' of table 'visit' is missing"):
        import_tables(patient=[ANNA], visit=[{"patient_id": "anna", "edss": 2.0}])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("visits.csv", b"patient_id,date\n", "not named after a table"),
        ("visit.csv", b"", "is empty"),
        ("visit.csv", b"patient_id,date,edss\nanna,2020-01-01,2.0,7,8\n", "visit.csv"),
        ("visit.csv", b"patient_id,date\n\xff\xfe\x00bad", "UTF-8"),
        ("visit.parquet", b"PAR1 this is not parquet", "cannot be read as Parquet"),
    ],
)
def test_a_file_that_cannot_be_read_refuses_the_whole_import(
    pool: PoolFolder, import_tables: ImportTables, tmp_path, name: str, content: bytes, reason: str
) -> None:
    folder = tmp_path / "bad"
    folder.mkdir()
    (folder / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=reason):
        import_tables(folder, patient=[ANNA])
    assert not pool.exists()


@pytest.mark.parametrize("name", ["a b", "a/b", "Ä-1", "<b>x</b>", "..", "x" * 81, "o'x"])
def test_a_pseudonym_that_no_address_can_hold_is_set_aside(
    pool: PoolFolder, import_tables: ImportTables, name: str
) -> None:
    report = import_tables(patient=[ANNA, {**ANNA, "patient_id": name}])
    reject = _only(report.rejects)
    assert (reject.column_name, reject.source_row) == ("patient_id", 3)
    assert cases.pool_counts(Database(pool)).patients == 1


def test_rows_keep_their_number_after_blank_lines(import_tables: ImportTables, tmp_path) -> None:
    folder = tmp_path / "blank"
    folder.mkdir()
    (folder / "visit.csv").write_text("patient_id,date,edss\nanna,2020-01-01,2.0\n\n,,\nanna,2021-01-01,11\n")
    assert _only(import_tables(folder, patient=[ANNA]).rejects).source_row == 5


def test_no_recovery_is_a_value_and_not_missing(pool: PoolFolder, import_tables: ImportTables) -> None:
    import_tables(patient=[ANNA], relapse=[_dated(recovery="none")])
    assert cases.load_case(Database(pool), "anna").relapses[0].recovery == "none"


def test_parquet_of_a_folder_with_brackets_is_its_own(pool: PoolFolder, import_tables: ImportTables, tmp_path) -> None:
    for folder, person in (("q[1]", "right"), ("q1", "wrong")):
        (tmp_path / folder).mkdir()
        duckdb.sql(f"SELECT '{person}' AS patient_id").write_parquet(str(tmp_path / "made.parquet"))
        (tmp_path / "made.parquet").rename(tmp_path / folder / "patient.parquet")
    import_tables(tmp_path / "q[1]")
    assert [row.patient_id for row in cases.case_page(Database(pool))[0]] == ["right"]


def test_true_is_not_an_edss_of_one(import_tables: ImportTables, tmp_path) -> None:
    (tmp_path / "flags").mkdir()
    made = "SELECT 'anna' AS patient_id, DATE '2020-01-01' AS date, true AS edss"
    duckdb.sql(made).write_parquet(str(tmp_path / "flags" / "visit.parquet"))
    assert _only(import_tables(tmp_path / "flags", patient=[ANNA]).rejects).column_name == "edss"


def test_nothing_usable_is_a_refusal_with_the_first_fault(pool: PoolFolder, import_tables: ImportTables) -> None:
    with pytest.raises(ImportRefused, match=r"no row could be kept; first fault: patient\.csv, row 2, birth_date"):
        import_tables(patient=[{**ANNA, "birth_date": "soon"}])
    assert not pool.exists()


def test_a_dry_run_changes_nothing_and_tells_the_same(pool: PoolFolder, import_tables: ImportTables) -> None:
    report = import_tables(patient=[ANNA], visit=[_visit(edss=11)], dry_run=True)

    assert report.version is None
    assert report.errors == 1
    assert not pool.path.exists()


def test_the_same_files_once_more_change_nothing(pool: PoolFolder, import_tables: ImportTables, tmp_path) -> None:
    folder = tmp_path / "same"
    first = import_tables(folder, patient=[ANNA], visit=[_visit()])
    second = import_tables(folder)

    assert second.already_imported
    assert second.version is None
    assert pool.current_version() == first.version


def test_the_command_line_refuses_without_a_traceback(tmp_path) -> None:
    from clams_dash.cli import app

    (tmp_path / "visit.csv").write_text("patient_id,date,edds\n")
    result = CliRunner().invoke(app, ["import", str(tmp_path), "--pool", str(tmp_path / "pool")])
    assert isinstance(result.exception, ImportRefused)
