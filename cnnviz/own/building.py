"""From a definition to a network of PyTorch's, its text interpreted."""

from __future__ import annotations

import torch
from torch import nn

from cnnviz.own import limits
from cnnviz.own.asking import ProblemError
from cnnviz.own.definition import Definition
from cnnviz.own.program import load
from cnnviz.own.reading import ConstructionError, chosen_class, instance
from cnnviz.own.values import Refused
from cnnviz.tracing.lines import line_of


def built(definition: Definition) -> nn.Module:
    """The network of ``definition``, made where tensors are made at the moment; with memory, within the limits.

    Raises:
        ProblemError: the text gives no network, or, where it is given memory, its forward pass fails.
        TooLargeError: it is beyond the limits.
    """
    if torch.empty(0).device.type != "meta":
        limits.check(definition, constructed)
    return constructed(definition)


def constructed(definition: Definition) -> nn.Module:
    """The network of ``definition``, whatever its size.

    Raises:
        ProblemError: the text gives no network.
        UnknownKeyError: it has no class of the name that was chosen.
    """
    try:
        return instance(chosen_class(load(definition.text), definition.class_name), definition.values)
    except Refused as error:
        raise ProblemError(error.message, error.line or line_of(error)) from error
    except ConstructionError as error:
        raise ProblemError(error.message, error.line) from error
