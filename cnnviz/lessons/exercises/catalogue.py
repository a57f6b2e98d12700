"""What kinds of questions there are. Imports no torch, so that a page can offer them at once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cnnviz.language import Message

SET_SIZE = 10
LARGEST_SEED = 999_999

COURSE = ("basic-cnn", "inception-mini", "resnet-mini", "lenet-bn")
"""Small networks that a class knows, of which questions draw one."""

KINDS: Mapping[str, Message] = MappingProxyType(
    {
        "output-size": Message("Output size"),
        "one-value": Message("One value of a convolution"),
        "weight-update": Message("One weight's update"),
        "shape": Message("Shape after a layer"),
        "in-features": Message("The missing number of a Linear"),
        "parameters": Message("Parameters of a layer"),
        "multiply-adds": Message("Multiply-adds of a layer"),
        "receptive-field": Message("Receptive field"),
        "most-parameters": Message("The largest layer"),
        "breaking-layer": Message("The line that breaks"),
        "mending-number": Message("The number that mends it"),
        "match-curve": Message("Whose loss curve"),
        "match-filters": Message("Whose filters"),
        "match-confusion": Message("Whose confusion matrix"),
    }
)
"""Kinds of questions by key, and what the page calls them."""
