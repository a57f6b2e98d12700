"""Weights as bytes: written in the usual memory layout, and checked before anybody uses them."""

from __future__ import annotations

from collections.abc import Mapping

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor, nn

from cnnviz import architectures
from cnnviz.language import Message
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint, CheckpointError


def to_bytes(model: nn.Module) -> bytes:
    """All weights and buffers of ``model`` as a safetensors file; tied ones are written once a name."""
    return safetensors.torch.save(
        {
            name: tensor.detach().to("cpu", copy=True, memory_format=torch.contiguous_format)
            for name, tensor in model.state_dict().items()
        }
    )


def read(checkpoint: Checkpoint) -> dict[str, Tensor]:
    """The tensors of ``checkpoint``, whose file is checked first.

    Raises:
        CheckpointError: the file is missing, another one, or no safetensors file.
    """
    data = checkpoint.read_weights()
    try:
        return safetensors.torch.load(data)
    except (SafetensorError, KeyError, ValueError) as error:  # KeyError: a type that torch does not have
        reason = Message(
            "{path} is not a safetensors file ({error})", path=checkpoint.weights.name, error=error
        )
        raise CheckpointError(checkpoint.id, reason) from error


def network(
    checkpoint_id: str, architecture: str, options: Mapping[str, object], weights: Mapping[str, Tensor]
) -> nn.Module:
    """The trained network with these ``weights``, in eval mode and without gradients, on the CPU.

    Raises:
        CheckpointError: the weights do not fit the architecture, or hold numbers that are not finite.
    """
    with torch.device("meta"):  # costs no time, and takes nothing from the global generator
        model = architectures.get(architecture).build(**options)
    check_fit(checkpoint_id, architecture, weights, model.state_dict())
    model.load_state_dict(weights, assign=True)
    return model.requires_grad_(False).eval()


def check_fit(
    checkpoint_id: str, architecture: str, weights: Mapping[str, Tensor], expected: Mapping[str, Tensor]
) -> None:
    """Check that names, shapes and types are those of the network's ``state_dict``, and all values finite.

    Raises:
        CheckpointError: one is not; the message names it.
    """
    for name in sorted(weights.keys() | expected.keys()):
        reason = _misfit(name, weights.get(name), expected.get(name))
        if reason is not None:
            raise CheckpointError(
                checkpoint_id,
                Message(
                    "it does not match the architecture {architecture}: {reason}",
                    architecture=architecture,
                    reason=reason,
                ),
            )


def _misfit(name: str, found: Tensor | None, expected: Tensor | None) -> Message | None:
    if found is None:
        return Message("{name} is missing", name=name)
    if expected is None:
        return Message("{name} is not part of the network", name=name)
    if found.shape != expected.shape or found.dtype != expected.dtype:
        return Message(
            "{name} is {found} instead of {expected}",
            name=name,
            found=f"{found.dtype} {' x '.join(map(str, found.shape))}",
            expected=f"{expected.dtype} {' x '.join(map(str, expected.shape))}",
        )
    if not bool(found.isfinite().all()):
        return Message("{name} contains infinite or NaN values", name=name)
    return None
