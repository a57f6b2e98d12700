"""Which weights a page shows: a checkpoint's, or those that training would start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from cnnviz import architectures, datasets
from cnnviz.interpret import networks
from cnnviz.interpret.inputs import ImageKey, Pixels, middle_square, scaled, with_channels
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training import checkpoints
from cnnviz.training.checkpoints import Checkpoint
from cnnviz.training.fitting import image_shape
from cnnviz.training.recipe import Recipe
from cnnviz.ui.cached import WeightsKey
from cnnviz.ui.choice import choose_one
from cnnviz.ui.draw import name
from cnnviz.ui.show import plain

_UNTRAINED = "untrained-"


@dataclass(frozen=True)
class Weights:
    """One choice: what to load (``key``), and the recipe that says how images are prepared for it.

    ``checkpoint`` is None for untrained weights.
    """

    title: str
    key: WeightsKey
    recipe: Recipe
    checkpoint: Checkpoint | None = None

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """What the network takes: (C, H, W)."""
        return image_shape(datasets.get(self.recipe.dataset), self.recipe.resize)

    @property
    def dataset(self) -> str:
        """The data set whose classes the network tells apart."""
        return self.recipe.dataset

    @property
    def reads_digits(self) -> bool:
        """Whether the network was made for digits as MNIST has them."""
        info = datasets.get(self.dataset)
        return "mnist" in (info.key, info.part_of)

    @property
    def classes(self) -> tuple[str, ...]:
        """The names of the classes in the current language, one for each output."""
        data = datasets.get(self.recipe.dataset)
        return tuple(data.class_title(label) for label in range(len(data.classes)))

    @property
    def trained(self) -> bool:
        """Whether these weights have learned anything."""
        return self.checkpoint is not None

    @property
    def start(self) -> Weights:
        """The untrained weights of the same architecture, options and seed: where its training began."""
        title = _("Untrained, seed {seed}", seed=self.recipe.seed)
        return Weights(title, networks.start_of(self.recipe), self.recipe)

    def image_key(self, pixels: Pixels) -> ImageKey:
        """An image (C, H, W) uint8 of any size as this network gets it.

        One of the size that it was trained on is prepared as in training; of another one the middle square
        is brought to the size of the input.
        """
        recipe = self.recipe
        channels, side, _side = self.input_shape
        size = datasets.get(recipe.dataset).input_shape[1:]
        pixels, resize = with_channels(pixels, channels), recipe.resize
        if pixels.shape[1:] != size:
            pixels = middle_square(pixels)
            if recipe.permutation_seed is not None:
                pixels = scaled(pixels, size)
            else:
                resize = side
                pixels = scaled(pixels, (side, side)) if pixels.shape[1] > side else pixels
        _channels, height, width = pixels.shape
        return ImageKey(
            pixels.tobytes(),
            (channels, height, width),
            recipe.mean,
            recipe.deviation,
            resize,
            recipe.permutation_seed,
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
        default="basic-cnn-mnist" if "basic-cnn-mnist" in known else None,
    )
    if chosen in known:
        return of_checkpoint(known[chosen])
    return Weights("", (), Recipe.default(chosen.removeprefix(_UNTRAINED))).start


def _title(option: str, known: Mapping[str, Checkpoint]) -> str:
    if option in known:
        return name(known[option])
    title = architectures.get(option.removeprefix(_UNTRAINED)).title
    return _("{title} · untrained", title=title)
