"""Numbers in sentences: with thousands separators where they are long, and one of a thing told as one."""

from __future__ import annotations

from cnnviz.language import Message

_LONG = 10_000
"""Shorter numbers are read at a glance, and look as they do in code: ``Linear(1408, 10)``."""


def number(value: int) -> str:
    """``value`` as a sentence shows it: 1408, and 150,528."""
    return f"{value:,}" if abs(value) >= _LONG else str(value)


def channels(count: int) -> Message:
    """1 channel, 3 channels."""
    return Message("1 channel") if count == 1 else Message("{count} channels", count=number(count))


def features(count: int) -> Message:
    """1 feature, 320 features."""
    return Message("1 feature") if count == 1 else Message("{count} features", count=number(count))


def values(count: int) -> Message:
    """1 value, 150,528 values."""
    return Message("1 value") if count == 1 else Message("{count} values", count=number(count))


def rows(count: int) -> Message:
    """1 row, 64 rows."""
    return Message("1 row") if count == 1 else Message("{count} rows", count=number(count))


def images(count: int) -> Message:
    """1 image, 64 images."""
    return Message("1 image") if count == 1 else Message("{count} images", count=number(count))


def dimensions(count: int) -> Message:
    """1 dimension, 4 dimensions."""
    return Message("1 dimension") if count == 1 else Message("{count} dimensions", count=number(count))
