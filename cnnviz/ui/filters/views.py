"""The views of the Filters page; only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cnnviz.language import Message
from cnnviz.ui.filters import filters, layer, top_activations, weight_history
from cnnviz.ui.inside import attribution, example, maps, pixel, verdicts
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.show import explained
from cnnviz.ui.shared.views import View

Draw = Callable[[Sequence[Weights], Example], None]


def _of_image(
    draw: Draw, about: Message | None = None, *, reads: bool = True
) -> Callable[[Sequence[Weights]], None]:
    """A view of one image on its way through the networks; another image reruns nothing else of the page.

    ``about`` is a sentence above it; ``reads`` says whether the image stands there with what the networks say.
    """

    @fragment()
    def show(shown: Sequence[Weights]) -> None:
        with explained():
            if about is not None:
                st.write(str(about))
            image = example.choose_example(shown[0])
            if image is not None:
                if reads:
                    verdicts.show(shown, image)
                draw(shown, image)

    return show


@dataclass(frozen=True)
class FilterView(View[[Sequence[Weights]]]):
    """A view of weights; ``compares``: it can show trained weights next to untrained ones."""

    compares: bool = True


VIEWS: Mapping[str, FilterView] = {
    "filters": FilterView(Message("Filters"), filters.show),
    "maps": FilterView(
        Message("Feature maps"),
        _of_image(
            lambda shown, image: maps.cards(shown, shown[0].image_key(image.pixels)),
            Message(
                "The output of every operation for one image, in order of execution. Positive values "
                "are red, negative ones blue, zero has the colour of the page: after a ReLU no blue is "
                "left."
            ),
        ),
    ),
    "layer": FilterView(
        Message("One layer"),
        _of_image(lambda shown, image: layer.show(shown, shown[0].image_key(image.pixels))),
    ),
    "excite": FilterView(Message("Top activations"), top_activations.show),
    "why": FilterView(Message("Attribution"), _of_image(attribution.show)),
    "history": FilterView(
        Message("During training"), _of_image(lambda shown, image: weight_history.show(shown[0], image))
    ),
    "value": FilterView(
        Message("Single value"),
        _of_image(
            lambda shown, image: pixel.show(shown[0], shown[0].image_key(image.pixels)),
            Message(
                "Every value of a layer is a sum of products, a mean or a maximum: here it is written "
                "out and compared with PyTorch's result."
            ),
            reads=False,
        ),
        compares=False,
    ),
}
