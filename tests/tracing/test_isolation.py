"""Functions that draw random numbers are known as such."""

from __future__ import annotations

import threading

import torch
from torch import nn

from cnnviz.operations.calls import function_type
from cnnviz.operations.operation import named
from cnnviz.randomness import untouched_generator
from cnnviz.tracing.trace import trace

_INNER = ("_", "miopen")
"""Of other devices, or parts of functions that are known."""


def test_every_function_that_pytorch_calls_random_is_known() -> None:
    tagged = set()
    schemas = torch._C._jit_get_all_schemas()
    for name in {
        schema.name.removeprefix("aten::") for schema in schemas if schema.name.startswith("aten::")
    }:
        packet = getattr(torch.ops.aten, name, None)
        for overload in getattr(packet, "overloads", list)():
            if torch.Tag.nondeterministic_seeded in getattr(packet, overload).tags:
                tagged.add(name)
    public = {name for name in tagged if hasattr(torch, name) or hasattr(torch.Tensor, name)}
    assert "bernoulli_" in public
    known = {name for name in public if named(name.strip("_")).random}
    assert {name for name in public - known if not name.startswith(_INNER)} == set()


def test_every_initialisation_of_layers_is_known() -> None:
    fills = {name for name in dir(nn.init) if name.endswith("_") and not name.startswith("_")}
    constant = {"constant_", "ones_", "zeros_", "eye_", "dirac_"}
    assert "kaiming_uniform_" in fills
    assert all(named(function_type(getattr(nn.init, name))).random for name in fills - constant)


def test_a_trace_waits_for_nobody_who_uses_the_generator() -> None:
    model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(7, 2))  # with a search for a fix
    found = []
    with untouched_generator():
        worker = threading.Thread(target=lambda: found.append(trace(model, (1, 8, 8))), daemon=True)
        worker.start()
        worker.join(timeout=30)
    assert found
    assert found[0].failure.fix.value == 108
