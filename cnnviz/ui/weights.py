"""Which weights a page shows: a checkpoint's, or those that training would start from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from cnnviz import architectures
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training import checkpoints
from cnnviz.training.checkpoints import Checkpoint
from cnnviz.training.recipe import Recipe
from cnnviz.ui.cached import WeightsKey
from cnnviz.ui.choice import choose_one
from cnnviz.ui.draw import name
from cnnviz.ui.show import plain

_UNTRAINED = "untrained-"


@dataclass(frozen=True)
class Weights:
    """One choice: what to load (``key``), and the recipe that says how images are normalised for it.

    ``checkpoint`` is None for untrained weights.
    """

    title: str
    key: WeightsKey
    recipe: Recipe
    checkpoint: Checkpoint | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """The architecture's (C, H, W)."""
        return architectures.get(self.recipe.architecture).input_shape

    @property
    def start(self) -> Weights:
        """The untrained weights of the same architecture, options and seed: where its training began."""
        recipe = self.recipe
        options = json.dumps(dict(recipe.options), sort_keys=True)
        return Weights(
            _("Untrained, seed {seed}", seed=recipe.seed),
            ("untrained", recipe.architecture, options, str(recipe.seed)),
            recipe,
        )


def of_checkpoint(checkpoint: Checkpoint) -> Weights:
    """The weights of a checkpoint."""
    key = ("checkpoint", checkpoint.id, checkpoint.sha256)
    return Weights(name(checkpoint), key, checkpoint.recipe, checkpoint)


def choose_weights() -> Weights:
    """The weights that the link's ``checkpoint`` names, at first the first checkpoint there is."""
    listing = checkpoints.scan()
    for problem in listing.problems:
        st.warning(plain(problem), icon=":material/error:")
    known = {found.id: found for found in listing.checkpoints}
    options = [*known, *(f"{_UNTRAINED}{key}" for key in architectures.keys("network"))]
    chosen = choose_one(
        _("Weights"),
        options,
        key="checkpoint",
        kind=Message("The checkpoint"),
        title=lambda option: _title(option, known),
    )
    if chosen in known:
        return of_checkpoint(known[chosen])
    return Weights("", (), Recipe.default(chosen.removeprefix(_UNTRAINED))).start


def _title(option: str, known: Mapping[str, Checkpoint]) -> str:
    if option in known:
        return name(known[option])
    title = architectures.get(option.removeprefix(_UNTRAINED)).title
    return _("{title} · untrained", title=title)
