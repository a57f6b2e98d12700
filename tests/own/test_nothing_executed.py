"""Python executes a person's file in one place, for their own terminal; nothing else executes text at all."""

import ast
from collections.abc import Iterator
from pathlib import Path

from cnnviz.settings import PROJECT_DIRECTORY

FILES = [*(PROJECT_DIRECTORY / "cnnviz").rglob("*.py"), *(PROJECT_DIRECTORY / "pages").glob("*.py")]
EXECUTES = {"exec", "eval", "exec_module", "run_path", "run_module", "load_module", "execfile"}
TERMINAL = {
    "cnnviz/models.py": ["exec_module"],  # FILE.py:CLASS
    "cnnviz/cli/app_command.py": ["run_module"],  # streamlit itself
    "cnnviz/hosted/app.py": ["run_module"],  # the same
}
"""Who executes text, for whoever has typed its path into their own terminal."""


def calls(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            of_a_model = isinstance(node.func, ast.Attribute) and name == "eval"
            if name in EXECUTES and not of_a_model:
                yield name


def test_text_is_executed_for_a_terminal_alone() -> None:
    found = {str(path.relative_to(PROJECT_DIRECTORY)): [*calls(path)] for path in FILES}
    assert {path: names for path, names in found.items() if names} == TERMINAL


def test_no_page_and_no_training_asks_for_it() -> None:
    texts = {str(path.relative_to(PROJECT_DIRECTORY)): path.read_text("utf-8") for path in FILES}
    asking = {path for path, text in texts.items() if "own_files=True" in text}
    # The second is a process of its own, which `cnnviz app FILE.py:CLASS` starts.
    assert asking == {"cnnviz/cli/main.py", "cnnviz/hosted/file.py"}
    starting = {path for path, text in texts.items() if "cnnviz.hosted.file" in text}
    assert not [path for path in starting if path.startswith(("pages/", "cnnviz/ui/", "cnnviz/training/"))]
