"""A person's own network as an architecture beside the course's. Imports no torch before one is built."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from cnnviz import datasets
from cnnviz.architectures import Architecture
from cnnviz.architectures.catalogue import ADAM
from cnnviz.own import kept
from cnnviz.own.facts import Facts

if TYPE_CHECKING:
    from torch import nn

_MOST_REMEMBERED = 1024
_REMEMBERED: OrderedDict[str, Facts] = OrderedDict()


@dataclass(frozen=True, kw_only=True)
class OwnArchitecture(Architecture):
    """An architecture whose ``build`` interprets a text."""

    facts: Facts

    def build(self, **options: object) -> nn.Module:
        """A new network in training mode, made where tensors are made at the moment.

        Its weights are drawn from PyTorch's global generator in the order of the text. Tensors with memory are made
        only of a network that runs, within the limits of :mod:`cnnviz.own.limits`.

        Raises:
            UnknownKeyError: ``options`` has one: there are none.
            ProblemError: the text gives no network.
            TooLargeError: it is beyond the limits.
        """
        from cnnviz.own.building import built

        self.check_options(options)
        return built(self.facts.definition)


def get(key: str) -> OwnArchitecture:
    """The architecture of a kept network, or of one that a recipe has brought along.

    Raises:
        UnknownKeyError: it is not known here.
    """
    found = kept.find(key)
    if found is not None:
        return architecture_of(found.facts, found.shown_title)
    facts = _REMEMBERED.get(key)
    if facts is None:
        raise kept.NotKeptError(key)
    return architecture_of(facts, facts.name)


def remember(facts: Facts) -> None:
    """Let :func:`get` know a network of this process's that need not be kept: a recipe has brought it along."""
    _REMEMBERED[facts.key] = facts
    _REMEMBERED.move_to_end(facts.key)
    while len(_REMEMBERED) > _MOST_REMEMBERED:
        _REMEMBERED.popitem(last=False)


def architecture_of(facts: Facts, title: str) -> OwnArchitecture:
    """The architecture that has these ``facts``."""
    fitting = fitting_datasets(facts)
    # Where no data set fits it may be of any length; where one does it is (C, H, W).
    shape = cast("tuple[int, int, int]", facts.input_shape or ())
    return OwnArchitecture(
        key=facts.key,
        name=title,
        family=None,
        year=None,
        paper=None,
        idea=None,
        input_shape=shape,
        builder="",
        classes=facts.classes,
        dataset=fitting[0].key if fitting else None,
        log_softmax=facts.log_softmax,
        recipe=ADAM,
        facts=facts,
    )


def fitting_datasets(facts: Facts) -> list[datasets.DatasetInfo]:
    """The data sets with the network's channels and classes, the course's own choice first."""
    if not facts.takes_images or facts.input_shape is None:
        return []
    wanted = (facts.input_shape[0], facts.classes)
    found = [info for info in datasets.registered() if (info.input_shape[0], len(info.classes)) == wanted]
    return sorted(found, key=lambda info: info.part_of is not None)
