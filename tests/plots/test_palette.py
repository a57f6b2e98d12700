from __future__ import annotations

import itertools
import math
import tomllib

import pytest

from cnnviz.plots import palette
from cnnviz.settings import PROJECT_DIRECTORY

KINDS = (
    "convolution", "pooling", "normalisation", "activation", "dropout", "merge", "reshape", "linear", "other",
)  # fmt: skip


def linear_rgb(colour: str) -> tuple[float, ...]:
    channels = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    return tuple(c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)


def lab(rgb: tuple[float, ...]) -> tuple[float, float, float]:
    """CIE L*a*b* (D65) of linear sRGB."""
    matrix = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    xyz = [sum(m * max(c, 0.0) for m, c in zip(row, rgb, strict=True)) for row in matrix]
    f = [
        t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116
        for t in (x / w for x, w in zip(xyz, white, strict=True))
    ]
    return 116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])


# Machado et al. 2009, "A Physiologically-based Model for Simulation of Color Vision Deficiency", severity 1.0
DEFICIENCIES = {
    "none": ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    "protanopia": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deuteranopia": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
}


def test_every_kind_of_the_design_has_a_style() -> None:
    assert tuple(palette.KINDS) == KINDS
    assert palette.kind("something new") is palette.KINDS["other"]


def test_kinds_can_be_told_apart_without_colour() -> None:
    styles = palette.KINDS.values()
    assert len({style.letter for style in styles}) == len({style.symbol for style in styles}) == len(KINDS)


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("deficiency", DEFICIENCIES)
def test_kinds_can_be_told_apart_by_colour_blind_readers(deficiency: str, dark: bool) -> None:
    matrix = DEFICIENCIES[deficiency]
    seen = {}
    for name, style in palette.KINDS.items():
        rgb = linear_rgb(style.colour(dark))
        seen[name] = lab(tuple(sum(m * c for m, c in zip(row, rgb, strict=True)) for row in matrix))
    for one, other in itertools.combinations(seen, 2):
        assert math.dist(seen[one], seen[other]) > 9, (one, other)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_kinds_stand_out_from_the_background(theme: str) -> None:
    config = tomllib.loads((PROJECT_DIRECTORY / ".streamlit" / "config.toml").read_text(encoding="utf-8"))
    background = palette.relative_luminance(config["theme"][theme]["backgroundColor"])
    for name, style in palette.KINDS.items():
        colour = palette.relative_luminance(style.colour(theme == "dark"))
        contrast = (max(colour, background) + 0.05) / (min(colour, background) + 0.05)
        assert contrast > (4.5 if theme == "dark" else 1.5), name


def test_text_on_every_colour_is_readable() -> None:
    for style in palette.KINDS.values():
        for colour in (style.light, style.dark):
            text = palette.relative_luminance(palette.text_on(colour))
            luminance = palette.relative_luminance(colour)
            assert (max(text, luminance) + 0.05) / (min(text, luminance) + 0.05) >= 4.5


def test_scales_run_from_0_to_1() -> None:
    for scale in (palette.sequential(), palette.diverging(), palette.diverging(dark=True)):
        assert scale[0][0] == 0
        assert scale[-1][0] == 1
    assert palette.diverging()[4] == [0.5, "#f7f7f7"]
