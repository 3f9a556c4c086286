"""A centre's own tables through a mapping file: what it changes, what it refuses, what a draft leaves open."""

import datetime as dt
import tomllib
from pathlib import Path

import openpyxl
import pytest
from typer.testing import CliRunner

from clams_dash.cli import app
from clams_dash.config import FACTS_DIR, real_data_dir
from clams_dash.errors import ImportRefused
from clams_dash.ingest.mapping.draft import draft_mapping
from clams_dash.ingest.mapping.model import read_mapping
from clams_dash.ingest.mapping.read import stage
from clams_dash.ingest.run import ImportReport, import_source, import_staged
from clams_dash.pool import cases
from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from tests.pools import silent

PATIENTS = """PatNr;Geschlecht;Geburtsdatum;Verlauf
101;w;03.04.1985;schubförmig
102;m;17.11.1970;PP
"""
VISITS = """PatNr;Untersuchungsdatum;EDSS;T25FW (min);ALT [µkat/L];Leukozyten
101;05.06.2020;2,5;0,1;0,5;6,1
102;01.02.2021;6,0;;;
"""
DRUGS = """PatNr;Medikament;Beginn;Ende;Abbruchgrund
101;Tysabri;01.07.2019;;
101;L04AA27;01.07.2017;30.06.2019;Nebenwirkungen
102;Aspirin;01.07.2017;;
"""
MAPPING = """
centre = "Beispiel"
dates = "%d.%m.%Y"
decimal = ","

[[table]]
file = "stamm.csv"
into = "patient"
columns = {patient_id = "PatNr", sex = "Geschlecht", birth_date = "Geburtsdatum", course = "Verlauf"}
values.sex = {w = "female", m = "male"}
values.course = {"Schubförmig" = "RRMS", PP = "PPMS"}

[[table]]
file = "visiten.csv"
into = "visit"
columns = {patient_id = "PatNr", date = "Untersuchungsdatum", edss = "EDSS", t25fw_s = "T25FW (min)"}
units.t25fw_s = "min"

[[table]]
file = "visiten.csv"
into = "lab"
columns = {patient_id = "PatNr", date = "Untersuchungsdatum"}
labs = [
    {column = "ALT [µkat/L]", analyte = "alt", unit = "µkat/L"},
    {column = "Leukozyten", analyte = "leucocytes", unit = "G/L"},
]

[[table]]
file = "therapie.csv"
into = "treatment"
columns.patient_id = "PatNr"
columns.dmt = "Medikament"
columns.start_date = "Beginn"
columns.stop_date = "Ende"
columns.stop_reason = "Abbruchgrund"
values.stop_reason = {Nebenwirkungen = "adverse_event"}
"""


@pytest.fixture
def centre(tmp_path: Path) -> Path:
    """The export of a German centre: semicolons, decimal commas, its own words, an old code page in one file."""
    folder = tmp_path / "export"
    folder.mkdir()
    (folder / "stamm.csv").write_text(PATIENTS, encoding="utf-8-sig")
    (folder / "visiten.csv").write_text(VISITS)
    (folder / "therapie.csv").write_text(DRUGS)
    return folder


def _imported(pool: PoolFolder, source: Path) -> ImportReport:
    return import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)


def test_a_centres_export_is_read_by_the_mapping_beside_it(pool: PoolFolder, centre: Path) -> None:
    (centre / "mapping.toml").write_text(MAPPING)
    report = _imported(pool, centre)

    assert report.format == "mapped"
    woman, man = (cases.load_case(Database(pool), patient) for patient in ("101", "102"))
    assert (woman.patient.sex, woman.patient.birth_date, woman.patient.course, woman.patient.centre) == (
        "female", dt.date(1985, 4, 3), "RRMS", "Beispiel",
    )  # fmt: skip
    assert (woman.visits[0].date, woman.visits[0].edss, woman.visits[0].t25fw_s) == (dt.date(2020, 6, 5), 2.5, 6.0)
    assert {(lab.analyte, lab.value, lab.unit) for lab in woman.labs} == {
        ("alt", 30.0, "U/L"),
        ("leucocytes", 6.1, "10^9/L"),
    }
    assert [(one.dmt, one.stop_reason) for one in woman.treatments] == [
        ("fingolimod", "adverse_event"),
        ("natalizumab", None),
    ]
    assert man.visits[0].edss == 6.0
    assert man.labs == ()


def test_what_the_mapping_does_not_cover_is_set_aside_with_the_row_of_the_centres_file(
    pool: PoolFolder, centre: Path
) -> None:
    (centre / "mapping.toml").write_text(MAPPING)
    (rejected,) = _imported(pool, centre).rejects
    assert (rejected.source_file, rejected.source_row, rejected.column_name, rejected.value) == (
        "therapie.csv", 4, "dmt", "Aspirin",
    )  # fmt: skip


def test_yaml_says_the_same_as_toml(centre: Path) -> None:
    (centre / "toml").write_text(MAPPING)
    (centre / "m.yaml").write_text(
        'dates: "%d.%m.%Y"\ntable:\n  - file: stamm.csv\n    into: patient\n'
        "    columns: {patient_id: PatNr, sex: Geschlecht, birth_date: Geburtsdatum}\n"
        "    values:\n      sex: {w: female, m: male}\n"
    )
    frame = stage(centre, centre / "m.yaml").frames["patient"]
    assert list(frame["sex"]) == ["female", "male"]
    assert list(frame["birth_date"]) == ["1985-04-03", "1970-11-17"]


def test_a_file_nobody_mapped_is_named(centre: Path) -> None:
    (centre / "mapping.toml").write_text(
        '[[table]]\nfile = "stamm.csv"\ninto = "patient"\ncolumns.patient_id = "PatNr"\n'
    )
    notes = stage(centre).notes
    assert [(note.source_file, note.severity) for note in notes] == [
        ("therapie.csv", "warning"),
        ("visiten.csv", "warning"),
    ]


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ('into = "patients"', "no table 'patients' in the pool"),
        ('into = "patient"\ncolumns = {patient_id = "PatNo"}', r"no column 'PatNo'; did you mean 'PatNr'"),
        (
            'into = "patient"\ncolumns = {patientid = "PatNr"}',
            r"'patientid' is not a column.*did you mean 'patient_id'",
        ),
        ('into = "patient"\ncolumns = {patient_id = ""}', "columns.patient_id is not decided"),
        ('into = "patient"\ncolumns = {patient_id = "PatNr"}\nvalues.sex = {w = ""}', "'w' is not decided"),
        ('into = "patient"\ncolumns = {patient_id = "PatNr"}\ndates = ""', "dates is not decided"),
        ('into = "patient"\ncolumns = {sex = "Geschlecht"}', "column 'patient_id' of table 'patient' is missing"),
        ('into = "patient"\ncolumns = {patient_id = "PatNr"}\nunits = {sex = "m"}', "no rule from 'm'"),
        ('into = "patient"\nlabs = [{column = "x", analyte = "alt", unit = "U/L"}]', "only for the table lab"),
        ('into = "lab"\nlabs = [{column = "x", analyte = "crp", unit = "mg/L"}]', "no analyte 'crp'"),
        ('into = "patient"\ncolunms = {patient_id = "PatNr"}', "table.1.colunms: no such entry"),
        ('into = "patient"\nfile = "../../etc/passwd"', "Cannot overwrite a value|lies outside"),
    ],
)
def test_a_mapping_at_fault_is_refused_and_names_the_entry(centre: Path, entry: str, reason: str) -> None:
    path = centre / "mapping.toml"
    path.write_text(f'[[table]]\nfile = "stamm.csv"\n{entry}\n')
    with pytest.raises(ImportRefused, match=reason):
        stage(centre)


@pytest.mark.parametrize(
    ("file", "reason"),
    [("../secret.csv", "lies outside"), ("gone.csv", "is not in"), ("mapping.toml", "is none of .csv")],
)
def test_a_mapping_reads_only_tables_inside_the_folder(centre: Path, file: str, reason: str) -> None:
    (centre.parent / "secret.csv").write_text("PatNr\n1\n")
    (centre / "mapping.toml").write_text(
        f'[[table]]\nfile = "{file}"\ninto = "patient"\ncolumns.patient_id = "PatNr"\n'
    )
    with pytest.raises(ImportRefused, match=reason):
        stage(centre)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "table: field required"),
        ("[[table", "cannot be read"),
        ("a: !!python/object/apply:os.system [ls]", "cannot be read"),
        ("&a [*a]", "cannot be read|valid dictionary"),
        ("- 1", "valid dictionary"),
    ],
)
def test_what_is_no_mapping_is_refused(centre: Path, text: str, reason: str) -> None:
    name = "mapping.toml" if text.startswith("[[") or not text else "mapping.yaml"
    (centre / name).write_text(text)
    with pytest.raises(ImportRefused, match=reason):
        stage(centre)


def test_a_draft_fills_in_what_is_sure_and_leaves_the_rest_to_a_person(centre: Path) -> None:
    draft = tomllib.loads(draft_mapping(centre))
    by_table = {(table["file"], table["into"]): table for table in draft["table"]}

    person = by_table["stamm.csv", "patient"]
    assert person["columns"] == {
        "patient_id": "PatNr", "sex": "Geschlecht", "birth_date": "Geburtsdatum", "course": "Verlauf",
    }  # fmt: skip
    assert person["dates"] == "%d.%m.%Y"
    assert person["values"] == {"sex": {"m": "male", "w": "female"}, "course": {"PP": "PPMS", "schubförmig": "RRMS"}}
    visit = by_table["visiten.csv", "visit"]
    assert visit["columns"]["edss"] == "EDSS"
    assert visit["decimal"] == ","
    assert by_table["visiten.csv", "lab"]["labs"] == [{"column": "ALT [µkat/L]", "analyte": "alt", "unit": "µkat/L"}]
    drugs = by_table["therapie.csv", "treatment"]
    assert drugs["values"]["dmt"] == {"Aspirin": "", "L04AA27": "fingolimod", "Tysabri": "natalizumab"}
    assert drugs["values"]["stop_reason"] == {"Nebenwirkungen": "adverse_event"}


def test_a_draft_with_open_questions_is_refused_and_imports_once_they_are_answered(
    pool: PoolFolder, centre: Path
) -> None:
    path = centre / "mapping.toml"
    path.write_text(draft_mapping(centre))
    with pytest.raises(ImportRefused, match="'Aspirin' is not decided"):
        stage(centre)
    text = (
        path.read_text()
        .replace('"Aspirin" = ""', '"Aspirin" = "NA"')
        .replace('date = ""', 'date = "Untersuchungsdatum"')
    )
    path.write_text(text)
    report = _imported(pool, centre)
    assert report.rows_kept["patient"] == 2
    assert report.rows_kept["visit"] == 2
    assert report.rows_kept["treatment"] == 2


@pytest.mark.parametrize(
    ("dates", "guess"),
    [
        (["03/04/2020", "05/06/2020"], ""),
        (["03/04/2020", "25/06/2020"], "%d/%m/%Y"),
        (["03/04/2020", "06/25/2020"], "%m/%d/%Y"),
        (["43831", "43900"], "excel"),
        (["1985", "1990"], "%Y"),
        (["yesterday"], ""),
        (["2020-01-01"], None),
    ],
)
def test_day_and_month_are_never_guessed(tmp_path: Path, dates: list[str], guess: str | None) -> None:
    (tmp_path / "v.csv").write_text("subject,visit date,EDSS\n" + "".join(f"a,{date},2.0\n" for date in dates))
    (table,) = tomllib.loads(draft_mapping(tmp_path))["table"]
    assert table.get("dates") == guess


def test_a_draft_quotes_whatever_stands_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_text('patient,"sex ""]=\\\n"\na,"x\u2028""\\"\n')
    (table,) = tomllib.loads(draft_mapping(tmp_path))["table"]
    assert table["columns"] == {"patient_id": "patient", "sex": 'sex "]=\\'}
    assert list(table["values"]["sex"]) == ['x\u2028"\\']


def test_the_command_line_prints_a_draft_and_reads_by_a_mapping(tmp_path: Path, centre: Path) -> None:
    printed = CliRunner().invoke(app, ["import", str(centre), "--draft-mapping"])
    assert printed.exit_code == 0
    assert tomllib.loads(printed.stdout)["table"]
    mapping = tmp_path / "our.toml"
    mapping.write_text(MAPPING)
    pool = tmp_path / "pool"
    result = CliRunner().invoke(app, ["import", str(centre), "--mapping", str(mapping), "--pool", str(pool), "--json"])
    assert result.exit_code == 0
    assert cases.pool_counts(Database(PoolFolder(pool))).patients == 2


def test_days_of_excel_are_read_only_when_the_mapping_says_so(tmp_path: Path) -> None:
    (tmp_path / "v.csv").write_text("p,d,e\na,43831,2.0\nb,1,2.0\n")
    mapping = '[[table]]\nfile = "v.csv"\ninto = "visit"\ncolumns = {patient_id = "p", date = "d", edss = "e"}\n'
    (tmp_path / "mapping.toml").write_text(mapping)
    assert list(stage(tmp_path).frames["visit"]["date"]) == ["43831", "1"]
    (tmp_path / "mapping.toml").write_text(f'dates = "excel"\n{mapping}')
    assert list(stage(tmp_path).frames["visit"]["date"]) == ["2020-01-01", "1"]


def test_a_flat_workbook_gives_one_row_a_person(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.title = "Export"
    for row in (
        ("ID", "Sex", "Date", "EDSS"),
        (1, "F", dt.date(2020, 1, 1), 2),
        (1, "F", dt.date(2021, 1, 1), 2.5),
    ):
        book.active.append(row)
    book.save(tmp_path / "export.xlsx")
    (tmp_path / "mapping.toml").write_text(draft_mapping(tmp_path))
    frames = stage(tmp_path).frames
    assert list(frames["patient"]["patient_id"]) == ["1"]
    assert list(frames["patient"]["sex"]) == ["female"]
    assert list(frames["visit"]["date"]) == ["2020-01-01", "2021-01-01"]
    assert list(frames["visit"]["edss"]) == ["2", "2.5"]


@pytest.mark.real_data
def test_the_published_cis_cohort_is_read_by_a_mapping(pool: PoolFolder, tmp_path: Path) -> None:
    source = real_data_dir() / "cis_to_cdms" / "cis_ms_full.csv"
    if not source.is_file():
        pytest.skip(f"the cohort is not at {source} (set CLAMS_REAL_DATA)")
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        '[[table]]\nfile = "cis_ms_full.csv"\ninto = "patient"\ncolumns.patient_id = "ID"\nconstants.course = "CIS"\n'
        '[[table]]\nfile = "cis_ms_full.csv"\ninto = "visit"\ncolumns = {patient_id = "ID", edss = "Initial_EDSS"}\n'
        "constants = {date = 2020-01-01, date_approximate = true}\n"
    )
    report = import_staged(pool, stage(source, mapping), centre="Mexico", dry_run=False, progress=silent)
    assert report.rows_kept == {"patient": 273, "visit": 273}
    assert report.rejects == ()
    scored = [row for row in source.read_text().splitlines()[1:] if row.split(",")[18] not in ("", "NA")]
    database = Database(pool)
    known = [cases.load_case(database, str(number)).visits[0].edss for number in range(273)]
    assert sum(edss is not None for edss in known) == len(scored)


def test_the_example_of_the_documentation_is_a_mapping(tmp_path: Path) -> None:
    text = (FACTS_DIR / "README.md").read_text()
    example = text.split("```toml\n", 1)[1].split("```", 1)[0]
    (tmp_path / "mapping.toml").write_text(example)
    mapping = read_mapping(tmp_path / "mapping.toml")
    assert [table.into for table in mapping.table] == ["patient", "visit", "lab"]


def test_a_mapping_does_not_go_with_another_format(tmp_path: Path, centre: Path) -> None:
    (tmp_path / "our.toml").write_text(MAPPING)
    arguments = ["import", str(centre), "--mapping", str(tmp_path / "our.toml"), "--format", "bids"]
    result = CliRunner().invoke(app, [*arguments, "--pool", str(tmp_path / "pool")])
    assert result.exit_code == 2
    assert not (tmp_path / "pool").exists()
