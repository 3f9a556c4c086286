"""Hostile and broken tables: every one a clear refusal that names the file, or rows set aside; never a crash."""

import datetime as dt
import io
import zipfile
from pathlib import Path

import openpyxl
import pytest

from clams_dash.errors import ImportRefused
from clams_dash.ingest import read_tables
from clams_dash.ingest.run import ImportReport, import_source
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

GOOD = "patient_id,sex\nanna,female\n"


def _workbook(**tables: list[tuple[object, ...]]) -> bytes:
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in tables.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


PEOPLE: list[tuple[object, ...]] = [("patient_id", "sex"), ("anna", "female")]


def _import(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("patient.csv", b"", r"patient\.csv: is empty"),
        ("patient.csv", b"\n\n\n", r"patient\.csv: is empty"),
        ("patient.csv", b"\xef\xbb\xbf", r"patient\.csv: is empty"),
        ("patient.csv", GOOD.encode("utf-16"), r"is not UTF-8 text \(byte 0\); save it as UTF-8"),
        ("patient.csv", "patient_id,centre\nanna,Zürich\n".encode("latin-1"), r"is not UTF-8 text \(byte"),
        ("patient.csv", b"patient_id,sex,sex\nanna,male,female\n", r"row 1: column 'sex' stands twice"),
        ("patient.csv", b"patient_id,sex, sex \nanna,male,female\n", r"row 1: column 'sex' stands twice"),
        ("patient.csv", b"patient_id,\nanna,female\n", r"'column without a name, number 2' is not a column"),
        ("patient.csv", b"patient_id,sex\nanna,female,1,2\n", r"more fields than its first row"),
        ("patient.csv", b"patient_id,sex\nanna,female\nbea,male,1\n", r"cannot be read as CSV .*line 3"),
        ("patient.csv", b'patient_id,sex\n"anna,female\n', r"cannot be read as CSV"),
        (
            "patient.csv",
            b"patient_id,centre\nanna," + b"x" * 10_000_000,
            r"row 2, column 'centre': a field of 10000000",
        ),
        ("patient.csv", b"x" * 10_000_000, r"cannot be read as CSV .*10000000 characters"),
        ("patient.csv", b"patient_id\0,sex\nanna,female\n", r"is not a column of table 'patient'"),
        ("patient.csv", b"\x00" * 4096, r"patient\.csv"),
        ("patient.xlsx", b"", r"patient\.xlsx: cannot be read as an Excel workbook"),
        ("patient.xlsx", b"PK\x03\x04 torn", r"cannot be read as an Excel workbook \(BadZipFile\)"),
        ("patient.xlsx", GOOD.encode(), r"cannot be read as an Excel workbook"),
        ("patient.xlsx", _workbook(patient=[]), r"patient\.xlsx\[patient\]: is empty"),
        ("patient.xlsx", _workbook(a=PEOPLE, b=PEOPLE), r"has 2 worksheets; a file named after a table needs one"),
        ("patient.xlsx", _workbook(patient=[("patient_id", "sex", "sex"), ("a", "b", "c")]), r"'sex' stands twice"),
        ("patient.xlsx", _workbook(patient=[("patient_id",), ("anna", "female")]), r"row 2 has more fields"),
        ("all.xlsx", _workbook(patient=PEOPLE, visits=PEOPLE), r"worksheet 'visits' is not named after a table"),
        ("patient.parquet", b"PAR1" + b"\0" * 64 + b"PAR1", r"cannot be read as Parquet"),
    ],
)
def test_a_table_that_cannot_be_read_is_refused_and_named(
    tmp_path: Path, name: str, content: bytes, reason: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ImportRefused, match=reason):
        read_tables.stage(tmp_path)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + GOOD.encode(),
        GOOD.replace(",", ";").encode(),
        GOOD.replace(",", "\t").encode(),
        GOOD.replace("\n", "\r\n").encode(),
        GOOD.replace("sex\n", "sex,,\n").replace("female\n", "female,,\n").encode(),
        b'"patient_id" , sex\nanna,female\n',
        b"patient_id,sex\n\n\nanna,female\n",
    ],
    ids=["BOM", "semicolons", "tabs", "CRLF", "trailing commas", "spaces in the header", "blank lines"],
)
def test_the_same_table_in_another_spelling_is_the_same_table(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "patient.csv").write_bytes(content)
    frame = read_tables.stage(tmp_path).frames["patient"]
    assert frame[["patient_id", "sex"]].to_dict("records") == [{"patient_id": "anna", "sex": "female"}]


@pytest.mark.parametrize(
    ("line", "column", "reason"),
    [
        ("anna,2020-01-01,\0", "edss", "a number"),
        ("an\0na,2020-01-01,2", "patient_id", "pseudonym"),
        ('anna,2020-01-01,"2,5"', "edss", "decimal point"),
        ("anna,43831,2.5", "date", "YYYY-MM-DD"),
        ("anna,1/2/2020,2.5", "date", "YYYY-MM-DD"),
        ("anna,2020-01-01,=1+1", "edss", "a number"),
        ("anna,2020-01-01,1e999", "edss", "a number"),
        ("anna,2020-01-01,NaN2", "edss", "a number"),
        ("anna,9999-12-31,2.5", "date", "future"),
        ("anna,2020-01-01,٢", "edss", "a number"),
    ],
)  # fmt: skip
def test_a_hostile_value_sets_its_row_aside(
    pool: PoolFolder, tmp_path: Path, line: str, column: str, reason: str
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "patient.csv").write_text(GOOD)
    (source / "visit.csv").write_text(f"patient_id,date,edss\nanna,2019-01-01,1.5\n{line}\n")
    report = _import(pool, source)
    assert {reject.source_row for reject in report.rejects} == {3}
    assert any(reject.column_name == column and reason in reject.reason for reject in report.rejects)
    assert report.rows_kept == {"patient": 1, "visit": 1}


def test_a_workbook_of_worksheets_is_read_with_its_own_rows_and_real_dates(pool: PoolFolder, tmp_path: Path) -> None:
    rows: list[tuple[object, ...]] = [
        ("patient_id", "date", "edss", "sdmt"),
        ("anna", dt.date(2020, 1, 2), 2.5, 40),
        (None, None, None, None),
        ("anna", dt.date(2021, 1, 2), 0.5, 41.0),
        ("anna", 43831, 3, None),
    ]
    (tmp_path / "pool tables.xlsx").write_bytes(_workbook(patient=PEOPLE, visit=rows))
    report = _import(pool, tmp_path / "pool tables.xlsx")

    (visit,) = cases.load_case(Database(pool), "anna").visits
    assert (visit.date, visit.edss, visit.sdmt) == (dt.date(2020, 1, 2), 2.5, 40)
    assert str(visit.source).startswith("pool tables.xlsx[visit], row 2")
    assert {(reject.source_row, reject.column_name) for reject in report.rejects} == {(4, "edss"), (5, "date")}


def test_an_error_value_of_excel_is_set_aside_and_not_taken_as_missing(pool: PoolFolder, tmp_path: Path) -> None:
    book = openpyxl.load_workbook(io.BytesIO(_workbook(patient=PEOPLE, visit=[("patient_id", "date", "edss")])))
    book["visit"].append(("anna", "2020-01-01", "#REF!"))
    book["visit"]["C2"].data_type = "e"
    book.save(tmp_path / "w.xlsx")
    (reject,) = _import(pool, tmp_path / "w.xlsx").rejects
    assert reject.column_name == "edss"
    assert "#REF!" in (reject.value or "")


def test_a_workbook_that_unpacks_to_gigabytes_is_refused_unopened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clams_dash.ingest.tabular.LARGEST_WORKBOOK_BYTES", 1 << 20)
    with zipfile.ZipFile(tmp_path / "patient.xlsx", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b" " * (2 << 20))
    with pytest.raises(ImportRefused, match="unpacks to 2 MiB"):
        read_tables.stage(tmp_path)


def test_a_worksheet_that_claims_to_be_as_large_as_excel_allows_is_read_for_what_it_holds(tmp_path: Path) -> None:
    with (
        zipfile.ZipFile(io.BytesIO(_workbook(patient=PEOPLE))) as plain,
        zipfile.ZipFile(tmp_path / "patient.xlsx", "w") as claims,
    ):
        for entry in plain.namelist():
            content = plain.read(entry)
            if entry.startswith("xl/worksheets/"):
                assert b'<dimension ref="A1:B2"' in content
                content = content.replace(b"A1:B2", b"A1:XFD1048576")
            claims.writestr(entry, content)
    frame = read_tables.stage(tmp_path).frames["patient"]
    assert frame[["patient_id", "sex"]].to_dict("records") == [{"patient_id": "anna", "sex": "female"}]


def test_a_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside.csv").write_text(GOOD)
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "patient.csv").symlink_to(tmp_path / "outside.csv")
    with pytest.raises(ImportRefused, match="link to a file outside the imported folder"):
        read_tables.stage(tmp_path / "source")


def test_an_archive_is_not_unpacked(pool: PoolFolder, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "export.zip", "w") as archive:
        archive.writestr("../../patient.csv", GOOD)
    with pytest.raises(ImportRefused, match=r"export\.zip: its format is not recognised"):
        _import(pool, tmp_path / "export.zip")
    assert not (tmp_path.parent / "patient.csv").exists()


def test_therapies_by_brand_or_atc_code_and_results_in_other_units_are_the_pools(
    pool: PoolFolder, tmp_path: Path
) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "patient.csv").write_text(GOOD)
    (source / "treatment.csv").write_text(
        "patient_id,dmt,start_date\nanna,L04AA23,2015-01-01\nanna,L04AG08,2018-01-01\nanna,Kesimpta 20 mg,2021-01-01\n"
        "anna,L03AB07,2010-01-01\n"
    )
    (source / "lab.csv").write_text(
        "patient_id,date,analyte,value,unit,upper_limit\nanna,2020-01-01,1742-6,0.5,ukat/L,0.6\n"
        "anna,2020-01-01,25-OH vitamin D,20,ng/mL,\nanna,2020-01-02,alt,30,mmol/L,\n"
    )
    report = _import(pool, source)
    case = cases.load_case(Database(pool), "anna")
    assert [course.dmt for course in case.treatments] == ["natalizumab", "ocrelizumab", "ofatumumab"]
    assert {(lab.analyte, lab.value, lab.unit, lab.upper_limit) for lab in case.labs} == {
        ("alt", 30.0, "U/L", 36.0),
        ("vitamin_d", 49.92, "nmol/L", None),
    }
    assert {
        (reject.table_name, reject.column_name, reject.value) for reject in report.rejects if reject.severity == "error"
    } == {
        ("treatment", "dmt", "L03AB07"),
        ("lab", "unit", "mmol/L"),
    }
