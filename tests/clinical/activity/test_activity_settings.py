"""The data file of the activity rules: read whole or refused by name."""

import pytest

from clams_dash.clinical.activity.settings import ACTIVITY_FILE, activity_settings, load_settings
from clams_dash.errors import FactsError
from clams_dash.model import catalogues


def broken(tmp_path, old, new):
    path = tmp_path / "activity.toml"
    text = ACTIVITY_FILE.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return path


@pytest.mark.parametrize(("old", "new", "said"), [
    ("alert_from = 3", "alert_of = 3", "alert_from"), ("days = 365 ", 'days = "a year" ', "a year"),
    ('dmt = "natalizumab"', 'dmt = "tysabri"', "tysabri"), ("[t2]", "[t2", "not valid TOML"),
])  # fmt: skip
def test_a_file_with_a_fault_is_refused_by_name(tmp_path, old, new, said):
    path = broken(tmp_path, old, new)
    with pytest.raises(FactsError, match=said) as refused:
        load_settings(path)
    assert str(path) in str(refused.value)


def test_every_class_it_names_is_a_class_of_the_catalogue():
    classes = {dmt.drug_class for dmt in catalogues.dmts().values()}
    assert activity_settings().onset_lag.fast_classes <= classes
    assert set(activity_settings().carry_over.longer) <= classes


def test_every_block_names_its_source():
    blocks = ACTIVITY_FILE.read_text(encoding="utf-8").split("\n[")[1:]
    assert len(blocks) > 10
    without = [block.splitlines()[0] for block in blocks if "\nsource = " not in block]
    assert without == []
