"""Whatever the layers, their arguments and the edits: the trace tells what PyTorch does, and never raises itself."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from cnnviz.errors import UsageError
from cnnviz.operations.calls import is_leaf
from cnnviz.shapes.blame import compare, with_blame
from cnnviz.shapes.counting import macs_formula, parameter_formula
from cnnviz.shapes.derivation import branches, derive, derive_failure
from cnnviz.shapes.graph import graph
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.shapes.text import (
    derivation_document,
    derivation_text,
    summary_document,
    table_text,
    torchsummary_text,
)
from cnnviz.tracing.copies import real_copy
from cnnviz.tracing.edits import editable, edited
from cnnviz.tracing.trace import Trace, trace
from tests.shapes.random_networks import EXAMPLES, Case, cases

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # PyTorch doubts some of these layers itself
    pytest.mark.slow,
]

thorough = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@dataclass
class RealPass:
    """What PyTorch itself does on the CPU: leaf modules with the shapes that they gave, and where it raised."""

    shapes: list[tuple[str, tuple[int, ...]]] = field(default_factory=list)
    output: tuple[int, ...] | None = None
    raised_in: str | None = None


def real_pass(network: nn.Module, shape: tuple[int, ...]) -> RealPass:
    """Run a copy with hooks of our own on random numbers."""
    model, done, inside = real_copy(network), RealPass(), [""]
    for path, module in list(model.named_modules())[1:]:
        module.register_forward_pre_hook(lambda _module, _args, path=path: inside.append(path))

        def left(module: nn.Module, _args: object, output: Tensor, path: str = path) -> None:
            inside.pop()
            if is_leaf(module):
                done.shapes.append((path, tuple(output.shape[1:])))

        module.register_forward_hook(left)
    try:
        with torch.no_grad():
            done.output = tuple(model(torch.rand(2, *shape)).shape[1:])
    except (RuntimeError, ValueError, IndexError, TypeError):
        done.raised_in = inside[-1]
    return done


def one_of_pytorchs(network: nn.Module, shape: tuple[int, ...]) -> RealPass:
    """:func:`real_pass`, but without networks about which PyTorch's own backends disagree: some of them refuse an
    empty result of a transposed convolution.
    """
    real = real_pass(network, shape)
    for path, found in real.shapes:
        transposed = isinstance(network.get_submodule(path), nn.ConvTranspose1d | nn.ConvTranspose2d)
        assume(not (transposed and 0 in found))
    return real


def assert_agreement(traced: Trace, real: RealPass) -> None:
    assert not traced.real_pass
    assert [(op.module, op.output_shape) for op in traced.ops if op.module is not None] == real.shapes
    if real.raised_in is None:
        assert traced.failure is None, traced.failure.message
        assert traced.ops[-1].output_shape == real.output
        assert (
            sum(op.params for op in traced.ops) + sum(u.params for u in traced.unexecuted)
            == traced.total_params
        )
    else:
        assert traced.failure is not None
        layer, name = real.raised_in, traced.failure.name
        assert name == layer or name.rpartition(".")[0] == layer  # a function is named after its container


def assert_everything_can_be_told(traced: Trace) -> None:
    """No explanation, table or document raises, and those with numbers have the right ones."""
    fields = receptive_fields(traced)
    assert len(fields) == len(traced.ops)
    for op in traced.ops:
        derivation = derive(traced, op.index)
        assert derivation_text(derivation)
        assert derivation_document(derivation)["steps"][-1]["result"] == list(op.output_shape)
        assert derivation.steps[-1].rule != "-"  # a rule is known, and gives this very size
        branches(traced, op.inputs)
        assert (parameter_formula(op) or " = 0").endswith(f" = {op.params:,}")
        assert (macs_formula(op) or " = 0").endswith(f" = {op.macs:,}")
    if traced.failure is not None:
        assert derivation_text(derive_failure(traced))
    assert table_text(traced)
    assert torchsummary_text(traced)
    assert summary_document("random", traced)["ops"] is not None
    assert graph(traced).nodes is not None


@given(cases())
@thorough
def test_random_networks(case: Case) -> None:
    traced = trace(case.network, case.shape)
    assert_agreement(traced, one_of_pytorchs(case.network, case.shape))
    assert_everything_can_be_told(traced)


@given(cases(), st.data())
@thorough
def test_random_edits(case: Case, data: st.DataObject) -> None:
    layers = editable(case.network)
    paths = [f"{layer}.{argument}" for layer, arguments in layers.items() for argument in arguments]
    if not paths:
        return
    values = (
        st.integers(-1, 9) | st.lists(st.integers(0, 4), max_size=3) | st.sampled_from(["same", 2.5, None])
    )
    edits = data.draw(st.dictionaries(st.sampled_from(paths), values, min_size=1, max_size=3))
    try:
        network = edited(case.network, edits)
    except UsageError:  # which says why; anything else is a fault
        return
    working, traced = trace(case.network, case.shape), trace(network, case.shape)
    assert_agreement(traced, one_of_pytorchs(network, case.shape))
    assert_everything_can_be_told(traced)
    assert len(compare(working, traced)) >= len(traced.ops)
    failure = with_blame(traced, working, edits).failure
    assert failure is None or failure.message


_MADE_FOR = ("in_channels", "in_features", "num_features", "num_channels")


@given(cases(), st.data())
@settings(thorough, max_examples=EXAMPLES // 2)
def test_a_layer_that_was_made_for_another_number_is_mended_by_the_button_alone(
    case: Case, data: st.DataObject
) -> None:
    """Whichever layer of a network that works it is: a fix is offered, and again, until the network is whole."""
    working = trace(case.network, case.shape)
    assume(working.failure is None)
    reached = {op.module for op in working.ops if op.module is not None}
    layers = editable(case.network)
    made_for = [
        (layer, name, layers[layer][name])
        for layer in layers
        if layer in reached
        for name in _MADE_FOR
        if name in layers[layer]
    ]
    assume(made_for)
    layer, argument, number = data.draw(st.sampled_from(made_for))
    other = data.draw(st.integers(1, 12).filter(lambda count: count != number))
    edits: dict[str, object] = {f"{layer}.{argument}": other}
    try:
        traced = trace(edited(case.network, edits), case.shape)
    except UsageError:  # its groups do not divide that number
        assume(False)
    assume(traced.failure is not None)  # an InstanceNorm without weights takes any
    seen: list[dict[str, object]] = []
    while traced.failure is not None:
        assume(not traced.failure.settled)  # the size of the maps may happen to be the number of channels
        fix = traced.failure.fix
        assert fix is not None, traced.failure.message
        edits = {**edits, fix.path: fix.value}
        assert edits not in seen
        seen.append(edits)
        assert len(seen) <= 4
        traced = trace(edited(case.network, edits), case.shape)
