"""The networks of torchvision as the closed language knows them: those that torchvision itself lists, without weights.

They are made by torchvision's own code, from plain values alone. Nothing is ever downloaded: where a text asks for
weights, a note says that there are none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from importlib import import_module
from typing import Any

from cnnviz.language import Message
from cnnviz.own.library import given
from cnnviz.own.runs import count_layers, note, the_run
from cnnviz.own.values import Builtin, Constant, Namespace, Refused, Value

_WEIGHTS = "weights"
_LEFT_OUT = ("weights_backbone", "progress")


class _Entries(Mapping[str, Value]):
    """The names of ``torchvision.models``, looked up when the first of them is asked for."""

    @cached_property
    def _known(self) -> dict[str, Value]:
        try:
            models = import_module("torchvision.models")
        except ImportError:
            return {}
        builders = {name: _builder(name, models) for name in models.list_models(module=models)}
        weights = {
            name: Namespace(name, _members(kind))
            for name, kind in vars(models).items()
            if name.endswith("_Weights")
        }
        return {**builders, **weights, "get_model": Builtin("get_model", _by_name(builders))}

    def __getitem__(self, name: str) -> Value:
        return self._known[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._known)

    def __len__(self) -> int:
        return len(self._known)


def _members(kind: Any) -> dict[str, Value]:
    """The names of an enumeration of weights; what they stand for is never looked at."""
    return {name: Constant(name, _WEIGHTS) for name in kind.__members__}


def _builder(name: str, models: Any) -> Builtin:
    """The function that makes the network called ``name``."""

    def call(*values: Value, **keywords: Value) -> Value:
        if the_run().loading:
            raise Refused(Message("cnnviz makes the network itself."))
        asked = [*values, keywords.pop("pretrained", None), keywords.pop("weights", None)]
        if any(value not in (None, False) for value in asked):
            note("weights-left-out", the_run().line, 0)
        plain = {key: given(value, name) for key, value in keywords.items() if key not in _LEFT_OUT}
        made = models.get_model(name, weights=None, **plain)
        count_layers(made)
        return made

    return Builtin(name, call)


def _by_name(builders: Mapping[str, Builtin]) -> Callable[..., Value]:
    def call(name: Value, **keywords: Value) -> Value:
        known = builders.get(name.lower()) if type(name) is str else None
        if known is None:
            raise ValueError(f"Unknown model {name}")
        return known.call(**keywords)

    return call


MODELS = Namespace("models", _Entries())
TORCHVISION = Namespace("torchvision", {"models": MODELS})
