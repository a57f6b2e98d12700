"""The views of the Filters page, of which only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import NamedTuple

import streamlit as st

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.filters import filters, maps, one_layer, top_activations, weight_history
from cnnviz.ui.inside import attributed, example, pixel, verdicts
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.choice import choose_one
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.show import explained


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
            attributed.show(shown, image)


@fragment()
def history(shown: Sequence[Weights]) -> None:
    """How the network formed: another image reruns nothing else of the page."""
    with explained():
        image = example.choose_example(shown[0])
        if image is not None:
            verdicts.show(shown, image)
            weight_history.show(shown[0], image)


class View(NamedTuple):
    """A view: its title, what draws it, and whether it shows trained weights next to untrained ones."""

    title: Message
    show: Callable[[Sequence[Weights]], None]
    compares: bool = True


VIEWS: Mapping[str, View] = {
    "filters": View(Message("Filters"), filters.show),
    "maps": View(Message("Feature maps"), feature_maps),
    "layer": View(Message("One layer"), layer),
    "excite": View(Message("What excites a map"), excitation),
    "why": View(Message("Why this answer"), why),
    "history": View(Message("How it formed"), history),
    "value": View(Message("One value"), one_value, compares=False),
}


def choose_view() -> str:
    """The view that the link names."""
    return choose_one(
        _("View"),
        list(VIEWS),
        key="view",
        kind=Message("The view"),
        title=lambda key: str(VIEWS[key].title),
        widget=partial(st.segmented_control, required=True, label_visibility="collapsed"),
    )
