"""The views of the Evaluate page; only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import streamlit as st
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.interpret import scores
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.ui.evaluate import choices
from cnnviz.ui.evaluate.choices import Known, Subject
from cnnviz.ui.inside.weights import same_task
from cnnviz.ui.shared.charts import chart
from cnnviz.ui.shared.downloads import offer_download
from cnnviz.ui.shared.frame import fragment, is_dark
from cnnviz.ui.shared.link_state import View, choose_number, choose_one, choose_segment, choose_view
from cnnviz.ui.shared.pictures import Picture, gallery
from cnnviz.ui.shared.problems import explained, plain
from cnnviz.ui.shared.query import query
from cnnviz.ui.shared.words import caption, metric, say

if TYPE_CHECKING:
    from cnnviz.interpret.answers import Numbers

AT_ONCE = 24
"""Images per page of a long list."""

_EIGHT = 8
_LEAST_CHANCE = 0.001


def overview(subject: Subject) -> None:
    """Key figures, the accuracy of each class, and eight images as in the course."""
    from cnnviz.plots.evaluation import classes_figure

    _metrics(subject)
    matrix = scores.confusion(subject.answers)
    right, images = np.diag(matrix), matrix.sum(axis=1)
    intervals = [scores.interval(int(r), int(n)) for r, n in zip(right, images, strict=True)]
    left, beside = st.columns([3, 2], gap="large")
    with left:
        title = _("Accuracy per class")
        parts = right / np.maximum(images, 1)
        figure = classes_figure(
            subject.names, parts, intervals, subject.answers.accuracy, title, dark=is_dark()
        )
        chart(figure, key="classes")
        hardest = int(parts.argmin())
        caption(
            _(
                "Dashed line: overall accuracy. Bars: confidence intervals (95 %). Hardest class: "
                "{name}, {accuracy:.2%}.",
                name=plain(subject.names[hardest]),
                accuracy=float(parts[hardest]),
            )
        )
    with beside:
        st.subheader(_("Eight test images"), anchor=False)
        show_images(subject, np.arange(len(subject.answers.labels)), "eight", _EIGHT)


def confusions(subject: Subject) -> None:
    """The confusion matrix, and the images of the cell that is clicked or given in the link."""
    from cnnviz.plots.evaluation import confusion_figure, confusion_told

    matrix = scores.confusion(subject.answers)
    usual = scores.commonest_confusion(matrix)
    left, beside = st.columns([6, 5], gap="large")
    with beside, st.container(horizontal=True):
        true = _choose_class(subject, _("True class"), "true", usual[0])
        read = _choose_class(subject, _("Predicted class"), "read", usual[1])
    with left:
        title = _("Confusion matrix of {title}", title=subject.title)
        chart(
            confusion_figure(matrix, subject.names, title, (true, read), dark=is_dark()),
            key="confusion",
            told=confusion_told(matrix, subject.names, title),
            on_select=partial(_choose_cell, subject.data.classes),
            selection_mode="points",
        )
        caption(
            _(
                "Rows: true class. Columns: predicted class. Correct predictions are on the diagonal "
                "(blue), mistakes off it (red). Click a cell to see its images."
            )
        )
    with beside:
        found = scores.in_cell(subject.answers, true, read)
        names = subject.names
        st.markdown(
            _(
                "**{count:,}** of {total:,} images of **{true}** are predicted as **{read}**.",
                count=len(found),
                total=int(matrix[true].sum()),
                true=plain(names[true]),
                read=plain(names[read]),
            )
        )
        show_images(subject, found, f"images-{true}-{read}", 12)


def mistakes(subject: Subject) -> None:
    """The misclassified images, most confident first."""
    found = scores.most_wrong(subject.answers)
    say(
        _(
            "{count:,} of {total:,} images are misclassified. These are the ones the network is most "
            "confident about: some are hard even for people, some have questionable labels, and some "
            "are plain mistakes.",
            count=len(found),
            total=len(subject.answers.labels),
        )
    )
    show_images(subject, found, "images", AT_ONCE)


def calibration(subject: Subject) -> None:
    """Whether the network's confidence matches its accuracy."""
    from cnnviz.plots.evaluation import calibration_figure, calibration_told

    found = scores.calibration(subject.answers)
    left, beside = st.columns([3, 2], gap="large")
    with left:
        bins = found.edges, found.counts, found.confidence, found.accuracy
        figure = calibration_figure(
            *bins,
            _("Calibration of {title}", title=subject.title),
            dark=is_dark(),
        )
        chart(figure, key="calibration", told=calibration_told(figure, *bins))
    with beside:
        metric(_("Expected calibration error"), f"{found.error:.2%}")
        sure = float(subject.answers.confidence.astype(np.float64).mean())
        say(
            _(
                "On average the network's confidence is {sure:.2%}, and its accuracy is {accuracy:.2%}.",
                sure=sure,
                accuracy=subject.answers.accuracy,
            )
        )
        st.write(str(_leaning(sure, subject.answers.accuracy)))
        say(
            _(
                "Softmax makes the outputs add up to 1, but does not make them true probabilities. The "
                "images are grouped by confidence, the probability of the predicted class; in each "
                "group the mean confidence is compared with the accuracy. The expected calibration "
                "error is the mean difference, weighted by the number of images in each group."
            )
        )


def _metrics(subject: Subject) -> None:
    answers = subject.answers
    right = int(answers.right.sum())
    low, high = scores.interval(right, len(answers.labels))
    test = subject.honest
    with st.container(horizontal=True, gap="large"):
        metric(_accuracy_of(test), f"{answers.accuracy:.2%}", width="content")
        metric(_("Test loss") if test else _("Loss"), f"{answers.loss:.4f}", width="content")
        metric(_("Images"), f"{len(answers.labels):,}", width="content")
        metric(_("Misclassified"), f"{len(answers.labels) - right:,}", width="content")
    if test is None:
        caption(_("Only its program knows whether the network was trained on these images."))
    if test:
        caption(
            _(
                "The true accuracy, on all images of this kind, lies between {low:.2%} and {high:.2%} "
                "(confidence interval for {count:,} images, 95 %).",
                low=low,
                high=high,
                count=len(answers.labels),
            )
        )


def _accuracy_of(test: bool | None) -> str:
    if test is None:
        return _("Accuracy")
    return _("Test accuracy") if test else _("Accuracy on its training images")


def _leaning(sure: float, accuracy: float) -> Message:
    if sure > accuracy + 0.005:
        return Message("It is overconfident.")
    if sure < accuracy - 0.005:
        return Message("It is underconfident.")
    return Message("Over all images the two agree; individual groups may still be over- or underconfident.")


def _choose_class(subject: Subject, label: str, key: str, usual: int) -> int:
    classes = subject.data.classes
    with st.container(width=200):
        chosen = choose_one(
            label,
            classes,
            key=key,
            kind=Message("class"),
            title=lambda value: subject.data.class_title(classes.index(value)),
            default=classes[usual],
        )
    return classes.index(chosen)


def _choose_cell(classes: Sequence[str]) -> None:
    """Put the clicked cell into the link, where the choices beside the matrix read it."""
    points = st.session_state["confusion"].selection.points
    if points:
        row, column = points[0]["customdata"]
        query.change({"true": classes[row], "read": classes[column]})


def comparison(subject: Subject, known: Known) -> None:
    """Compare two networks: which images only one of them classifies correctly."""
    others = _others(subject, known)
    if not others:
        st.info(_("There is no second network for {data}.", data=subject.data.title), icon=":material/info:")
        return
    with st.container(width=320):
        chosen = choose_one(
            _("Compare with"),
            others,
            key="second",
            kind=Message("checkpoint"),
            title=lambda id_: known[id_].title,
        )
    _compare(subject, Subject.of(known[chosen], subject.data))


def _others(subject: Subject, known: Known) -> list[str]:
    """The networks ``subject`` can be compared with; those with the same relation to these images come first."""
    found = [
        id_
        for id_, other in known.items()
        if id_ != subject.network.id and same_task(datasets.get(other.dataset), subject.data)
    ]
    return sorted(found, key=lambda id_: known[id_].is_honest(subject.data.key) is not subject.honest)


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
            metric(plain(subject.title), f"{subject.answers.accuracy:.2%}", width="content")
        for title, images in groups.values():
            metric(_("correct: {who}", who=plain(title)), f"{len(images):,}", width="content")
    if {first.honest, second.honest} != {True, False}:
        st.write(str(_difference(first, second, found.chance)))
    else:
        st.warning(str(_unfair(second if first.honest else first)), icon=":material/visibility:")
    group = choose_segment(
        _("Images classified correctly by"),
        list(groups),
        key="group",
        kind=Message("group"),
        title=lambda key: f"{groups[key][0]} ({len(groups[key][1]):,})",
    )
    show_images(first, groups[group][1], f"images-{group}", AT_ONCE, second)


def _unfair(subject: Subject) -> Message:
    return Message(
        "{title} was trained on these very images, and the other network was not: for a fair "
        "comparison, use images that neither has seen.",
        title=subject.title,
    )


def _difference(first: Subject, second: Subject, chance: float) -> Message:
    ahead, behind = sorted((first, second), key=lambda subject: -subject.answers.accuracy)
    if chance < _LEAST_CHANCE:
        return Message(
            "{ahead} is better than {behind} on these images. For two equally good networks, chance "
            "alone would produce a difference this large in less than {chance:.1%} of such comparisons.",
            ahead=ahead.title,
            behind=behind.title,
            chance=_LEAST_CHANCE,
        )
    if chance < 0.05:
        return Message(
            "{ahead} is better than {behind} on these images. For two equally good networks, chance "
            "alone would produce a difference this large in {chance:.1%} of such comparisons.",
            ahead=ahead.title,
            behind=behind.title,
            chance=chance,
        )
    return Message(
        "These images do not show which network is better: for two equally good networks, chance alone "
        "produces a difference this large in {chance:.0%} of such comparisons.",
        chance=chance,
    )


def show_images(
    subject: Subject, found: Numbers, key: str, at_once: int, second: Subject | None = None
) -> None:
    """The images ``found``, ``at_once`` per page; ``key`` is the link's parameter of the page number."""
    if not len(found):
        st.caption(_("None."))
        return
    pages = -(-len(found) // at_once)
    number = 1
    if pages > 1:
        number = choose_number(
            _("Page (of {pages:,})", pages=pages), key=key, low=1, high=pages, default=1, width=160
        )
    images = datasets.load(subject.data.key).test_images
    gallery(
        [
            _picture(subject, images[index].numpy(), index, second)
            for index in found[(number - 1) * at_once : number * at_once].tolist()
        ]
    )


def _picture(subject: Subject, pixels: NDArray[np.uint8], index: int, second: Subject | None) -> Picture:
    names, truth = subject.names, int(subject.answers.labels[index])
    if second is None:
        read, sure = _reading(subject, index)
        notes: tuple[str, ...] = (_("true: {true} · image {number:,}", true=names[truth], number=index + 1),)
        title, right = f"{read} {sure:.1%}", bool(subject.answers.right[index])
    else:
        (one, one_sure), (two, two_sure) = _reading(subject, index), _reading(second, index)
        title, right = _("true: {true}", true=names[truth]), None
        notes = (f"{subject.title}: {one} {one_sure:.0%}", f"{second.title}: {two} {two_sure:.0%}")
    return Picture(pixels, title, notes, _("Test image {number:,}", number=index + 1), right)


def _reading(subject: Subject, index: int) -> tuple[str, float]:
    return subject.names[int(subject.answers.predicted[index])], float(subject.answers.confidence[index])


VIEWS: Mapping[str, View[[Subject, Known]]] = {
    "overview": View(Message("Overview"), lambda subject, _others: overview(subject)),
    "confusions": View(Message("Confusion matrix"), lambda subject, _others: confusions(subject)),
    "mistakes": View(Message("Worst mistakes"), lambda subject, _others: mistakes(subject)),
    "calibration": View(Message("Calibration"), lambda subject, _others: calibration(subject)),
    "compare": View(Message("Compare"), comparison),
}


def show(named: str | None = None) -> None:
    """The choice of network and data set, and below it the view ``named``, or the one that a person chooses."""
    with st.container(horizontal=True):
        with st.container(width=320):
            chosen = choices.choose_network()
        if chosen is not None:
            with st.container(width=240), explained():
                info = choices.choose_data(chosen[0])
    if chosen is not None and offer_download(info.key):
        _results(*chosen, info, named)


@fragment()
def _results(network: choices.Network, known: Known, data: DatasetInfo, named: str | None) -> None:
    """One view: a click on a cell, or another page of images, reruns nothing else of the page."""
    with explained():
        view = choose_view(VIEWS) if named is None else VIEWS[named]
        seen = datasets.overlap(network.dataset, data.key)
        if seen is not None and network.checkpoint is not None:
            st.warning(plain(seen), icon=":material/visibility:")
        view.show(Subject.of(network, data), known)
