"""The first visit: four steps that can be skipped. The browser remembers that they were seen, and shows them again on
request. Imports no torch.
"""

from __future__ import annotations

from pathlib import Path

from cnnviz.language import translate as _
from cnnviz.ui.home.home import Link
from cnnviz.ui.shared.frame import ARCHITECTURE, CONVOLUTION, DRAW, TRAIN, address, follow
from cnnviz.ui.shared.markup import in_browser

_KEY = "welcome"
_component = in_browser(Path(__file__).parent / "welcome", ["dom", "welcome"])


def first_steps() -> None:
    """The steps, each with a way to its page, until they were done or skipped; then a button that brings them back."""
    steps = _steps()
    shown = _component(
        data={
            "steps": [
                {"title": way.label, "text": text, "address": address(way.page, **way.parameters)}
                for way, text in steps
            ],
            "words": {
                "steps": _("First steps"),
                "place": _("{number} of {count}"),
                "open": _("Open the page"),
                "back": _("Back"),
                "next": _("Next"),
                "done": _("Done"),
                "skip": _("Skip"),
            },
        },
        key=_KEY,
        on_followed_change=lambda: None,
    )
    if isinstance(shown.followed, int) and 0 <= shown.followed < len(steps):
        way = steps[shown.followed][0]
        follow(way.page, **way.parameters)


def _steps() -> list[tuple[Link, str]]:
    return [
        (
            Link(_("See a kernel at work"), CONVOLUTION),
            _("Let the window slide over a digit, then change the stride and see the output shrink."),
        ),
        (
            Link(_("Read the shapes of a network"), ARCHITECTURE, {"model": "inception-mini", "view": "why"}),
            _("Find out where the 1408 of its last layer comes from, step by step."),
        ),
        (
            Link(_("Train it"), TRAIN, {"model": "basic-cnn", "dataset": "mnist-sample"}),
            _("Press Start training and watch the loss fall. It takes about a minute."),
        ),
        (
            Link(_("Draw a digit"), DRAW),
            _("See what every network reads while the pen moves, and try to mislead them."),
        ),
    ]
