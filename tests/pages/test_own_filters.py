"""The Filters page of a person's own network that no data set fits: what can be shown is, the rest has a sentence."""

from __future__ import annotations

import re

from streamlit.testing.v1 import AppTest

from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.reading import read
from cnnviz.training.store.store import RunStore
from tests.pages.filters_page import picture_file
from tests.pages.test_own_trained import OpenPage, html
from tests.pages.training_page import ME

PAGE = "pages/filters.py"
HEAD = "import torch.nn as nn\n\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
WIDE = HEAD + (
    "        self.down = nn.Conv2d(3, 6, 3, stride=2, padding=1)\n        self.up = nn.ConvTranspose2d(6, 2, 2, 2)\n"
    "    def forward(self, x):\n        return self.up(self.down(x).relu())\n"
)
FLAT = HEAD + (
    "        self.first = nn.Linear(20, 8)\n        self.last = nn.Linear(8, 3)\n"
    "    def forward(self, x):\n        return self.last(self.first(x).relu())\n"
)
SEVEN = HEAD + (
    "        self.conv = nn.Conv2d(4, 6, 3)\n        self.fc = nn.Linear(6 * 26 * 12, 7)\n"
    "    def forward(self, x):\n        return self.fc(self.conv(x).flatten(1))\n"
)
DEAD = SEVEN.replace("self.conv(x).flatten(1)", "(self.conv(x) - 1000).relu().flatten(1)")
NETWORKS = {
    "dead": (DEAD, (4, 28, 14)),
    "wide": (WIDE, (3, 16, 24)),
    "flat": (FLAT, (20,)),
    "seven": (SEVEN, (4, 28, 14)),
    "broken": (SEVEN, (4, 28, 28)),
}


def opened(open_page: OpenPage, name: str, view: str, **more: str) -> AppTest:
    text, shape = NETWORKS[name]
    definition = Definition(text, input_shape=shape)
    key = kept.keep(definition, read(definition), ME).key
    app = open_page(PAGE, checkpoint=f"untrained-{key}", view=view, **more)
    assert not app.exception
    return app


def captions(app: AppTest) -> str:
    return " ".join(caption.value for caption in app.caption)


def test_a_network_of_another_size_gets_a_picture_in_its_own_proportions(
    open_page: OpenPage, store: RunStore
) -> None:
    app = opened(open_page, "wide", "maps", source="upload")
    app.file_uploader[0].set_value(("cat.png", picture_file("RGB", (90, 60)), "image/png")).run()
    assert not app.error
    assert "Network input: 3 x 16 x 24" in captions(app)
    assert "gives 2 x 16 x 24 values, no score for each class" in captions(app)
    assert "2 x 16 x 24" in html(app)  # the card of the last operation
    app.query_params["view"] = "why"
    app.run()
    assert [told.value for told in app.error] == [
        "This network outputs 2 x 16 x 24 values (up) instead of one score for each class, so there is no class to "
        "explain."
    ]


def test_a_network_of_more_channels_gets_each_in_grey_and_its_classes_have_numbers(
    open_page: OpenPage, store: RunStore
) -> None:
    app = opened(open_page, "seven", "layer", layer="conv")
    assert not app.error
    assert "Each of the 4 channels is this picture in grey." in captions(app)
    assert re.search(r"\b6 +\d+\.\d%", html(app))
    assert "6 x 26 x 12" in app.selectbox(key="choice-layer").options[0]


def test_a_network_of_numbers_shows_its_weights_and_says_why_there_is_no_more(
    open_page: OpenPage, store: RunStore
) -> None:
    app = opened(open_page, "flat", "filters")
    assert not app.error
    assert not app.info
    assert app.selectbox(key="choice-layer").options == [
        "first · Linear · 8 x 20 x 1 x 1",
        "last · Linear · 3 x 8 x 1 x 1",
    ]
    app.query_params["view"] = "excite"
    app.run()
    assert "takes 20 numbers, not an image" in app.info[0].value
    assert not app.error


def test_a_network_that_does_not_run_says_where_to_look(open_page: OpenPage, store: RunStore) -> None:
    app = opened(open_page, "broken", "filters")
    assert [told.value for told in app.error] == [
        "Net does not run yet. Architecture shows the line, and what to do."
    ]
    assert app.selectbox(key="choice-checkpoint").value.startswith(
        "untrained-own-"
    )  # another one can be chosen


def test_backward_by_hand_of_an_own_network(open_page: OpenPage, store: RunStore) -> None:
    app = opened(open_page, "seven", "value", way="backward", layer="conv", weight="bias")
    (component,) = (
        each for each in app.get("bidi_component") if each.proto.component_name == "cnnviz_gradients"
    )
    assert b"the same, up to float32 rounding" in component.proto.bytes
    assert app.selectbox(key="choice-label").options == list("0123456")
    app = opened(open_page, "wide", "value", way="backward")
    assert "instead of one score for each class, so there is no class to explain." in app.error[0].value
    sentence = "arrives at this output: what follows lets none through for this image"
    app = opened(open_page, "dead", "value", way="backward")
    assert sentence in html(app)
    assert "The gradient is 0: this image leaves the weight as it is." in [
        each.value for each in app.markdown
    ]
    assert sentence not in html(opened(open_page, "seven", "value", way="backward"))
