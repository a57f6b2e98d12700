"""A trace works on a copy: however a network refers to its layers, the person's own ones stay as they are."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from cnnviz.tracing.copies import meta_copy, real_copy
from cnnviz.tracing.trace import trace
from tests.shapes.networks import Calls

NORM = nn.BatchNorm2d(3)


class Helper:
    """An object of a person's own that is no module."""

    def __init__(self, layer: nn.Module) -> None:
        self.layer = layer

    def __call__(self, x: Tensor) -> Tensor:
        return self.layer(x)


def in_a_lambda(net: Any, norm: nn.Module) -> None:
    net.norm = norm
    net.function = lambda x: net.norm(x)


def in_a_closure_alone(net: Any, norm: nn.Module) -> None:
    net.function = lambda x: norm(x)


def in_a_default(net: Any, norm: nn.Module) -> None:
    net.function = lambda x, layer=norm: layer(x)


def in_a_keyword(net: Any, norm: nn.Module) -> None:
    def function(x: Tensor, *, layer: nn.Module = norm) -> Any:
        return layer(x)

    net.function = function


def in_nested_functions(net: Any, norm: nn.Module) -> None:
    def inner(x: Tensor) -> Any:
        return norm(x)

    net.function = lambda x: next(inner(value) for value in [x])


def in_a_partial(net: Any, norm: nn.Module) -> None:
    net.function = partial(lambda layer, x: layer(x), norm)


def in_a_method(net: Any, norm: nn.Module) -> None:
    net.function = norm.forward


def in_a_list(net: Any, norm: nn.Module) -> None:
    net.layers = [norm]
    net.function = lambda x: net.layers[0](x)


def in_an_ordered_dict(net: Any, norm: nn.Module) -> None:
    net.layers = OrderedDict(norm=norm)
    net.norm = norm
    net.function = lambda x: net.layers["norm"](x)


def in_an_ordered_dict_alone(net: Any, norm: nn.Module) -> None:
    net.layers = OrderedDict(norm=norm)
    net.function = lambda x: net.layers["norm"](x)


def in_an_object(net: Any, norm: nn.Module) -> None:
    net.function = Helper(norm)


def in_a_global(net: Any, _norm: nn.Module) -> None:
    net.function = through_a_global


def through_a_global(x: Tensor) -> Any:
    return NORM(x)


WAYS = (
    in_a_lambda,
    in_a_closure_alone,
    in_a_default,
    in_a_keyword,
    in_nested_functions,
    in_a_partial,
    in_a_method,
    in_a_list,
    in_an_ordered_dict,
    in_an_ordered_dict_alone,
    in_an_object,
    in_a_global,
)


class Held(nn.Module):
    """A network that reaches its normalisation by ``function`` alone; a real pass where it ``decides`` by data."""

    function: Callable[[Tensor], Tensor]

    def __init__(self, decides: bool) -> None:
        super().__init__()
        self.decides = decides
        self.conv = nn.Conv2d(1, 3, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.function(self.conv(x))
        return x if not self.decides or x.sum() > 0 else -x


@pytest.mark.parametrize("decides", [False, True])
@pytest.mark.parametrize("hold", WAYS)
def test_a_layer_stays_as_it_is_however_it_is_held(
    hold: Callable[[Any, nn.Module], None], decides: bool
) -> None:
    norm = NORM if hold is in_a_global else nn.BatchNorm2d(3)
    norm.train()
    called: list[int] = []
    handle = norm.register_forward_hook(lambda *_: called.append(1))
    net = Held(decides)
    hold(net, norm)
    before = {name: value.clone() for name, value in norm.state_dict().items()}
    traced = trace(net, (1, 8, 8))
    handle.remove()
    assert traced.failure is None
    assert traced.real_pass is decides
    assert (3, 6, 6) in [op.output_shape for op in traced.ops[1:]]
    assert not called
    assert norm.training
    assert all(torch.equal(value, before[name]) for name, value in norm.state_dict().items())


def test_a_method_that_names_a_global_layer_runs_its_copy() -> None:
    called: list[int] = []
    NORM.train()
    handle = NORM.register_forward_hook(lambda *_: called.append(1))

    class Names(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return self.normalised(x)

        def normalised(self, x: Tensor) -> Any:
            return NORM(x)

    before = NORM.running_mean.clone()  # type: ignore[union-attr]
    assert trace(Names(), (3, 6, 6)).failure is None
    handle.remove()
    assert not called
    assert torch.equal(NORM.running_mean, before)  # type: ignore[arg-type]


def test_a_forward_that_names_the_network_itself() -> None:
    net = Calls(lambda self, x: held["net"].m0(x), nn.Linear(4, 3))
    held = {"net": net}
    traced = trace(net, (4,))
    assert [(op.name, op.params) for op in traced.ops] == [("m0", 15)]


def test_tensors_that_only_a_function_names_are_not_written_to() -> None:
    table, seen = torch.ones(4), torch.zeros(4)

    class Counts:
        __slots__ = ("table",)  # an object that is shared with the copy

        def __init__(self) -> None:
            self.table = seen

    counts = Counts()

    def writes(net: Any, x: Tensor) -> Tensor:
        table.add_(1)
        counts.table.add_(x.sum() * 0 + 1)
        return x if x.sum() > 0 else -x

    assert trace(Calls(writes), (4,)).real_pass
    assert torch.equal(table, torch.ones(4))
    assert torch.equal(seen, torch.zeros(4))


@pytest.mark.parametrize("parametrize", [parametrizations.weight_norm, parametrizations.spectral_norm])
def test_hooks_of_parametrized_layers_do_not_run(parametrize: Callable[[nn.Module], nn.Module]) -> None:
    called: list[int] = []
    layer = parametrize(nn.Linear(4, 4))
    layer.register_forward_hook(lambda *_: called.append(1))
    layer.parametrizations.register_forward_pre_hook(lambda *_: called.append(2))  # type: ignore[operator,union-attr]
    layer.train()
    before = {name: value.clone() for name, value in layer.state_dict().items()}
    for function in (lambda net, x: net.m0(x), lambda net, x: net.m0(x) if x.sum() > 0 else x):
        assert trace(Calls(function, layer), (4,)).failure is None
    assert not called
    assert layer.training
    assert all(torch.equal(value, before[name]) for name, value in layer.state_dict().items())


@pytest.mark.parametrize("copy", [meta_copy, real_copy])
def test_what_was_one_object_stays_one(copy: Callable[[nn.Module], Any]) -> None:
    layer = nn.Linear(2, 2)
    net: Any = nn.Sequential(layer)
    net.a = net.b = [layer]
    net.c = net.d = {"layer": layer}
    net.e = net.f = Helper(layer)
    net.a.append(net.a)
    net.partial = partial(Helper.__call__, net.e)
    copied = copy(net)
    assert copied.a is copied.b is copied.a[1] is not net.a
    assert copied.c is copied.d
    assert copied.e is copied.f
    assert copied.a[0] is copied.c["layer"] is copied.e.layer is copied[0]
    assert copied.partial.args[0] is copied.e


def test_functions_share_their_variables_in_the_copy_as_before() -> None:
    layer, count = nn.Linear(2, 2), 0

    def counts(x: Tensor) -> Any:
        nonlocal count
        count += 1
        return layer(x)

    net: Any = Calls(lambda self, x: self.counts(x) * self.count())
    net.counts, net.count = counts, lambda: count + 0 * len(list(layer.parameters()))
    copied = real_copy(net)
    assert torch.equal(copied(torch.ones(1, 2)), layer(torch.ones(1, 2)))
    assert (copied.count(), count) == (1, 0)
    assert counts.__closure__ is not None


def test_functions_without_layers_are_shared() -> None:
    def plain(x: Tensor) -> Tensor:
        return x.relu()

    net: Any = Calls(lambda self, x: plain(x))
    net.act = plain
    assert meta_copy(net).act is plain


def draws(net: Any, x: Tensor) -> Tensor:
    noise = torch.rand(4) + torch.randn(4)
    while torch.rand(1) < 0.9:  # ends, as the numbers go on
        noise = noise + 1
    return nn.functional.dropout(x + noise, training=True)


def makes_a_layer(net: Any, x: Tensor) -> Tensor:
    layer = nn.Linear(4, 2)
    return layer(x) if x.sum() > 0 else x


@pytest.mark.parametrize("function", [draws, makes_a_layer])
def test_random_numbers_of_a_forward_are_its_own(function: Callable[[Any, Tensor], Tensor]) -> None:
    before = torch.get_rng_state()
    assert trace(Calls(function), (4,)).failure is None
    assert torch.equal(torch.get_rng_state(), before)
