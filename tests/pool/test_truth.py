"""The truth beside a synthetic pool: written in one step, read only where it may be."""

from __future__ import annotations

import ast
from pathlib import Path

import pandas as pd
import pytest

from clams_dash.config import PROJECT_ROOT
from clams_dash.errors import PoolError
from clams_dash.pool.folder import PoolFolder
from clams_dash.pool.truth import read_truth
from clams_dash.pool.truth_file import TRUTH_FILE, write_truth

MAY_READ = {"clams_dash.cli"}


def tables(p: float) -> dict[str, pd.DataFrame]:
    return {
        "truth": pd.DataFrame({"patient_id": ["P-1"], "dmt": ["none"], "p_relapse": [p]}),
        "world": pd.DataFrame({"dmt": ["none"], "arr_ratio": [1.0]}),
        "burden": pd.DataFrame({"dmt": ["none"], "value": [0.0]}),
    }


def test_what_is_written_is_read_again_and_a_later_truth_replaces_it(tmp_path: Path) -> None:
    folder = PoolFolder(tmp_path)
    write_truth(folder, tables(0.25))
    assert write_truth(folder, tables(0.5)) == tmp_path / TRUTH_FILE
    found = read_truth(folder)
    pd.testing.assert_frame_equal(found.decisions, tables(0.5)["truth"], check_dtype=False)
    assert found.burden["value"].tolist() == [0.0]
    assert [file.name for file in tmp_path.iterdir()] == [TRUTH_FILE]


def test_a_missing_table_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="the table burden is missing"):
        write_truth(PoolFolder(tmp_path), {name: tables(0.1)[name] for name in ("truth", "world")})
    assert not list(tmp_path.iterdir())


def test_a_pool_without_truth_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(PoolError, match="clams truth"):
        read_truth(PoolFolder(tmp_path))


def test_a_damaged_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / TRUTH_FILE).write_bytes(b"not a database at all" * 100)
    with pytest.raises(PoolError, match="cannot be read"):
        read_truth(PoolFolder(tmp_path))


def test_only_the_command_line_imports_the_reader() -> None:
    """Evaluation and the kiosk's export are given the truth by their verbs; nothing else gets near it."""
    importers = set()
    for file in (PROJECT_ROOT / "clams_dash").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if "clams_dash.pool.truth" in names:
                importers.add(".".join(file.relative_to(PROJECT_ROOT).with_suffix("").parts[:2]))
    assert importers <= MAY_READ
