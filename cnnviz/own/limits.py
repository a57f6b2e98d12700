"""How large an own network may be that is given memory; looked at before it is.

On the meta device any network is free. With weights and images it takes the memory and the time of a server that
others use, so that there are limits, each with its variable in :mod:`cnnviz.settings`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own import asking
from cnnviz.own.definition import Definition
from cnnviz.settings import settings
from cnnviz.tracing.inputs import type_taken

_SCRATCH = 4
"""A constructor may make so many times the numbers that the parameters may have: initial values, permutations."""


class TooLargeError(CnnvizError):
    """An own network is larger than this server allows."""

    def __init__(self, what: Message, count: int, most: int, variable: str) -> None:
        super().__init__(
            Message(
                "The network has {count:,} {what}; more than {most:,} are not trained or run here ({variable}).",
                count=count,
                what=what,
                most=most,
                variable=variable,
            )
        )


def check(definition: Definition, construct: Callable[[Definition], nn.Module]) -> None:
    """Check that the network may be given memory; ``construct`` makes it on the meta device.

    Raises:
        ProblemError: there is no network, or its forward pass fails.
        TooLargeError: it is beyond a limit.
    """
    allowed = settings()
    found = _sizes(definition, construct)
    for size, (what, most, variable) in zip(
        found,
        (
            (Message("parameters"), allowed.own_max_parameters, "CNNVIZ_OWN_MAX_PARAMETERS"),
            (Message("activations per image"), allowed.own_max_activations, "CNNVIZ_OWN_MAX_ACTIVATIONS"),
            (Message("multiply-adds per image"), allowed.own_max_macs, "CNNVIZ_OWN_MAX_MACS"),
            (
                Message("numbers made by its constructor"),
                _SCRATCH * allowed.own_max_parameters,
                "CNNVIZ_OWN_MAX_PARAMETERS",
            ),
        ),
        strict=True,
    ):
        if size > most:
            raise TooLargeError(what, size, most, variable)


@lru_cache(maxsize=256)
def _sizes(definition: Definition, construct: Callable[[Definition], nn.Module]) -> tuple[int, int, int, int]:
    """Parameters, activations and multiply-adds for one image, and the numbers that the constructor makes."""
    trace = asking.trace_of(definition)
    if trace.failure is not None:
        raise asking.ProblemError(trace.failure.reason, trace.failure.line)
    counting, passing = _Counting(), _Counting()  # type: ignore[no-untyped-call]
    activations = sum(math.prod(op.output_shape) for op in trace.ops)
    with torch.random.fork_rng(devices=()), torch.device("meta"), torch.no_grad():
        with counting:
            model = construct(definition)
        if not (trace.real_pass or trace.integers_below or trace.further_inputs):
            with passing:  # what a layer keeps to itself counts here, such as the weights of attention
                model.eval()(torch.empty(1, *trace.input_shape, dtype=type_taken(model)))
            activations = passing.numbers
    return trace.total_params, activations, trace.macs, counting.numbers


class _Counting(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the numbers in the tensors that are made within the block, views and changes in place aside."""

    numbers = 0

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if not any(returned.alias_info for returned in func._schema.returns):
            parts = result if isinstance(result, (tuple, list)) else (result,)
            self.numbers += sum(part.numel() for part in parts if isinstance(part, Tensor))
        return result
