"""Imports point one way: pages -> ui -> the rest of the package."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from cnnviz.settings import PROJECT_DIRECTORY

PACKAGE = PROJECT_DIRECTORY / "cnnviz"
CORE = sorted(
    ".".join(path.relative_to(PROJECT_DIRECTORY).with_suffix("").parts).removesuffix(".__init__")
    for path in PACKAGE.rglob("*.py")
    if "ui" not in path.relative_to(PACKAGE).parts and path.name != "__main__.py"
)


def modules_after_importing(names: list[str]) -> set[str]:
    code = f"import sys, importlib\nfor n in {names!r}: importlib.import_module(n)\nprint(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT_DIRECTORY
        ).stdout.split()
    )


@pytest.mark.slow
def test_the_core_never_imports_streamlit() -> None:
    assert "cnnviz.tracing.trace" in CORE
    assert "streamlit" not in modules_after_importing(CORE)


def test_plots_import_plotly_and_no_torch() -> None:
    loaded = modules_after_importing([name for name in CORE if name.startswith("cnnviz.plots")])
    assert "cnnviz.plots.palette" in loaded
    assert "torch" not in loaded


def test_the_registries_and_the_command_line_start_without_torch() -> None:
    loaded = modules_after_importing(
        [
            "cnnviz",
            "cnnviz.cli.main",
            "cnnviz.architectures",
            "cnnviz.datasets",
            "cnnviz.training.recipe.recipe",
        ]
    )
    assert not loaded & {"torch", "plotly", "streamlit"}


@pytest.mark.parametrize("path", sorted((PACKAGE / "architectures").glob("*.py")), ids=lambda p: p.name)
def test_architectures_import_torch_alone(path: Path) -> None:
    allowed = {"torch", "cnnviz", "__future__"} | set(sys.stdlib_module_names)
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        else:
            continue
        assert all(name.partition(".")[0] in allowed for name in names)
