"""What the names of PyTorch and of Python mean in the closed language: tables, made from the registry of operations.

A layer or function that :mod:`cnnviz.operations` knows is known here, too. Functions get plain values and tensors
and nothing else, and what they give is looked at before it becomes a value.
"""

from __future__ import annotations

import functools
import math
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional, init

from cnnviz.language import Message
from cnnviz.operations.operation import registered
from cnnviz.own.operators import DICTS, LARGEST_INTEGER, LONGEST, TENSORS, bounded, too_long, truth
from cnnviz.own.records import simple_namespace
from cnnviz.own.values import (
    Builtin,
    Constant,
    ErrorClass,
    LayerClass,
    Namespace,
    Refused,
    TypeName,
    Value,
)

PLAIN = frozenset((type(None), bool, int, float, str))
_GROUPS = frozenset((tuple, list, torch.Size))
_NAMED_RESULTS = tuple(
    kind for kind in vars(torch.return_types).values() if isinstance(kind, type) and issubclass(kind, tuple)
)


def given(value: Value, name: str) -> Any:
    """``value`` as a function of PyTorch's called ``name`` gets it.

    Raises:
        Refused: it is no plain value, tensor, or list of these, or a size is too large.
    """
    kind = type(value)
    if kind is int and not -LARGEST_INTEGER < value < LARGEST_INTEGER:
        raise Refused(Message("The number {value} is too large for {name}.", value=value, name=name))
    if kind in PLAIN or kind in TENSORS or kind is slice or value is Ellipsis:
        return value
    if kind in _GROUPS:
        return kind(given(entry, name) for entry in value) if kind is not torch.Size else value
    if kind is range:
        return [given(entry, name) for entry in value]
    if kind is Constant:
        return value.value
    if kind is TypeName and value.name in ("float", "int", "bool"):
        return value.types[0]
    raise Refused(Message("{name} cannot take {value} here.", name=name, value=_described(value)))


def _described(value: Value) -> str:
    return (
        getattr(value, "name", type(value).__name__)
        if type(value).__module__.startswith("cnnviz")
        else type(value).__name__
    )


def taken(result: Any, name: str) -> Value:
    """What a function of PyTorch's called ``name`` gave, as a value.

    Raises:
        Refused: the language has no such value.
    """
    kind = type(result)
    if kind in PLAIN or kind in TENSORS:
        return bounded(result)
    if kind in _GROUPS or kind in _NAMED_RESULTS:
        for entry in result:
            taken(entry, name)
        return result
    if kind in (torch.dtype, torch.device):
        return Constant(str(result), result)
    if isinstance(result, nn.Module):
        return result
    raise Refused(Message("{name} gives a {type}, which is not known here.", name=name, type=kind.__name__))


def torch_function(name: str, function: Callable[..., Any]) -> Builtin:
    """A function of PyTorch's as a value."""

    def call(*arguments: Value, **keywords: Value) -> Value:
        if "out" in keywords:
            raise Refused(Message("The argument out of {name} is not known here.", name=name))
        if name in _MAKES_MANY and any(
            type(x) in TENSORS and max(x.shape, default=0) > LONGEST for x in arguments
        ):
            raise too_long()
        on_meta = bool(arguments) and type(arguments[0]) in TENSORS and arguments[0].is_meta
        return taken(
            (_WITHOUT_MEMORY.get(function, function) if on_meta else function)(
                *[given(value, name) for value in arguments],
                **{key: given(value, name) for key, value in keywords.items()},
            ),
            name,
        )

    return Builtin(name, call)


def _normal(tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: None = None) -> Tensor:
    """``init.normal_`` of a tensor without memory."""
    return tensor if std >= 0 else init.normal_(tensor, mean, std)


_WITHOUT_MEMORY: Mapping[Callable[..., Any], Callable[..., Any]] = {
    init.normal_: _normal,
    init.kaiming_normal_: init.kaiming_uniform_,
    init.xavier_normal_: init.xavier_uniform_,
}
"""What does the same on the meta device, where nothing is drawn and PyTorch takes ten times as long for normal numbers."""
_MAKES_MANY = frozenset(("unbind", "split", "chunk", "tolist", "meshgrid", "nonzero"))
"""Functions that give a list, as long as a dimension of their tensor."""


def _function_names() -> Iterator[str]:
    for entry in registered():
        for name in entry.functions:
            yield name
            yield f"{name}_"


def _functions_of(owner: Any) -> dict[str, Builtin]:
    return {
        name: torch_function(name, function)
        for name in _function_names()
        if name not in _NOT_TAKEN and callable(function := getattr(owner, name, None))
    }


_NOT_TAKEN = frozenset(("cpu", "cuda", "random_"))
_BESIDE_THE_REGISTRY = {
    "torch": "numel is_tensor triu tril outer dot cdist diag diagonal trace cross broadcast_tensors meshgrid gather "
    "index_select masked_select take argsort topk unique bincount nonzero clone detach zeros_like atleast_2d "
    "block_diag cartesian_prod count_nonzero histc searchsorted bucketize isclose allclose equal is_floating_point "
    "scatter scatter_add index_add std var norm dist",
    "functional": "one_hot cosine_similarity pairwise_distance pdist grid_sample affine_grid",
    "tensor": "numel nelement dim size item tolist triu tril outer dot diag diagonal gather index_select "
    "masked_select scatter scatter_ scatter_add scatter_add_ index_add index_add_ index_copy_ topk argsort unique "
    "nonzero is_floating_point is_contiguous requires_grad_ uniform_ normal_ fill_ zero_ copy_ element_size stride "
    "new_zeros new_ones new_full new_empty unfold cpu fill_diagonal_ is_complex",
}
_DTYPES = "float32 float float64 double float16 half bfloat16 int8 int16 short int32 int int64 long uint8 bool".split()


def _named(owner: Any, names: str) -> dict[str, Builtin]:
    return {
        name: torch_function(name, function)
        for name in names.split()
        if callable(function := getattr(owner, name, None))
    }


FUNCTIONAL = {**_functions_of(functional), **_named(functional, _BESIDE_THE_REGISTRY["functional"])}
TENSOR_METHODS: Mapping[str, Builtin] = {
    **_functions_of(Tensor),
    **_named(Tensor, _BESIDE_THE_REGISTRY["tensor"]),
}
TENSOR_ATTRIBUTES: Mapping[str, Callable[[Tensor], Any]] = {
    "shape": lambda x: x.shape,
    "ndim": lambda x: x.ndim,
    "dtype": lambda x: x.dtype,
    "device": lambda x: x.device,
    "data": lambda x: x.data,
    "requires_grad": lambda x: x.requires_grad,
    "is_cuda": lambda x: False,
    "T": lambda x: x.T,
    "mT": lambda x: x.mT,
    "H": lambda x: x.H,
}

MODULE = LayerClass("Module", nn.Module)
CONTAINERS = {
    kind.__name__: LayerClass(kind.__name__, kind)
    for kind in (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList)
}
STACKS = frozenset(("TransformerEncoder", "TransformerDecoder"))
"""Containers of PyTorch's that are made of a layer, which they copy."""
_BESIDE_LAYERS = (
    *("TransformerEncoderLayer", "TransformerDecoderLayer", "Transformer", *STACKS),
    *("CrossEntropyLoss", "NLLLoss", "MSELoss", "L1Loss", "BCELoss", "BCEWithLogitsLoss", "SmoothL1Loss"),
)
"""What is made of layers of the registry, and the losses that a network may hold beside its layers."""
LAYERS: dict[str, LayerClass] = {
    name: LayerClass(name, cls)
    for known in (
        *(name for entry in registered() for name in entry.modules if isinstance(name, str)),
        *_BESIDE_LAYERS,
    )
    for name in (known, f"Lazy{known}")
    if name[:8] != "LazyLazy"
    and isinstance(cls := getattr(nn, name, None), type)
    and issubclass(cls, nn.Module)
}


def _parameter(data: Value = None, requires_grad: Value = True) -> Value:
    if type(data) not in TENSORS:
        raise TypeError(f"nn.Parameter needs a tensor, not {type(data).__name__}")
    return nn.Parameter(data.detach(), requires_grad=truth(requires_grad))


INIT = _named(
    init,
    "uniform_ normal_ trunc_normal_ constant_ ones_ zeros_ eye_ dirac_ xavier_uniform_ xavier_normal_ "
    "kaiming_uniform_ kaiming_normal_ orthogonal_ sparse_ calculate_gain",
)
NO_GRAD = Constant("no_grad", None)
TENSOR = TypeName("Tensor", (Tensor, nn.Parameter))
PARAMETER = Builtin("Parameter", _parameter)

NN = Namespace(
    "nn",
    {
        "Module": MODULE,
        **CONTAINERS,
        **LAYERS,
        "Parameter": PARAMETER,
        "functional": Namespace("F", FUNCTIONAL),
        "init": Namespace("init", INIT),
    },
)
TORCH = Namespace(
    "torch",
    {
        **_functions_of(torch),
        **_named(torch, _BESIDE_THE_REGISTRY["torch"]),
        **{name: Constant(f"torch.{name}", getattr(torch, name)) for name in _DTYPES},
        "nn": NN,
        "Tensor": TENSOR,
        "FloatTensor": TENSOR,
        "Size": TypeName("Size", (torch.Size,)),
        "pi": math.pi,
        "inf": math.inf,
        "device": Builtin("device", lambda name="cpu", *_: Constant("cpu", torch.device("cpu"))),
        "no_grad": Builtin("no_grad", lambda: NO_GRAD),
        "manual_seed": Builtin("manual_seed", lambda *_: None),
        "cuda": Namespace("torch.cuda", {"is_available": Builtin("is_available", lambda: False)}),
        "jit": Namespace("torch.jit", {"is_scripting": Builtin("is_scripting", lambda: False)}),
    },
)


def _number_function(name: str, function: Callable[..., Any]) -> Builtin:
    def call(*arguments: Value) -> Value:
        for value in arguments:
            if type(value) not in (bool, int, float):
                raise TypeError(f"must be real number, not {type(value).__name__}")
        return bounded(function(*arguments))

    return Builtin(name, call)


MATH = Namespace(
    "math",
    {
        **{
            name: _number_function(name, getattr(math, name))
            for name in "sqrt log log2 log10 exp ceil floor sin cos tan tanh gcd isqrt fabs".split()
        },
        "prod": Builtin(
            "prod", lambda values: bounded(functools.reduce(lambda a, b: bounded(a * b), _numbers(values), 1))
        ),
        "pi": math.pi,
        "e": math.e,
        "inf": math.inf,
    },
)


def _numbers(values: Value) -> list[Any]:
    found = iterated(values)
    for value in found:
        if type(value) not in (bool, int, float):
            raise TypeError(f"must be real number, not {type(value).__name__}")
    return found


def iterated(value: Value) -> list[Value]:
    """The entries of what a ``for`` runs over.

    Raises:
        Refused: there are too many.
        TypeError: there are none in such a value.
    """
    kind = type(value)
    if kind in TENSORS:
        if value.dim() and len(value) > LONGEST:
            raise too_long()
        return list(value)
    if kind in (tuple, list, torch.Size, range, str) or kind in _NAMED_RESULTS:
        if len(value) > LONGEST:
            raise too_long()
        return list(value)
    if kind in DICTS:
        return list(value)
    if isinstance(value, (nn.Sequential, nn.ModuleList, nn.ParameterList, nn.ModuleDict)):
        return list(value)
    raise TypeError(f"'{kind.__name__}' object is not iterable")


def _length(value: Value) -> int:
    kind = type(value)
    if kind in (tuple, list, *DICTS, range, str, torch.Size) or kind in TENSORS or kind in _NAMED_RESULTS:
        return len(value)
    if isinstance(value, (nn.Sequential, nn.ModuleList, nn.ModuleDict, nn.ParameterList)):
        return len(value)
    raise TypeError(f"object of type '{kind.__name__}' has no len()")


def _range(*limits: Value) -> range:
    for limit in limits:
        if type(limit) not in (int, bool):
            raise TypeError(f"'{type(limit).__name__}' object cannot be interpreted as an integer")
    return range(*limits)


def _integer(value: Value = 0) -> int:
    if (
        type(value) in (bool, int, float)
        or type(value) in TENSORS
        or (type(value) is str and len(value) < 20)
    ):
        return bounded(int(value))  # type: ignore[no-any-return]
    raise TypeError(f"int() argument must be a string or a real number, not '{type(value).__name__}'")


def _real(value: Value = 0.0) -> float:
    if (
        type(value) in (bool, int, float)
        or type(value) in TENSORS
        or (type(value) is str and len(value) < 40)
    ):
        return float(value)
    raise TypeError(f"float() argument must be a string or a real number, not '{type(value).__name__}'")


def _text(value: Value = "") -> str:
    if type(value) in PLAIN:
        return str(value)
    raise Refused(
        Message("Only numbers and texts become text here, not a {type}.", type=type(value).__name__)
    )


def _extreme(pick: Callable[..., Any]) -> Callable[..., Value]:
    def call(*values: Value) -> Value:
        found = iterated(values[0]) if len(values) == 1 else list(values)
        return pick(_numbers(found))

    return call


def _sum(values: Value, start: Value = 0) -> Value:
    total = start
    for value in iterated(values):
        if type(value) not in (bool, int, float) and type(value) not in TENSORS:
            raise TypeError(f"unsupported operand type(s) for +: 'int' and '{type(value).__name__}'")
        total = total + value
    return bounded(total)


def _zip(*groups: Value) -> list[Value]:
    return list(zip(*[iterated(group) for group in groups], strict=False))


def _enumerate(values: Value, start: Value = 0) -> list[Value]:
    return list(enumerate(iterated(values), _integer(start)))


def _sorted(values: Value, reverse: Value = False) -> list[Value]:
    found = iterated(values)
    if not (all(type(v) is str for v in found) or all(type(v) in (bool, int, float) for v in found)):
        raise Refused(Message("Only numbers, or texts, are sorted here."))
    return sorted(found, reverse=truth(reverse))


def _dict(*entries: Value, **more: Value) -> dict[Any, Value]:
    found: dict[Any, Value] = {}
    for group in entries:
        pairs = group.items() if type(group) in DICTS else [iterated(pair) for pair in iterated(group)]
        for key, value in pairs:
            if type(key) not in PLAIN:
                raise TypeError(f"unhashable type: '{type(key).__name__}'")
            found[key] = value
    return {**found, **more}


def _absolute(value: Value) -> Value:
    if type(value) in (bool, int, float) or type(value) in TENSORS:
        return abs(value)
    raise TypeError(f"bad operand type for abs(): '{type(value).__name__}'")


def _round(value: Value, digits: Value = None) -> Value:
    if type(value) not in (bool, int, float):
        raise TypeError(f"type {type(value).__name__} doesn't define __round__ method")
    return round(value) if digits is None else round(value, _integer(digits))


BUILTINS: Mapping[str, Value] = {
    "len": Builtin("len", _length),
    "range": Builtin("range", _range),
    "sum": Builtin("sum", _sum),
    "max": Builtin("max", _extreme(max)),
    "min": Builtin("min", _extreme(min)),
    "abs": Builtin("abs", _absolute),
    "round": Builtin("round", _round),
    "zip": Builtin("zip", _zip),
    "enumerate": Builtin("enumerate", _enumerate),
    "reversed": Builtin("reversed", lambda values: iterated(values)[::-1]),
    "sorted": Builtin("sorted", _sorted),
    "all": Builtin("all", lambda values: all(map(truth, iterated(values)))),
    "any": Builtin("any", lambda values: any(map(truth, iterated(values)))),
    "int": TypeName("int", (int, bool), _integer),
    "float": TypeName("float", (float,), _real),
    "bool": TypeName("bool", (bool,), truth),
    "str": TypeName("str", (str,), _text),
    "list": TypeName("list", (list,), lambda values=(): list(iterated(values))),
    "tuple": TypeName("tuple", (tuple, torch.Size), lambda values=(): tuple(iterated(values))),
    "dict": TypeName("dict", (dict, OrderedDict), _dict),
    **{
        error.__name__: ErrorClass(error.__name__, error)
        for error in (
            ValueError,
            TypeError,
            RuntimeError,
            NotImplementedError,
            KeyError,
            IndexError,
            AssertionError,
            AttributeError,
            Exception,
        )
    },
}

MODULES: Mapping[str, Namespace] = {
    "torch": TORCH,
    "torch.nn": NN,
    "torch.nn.functional": Namespace("F", FUNCTIONAL),
    "torch.nn.init": Namespace("init", INIT),
    "torch.nn.parameter": Namespace("torch.nn.parameter", {"Parameter": PARAMETER}),
    "math": MATH,
    "types": Namespace("types", {"SimpleNamespace": Builtin("SimpleNamespace", simple_namespace)}),
    "collections": Namespace(
        "collections",
        {
            "OrderedDict": TypeName(
                "OrderedDict", (OrderedDict,), lambda *entries, **more: OrderedDict(_dict(*entries, **more))
            )
        },
    ),
}
"""The modules whose names a text may import; nothing is imported."""

ANNOTATIONS = frozenset(("__future__", "typing", "typing_extensions", "collections.abc"))
"""Modules whose names stand in annotations, which are not read."""


def class_of(value: Value) -> Value:
    """What ``type(value)`` is; the classes of the text know their own instances themselves.

    Raises:
        Refused: a value whose class the language does not have.
    """
    kind = type(value)
    if kind in _NAME_OF_LAYER:
        return LAYERS.get(_NAME_OF_LAYER[kind]) or CONTAINERS[_NAME_OF_LAYER[kind]]
    for known in BUILTINS.values():
        if type(known) is TypeName and known.types[0] is kind:
            return known
    if kind in TENSORS:
        return TENSOR
    raise Refused(Message("type() is known here of layers, tensors and plain values only."))


_NAME_OF_LAYER = {layer.cls: name for name, layer in (CONTAINERS | LAYERS).items()}


def same_class(value: Value, kind: Value) -> bool:
    """Whether ``value`` is an instance of the class that ``kind`` stands for, as far as tables tell."""
    if type(kind) is TypeName:
        return type(value) in kind.types
    if type(kind) is LayerClass:
        return isinstance(value, kind.cls)
    return False
