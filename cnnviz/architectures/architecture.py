"""What the registry tells about a network before it is built. Imports no torch."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from cnnviz.errors import UnknownKeyError, UsageError, shortened
from cnnviz.language import Message
from cnnviz.randomness import untouched_generator

if TYPE_CHECKING:
    from torch import nn

Value = int | str | bool
"""What an option of a builder may be."""


@dataclass(frozen=True)
class Option:
    """An argument of a builder that a person may change.

    It is a whole number from ``low`` to ``high``, or one of ``choices``, or, where there is neither, a switch.
    """

    label: Message
    default: Value
    low: int | None = None
    high: int | None = None
    choices: tuple[Value, ...] = ()

    def check(self, name: str, value: object) -> None:
        """Raise a UsageError that names the option, the value and what is allowed, where ``value`` is not."""
        if self.choices:
            allowed = any(value == choice and type(value) is type(choice) for choice in self.choices)
            rule = " | ".join(map(str, self.choices))
        elif self.low is None or self.high is None:
            allowed, rule = isinstance(value, bool), str(Message("true or false"))
        else:
            whole = isinstance(value, int) and not isinstance(value, bool)
            allowed = whole and self.low <= int(str(value)) <= self.high
            rule = str(Message("an integer from {low:,} to {high:,}", low=self.low, high=self.high))
        if not allowed:
            raise UsageError(
                Message(
                    "Option {name} must be {rule}; got {value}.", name=name, value=shortened(value), rule=rule
                )
            )


@dataclass(frozen=True)
class Architecture:
    """A named network, with what a person wants to know about it before it is built.

    ``input_shape`` is (C, H, W); ``recipe`` holds the fields of the training recipe in which this
    architecture differs from :class:`cnnviz.training.recipe.recipe.Recipe`'s defaults; ``builder`` is
    ``module:Class`` below ``cnnviz.architectures``, called with ``arguments`` and the options. With
    ``log_softmax`` its outputs are the logarithms of class probabilities, otherwise scores. A block (``group``
    is ``block``) has maps at its end and no classes, so no data set either. ``family``, ``year``, ``paper`` and
    ``idea`` are None where nothing is known of them, as of a person's own network.
    """

    key: str
    name: Message | str
    family: str | None
    year: int | None
    paper: str | None
    idea: Message | None
    input_shape: tuple[int, int, int]
    builder: str
    classes: int | None = 10
    dataset: str | None = "mnist"
    group: str = "network"
    log_softmax: bool = False
    arguments: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    options: Mapping[str, Option] = field(default_factory=lambda: MappingProxyType({}))
    recipe: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def title(self) -> str:
        """What a person calls it, in the current language."""
        return str(self.name)

    @property
    def defaults(self) -> dict[str, Value]:
        """The value of each option where nobody chooses another."""
        return {name: option.default for name, option in self.options.items()}

    def check_options(self, values: Mapping[str, object]) -> None:
        """Check values for the builder's options.

        Raises:
            UnknownKeyError: an option that this architecture does not have.
            UsageError: a value that an option does not take.
        """
        for name, value in values.items():
            if name not in self.options:
                raise UnknownKeyError(Message("option"), name, self.options)
            self.options[name].check(name, value)

    def build(self, **options: object) -> nn.Module:
        """A new network in training mode, its weights drawn from PyTorch's global generator.

        Raises:
            UnknownKeyError: an option that this architecture does not have.
            UsageError: a value that an option does not take.
        """
        self.check_options(options)
        module, _, name = self.builder.partition(":")
        builder = getattr(importlib.import_module(f"cnnviz.architectures.{module}"), name)
        network: nn.Module = builder(**{**self.arguments, **self.defaults, **options})
        return network

    def build_seeded(self, seed: int, **options: object) -> nn.Module:
        """Like :meth:`build`, with the weights that ``torch.manual_seed(seed)`` gives.

        The global generator is left as it was. Safe to call from several threads.
        """
        with untouched_generator(seed):
            return self.build(**options)
