"""Units of laboratory results: what a laboratory writes, the unit of the pool, and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clams_dash.clinical.labs.units import UNITS_FILE, from_pool_unit, known_units, load_units, normalised, to_pool_unit
from clams_dash.errors import FactsError
from clams_dash.model import catalogues


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "pool"),
    [
        ("lymphocytes", 850, "/µL", 0.85),
        ("lymphocytes", 0.85, "10*3/uL", 0.85),
        ("lymphocytes", 0.85, "G/L", 0.85),
        ("lymphocytes", 0.85, "x 10⁹/l", 0.85),
        ("cd19", 0.012, "10E9/L", 12),
        ("creatinine", 1.0, "mg/dL", 88.42),
        ("bilirubin", 1.0, "mg/dl", 17.104),
        ("vitamin_d", 20, "ng/mL", 49.92),
        ("igg", 850, "mg/dL", 8.5),
        ("nfl", 10, "ng/L", 10),
        ("alt", 1.0, "µkat/L", 60),
        ("tsh", 2.1, "µIU/mL", 2.1),
    ],
)
def test_values_as_laboratories_write_them(analyte, value, unit, pool):
    assert to_pool_unit(analyte, value, unit) == pytest.approx(pool)


def test_cells_and_grams_are_not_mixed_up():
    assert normalised("G/L") != normalised("g/L")
    with pytest.raises(ValueError, match=r"lymphocytes: unit 'g/L' is not on file; known are 10\^9/L"):
        to_pool_unit("lymphocytes", 1.0, "g/L")
    with pytest.raises(ValueError, match="igg: unit 'G/L' is not on file"):
        to_pool_unit("igg", 8.0, "G/L")


def test_factor_of_one_analyte_is_not_used_for_another():
    with pytest.raises(ValueError, match="alt: unit 'mg/dL' is not on file"):
        to_pool_unit("alt", 1.0, "mg/dL")


def test_unknown_analyte_is_refused():
    with pytest.raises(ValueError, match="'caeruloplasmin' is not in the catalogue"):
        to_pool_unit("caeruloplasmin", 1.0, "g/L")


UNITS = [(analyte, unit) for analyte in catalogues.analytes() for unit in known_units(analyte)]


@given(st.sampled_from(UNITS), st.floats(1e-3, 1e5))
def test_conversion_and_back_gives_the_value_again(pair, value):
    analyte, unit = pair
    assert from_pool_unit(analyte, to_pool_unit(analyte, value, unit), unit) == pytest.approx(value, rel=1e-12)


@given(st.sampled_from(sorted(catalogues.analytes())), st.floats(1e-3, 1e5))
def test_pool_unit_is_left_as_it_is(analyte, value):
    assert to_pool_unit(analyte, value, catalogues.analytes()[analyte].unit) == value


@given(st.sampled_from(UNITS))
def test_spelling_is_settled_once(pair):
    assert normalised(normalised(pair[1])) == normalised(pair[1])


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("creatinine,mg/L,g/L,1,x", "pool_unit.*is not the unit creatinine is kept in"),
        (",mg/L,stones,1,x", "pool_unit"),
        (",mg/L,g/L,0,x", "factor.*above 0"),
        (",mg/L,g/L,0.001,x", "stands here twice"),
    ],
)
def test_faulty_table_is_refused_with_the_place(tmp_path: Path, line, reason):
    path = tmp_path / "units.csv"
    path.write_text(UNITS_FILE.read_text(encoding="utf-8") + line + "\n", encoding="utf-8")
    last = len(path.read_text(encoding="utf-8").splitlines())
    with pytest.raises(FactsError, match=f"row {last}, column.*{reason}" if "pool_unit" not in reason else reason):
        load_units(path)
