"""Imports point one way: from the pages down to the language, as the arrows below say.

A layer may import itself and whatever its arrows lead to, over any number of other layers; everything else is an
upward or a sideways import, and fails. That goes for every import: at the top of a module, inside a function, for
types alone, of a whole folder, or by ``importlib``.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from cnnviz.settings import PROJECT_DIRECTORY
from tests.imports import Import, circles, imports_of, layer_of, modules_of, reachable

PAGES = (
    "architecture",
    "convolution",
    "data",
    "draw",
    "evaluate",
    "exercises",
    "experiments",
    "filters",
    "glossary",
    "home",
    "lessons",
    "teacher",
    "train",
)

ARROWS: Mapping[str, tuple[str, ...]] = {
    "app": ("cnnviz.ui.home",),
    "pages": tuple(f"cnnviz.ui.{page}" for page in PAGES),
    **{f"cnnviz.ui.{page}": ("cnnviz.ui.inside",) for page in PAGES},
    # A run's recipe chooses a network and its options; an experiment is a set of runs; the Data page tries a recipe's
    # preparation of images.
    "cnnviz.ui.train": ("cnnviz.ui.inside", "cnnviz.ui.architecture"),
    "cnnviz.ui.experiments": ("cnnviz.ui.train",),
    "cnnviz.ui.data": ("cnnviz.ui.train",),
    "cnnviz.ui.exercises": ("cnnviz.ui.architecture",),  # which offers every network
    "cnnviz.ui.teacher": ("cnnviz.ui.train",),  # whose runs train, and which controls there are
    # A lesson shows parts of these pages.
    "cnnviz.ui.lessons": (
        "cnnviz.ui.convolution",
        "cnnviz.ui.draw",
        "cnnviz.ui.evaluate",
        "cnnviz.ui.exercises",
        "cnnviz.ui.experiments",
        "cnnviz.ui.filters",
        "cnnviz.ui.train",
    ),
    "cnnviz.ui.inside": ("cnnviz.ui.shared",),
    "cnnviz.ui.shared": ("cnnviz.ui",),
    "cnnviz.ui": (
        "cnnviz.glossary",
        "cnnviz.browser.ahead",
        "cnnviz.browser.packing",
        "cnnviz.browser.saving",
        "cnnviz.drawing",
        "cnnviz.experiments",
        "cnnviz.interpret",
        "cnnviz.lessons",
        "cnnviz.lessons.notebooks",
        "cnnviz.hosted",
        "cnnviz.own.sandbox",
        "cnnviz.plots",
    ),
    "cnnviz.__main__": ("cnnviz.cli",),
    "cnnviz.cli": (
        "cnnviz.browser.saving",
        "cnnviz.classroom",
        "cnnviz.drawing",
        "cnnviz.experiments",
        "cnnviz.hosted",
        "cnnviz.lessons.notebooks",
        "cnnviz.own",
        "cnnviz",
    ),
    "cnnviz.experiments.__main__": ("cnnviz.experiments", "cnnviz.cli"),
    "cnnviz.experiments": ("cnnviz.training", "cnnviz.plots"),
    "cnnviz.drawing.scenes": ("cnnviz.datasets",),
    "cnnviz.drawing.strokes": (),
    "cnnviz.drawing": (
        "cnnviz.interpret",
        "cnnviz.drawing.strokes",
    ),  # a photo of a garment is cut and scaled as any image is
    "cnnviz.interpret": ("cnnviz.training",),
    "cnnviz.lessons": ("cnnviz.shapes", "cnnviz.plots.still"),
    "cnnviz.lessons.notebooks": ("cnnviz.lessons", "cnnviz.notebook", "cnnviz.standalone"),
    # which a person starts, to make what questions show from what is included
    "cnnviz.lessons.exercises.collecting": ("cnnviz.lessons", "cnnviz.experiments"),
    "cnnviz.training": ("cnnviz.training.scripts", "cnnviz.training.worker"),
    "cnnviz.training.watch": ("cnnviz.training.worker.heartbeat",),
    "cnnviz.training.worker": ("cnnviz.training.checkpoints", "cnnviz.training.worker.heartbeat"),
    "cnnviz.training.worker.heartbeat": ("cnnviz.training.loop", "cnnviz.training.store"),
    "cnnviz.training.scripts": ("cnnviz.training.checkpoints", "cnnviz.notebook"),
    "cnnviz.training.checkpoints": (
        "cnnviz.training.loop",
        "cnnviz.training.store",
    ),  # uploads are kept as runs
    "cnnviz.training.loop": (
        "cnnviz.training.parallel",
        "cnnviz.training.records",
        "cnnviz.training.transforms",
    ),
    "cnnviz.training.parallel": (),
    "cnnviz.training.store": ("cnnviz.training.records", "cnnviz.classroom"),
    "cnnviz.training.records": ("cnnviz.training.recipe", "cnnviz.storage"),
    "cnnviz.training.transforms": ("cnnviz.training.recipe",),
    "cnnviz.training.recipe": (
        "cnnviz.seals",
        "cnnviz.datasets",
        "cnnviz.error_messages.producers",
        "cnnviz.standalone",
        "cnnviz.version",
    ),
    "cnnviz.standalone": ("cnnviz.models",),
    # The networks that show an error are built by their keys. What an error means is told from its text alone, and
    # a trace that fails asks for it, so the decoder itself stands below tracing.
    "cnnviz.error_messages.producers": ("cnnviz.models", "cnnviz.error_messages"),
    "cnnviz.error_messages": ("cnnviz.operations",),
    "cnnviz.browser": ("cnnviz.tracing",),
    # What the package offers as cnnviz.live.
    "cnnviz.browser.live": ("cnnviz.browser.page", "cnnviz.training.recipe"),
    # With examples of what the network learned.
    "cnnviz.browser.page": (
        "cnnviz.browser.packing",
        "cnnviz.datasets",
        "cnnviz.drawing.scenes",
        "cnnviz.drawing.strokes",
    ),
    "cnnviz.browser.packing": ("cnnviz.browser",),
    # Of trained networks.
    "cnnviz.browser.ahead": ("cnnviz.browser.packing", "cnnviz.drawing.strokes", "cnnviz.training"),
    "cnnviz.browser.saving": ("cnnviz.browser.page", "cnnviz.training"),
    "cnnviz.models": ("cnnviz.own", "cnnviz.shapes"),
    "cnnviz.shapes": ("cnnviz.tracing", "cnnviz.datasets"),  # what an operation does is shown on a digit
    "cnnviz.datasets": ("cnnviz.files", "cnnviz.settings"),
    # What a class's server allows, and under which names people's things are stored.
    "cnnviz.classroom": ("cnnviz.storage",),
    "cnnviz.storage": ("cnnviz.files", "cnnviz.settings"),
    # The package itself offers cnnviz.trace, and how a trace is shown, cnnviz.live, cnnviz.explore and cnnviz.watch.
    "cnnviz": (
        "cnnviz.architectures",
        "cnnviz.browser.live",
        "cnnviz.shapes",
        "cnnviz.hosted",
        "cnnviz.training.watch",
        "cnnviz.version",
    ),
    "cnnviz.hosted": ("cnnviz.models",),
    # The process that reads a person's network also makes reports and graphs of it.
    "cnnviz.own.sandbox": ("cnnviz.own", "cnnviz.shapes"),
    # A kept network is an architecture, with the data sets that fit it.
    # A warning about a trace gets the line of the text that it is about.
    "cnnviz.own": (
        "cnnviz.architectures",
        "cnnviz.bounded",
        "cnnviz.classroom",
        "cnnviz.datasets",
        "cnnviz.shapes",
        "cnnviz.tracing",
    ),
    "cnnviz.tracing": ("cnnviz.error_messages", "cnnviz.operations", "cnnviz.randomness"),
    "cnnviz.operations": ("cnnviz.plots.palette", "cnnviz.errors", "cnnviz.numbers"),
    "cnnviz.architectures": ("cnnviz.errors", "cnnviz.randomness"),
    "cnnviz.locale": (
        "cnnviz.lessons",
    ),  # the command that updates the catalogues also reads what lessons say
    "cnnviz.plots": ("cnnviz.plots.palette",),
    "cnnviz.plots.still": ("cnnviz.plots.palette",),
    "cnnviz.plots.palette": ("cnnviz.language",),
    "cnnviz.files": ("cnnviz.errors",),
    "cnnviz.bounded": ("cnnviz.settings",),
    "cnnviz.seals": ("cnnviz.files",),
    "cnnviz.glossary": ("cnnviz.language",),
    "cnnviz.settings": ("cnnviz.errors",),
    "cnnviz.errors": ("cnnviz.language",),
    "cnnviz.numbers": ("cnnviz.language",),
    "cnnviz.randomness": (),
    "cnnviz.version": (),
    "cnnviz.notebook": (),
    "cnnviz.language": (),
}

THIRD_PARTY: Mapping[str, tuple[str, ...]] = {
    "streamlit": ("app", "pages", "cnnviz.ui"),
    "starlette": ("cnnviz.ui",),  # Streamlit's web server
    "plotly": ("cnnviz.plots", "cnnviz.experiments", "cnnviz.ui"),
    "torch": (
        "cnnviz.architectures",
        "cnnviz.browser.live",
        "cnnviz.browser.packing",
        "cnnviz.cli",
        "cnnviz.datasets",
        "cnnviz.drawing",
        "cnnviz.error_messages",
        "cnnviz.experiments",
        "cnnviz.interpret",
        "cnnviz.hosted",
        "cnnviz.lessons.exercises.collecting",
        "cnnviz.models",
        "cnnviz.operations",
        "cnnviz.own",
        "cnnviz.randomness",
        "cnnviz.shapes",
        "cnnviz.standalone",
        "cnnviz.tracing",
        "cnnviz.training",
        "cnnviz.ui",
    ),
    "torchvision": ("cnnviz.datasets", "cnnviz.interpret", "cnnviz.models", "cnnviz.own.torchvision_models"),
    "jinja2": ("cnnviz.browser.page", "cnnviz.lessons.exercises.printing", "cnnviz.standalone"),
    "nbformat": ("cnnviz.notebook",),
    "fsspec": ("cnnviz.storage.bucket",),
    "sqlalchemy": ("cnnviz.training.store",),
    "ray": ("cnnviz.training.worker.ray_jobs",),  # where it is installed
    "alembic": ("cnnviz.training.store.migrating", "cnnviz.training.store.migrations"),
    "safetensors": (
        "cnnviz.interpret.filter_history",
        "cnnviz.hosted.file",
        "cnnviz.training",
    ),
    "tensorboardX": ("cnnviz.training.loop",),
    "captum": ("cnnviz.interpret",),
    "reportlab": ("cnnviz.shapes",),
    "torchinfo": ("cnnviz.shapes",),
    "torchviz": ("cnnviz.shapes",),
    "sandlock": ("cnnviz.own.sandbox",),  # where it is installed
    "tqdm": ("cnnviz.cli",),
    "babel": ("cnnviz.locale",),
    "PIL": ("cnnviz.drawing", "cnnviz.interpret", "cnnviz.plots", "cnnviz.ui"),
    "numpy": (
        "cnnviz.browser.live",
        "cnnviz.browser.packing",
        "cnnviz.datasets",
        "cnnviz.drawing",
        "cnnviz.experiments",
        "cnnviz.interpret",
        "cnnviz.lessons.exercises.collecting",
        "cnnviz.operations",
        "cnnviz.plots",
        "cnnviz.shapes",
        "cnnviz.tracing",
        "cnnviz.training",
        "cnnviz.ui",
    ),
}

RUN_BY_ALEMBIC = "cnnviz.training.store.migrations"
CORE = sorted(
    module
    for module in modules_of(PROJECT_DIRECTORY)
    if layer_of(module, ("app", "pages", "cnnviz.ui", RUN_BY_ALEMBIC)) is None
    and not module.endswith("__main__")
)


def layer(module: str) -> str:
    found = layer_of(module, ARROWS)
    # Of these two folders the layer is __init__.py alone.
    given = found == module if found in ("cnnviz", "cnnviz.ui") else found is not None
    assert given, f"{module} has no layer: give it one in ARROWS"
    return str(found)


def against_the_arrows(imports: list[Import]) -> list[Import]:
    ours = [found for found in imports if found.imported.partition(".")[0] in ("app", "pages", "cnnviz")]
    return [found for found in ours if layer(found.imported) not in reachable(layer(found.importer), ARROWS)]


def third_party(imports: list[Import]) -> list[Import]:
    known = sys.stdlib_module_names | {"app", "pages", "cnnviz"}
    return [found for found in imports if found.imported.partition(".")[0] not in known]


@pytest.fixture(scope="module")
def imports() -> list[Import]:
    return imports_of(PROJECT_DIRECTORY)


def test_every_module_has_a_layer_and_every_layer_a_module() -> None:
    modules = modules_of(PROJECT_DIRECTORY)
    assert len(modules) > 100
    assert {layer(module) for module in modules} == set(ARROWS)


def test_the_arrows_have_no_circle() -> None:
    for name, arrows in ARROWS.items():
        assert not any(name in reachable(arrow, ARROWS) for arrow in arrows), name


def test_imports_point_one_way(imports: list[Import]) -> None:
    assert len(imports) > 1000
    upward = against_the_arrows(imports)
    assert not upward, "\n".join(map(str, upward))


def test_no_modules_import_one_another(imports: list[Import]) -> None:
    found = circles(each for each in imports if not each.for_types)
    assert not found, "\n".join(" <-> ".join(sorted(circle)) for circle in found)


def test_no_modules_import_one_another_for_their_types(imports: list[Import]) -> None:
    found = circles(imports)
    assert not found, "\n".join(" <-> ".join(sorted(circle)) for circle in found)


def test_third_party_packages_are_imported_where_they_may_be(imports: list[Import]) -> None:
    outside = third_party(imports)
    packages = {found.imported.partition(".")[0] for found in outside}
    assert packages == set(THIRD_PARTY), "say in THIRD_PARTY who may import it"
    wrong = [
        found
        for found in outside
        if layer_of(found.importer, THIRD_PARTY[found.imported.partition(".")[0]]) is None
    ]
    assert not wrong, "\n".join(map(str, wrong))


# The checker itself, on trees made for it.


def write(root: Path, files: Mapping[str, str]) -> list[Import]:
    for name, text in {"app.py": "", **files}.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for folder in [root / "cnnviz", *(path for path in (root / "cnnviz").rglob("*") if path.is_dir())]:
        (folder / "__init__.py").touch()
    return imports_of(root)


@pytest.mark.parametrize(
    ("file", "text", "imported"),
    [
        ("cnnviz/plots/architecture.py", "from cnnviz.training.loop import train\n", "cnnviz.training.loop"),
        ("cnnviz/plots/architecture.py", "from cnnviz import training\n", "cnnviz.training"),
        ("cnnviz/plots/architecture.py", "import cnnviz.training.loop\n", "cnnviz.training.loop"),
        ("cnnviz/plots/architecture.py", "import cnnviz.training.loop as loop\n", "cnnviz.training.loop"),
        ("cnnviz/plots/architecture.py", "def draw():\n    from cnnviz import training\n", "cnnviz.training"),
        ("cnnviz/plots/architecture.py", "from ..training import loop\n", "cnnviz.training.loop"),
        ("cnnviz/plots/architecture.py", "from ..training.loop import train\n", "cnnviz.training.loop"),
        ("cnnviz/plots/__init__.py", "from ..training import loop\n", "cnnviz.training.loop"),
        ("cnnviz/plots/deep/deeper/bars.py", "from ....training import loop\n", "cnnviz.training.loop"),
        ("cnnviz/architectures/catalogue/a.py", "from cnnviz.training import loop\n", "cnnviz.training.loop"),
        (
            "cnnviz/plots/architecture.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cnnviz.training.loop import train\n",
            "cnnviz.training.loop",
        ),
        (
            "cnnviz/plots/architecture.py",
            "import importlib\nimportlib.import_module('cnnviz.training.loop')\n",
            "cnnviz.training.loop",
        ),
        (
            "cnnviz/plots/architecture.py",
            "from importlib import import_module\ndef load(name):\n    import_module(f'cnnviz.training.{name}')\n",
            "cnnviz.training",
        ),
        (
            "cnnviz/plots/architecture.py",
            "from importlib import import_module\nP = 'cnnviz'\nimport_module(f'{P}.training.loop')\n",
            "cnnviz.training.loop",
        ),
        ("cnnviz/language.py", "__import__('cnnviz.training.loop')\n", "cnnviz.training.loop"),
        ("cnnviz/shapes/text.py", "from cnnviz import ui\n", "cnnviz.ui"),
        ("cnnviz/shapes/text.py", "from pages import train\n", "pages.train"),
        ("cnnviz/ui/shared/frame.py", "from cnnviz.ui.home import home\n", "cnnviz.ui.home.home"),
        ("cnnviz/ui/draw/views.py", "from cnnviz.ui.home import home\n", "cnnviz.ui.home.home"),
    ],
)
def test_an_upward_import_is_found(tmp_path: Path, file: str, text: str, imported: str) -> None:
    found = write(
        tmp_path,
        {
            "cnnviz/training/loop.py": "def train(): ...\n",
            "cnnviz/ui/home/home.py": "",
            "pages/train.py": "",
            file: text,
        },
    )
    assert imported in {each.imported for each in against_the_arrows(found)}


def test_downward_imports_and_those_of_others_pass(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "pages/train.py": "import os\nfrom cnnviz.ui.train import page\n",
            "cnnviz/ui/train/page.py": "from cnnviz.training import loop\nimport cnnviz.language\n",
            "cnnviz/training/loop.py": "from . import records\nfrom ..language import Message\n",
            "cnnviz/training/records.py": "import json\nimport numpy as np\n",
            "cnnviz/language.py": "class Message: ...\n",
        },
    )
    assert len(found) > 6
    assert not against_the_arrows(found)
    assert [each.imported for each in third_party(found)] == ["numpy"]


def test_a_circle_is_found_over_any_number_of_modules(tmp_path: Path) -> None:
    found = write(
        tmp_path,
        {
            "cnnviz/shapes/a.py": "from cnnviz.shapes import b\n",
            "cnnviz/shapes/b.py": "def late():\n    from cnnviz.shapes.c import name\n",
            "cnnviz/shapes/c.py": "from .d import name\n",
            "cnnviz/shapes/d.py": "import cnnviz.shapes.a\nname = 1\n",
            "cnnviz/shapes/e.py": "from cnnviz.shapes import a\n",
        },
    )
    assert circles(found) == [{f"cnnviz.shapes.{name}" for name in "abcd"}]


def test_a_circle_of_types_is_told_from_one_that_runs(tmp_path: Path) -> None:
    types = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from cnnviz.shapes import b\n"
    found = write(
        tmp_path, {"cnnviz/shapes/a.py": types, "cnnviz/shapes/b.py": "from cnnviz.shapes import a\n"}
    )
    assert circles(found) == [{"cnnviz.shapes.a", "cnnviz.shapes.b"}]
    assert not circles(each for each in found if not each.for_types)


# What imports cost: who starts without the large packages.


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
    assert "cnnviz.cli.main" in loaded
    assert not loaded & {"torch", "plotly", "streamlit"}
