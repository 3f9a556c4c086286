"""Parameters of the phantom: impossible ones are refused with file and key before any work."""

from __future__ import annotations

from pathlib import Path

import pytest

from clams_dash.cohort.phantom_parameters import PHANTOM_FILE, load_phantom_parameters
from clams_dash.errors import FactsError


def test_the_shipped_parameters_are_possible() -> None:
    parameters = load_phantom_parameters()
    assert 3 <= parameters.studies.least <= parameters.studies.most <= 7
    assert parameters.scanner.noise_15t > parameters.scanner.noise_3t


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("noise_3t = { value = 0.028", "noise_3t = { value = -0.1", "scanner.noise_3t must lie between 0 and 0.3"),
        ("black_hole_share = { value = 0.42", "black_hole_share = { value = 1.2", "lesions.black_hole_share must lie"),
        ("least = { value = 3", "least = { value = 9", "studies.least must not be above studies.most"),
        ("most = { value = 7", "most = { value = 2.5", "studies.most must be a whole number"),
        ("share_infratentorial = { value = 0.10", "share_infratentorial = { value = 0.5", "must add up to 1"),
        ("conflict_share =", "conflict_shares =", "unknown key reports.conflict_shares"),
        ("[reports]", "[report]", "unknown section 'report'"),
    ],
)
def test_impossible_parameters_are_named_with_file_and_key(tmp_path: Path, old: str, new: str, said: str) -> None:
    text = PHANTOM_FILE.read_text(encoding="utf-8")
    assert old in text
    changed = tmp_path / "phantom.toml"
    changed.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(FactsError, match=said) as refused:
        load_phantom_parameters(changed)
    assert str(changed) in str(refused.value)
