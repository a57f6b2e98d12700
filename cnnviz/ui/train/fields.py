"""Widgets for the fields of a recipe; the link's parameter has the field's name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.fields import AUGMENTATION_RANGES, CHOICES, RANGES
from cnnviz.training.recipe.image_preparation import PRESETS, Augmentation
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.ui.shared.link_state import choose_number, choose_one, choose_switch, choose_text, put_in_link

WIDTH = 128
"""Of a number field, in pixels: two fit side by side, next to the curves and on a phone."""

VALUES: Mapping[str, Message] = MappingProxyType(
    {
        "cross-entropy": Message("cross-entropy"),
        "mse": Message("mean squared error"),
        "sgd": Message("SGD"),
        "adam": Message("Adam"),
        "adamw": Message("AdamW"),
        "none": Message("none (constant)"),
        "step": Message("step"),
        "cosine": Message("cosine"),
        "default": Message("PyTorch default"),
        "xavier": Message("Xavier"),
        "running": Message("running average"),
        "second-pass": Message("second pass"),
        "auto": Message("GPU if available"),
        "cpu": Message("CPU"),
        "cuda": Message("GPU (CUDA)"),
    }
)
"""What is shown for the values of a field."""


@dataclass(frozen=True)
class Normalisation:
    """A usual way to normalise: the ``mean`` and the ``deviation`` of every channel; None: the data set's."""

    title: Message
    mean: float | None
    deviation: float | None


NORMALISATIONS: Mapping[str, Normalisation] = MappingProxyType(
    {
        "data": Normalisation(Message("from the data set"), None, None),
        "half": Normalisation(Message("0.5, 0.5"), 0.5, 0.5),
        "none": Normalisation(Message("0 to 1"), 0.0, 1.0),
    }
)


@dataclass
class Fields:
    """Widgets for the fields of a recipe, with the values of ``default`` as defaults.

    Their values are collected in ``values``. Problems with the link are shown in ``notes``. Number widgets have no
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
        """Comma-separated numbers, one per channel."""
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
            **{"width": WIDTH, "help": _("{low:,} to {high:,}.", low=low, high=high), **options},
        )


def channels_text(values: tuple[float, ...]) -> str:
    """Numbers, one per channel, as the link and the widget hold them."""
    return ", ".join(map(str, values))


def _read_channels(text: str) -> tuple[Any, ...]:
    """The numbers; anything else stays text, so that the recipe's check can quote it."""
    return tuple(_read(piece.strip()) for piece in text.split(",") if piece.strip())


def _read(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text


@dataclass(frozen=True)
class Slider:
    """A slider for one field: label, step, format, and the numbers of channels it applies to."""

    label: Message
    step: float
    format: str
    channels: tuple[int, ...] = (1, 3)


SLIDERS: Mapping[str, Slider] = MappingProxyType(
    {
        "crop_padding": Slider(Message("Crop: padding"), 1, "%d px"),
        "rotation": Slider(Message("Rotation"), 1.0, "±%d°"),
        "scale": Slider(Message("Scale"), 0.05, "±%.2f"),
        "shift": Slider(Message("Shift"), 0.05, "±%.2f"),
        "shear": Slider(Message("Shear"), 1.0, "±%d°"),
        "stroke_width": Slider(Message("Stroke width"), 0.25, "±%.2f px", channels=(1,)),
        "brightness": Slider(Message("Brightness"), 0.05, "±%.2f"),
        "contrast": Slider(Message("Contrast"), 0.05, "±%.2f"),
        "saturation": Slider(Message("Saturation"), 0.05, "±%.2f", channels=(3,)),
    }
)


def choose_augmentation(channels: int, usual: Augmentation, notes: DeltaGenerator) -> Augmentation:
    """Choose the augmentation of images with this number of ``channels``; ``usual`` are the defaults.

    Sentences about the link go into ``notes``.
    """
    with st.container(horizontal=True, gap="small"):
        for key, preset in PRESETS.items():
            st.button(
                str(preset.title), key=f"preset-{key}", on_click=_put, args=(preset.augmentation, usual)
            )
    with notes:
        problems = st.container()
    flip = choose_switch(_("Horizontal flip"), key="flip", default=usual.flip, notes=problems)
    fields: dict[str, Any] = {"flip": flip}
    shown = [name for name, slider in SLIDERS.items() if channels in slider.channels]
    columns = st.columns(2)
    for number, name in enumerate(shown):
        with columns[2 * number // len(shown)]:
            fields[name] = _slider(name, SLIDERS[name], getattr(usual, name), problems)
    return Augmentation(**fields)


def _slider(name: str, slider: Slider, usual: float, notes: DeltaGenerator) -> float:
    limits, kind = AUGMENTATION_RANGES[name], type(usual)
    return choose_number(
        str(slider.label),
        key=name,
        low=kind(limits.low),
        high=kind(limits.high),
        default=usual,
        notes=notes,
        widget=st.slider,
        step=kind(slider.step),
        format=slider.format,
    )


def _put(wanted: Augmentation, usual: Augmentation) -> None:
    """Write ``wanted`` into the link, where the widgets read it."""
    for name in (entry.name for entry in dataclasses.fields(Augmentation)):
        value, default = getattr(wanted, name), getattr(usual, name)
        put_in_link(name, value, default)
