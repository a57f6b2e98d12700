"""The chosen network goes along from page to page: the menu's links name it, as far as each page can show it.

What a page shows stands in its link, so :func:`notice` reads there what was chosen, and :func:`parameters` writes
the same choice as another page names it. A link that names something itself is never changed. The landing page has
this, too: what is slow to import is imported where something is carried along.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from types import MappingProxyType
from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import CnnvizError
from cnnviz.hosted.client import NAME as HOSTED
from cnnviz.own.definition import PREFIX
from cnnviz.ui.shared.query import query

if TYPE_CHECKING:
    from cnnviz.datasets import DatasetInfo
    from cnnviz.training.checkpoints.checkpoints import Checkpoint

Parameters = Mapping[str, str | list[str]]

UNTRAINED = "untrained-"
"""Begins the name of an architecture's weights before training."""

FIRST_NETWORK = "basic-cnn"
"""The network that pages show to whoever has chosen none."""

NEW = "own"
"""What the link of the Architecture page calls a new network of one's own."""

FIRST_WEIGHTS = "basic-cnn-mnist"

_CARRIED = "_carried_network"
_TORCHVISION_NAME = re.compile(r"torchvision:\w{1,64}")


@dataclass(frozen=True)
class Carried:
    """What was chosen: the network, as the Architecture page names it, with its ``edits`` (``PATH=VALUE``, options
    of the builder among them), the data set that it is trained on, and the weights: the id of a checkpoint or of a
    run, or ``untrained-KEY``.
    """

    model: str
    edits: tuple[str, ...] = ()
    dataset: str | None = None
    weights: str | None = None

    @property
    def architecture(self) -> Architecture | None:
        """The registered architecture, or a person's own; None for one of torchvision's models."""
        return architectures.get(self.model) if architectures.is_known(self.model) else None


def data_for(architecture: Architecture) -> list[DatasetInfo]:
    """Data sets with the network's number of channels and classes; images are resized to fit."""
    from cnnviz import datasets

    if architecture.dataset is None:
        return []
    wanted = (architecture.input_shape[0], architecture.classes)
    return [info for info in datasets.registered() if (info.input_shape[0], len(info.classes)) == wanted]


def trainable() -> list[str]:
    """The keys of the course's networks for which there is a data set, in the order of the registry."""
    return [known.key for known in architectures.registered("network") if data_for(known)]


def is_trainable(model: str | None) -> bool:
    """Whether there is a data set for the network, the course's or a person's own."""
    return model is not None and architectures.is_known(model) and bool(data_for(architectures.get(model)))


def notice(page: str) -> None:
    """Keep what the link of this ``page`` (the name of its file) has chosen.

    A page whose link could name what is carried along, and does not, shows its own first network: that was chosen.
    """
    known: Carried | None = st.session_state.get(_CARRIED)
    found = None
    if page in _READ:
        found = _READ[page](known)
        if found is None and known is not None and parameters(page):
            found = _first(page)
    if found is not None:
        st.session_state[_CARRIED] = found


def parameters(page: str) -> Parameters:
    """What a link to ``page`` says of the network that is carried along: nothing where the page cannot show it."""
    known: Carried | None = st.session_state.get(_CARRIED)
    return _WRITE[page](known) if known is not None and page in _WRITE else {}


def _first(page: str) -> Carried | None:
    if page == "train":
        return Carried(trainable()[0])
    if page == "architecture":
        return Carried(FIRST_NETWORK)
    return _of_weights(FIRST_WEIGHTS, None) if page == "filters" else None


def _read_architecture(known: Carried | None) -> Carried | None:
    if query.get("view", "error" if "error" in query else "") == "error":  # the decoder shows no network
        return known
    if "model" not in query and "set" not in query:
        return None
    model = query.get("model") or FIRST_NETWORK
    named = model in (NEW, HOSTED) or architectures.is_known(model) or _TORCHVISION_NAME.fullmatch(model)
    if not named:
        return None
    kept = known if known is not None and known.model == model else Carried(model)
    return replace(kept, edits=tuple(query.get_all("set")))


def _read_train(known: Carried | None) -> Carried | None:
    run = query.get("run")
    trained = _run_architecture(run) if run is not None else None
    model = query.get("model") or trained or (trainable()[0] if "set" in query else None)
    if model == HOSTED:
        return Carried(HOSTED, weights=None if trained is None else run)
    if model is None or not is_trainable(model):
        return None
    kept = known if known is not None and known.model == model else Carried(model)
    options = [text for text in query.get_all("set") if _is_option(model, text)]
    edits = (*options, *(text for text in kept.edits if not _is_option(model, text)))
    weights = run if trained == model else kept.weights
    return replace(kept, edits=edits, dataset=query.get("dataset"), weights=weights)


def _run_architecture(run_id: str) -> str | None:
    from cnnviz.training.store.polled import open_polled

    with suppress(CnnvizError):
        run = open_polled().get(run_id)
        return run.architecture if run.deleted_at is None else None
    return None


def _read_weights(known: Carried | None) -> Carried | None:
    named = query.get("checkpoint")
    return None if named is None else _of_weights(named, known)


def _read_draw(known: Carried | None) -> Carried | None:
    named = [query.get("inside")] if "inside" in query else query.get_all("checkpoint")
    return _of_weights(named[0], known) if len(named) == 1 and named[0] else None


def _of_weights(named: str, known: Carried | None) -> Carried | None:
    """The network that weights belong to; None where there are no such weights."""
    if _TORCHVISION_NAME.fullmatch(named) or named == HOSTED:
        return Carried(named)
    options: Mapping[str, object] = {}
    dataset = None
    if named.startswith(UNTRAINED):
        model: str | None = named.removeprefix(UNTRAINED)
    elif (checkpoint := _checkpoint(named)) is not None:
        model, dataset, options = checkpoint.architecture, checkpoint.dataset, checkpoint.options
    else:
        model = _run_architecture(named)
    if model is None or not architectures.is_known(model):
        return None
    edits = known.edits if known is not None and known.model == model else ()
    if options:
        defaults = architectures.get(model).defaults
        edits = tuple(
            f"{name}={json.dumps(value)}" for name, value in options.items() if value != defaults.get(name)
        )
    return Carried(model, edits, dataset, named)


def _write_architecture(known: Carried) -> Parameters:
    named: Parameters = {} if known.model == FIRST_NETWORK else {"model": known.model}
    return {**named, "set": list(known.edits)} if known.edits else named


def _write_train(known: Carried) -> Parameters:
    architecture = known.architecture
    if known.model == HOSTED:
        return {"model": HOSTED} if known.weights is None else {"model": HOSTED, "run": known.weights}
    if architecture is None or not is_trainable(known.model):
        return {}
    named: dict[str, str | list[str]] = {}
    if known.model != trainable()[0]:
        named["model"] = known.model
    if known.dataset in [info.key for info in data_for(architecture)]:
        named["dataset"] = str(known.dataset)
    if options := [text for text in known.edits if _is_usable(architecture, text)]:
        named["set"] = options
    if known.weights is not None and _may_be_run(known.weights) and _run_architecture(known.weights):
        named["run"] = known.weights
    return named


def _may_be_run(weights: str) -> bool:
    """Whether it is worth while to ask the store."""
    found = _checkpoint(weights)
    return not weights.startswith(UNTRAINED) and (found is None or not found.is_shipped)


def _write_filters(known: Carried) -> Parameters:
    from cnnviz.interpret import pretrained
    from cnnviz.models import TORCHVISION

    weights = known.weights
    if known.model == HOSTED:
        return {"checkpoint": weights if weights is not None and _can_be_shown(weights) else HOSTED}
    if known.architecture is None:
        offered = [TORCHVISION + model.name for model in pretrained.registered()]
        return {"checkpoint": known.model} if known.model in offered else {}
    if weights is None or not (weights.startswith(UNTRAINED) or _can_be_shown(weights)):
        trained = _trained(known)
        weights = f"{UNTRAINED}{known.model}" if trained is None else trained.id
    if weights == FIRST_WEIGHTS or known.architecture.group != "network":
        return {}
    return {"checkpoint": weights}


def _write_evaluate(known: Carried) -> Parameters:
    trained = _trained(known)
    if trained is None:
        return {"checkpoint": HOSTED} if known.model == HOSTED else {}
    return {"checkpoint": trained.id}


def _write_draw(known: Carried) -> Parameters:
    """Digits are read by all shipped networks side by side, and the carried one is looked into."""
    from cnnviz import datasets

    trained = _trained(known)
    if trained is None:
        return {"inside": HOSTED} if known.model == HOSTED else {}
    info = datasets.get(trained.dataset)
    among_all = trained.is_shipped and "mnist" in (info.key, info.part_of)
    return {"inside" if among_all else "checkpoint": trained.id}


def _trained(known: Carried) -> Checkpoint | None:
    """The checkpoint that was chosen, else the course's for the network, where there is one; of a person's own network
    the newest.
    """
    names = [known.weights] if known.weights is not None else []
    if known.architecture is not None:
        names += [f"{known.model}-{dataset}" for dataset in (known.dataset, known.architecture.dataset)]
    found = chain(map(_checkpoint, names), map(_newest, [known.model]))
    return next((each for each in found if each is not None and each.can_be_run), None)


def _newest(model: str) -> Checkpoint | None:
    from cnnviz.training.checkpoints import checkpoints

    with suppress(CnnvizError):
        return checkpoints.find(model) if model.startswith(PREFIX) else None
    return None


def _checkpoint(name: str) -> Checkpoint | None:
    from cnnviz.training.checkpoints import checkpoints

    with suppress(CnnvizError):
        return checkpoints.get(name)
    return None


def _can_be_shown(weights: str) -> bool:
    """Whether there is such a checkpoint, or a run that has snapshots at least."""
    from cnnviz.interpret.networks import moments

    with suppress(CnnvizError):  # where runs are kept may be silent: no reason to show nobody the menu
        return _checkpoint(weights) is not None or bool(moments(weights))
    return False


def _is_option(model: str, edit: str) -> bool:
    return edit.partition("=")[0] in architectures.get(model).options


def _is_usable(architecture: Architecture, edit: str) -> bool:
    """Whether it is an option of the builder, with a value that the builder takes."""
    name, _sign, value = edit.partition("=")
    try:
        architecture.check_options({name: json.loads(value)})
    except (ValueError, RecursionError, CnnvizError):
        return False
    return True


_READ: Mapping[str, Callable[[Carried | None], Carried | None]] = MappingProxyType(
    {
        "architecture": _read_architecture,
        "train": _read_train,
        "filters": _read_weights,
        "evaluate": _read_weights,
        "draw": _read_draw,
    }
)
_WRITE: Mapping[str, Callable[[Carried], Parameters]] = MappingProxyType(
    {
        "architecture": _write_architecture,
        "train": _write_train,
        "filters": _write_filters,
        "evaluate": _write_evaluate,
        "draw": _write_draw,
    }
)
