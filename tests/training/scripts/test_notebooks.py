from __future__ import annotations

import ast
from pathlib import Path

import nbformat
import pytest

from cnnviz import datasets
from cnnviz.cli.main import main
from cnnviz.language import set_language
from cnnviz.training.loop.loop import train
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.scripts.notebooks import recipe_notebook
from cnnviz.training.scripts.scripts import recipe_script
from cnnviz.training.store.runs import Status, Watched
from cnnviz.training.store.store import RunStore
from tests.executing import executed, printed
from tests.training.scripts.test_recipe_script import RECIPES
from tests.training.watching import Losses


def code(text: str) -> str:
    """All code cells one after the other."""
    cells = nbformat.reads(text, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "code")


def statements(text: str) -> list[str]:
    """A script's statements, those of its function ``main`` in its place."""
    found: list[str] = []
    for node in ast.parse(text).body:
        if isinstance(node, ast.FunctionDef) and node.name == "main":
            found += map(ast.unparse, node.body[1:])
        elif not isinstance(node, ast.Expr | ast.If):
            found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("name", RECIPES)
def test_a_notebook_holds_the_script_s_statements_and_no_other(name: str) -> None:
    recipe = RECIPES[name]
    of_script = statements(recipe_script(recipe, in_a_notebook=True))
    of_notebook = [ast.unparse(node) for node in ast.parse(code(recipe_notebook(recipe))).body]
    assert sorted(of_notebook) == sorted(of_script)
    differing = set(of_script) ^ set(statements(recipe_script(recipe)))
    assert all(one.startswith(("FOLDER", "import sys", "torch.save")) for one in differing)


@pytest.mark.slow
def test_an_executed_notebook_has_the_losses_of_the_run(tmp_path: Path) -> None:
    recipe = Recipe.default(
        "basic-cnn",
        dataset="mnist-sample",
        train_images=200,
        epochs=2,
        threads=1,
        device="cpu",
        initialisation="xavier",
        augmentation={"rotation": 10.0},
    )
    seen = Losses()
    train(recipe, datasets.load(recipe.dataset), seen)
    lines = "".join(printed(executed(recipe_notebook(recipe), tmp_path))).splitlines()
    expected = []
    for epoch in seen.epochs:
        expected += [
            f"epoch {epoch.epoch}: training loss {epoch.train_loss}, accuracy {epoch.train_accuracy:.2%}",
            f"  test loss {epoch.test_loss}, accuracy {epoch.test_accuracy:.2%}",
        ]
    assert lines == expected
    assert (tmp_path / "basic_cnn_mnist_sample.pt").exists()


def test_it_explains_in_both_languages() -> None:
    recipe = RECIPES["mlp"]
    english = recipe_notebook(recipe)
    set_language("zh")
    try:
        chinese = recipe_notebook(recipe)
    finally:
        set_language("en")
    assert "## Initial weights and optimizer" in english
    assert "## 初始权重和优化器" in chinese
    assert code(english) == code(chinese)
    assert recipe_notebook(recipe) == english


def test_the_command_writes_a_run_s_or_a_network_s(
    store: RunStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, file = RECIPES["dropout"], tmp_path / "run.ipynb"
    assert main(["notebook", store.create(recipe), "--output", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == recipe_notebook(recipe)
    assert main(["notebook", "lenet5", "--output", str(file)]) == 0
    assert file.read_text(encoding="utf-8") == recipe_notebook(Recipe.default("lenet5"))
    watched = store.create_watched(Watched("Mine", None, "train.py"), "worker")
    store.finish(watched, "worker", Status.FINISHED)
    assert main(["notebook", watched, "--output", str(file)]) == 1
    assert main(["notebook", "lenet55", "--output", str(file)]) == 2
    told = capsys.readouterr().err
    assert "a program of its own (train.py)" in told
    assert "did you mean 'lenet5'?" in told
