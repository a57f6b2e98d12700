"""Choosing how training images are augmented: every field is kept in the link."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.transforms.image_preparation import AUGMENTATION_RANGES, PRESETS, Augmentation
from cnnviz.ui.shared.link_state import choose_number, choose_switch, put_in_link


@dataclass(frozen=True)
class Slider:
    """How a field is chosen: its label, its steps, how its value is written, for which channels it is."""

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
    """The augmentation of images with so many ``channels``; ``usual`` is where the widgets stand at first.

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
    """Write ``wanted`` into the link, from where the widgets take it."""
    for field in dataclasses.fields(Augmentation):
        value, default = getattr(wanted, field.name), getattr(usual, field.name)
        if isinstance(value, bool):
            put_in_link(field.name, value, default)
        else:
            put_in_link(field.name, value, default)
