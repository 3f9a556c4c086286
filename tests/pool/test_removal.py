"""Taking out is the reverse of bringing in: for any people and any correction."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from clams_dash.pool.database import Database
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.removal import erase, withdraw
from tests.generated import Rows, building_pools, held, import_rows, people


@st.composite
def corrections(draw: st.DrawFn) -> tuple[Rows, Rows]:
    """People, and a second delivery with some of the same rows changed or as they were, some left out."""
    first = draw(people())
    second: Rows = {"patient": list(first["patient"])}
    for name, column in (("visit", "sdmt"), ("relapse", "steroids"), ("treatment", "dose"), ("lab", "assay")):
        chosen = [row for row in first[name] if draw(st.booleans())]
        values: Any = {"sdmt": st.integers(0, 110), "steroids": st.booleans()}.get(column, st.just("corrected"))
        second[name] = [{**row, column: draw(st.none() | values)} for row in chosen]
    return first, second


@building_pools(6)
@given(corrections())
def test_a_withdrawn_correction_leaves_the_pool_as_it_was_before(deliveries: tuple[Rows, Rows]) -> None:
    with TemporaryDirectory() as folder:
        pool = PoolFolder(Path(folder) / "pool")
        import_rows(pool, deliveries[0])
        before = held(pool)
        import_rows(pool, deliveries[1], "second")
        after = held(pool)
        assert {name: len(rows) for name, rows in after.items()} == {name: len(rows) for name, rows in before.items()}
        database = Database(pool)
        latest = database.rows("batches")[0]["batch_id"]
        database.close()
        withdraw(pool, latest)
        assert held(pool) == before


@building_pools(6)
@given(people(), st.integers(0, 2))
def test_a_pool_without_a_person_is_the_pool_of_the_others(rows: Rows, number: int) -> None:
    gone = rows["patient"][number % len(rows["patient"])]["patient_id"]
    studies = {row["study_id"] for row in rows["mri"] if row["patient_id"] == gone}
    others = {
        name: [row for row in lines if row.get("patient_id") != gone and row.get("study_id") not in studies]
        for name, lines in rows.items()
    }
    with TemporaryDirectory() as folder:
        pool, expected = PoolFolder(Path(folder) / "pool"), PoolFolder(Path(folder) / "expected")
        import_rows(pool, rows)
        erase(pool, gone)
        found = held(pool)
        if not others["patient"]:
            assert not any(found.values())
            return
        import_rows(expected, others)
        assert found == held(expected)
