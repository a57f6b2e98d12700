"""A person's own networks in the lists of pages, beside the course's."""

from __future__ import annotations

from contextlib import nullcontext

import streamlit as st

from cnnviz import architectures
from cnnviz.classroom.limits import check, is_shared
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.own import asking, kept
from cnnviz.own.architecture import fitting_datasets, get
from cnnviz.own.definition import PREFIX, Definition
from cnnviz.own.reading import Reading
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import open_store
from cnnviz.ui.shared import cached, rights
from cnnviz.ui.shared.owner import owner
from cnnviz.ui.shared.problems import plain


def titles() -> dict[str, str]:
    """What lists call the kept own networks, by key: this person's first."""
    return {key: _("{title} · own", title=title) for key, title in cached.own_networks(owner()).items()}


def trainable(named: str | None = None) -> dict[str, str]:
    """What lists call the own networks for which there is a data set, by key: this person's first.

    The one that the link has ``named`` is among them, too, where it is an older version, say, that lists leave out.
    """
    found = {key: title for key, title in titles().items() if is_trainable(key)}
    if named is not None and named not in found and is_trainable(named):
        found[named] = title_of(named)
    return found


def known(named: str | None = None) -> dict[str, str]:
    """What lists call all own networks, by key: this person's first; the one that the link has ``named`` among them."""
    found = titles()
    if named is not None and named not in found and is_known(named):
        found[named] = title_of(named)
    return found


def tell_damaged() -> None:
    """Say which files of kept networks cannot be used."""
    for problem in kept.scan().problems:
        st.warning(plain(problem), icon=":material/error:")


def is_trainable(key: str) -> bool:
    """Whether ``key`` is that of an own network that is known here, and for which there is a data set."""
    return is_known(key) and bool(fitting_datasets(get(key).facts))


def is_known(key: str) -> bool:
    """Whether ``key`` is that of an own network that is known here."""
    return key.startswith(PREFIX) and architectures.is_known(key)


def title_of(key: str) -> str:
    """The title of an architecture, marked where it is a person's own."""
    title = architectures.get(key).title
    return _("{title} · own", title=title) if key.startswith(PREFIX) else title


def why_not(key: str) -> CnnvizError | None:
    """Why the own network of this ``key`` cannot be trained; None where it can."""
    try:
        Recipe.default(key)
    except CnnvizError as error:
        return error
    return None


def keep_of(recipe: Recipe) -> None:
    """Keep the own network that a ``recipe`` has brought along, so that lists offer it.

    Raises:
        LimitError: it would be one more than the class allows.
        StorageError: the disk is full or the folder cannot be written.
    """
    if recipe.own is not None and kept.find(recipe.architecture) is None:
        keep(recipe.own.definition, asking.read(recipe.own.definition))


def keep(definition: Definition, reading: Reading, replaces: str | None = None) -> None:
    """:func:`cnnviz.own.kept.keep` as this person's, unless it is one more than the class allows; nobody else keeps one
    meanwhile, on any server of the class, so that two tabs cannot pass the limit together.

    Raises:
        LimitError: it is.
        UsageError, StorageError, StoreError: it cannot be kept.
    """
    with open_store().alone() if is_shared() else nullcontext():
        if replaces is None:
            _check_number(definition.key)
        kept.keep(definition, reading, owner(), replaces=replaces)


def _check_number(key: str) -> None:
    """Refuse one more network of a person's own than the class allows."""
    theirs = {network.key for network in kept.scan().networks if rights.is_own(*network.owners)}
    if key in theirs or rights.may_do_anything():
        return
    check(
        "networks",
        len(theirs) + 1,
        Message(
            "You keep {limit:,} networks, and this class allows no more; delete one that you no longer need."
        ),
    )
