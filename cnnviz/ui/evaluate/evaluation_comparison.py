"""Two networks on the same images: which is better, and what one reads rightly and the other wrongly."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamlit as st

from cnnviz import datasets
from cnnviz.interpret import scores
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint
from cnnviz.ui.draw.draw import name
from cnnviz.ui.evaluate import evaluations
from cnnviz.ui.evaluate.evaluated import AT_ONCE, Subject, same_task, show_images
from cnnviz.ui.shared.link_state import choose_one
from cnnviz.ui.shared.show import plain

_LEAST_CHANCE = 0.001


def comparison(subject: Subject, known: Mapping[str, Checkpoint]) -> None:
    """What one network reads rightly and another one wrongly."""
    others = _others(subject, known)
    if not others:
        st.info(_("There is no second network for {data}.", data=subject.data.title), icon=":material/info:")
        return
    with st.container(width=320):
        chosen = choose_one(
            _("Compared with"),
            others,
            key="second",
            kind=Message("The checkpoint"),
            title=lambda id_: name(known[id_]),
        )
    answers = evaluations.answers(known[chosen], subject.data.key, name(known[chosen]))
    _compare(subject, Subject(known[chosen], subject.data, answers))


def _others(subject: Subject, known: Mapping[str, Checkpoint]) -> list[str]:
    """What ``subject`` can be compared with, first of all what stands to these images as it does."""
    found = [
        id_
        for id_, other in known.items()
        if id_ != subject.checkpoint.id and same_task(datasets.get(other.dataset), subject.data)
    ]
    return sorted(
        found,
        key=lambda id_: (
            (datasets.overlap(known[id_].dataset, subject.data.key) is None) is not subject.honest
        ),
    )


def _compare(first: Subject, second: Subject) -> None:
    found = scores.compare(first.answers, second.answers)
    groups = {
        "first": (_("only {title}", title=first.title), found.only_first),
        "second": (_("only {title}", title=second.title), found.only_second),
        "neither": (_("neither"), found.neither),
        "both": (_("both"), found.both),
    }
    with st.container(horizontal=True):
        for subject in (first, second):
            st.metric(plain(subject.title), f"{subject.answers.accuracy:.2%}", width="content")
        for title, images in groups.values():
            st.metric(_("right: {who}", who=plain(title)), f"{len(images):,}", width="content")
    if first.honest is second.honest:
        st.write(str(_difference(first, second, found.chance)))
    else:
        st.warning(str(_unfair(second if first.honest else first)), icon=":material/visibility:")
    group = choose_one(
        _("Images that are read rightly by"),
        list(groups),
        key="group",
        kind=Message("The group"),
        title=lambda key: f"{groups[key][0]} ({len(groups[key][1]):,})",
        widget=partial(st.segmented_control, required=True, wrap=True),
    )
    show_images(first, groups[group][1], f"images-{group}", AT_ONCE, second)


def _unfair(subject: Subject) -> Message:
    return Message(
        "{title} has learned from these very images, and the other network has not: which of the two is better "
        "must be asked of images that neither has seen.",
        title=subject.title,
    )


def _difference(first: Subject, second: Subject, chance: float) -> Message:
    ahead, behind = sorted((first, second), key=lambda subject: -subject.answers.accuracy)
    if chance < _LEAST_CHANCE:
        return Message(
            "{ahead} is better than {behind} on these images. Between two equally good networks chance alone "
            "would make a difference of this size or more in less than {chance:.1%} of such comparisons.",
            ahead=ahead.title,
            behind=behind.title,
            chance=_LEAST_CHANCE,
        )
    if chance < 0.05:
        return Message(
            "{ahead} is better than {behind} on these images. Between two equally good networks chance alone "
            "would make a difference of this size or more in {chance:.1%} of such comparisons.",
            ahead=ahead.title,
            behind=behind.title,
            chance=chance,
        )
    return Message(
        "These images do not tell which of the two is better: between two equally good networks chance alone "
        "makes a difference of this size or more in {chance:.0%} of such comparisons.",
        chance=chance,
    )
