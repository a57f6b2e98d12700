"""A layer's arithmetic by hand: forward one output value, backward the gradient of one weight and its update."""

from __future__ import annotations

from collections.abc import Mapping

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.inside import gradient, pixel
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights
from cnnviz.ui.shared.link_state import choose_segment
from cnnviz.ui.shared.words import say

FORWARD, BACKWARD = "forward", "backward"

_WAYS: Mapping[str, Message] = {
    FORWARD: Message("Forward: one value"),
    BACKWARD: Message("Backward: one weight"),
}


def show(weights: Weights, image: Example) -> None:
    """The way that the link's ``way`` names; without a network's classes there is no loss, and only the way forward."""
    way = choose_segment(_("Way"), _WAYS, key="way", kind=Message("way"), label_visibility="collapsed")
    if way == FORWARD:
        say(
            _(
                "Every value of a layer is a sum of products, a mean or a maximum: here it is written "
                "out and compared with PyTorch's result."
            )
        )
        pixel.show(weights, weights.image_key(image.pixels))
        return
    say(
        _(
            "A weight is used at many places of the output. At each, the gradient of the loss by the output value "
            "times the input value is what the place contributes: the sum is the weight's gradient."
        )
    )
    gradient.show(weights, image)
