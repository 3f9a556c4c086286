"""The pool written as Parquet and read back is the same pool."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import given

from clams_dash.errors import PoolError
from clams_dash.ingest.run import import_source
from clams_dash.model import tables
from clams_dash.pool.export import export_tables
from clams_dash.pool.folder import PoolFolder
from tests.conftest import ImportTables
from tests.generated import Rows, building_pools, held, import_rows, people
from tests.pools import silent


def _read_back(source: Path, folder: Path) -> PoolFolder:
    pool = PoolFolder(folder)
    report = import_source(pool, source, format_name="tables", centre=None, dry_run=False, progress=silent)
    assert report.errors == 0, report.rejects
    return pool


def test_the_demo_pool_comes_back_equal_images_included(demo_pool: PoolFolder, tmp_path: Path) -> None:
    exported = export_tables(demo_pool, tmp_path / "out")
    back = _read_back(tmp_path / "out", tmp_path / "back")
    before, after = held(demo_pool), held(back)
    for name, rows in before.items():
        assert rows == after[name], name
        assert exported.rows[name] == len(rows)
    assert exported.image_files > 0


@building_pools(12)
@given(people())
def test_any_people_come_back_equal(rows: Rows) -> None:
    with TemporaryDirectory() as folder:
        pool = PoolFolder(Path(folder) / "pool")
        import_rows(pool, rows)
        export_tables(pool, Path(folder) / "out")
        assert held(_read_back(Path(folder) / "out", Path(folder) / "back")) == held(pool)


def test_every_table_is_written_superseded_rows_beside_them(
    pool: PoolFolder, import_tables: ImportTables, tmp_path: Path
) -> None:
    visit: dict[str, object] = {"patient_id": "anna", "date": "2020-01-01", "edss": 2.0}
    import_tables(patient=[{"patient_id": "anna"}], visit=[visit])
    batch = import_tables(visit=[{**visit, "edss": 3.0}]).batch_id
    exported = export_tables(pool, tmp_path / "out")
    assert exported.superseded == 1
    assert {file.stem for file in (tmp_path / "out").glob("*.parquet")} == set(tables.BY_NAME)
    gone = duckdb.read_parquet(str(tmp_path / "out" / "superseded" / "visit.parquet"))
    assert gone.project("edss, superseded_by").fetchall() == [(2.0, batch)]


def test_an_export_never_overwrites(pool: PoolFolder, import_tables: ImportTables, tmp_path: Path) -> None:
    import_tables(patient=[{"patient_id": "anna"}])
    (tmp_path / "out").mkdir()
    with pytest.raises(PoolError, match="exists already"):
        export_tables(pool, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
