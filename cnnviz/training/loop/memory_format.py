"""The order in which a batch's numbers lie in memory while a network is trained."""

from __future__ import annotations

import torch
from torch import nn

_FEWEST_CHANNELS = 16
"""PyTorch's batch normalisation of images with the channels last takes this many channels, or a multiple, at once on
a CPU; over 6 channels it takes up to seven times as long as with the channels first."""


def memory_format(model: nn.Module) -> torch.memory_format:
    """The order that suits ``model`` best, for its weights and the images that it gets.

    Convolutions are quicker with the channels last, but for batch normalisation over few channels.
    """
    narrow = any(
        isinstance(module, nn.BatchNorm2d) and module.num_features < _FEWEST_CHANNELS
        for module in model.modules()
    )
    return torch.contiguous_format if narrow else torch.channels_last
