"""Units on the way in: laboratory results and timed tests as other systems write them."""

import pandas as pd
import pytest

from clams_dash.config import FACTS_DIR
from clams_dash.ingest import units
from clams_dash.ingest.normalise import normalised
from clams_dash.model import catalogues, tables


@pytest.mark.parametrize(
    ("analyte", "value", "unit", "wanted"),
    [
        ("lymphocytes", "1.2", "10*3/uL", 1.2),
        ("lymphocytes", "1200", "{cells}/µL", 1.2),
        ("lymphocytes", "1.2", "x10⁹/l", 1.2),
        ("lymphocytes", "1.2", "Gpt/L", 1.2),
        ("vitamin_d", "20", "ng/mL", 49.92),
        ("alt", "0.5", "µkat/L", 30),
        ("alt", "30", "[IU]/L", 30),
        ("igg", "1000", "mg/dL", 10),
        ("jcv_index", "0.9", "{ratio}", 0.9),
        ("tsh", "2.1", "mIU/L", 2.1),
        ("cd19", "0.2", "10^9/L", 200),
    ],
)
def test_a_result_of_another_laboratory_is_converted(analyte: str, value: str, unit: str, wanted: float) -> None:
    (row,) = normalised(pd.DataFrame([{"analyte": analyte, "value": value, "unit": unit}]), "lab").to_dict("records")
    assert float(row["value"]) == pytest.approx(wanted)
    assert row["unit"] == catalogues.analytes()[analyte].unit


@pytest.mark.parametrize(("analyte", "unit"), [("alt", "mmol/L"), ("vitamin_d", "mg/dL"), ("igg", "G/L")])
def test_a_unit_without_a_rule_is_left_for_the_checks(analyte: str, unit: str) -> None:
    raw = pd.DataFrame([{"analyte": analyte, "value": "5", "unit": unit}])
    assert normalised(raw, "lab").to_dict("records") == raw.to_dict("records")


def test_times_and_volumes_become_the_pools() -> None:
    assert units.factor("min", "s") == 60
    assert units.factor("mm3", "ml") == 0.001
    assert units.factor("kg", "s") is None


def test_every_factor_leads_to_a_unit_of_the_pool_and_has_a_source() -> None:
    own = {column.unit for table in tables.CLINICAL_TABLES for column in table.columns}
    for row in catalogues.read_rows(FACTS_DIR / "catalogues" / "units.csv"):
        assert row["to_unit"] in own
        assert row["source"]
        assert float(row["factor"]) > 0
