from __future__ import annotations

import base64
import re
from xml.etree import ElementTree

from cnnviz.architectures import Architecture
from cnnviz.tracing.trace import trace
from cnnviz.ui.home import home
from tests.networks import NETWORKS, each, on_meta


@each(NETWORKS)
def test_sketch_shows_nothing_that_the_network_does_not_have(architecture: Architecture) -> None:
    kinds = iter(op.kind for op in trace(on_meta(architecture), architecture.input_shape).ops)
    drawn = [kind for column in home.SKETCHES[architecture.family].columns for kind in column]
    assert drawn
    assert all(kind in kinds for kind in drawn)  # in this order: the iterator goes on where it was


def svg(html: str) -> ElementTree.Element:
    source = re.search(r'base64,([^"]+)"', html)
    assert source
    return ElementTree.fromstring(base64.b64decode(source[1]))


def test_every_operation_carries_its_letter_too() -> None:
    root = svg(home.picture("Inception", "", dark=False))
    letters = [element.text for element in root.iter("{http://www.w3.org/2000/svg}text")]
    assert letters == ["C", "C", "C", "C", "P", "M", "L"]


def test_all_pictures_are_equally_high_so_that_cards_align() -> None:
    heights = {svg(home.picture(family, "", dark=True)).get("height") for family in [*home.SKETCHES, "new"]}
    assert len(heights) == 1


def test_description_is_escaped() -> None:
    assert "<b>" not in home.picture("LeNet", '"><b>', dark=False)
