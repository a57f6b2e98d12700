"""Files that a person takes home hold the classes as they wrote them, run without cnnviz, and train alike."""

import re
import subprocess
import sys

import pytest

from cnnviz import datasets
from cnnviz.errors import UsageError
from cnnviz.own import kept
from cnnviz.own.architecture import remember
from cnnviz.own.definition import Definition
from cnnviz.own.excerpt import part_of
from cnnviz.own.facts import Facts, facts_of
from cnnviz.own.reading import read
from cnnviz.standalone import runnable, source
from cnnviz.training.loop.loop import train
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.scripts.scripts import recipe_script
from tests.own.test_kept import folder, keep, student  # noqa: F401  the fixture is used by all
from tests.training.watching import Losses

HOMEWORK = '''
# homework 3
from __future__ import annotations
import os
import torch, torch.nn as nn
import torch.nn.functional as F
from torch.utils.data import DataLoader

SEED = 64  # channels
EPOCHS = 20
lr = 0.01

def prepare(x):  # the name of a function in the script
    """Twice
    as large."""
    return 2 * x

def accuracy(model, loader):
    return 1.0

# A block.
class Block(nn.Module):
    def __init__(self, inside: int, outside: int = SEED // 16):
        super().__init__()
        self.conv = nn.Conv2d(inside, outside, 3)
        self.dropout = nn.Dropout(0.3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dropout(F.relu(self.conv(x)))


class Net(nn.Module):
    def __init__(self, classes=2):
        super().__init__()
        self.block = Block(1)
        self.fc = nn.Linear(676, classes)

    def forward(self, x):
        x = self.block(prepare(x))
        x = F.max_pool2d(x, 2).view(-1, 676)
        return self.fc(x)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = Net().to(device)
for epoch in range(EPOCHS):
    print(accuracy(model, DataLoader(None)))
'''
DRIVER = """
import runpy, sys
from pathlib import Path
sys.modules["cnnviz"] = None
for file in sorted(Path(sys.argv[1]).glob("*.py")):
    print("file", file.stem)
    runpy.run_path(str(file), run_name="__main__")
"""
ALONE = (
    "plain",
    "blocks_in_a_loop",
    "inherited",
    "configured",
    "factory",
    "module_dict",
    "double_precision",
    "rnn_text",
)
TRAINED = (
    HOMEWORK,
    student("residual"),
    student("data_dependent"),
    student("double_precision"),
    student("d2l_vgg"),
)


def known(text: str) -> Facts:
    """The facts about a network, which this process knows from now on."""
    definition = Definition(text, arguments=(("classes", "10"),) if text is HOMEWORK else ())
    facts = facts_of(definition, read(definition))
    remember(facts)
    return facts


def recipe_of(text: str) -> Recipe:
    values = {"dataset": "mnist-sample", "train_images": 100, "epochs": 2, "batch_size": 32}
    return Recipe.default(known(text).key, **values, threads=1, device="cpu")


@pytest.fixture(scope="module")
def printed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What the files print, run one after the other in one process without cnnviz."""
    at = tmp_path_factory.mktemp("scripts")
    networks = [known(student(name)) for name in ALONE]
    scripts = [runnable(facts.key, facts.input_shape or (), {}) for facts in networks]
    scripts.append(runnable(known(HOMEWORK).key, (1, 28, 28), {"block.conv.bias": False}))
    scripts += [recipe_script(recipe_of(text)) for text in TRAINED]
    for number, script in enumerate(scripts):
        (at / f"{number:02}.py").write_text(script)
    command = [sys.executable, "-W", "error", "-c", DRIVER, str(at)]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout.split("file ")[1:]


def test_a_part_holds_what_the_network_needs_and_nothing_else() -> None:
    part = part_of(HOMEWORK, "Net")
    assert part.bound == {"torch", "nn", "F", "SEED", "prepare", "Block", "Net"}
    assert part.imports == {"torch": "torch", "nn": "torch.nn", "F": "torch.nn.functional"}
    assert part.future == ("from __future__ import annotations",)
    assert "# A block.\nclass Block(nn.Module):" in part.code
    assert "return 2 * x\n\n# A block." in part.code
    for absent in ("EPOCHS", "accuracy", "DataLoader", "os", "model =", "for epoch"):
        assert absent not in part.code.replace("torch.nn as nn", "")


@pytest.mark.parametrize("name", ALONE)
def test_a_network_as_one_file_prints_the_shape_of_its_output(name: str, printed: list[str]) -> None:
    facts = known(student(name))
    assert f"output: (1, {facts.classes})" in printed[ALONE.index(name)]
    assert source(facts.key) == ("Net.py", student(name))


def test_an_edit_and_names_that_meet_in_one_file(printed: list[str]) -> None:
    assert "output: (1, 10)" in printed[len(ALONE)]
    assert f"parameters: {4 * 9 + 676 * 10 + 10:,}" in printed[len(ALONE)]


@pytest.mark.parametrize("number", range(len(TRAINED)))
def test_the_script_of_a_recipe_has_the_losses_of_its_training(number: int, printed: list[str]) -> None:
    recipe = recipe_of(TRAINED[number])
    recipe.validate()
    assert ("def own_network()" in recipe_script(recipe)) == (TRAINED[number] is HOMEWORK)
    told = re.findall(r"loss ([\d.e-]+)", printed[len(ALONE) + 1 + number])
    result = train(recipe, datasets.load("mnist-sample"), Losses())
    expected = [value for epoch in result.epochs for value in (epoch.train_loss, epoch.test_loss)]
    assert list(map(float, told)) == expected


def test_a_title_is_never_code() -> None:
    key = keep(student("plain")).key
    kept.rename(key, 'x"""; raise SystemExit(9) #\\')
    recipe = Recipe.default(key, dataset="mnist-sample")
    compile(recipe_script(recipe), "script", "exec")
    assert "raise SystemExit" in recipe_script(recipe).splitlines()[0]


@pytest.mark.parametrize(
    "change", [{"name": "Net() or print"}, {"definition": {"text": "", "arguments": {"a=print(1), b": "1"}}}]
)
def test_names_in_a_recipe_are_never_code(change: dict[str, object]) -> None:
    values = {**keep(student("plain")).facts.to_dict(), **change}
    with pytest.raises(UsageError, match="of the network cannot be"):
        Facts.from_dict(values)
