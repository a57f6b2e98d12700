"""The fields of a recipe as widgets; the link's parameter is called like the field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from streamlit.delta_generator import DeltaGenerator

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.limits import CHOICES, RANGES
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_text

WIDTH = 128
"""Of a number's field, in pixels: two side by side, beside the curves as well as on a phone."""

VALUES: Mapping[str, Message] = MappingProxyType(
    {
        "cross-entropy": Message("cross-entropy"),
        "mse": Message("mean squared error"),
        "sgd": Message("SGD"),
        "adam": Message("Adam"),
        "adamw": Message("AdamW"),
        "none": Message("none: constant"),
        "step": Message("step"),
        "cosine": Message("cosine"),
        "default": Message("PyTorch's own"),
        "xavier": Message("Xavier"),
        "running": Message("running average"),
        "second-pass": Message("second pass"),
        "auto": Message("a GPU where there is one"),
        "cpu": Message("CPU"),
        "cuda": Message("GPU (CUDA)"),
    }
)
"""What a person reads for the names that fields take."""


@dataclass
class Fields:
    """Widgets for the fields of a recipe, which stand at the values of ``default`` at first.

    What they say gathers in ``values``. Sentences about the link go into ``notes``. Number widgets have no
    limits: the recipe's own check says what is wrong with a number, in a link as well, where Streamlit
    would drop it without a word.
    """

    default: Recipe
    notes: DeltaGenerator
    values: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.usual = self.default.values()

    def number(self, label: str, name: str, **options: Any) -> Any:
        """A field that is always a number."""
        usual = self.usual[name]
        kind = type(usual)
        self.values[name] = self._number(
            label, name, kind(RANGES[name].low), kind(RANGES[name].high), usual, options
        )
        return self.values[name]

    def optional(self, label: str, name: str, absent: int, **options: Any) -> None:
        """A whole number that may be None, which the widget shows as ``absent``."""
        usual = self.usual[name]
        limits = RANGES[name]
        shown = absent if usual is None else usual
        chosen = self._number(label, name, int(limits.low), int(limits.high), shown, options)
        self.values[name] = None if chosen == absent else chosen

    def choice(self, label: str, name: str, **look: Any) -> str:
        """A field that is one of several names."""
        self.values[name] = choose_one(
            label,
            CHOICES[name].values,
            key=name,
            kind=CHOICES[name].label,
            title=lambda value: str(VALUES[value]),
            default=self.usual[name],
            notes=self.notes,
            **look,
        )
        return str(self.values[name])

    def channels(self, label: str, name: str, **look: Any) -> None:
        """Numbers, one a channel, with commas between them."""
        usual = channels_text(self.usual[name])
        self.values[name] = _read_channels(choose_text(label, key=name, default=usual, **look))

    def _number(
        self, label: str, name: str, low: Any, high: Any, usual: Any, options: Mapping[str, Any]
    ) -> Any:
        return choose_number(
            label,
            key=name,
            low=low,
            high=high,
            default=usual,
            limited=False,
            notes=self.notes,
            **{"width": WIDTH, "help": _("From {low:,} to {high:,}.", low=low, high=high), **options},
        )


def channels_text(values: tuple[float, ...]) -> str:
    """Numbers, one a channel, as the link and the widget hold them."""
    return ", ".join(map(str, values))


def _read_channels(text: str) -> tuple[Any, ...]:
    """The numbers; what is none stays a text, which the recipe's check names as it was written."""
    return tuple(_read(piece.strip()) for piece in text.split(",") if piece.strip())


def _read(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
