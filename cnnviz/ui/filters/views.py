"""The views of the Filters page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.filters import filters, top_activations, weight_history
from cnnviz.ui.filters import layer as one_layer
from cnnviz.ui.inside import attribution, example, maps, pixel, verdicts
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.show import explained
from cnnviz.ui.shared.views import View


@fragment()
def feature_maps(shown: Sequence[Weights]) -> None:
    """An image on its way through the network: another image reruns nothing else of the page."""
    with explained():
        st.write(
            _(
                "What every operation makes of one image, in order of execution. Positive values are red, "
                "negative ones blue, zero has the colour of the page: after a ReLU no blue is left."
            )
        )
        image = example.choose_example(shown[0])
        if image is not None:
            verdicts.show(shown, image)
            maps.cards(shown, shown[0].image_key(image.pixels))


@fragment()
def layer(shown: Sequence[Weights]) -> None:
    """All maps of one op: another op, or another image, reruns nothing else of the page."""
    with explained():
        image = example.choose_example(shown[0])
        if image is not None:
            verdicts.show(shown, image)
            one_layer.show(shown, shown[0].image_key(image.pixels))


@fragment()
def one_value(shown: Sequence[Weights]) -> None:
    """One output value of a layer, taken apart: another image reruns nothing else of the page."""
    with explained():
        st.write(
            _(
                "Every value of a layer is a sum of products, a mean or a maximum: here it is written out, and "
                "compared with what PyTorch computed."
            )
        )
        image = example.choose_example(shown[0])
        if image is not None:
            pixel.show(shown[0], shown[0].image_key(image.pixels))


@fragment()
def excitation(shown: Sequence[Weights]) -> None:
    """What the maps of one op look for: another op reruns nothing else of the page."""
    with explained():
        top_activations.show(shown)


@fragment()
def why(shown: Sequence[Weights]) -> None:
    """Which pixels speak for a class: another image reruns nothing else of the page."""
    with explained():
        image = example.choose_example(shown[0])
        if image is not None:
            verdicts.show(shown, image)
            attribution.show(shown, image)


@fragment()
def history(shown: Sequence[Weights]) -> None:
    """How the network formed: another image reruns nothing else of the page."""
    with explained():
        image = example.choose_example(shown[0])
        if image is not None:
            verdicts.show(shown, image)
            weight_history.show(shown[0], image)


@dataclass(frozen=True)
class FilterView(View[[Sequence[Weights]]]):
    """A view of weights; ``compares`` says whether it shows trained ones next to untrained ones."""

    compares: bool = True


VIEWS: Mapping[str, FilterView] = {
    "filters": FilterView(Message("Filters"), filters.show),
    "maps": FilterView(Message("Feature maps"), feature_maps),
    "layer": FilterView(Message("One layer"), layer),
    "excite": FilterView(Message("What excites a map"), excitation),
    "why": FilterView(Message("Why this answer"), why),
    "history": FilterView(Message("How it formed"), history),
    "value": FilterView(Message("One value"), one_value, compares=False),
}
