"""Any damage to any file of any format: a refusal of the project's own, or faults set aside; never anything else."""

import io
import json
import random
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clams_dash.errors import ClamsError
from clams_dash.ingest.run import READERS, import_source
from clams_dash.pool.folder import PoolFolder
from tests.ingest.dicom_files import write_series
from tests.pools import silent


def _tables(folder: Path) -> Path:
    (folder / "visit.csv").write_text("patient_id,date,edss\nanna,2020-01-01,2.5\nbea,2021-02-03,6.0\n")
    return folder / "visit.csv"


def _excel(folder: Path) -> Path:
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in (("patient_id", "sex"), ("anna", "female")):
        book.active.append(row)
    book.save(folder / "patient.xlsx")
    return folder / "patient.xlsx"


def _mapped(folder: Path) -> Path:
    (folder / "a.csv").write_text("Nr;Datum;EDSS\n1;01.02.2020;2,5\n")
    (folder / "mapping.toml").write_text(
        'dates = "%d.%m.%Y"\ndecimal = ","\n[[table]]\nfile = "a.csv"\ninto = "visit"\n'
        'columns = {patient_id = "Nr", date = "Datum", edss = "EDSS"}\n'
    )
    return folder / "mapping.toml"


def _synthea(folder: Path) -> Path:
    (folder / "patients.csv").write_text("Id,BIRTHDATE,GENDER\na,1980-01-01,F\n")
    (folder / "conditions.csv").write_text("START,STOP,PATIENT,CODE,DESCRIPTION\n2010-01-01,,a,24700007,MS\n")
    return folder / "conditions.csv"


def _fhir(folder: Path) -> Path:
    resources = [
        {"resourceType": "Patient", "id": "a", "birthDate": "1980-01-01"},
        {"resourceType": "Condition", "id": "c", "subject": {"reference": "Patient/a"}, "recordedDate": "2010-01-01",
         "code": {"coding": [{"system": "http://snomed.info/sct", "code": "24700007"}]}},
    ]  # fmt: skip
    (folder / "all.ndjson").write_text("\n".join(json.dumps(one) for one in resources))
    return folder / "all.ndjson"


def _bids(folder: Path) -> Path:
    (folder / "dataset_description.json").write_text('{"Name": "x"}')
    (folder / "sub-01" / "anat").mkdir(parents=True)
    (folder / "sub-01" / "anat" / "sub-01_FLAIR.nii.gz").write_bytes(b"")
    (folder / "participants.tsv").write_text("participant_id\tage\tsex\nsub-01\t34\tF\n")
    return folder / "participants.tsv"


def _dicom(folder: Path) -> Path:
    return write_series(folder, np.arange(4 * 5 * 3).reshape(4, 5, 3), np.eye(4), "FLAIR")[1]


MAKERS: dict[str, tuple[str, Callable[[Path], Path]]] = {
    "csv": ("tables", _tables),
    "excel": ("tables", _excel),
    "mapping": ("mapped", _mapped),
    "synthea": ("synthea", _synthea),
    "fhir": ("fhir", _fhir),
    "bids": ("bids", _bids),
    "dicom": ("dicom", _dicom),
}


KINDS = ("cut", "flip", "fill", "repeat", "insert", "encode")


def _damaged(content: bytes, kind: str, chance: random.Random) -> bytes:
    """Cut, fill, flip, repeat, insert or swap for another encoding."""
    place = chance.randrange(len(content))
    if kind == "cut":
        return content[:place]
    if kind == "flip":
        return content[:place] + bytes([content[place] ^ (1 << chance.randrange(8))]) + content[place + 1 :]
    if kind == "fill":
        return content[:place] + bytes([chance.choice((0, 255, 34, 44, 10, 91))]) * 50 + content[place + 50 :]
    if kind == "repeat":
        return content[:place] + content[max(0, place - 40) :]
    if kind == "insert":
        return content[:place] + chance.randbytes(9) + content[place:]
    return content.decode("latin-1").encode("utf-16")


@pytest.mark.parametrize("name", MAKERS)
@settings(max_examples=40, deadline=None)
@given(kind=st.sampled_from(KINDS), seed=st.integers(0, 2**32))
def test_a_damaged_file_is_refused_or_its_rows_set_aside(name: str, kind: str, seed: int) -> None:
    reader, make = MAKERS[name]
    with tempfile.TemporaryDirectory() as made:
        file = make(Path(made))
        file.write_bytes(_damaged(file.read_bytes(), kind, random.Random(seed)))  # noqa: S311 - damage, no secret
        try:
            staged = READERS[reader].stage(Path(made))
        except ClamsError:
            return
        assert all(len(frame.columns) for frame in staged.frames.values())


@pytest.mark.parametrize("name", MAKERS)
def test_undamaged_each_of_them_is_recognised_and_read(tmp_path: Path, name: str) -> None:
    reader, make = MAKERS[name]
    make(tmp_path)
    first = next(known for known, module in READERS.items() if module.recognises(tmp_path))
    assert first == reader
    assert READERS[reader].stage(tmp_path).frames


@pytest.mark.parametrize("name", ["csv", "excel", "mapping", "synthea", "fhir", "bids", "dicom"])
def test_a_refused_source_leaves_the_served_pool_as_it_was(tmp_path: Path, name: str) -> None:
    pool = PoolFolder(tmp_path / "pool")
    first = tmp_path / "first"
    first.mkdir()
    (first / "patient.csv").write_text("patient_id\nzoe\n")
    import_source(pool, first, format_name=None, centre=None, dry_run=False, progress=silent)
    version = pool.current_version()
    source = tmp_path / "source"
    source.mkdir()
    make = MAKERS[name][1]
    make(source).write_bytes(b"\x00\xff")
    for other in source.rglob("*"):
        if other.is_file() and name == "dicom":
            other.write_bytes(b"\x00\xff")
    with pytest.raises(ClamsError):
        import_source(pool, source, format_name=MAKERS[name][0], centre=None, dry_run=False, progress=silent)
    assert pool.current_version() == version
    assert sorted(file.name for file in pool.path.glob("*.duckdb")) == [f"pool-{version}.duckdb"]


@pytest.mark.parametrize("name", ["../../evil.csv", "/etc/evil.csv", "patient.csv"])
def test_an_archive_is_never_unpacked(tmp_path: Path, name: str) -> None:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, "patient_id\nanna\n")
    (tmp_path / "source").mkdir()
    (tmp_path / "source" / "export.zip").write_bytes(held.getvalue())
    pool = PoolFolder(tmp_path / "pool")
    for source in (tmp_path / "source", tmp_path / "source" / "export.zip"):
        with pytest.raises(ClamsError, match="unpack"):
            import_source(pool, source, format_name=None, centre=None, dry_run=False, progress=silent)
    assert {file.name for file in tmp_path.rglob("*") if file.is_file()} == {"export.zip"}


def test_readers_keep_quiet_about_what_libraries_warn_of(tmp_path: Path) -> None:
    _dicom(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert READERS["dicom"].stage(tmp_path).frames
