"""The state of a training run between two steps: everything needed to resume as if it had never stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import safetensors.numpy
import safetensors.torch
from safetensors import SafetensorError
from torch import Tensor

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.training.loop.observer import EpochMetrics
from cnnviz.training.records.metrics import RateChange

_FACTS = "cnnviz"
_PARTS = ("weights", "optimizer", "generators")


class StateError(CnnvizError):
    """A saved state is damaged, or belongs to another network."""

    def __init__(self, reason: object) -> None:
        super().__init__(Message("The saved training state cannot be used: {reason}.", reason=reason))


@dataclass(frozen=True, eq=False)
class State:
    """``facts`` are plain JSON values: position and figures so far.

    ``weights`` is the network's ``state_dict``; ``optimizer`` holds the optimizer's tensors as
    ``<number of the parameter>.<name>``; ``generators`` the states of the random generators. Where the last
    two are empty, only weights were kept.
    """

    facts: Mapping[str, Any]
    weights: Mapping[str, Tensor]
    optimizer: Mapping[str, Tensor] = field(default_factory=dict)
    generators: Mapping[str, Tensor] = field(default_factory=dict)

    @property
    def step(self) -> int:
        """How many steps have been made."""
        return int(self.facts["step"])

    @property
    def finished(self) -> list[EpochMetrics]:
        """The figures of the epochs that are complete."""
        return [EpochMetrics(**metrics) for metrics in self.facts["finished"]]

    @property
    def rate_changes(self) -> tuple[RateChange, ...]:
        """Where the learning rate was changed by hand; states of earlier versions do not record it."""
        return tuple(RateChange(**change) for change in self.facts.get("rate_changes", ()))

    @property
    def nbytes(self) -> int:
        """The total size of the tensors in bytes."""
        parts = (self.weights, self.optimizer, self.generators)
        return sum(tensor.nbytes for part in parts for tensor in part.values())

    def weights_only(self) -> Self:
        """The same without optimizer and generators."""
        return type(self)(self.facts, self.weights)

    def to_bytes(self) -> bytes:
        """The state as a safetensors file, with the facts in its metadata."""
        # By way of NumPy, which takes a third of the time from the training that goes on meanwhile.
        arrays = {
            f"{part}/{name}": tensor.contiguous().numpy()
            for part in _PARTS
            for name, tensor in getattr(self, part).items()
        }
        return safetensors.numpy.save(arrays, {_FACTS: json.dumps(dict(self.facts))})

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """The state that :meth:`to_bytes` wrote.

        Raises:
            StateError: the data are damaged, or none of cnnviz's.
        """
        parts: dict[str, dict[str, Tensor]] = {part: {} for part in _PARTS}
        try:
            for name, tensor in safetensors.torch.load(data).items():
                part, _, inner = name.partition("/")
                parts[part][inner] = tensor
            return cls(facts=json.loads(metadata(data)[_FACTS]), **parts)
        except (SafetensorError, KeyError, ValueError, TypeError) as error:
            raise StateError(error) from error


def metadata(data: bytes) -> dict[str, str]:
    """The texts that a safetensors file holds beside its tensors; the file begins with its header's size.

    Raises:
        ValueError: the header is damaged.
    """
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    if not isinstance(header, dict):
        raise ValueError("its header is no table")
    found = header.get("__metadata__", {})
    return {str(name): str(text) for name, text in found.items()}
