"""The weights that the Filters page shows, and its views of them; only the chosen one is computed and drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from cnnviz.interpret.networks import Moment
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.operations.op import shape_text
from cnnviz.ui.filters import filters, layer, top_activations, weight_history
from cnnviz.ui.inside import attribution, by_hand, example, living, maps, verdicts
from cnnviz.ui.inside.example import Example
from cnnviz.ui.inside.weights import Weights, choose_weights, moments_of, of_moment
from cnnviz.ui.shared import cached
from cnnviz.ui.shared.downloads import offer_weights
from cnnviz.ui.shared.frame import fragment
from cnnviz.ui.shared.link_state import View, choose_one, choose_switch
from cnnviz.ui.shared.problems import explained
from cnnviz.ui.shared.words import say

END = "end"
"""Stands in the link for the checkpoint's weights."""

Draw = Callable[[Sequence[Weights], Example], None]


def _of_image(
    draw: Draw, about: Message | None = None, *, reads: bool = True
) -> Callable[[Sequence[Weights]], None]:
    """A view of one image on its way through the networks; another image reruns nothing else of the page.

    ``about`` is a sentence above it; ``reads`` says whether the image stands there with what the networks say.
    """

    @fragment()
    def show(shown: Sequence[Weights]) -> None:
        with explained():
            if not _takes_images(shown[0]):
                return
            if about is not None:
                say(str(about))
            image = example.choose_example(shown[0])
            if image is not None:
                if reads:
                    verdicts.show(shown, image)
                draw(shown, image)

    return show


def _of_images(draw: Callable[[Sequence[Weights]], None]) -> Callable[[Sequence[Weights]], None]:
    """A view of many images."""

    def show(shown: Sequence[Weights]) -> None:
        if _takes_images(shown[0]):
            draw(shown)

    return show


def _takes_images(weights: Weights) -> bool:
    """Whether the network takes images; where it does not, the page says so."""
    if not weights.takes_images:
        st.info(
            _(
                "This network takes {shape} numbers, not an image, so there are no maps of a picture. "
                "Its weights are in the view Filters.",
                shape=shape_text(weights.input_shape),
            ),
            icon=":material/info:",
        )
    return weights.takes_images


@dataclass(frozen=True)
class FilterView(View[[Sequence[Weights]]]):
    """A view of weights; ``compares``: it can show trained weights next to untrained ones; ``steps``: the page chooses
    the training step, rather than the view itself.
    """

    compares: bool = True
    steps: bool = True


VIEWS: Mapping[str, FilterView] = {
    "filters": FilterView(Message("Filters"), filters.show),
    "network": FilterView(
        Message("The network"),
        _of_image(lambda shown, image: living.show(shown[0], shown[0].image_key(image.pixels)), reads=False),
        compares=False,
        steps=False,
    ),
    "maps": FilterView(
        Message("Feature maps"),
        _of_image(
            lambda shown, image: maps.cards(shown, shown[0].image_key(image.pixels)),
            Message(
                "The output of every operation for one image, in order of execution. Positive values "
                "are red, negative ones blue, zero has the colour of the page: after a ReLU no blue is "
                "left."
            ),
        ),
    ),
    "layer": FilterView(
        Message("One layer"),
        _of_image(lambda shown, image: layer.show(shown, shown[0].image_key(image.pixels))),
    ),
    "excite": FilterView(Message("Top activations"), _of_images(top_activations.show)),
    "why": FilterView(Message("Attribution"), _of_image(attribution.show)),
    "history": FilterView(
        Message("During training"), _of_image(lambda shown, image: weight_history.show(shown[0], image))
    ),
    "value": FilterView(
        Message("Single value"),
        _of_image(
            lambda shown, image: by_hand.show(shown[0], image),
            reads=False,
        ),
        compares=False,
    ),
}


def show(view: FilterView, above: DeltaGenerator) -> None:
    """A view, and in the container ``above`` the choice of the weights that it shows."""
    with explained():
        with above:
            shown = choose_shown(view)
        if shown[0].key[0] != "pretrained" or offer_weights(shown[0].key[1]):
            for weights in shown:
                cached.make_ready(weights.key)
            view.show(shown)


def choose_shown(view: FilterView) -> list[Weights]:
    """The weights that ``view`` shows: one set, or trained weights and those that training started from."""
    notes = st.container()
    with st.container(horizontal=True, vertical_alignment="bottom"):
        with st.container(width=320):
            weights = choose_weights(notes)
        weights = _choose_step(weights) if view.steps else weights
        start = weights.start if view.compares else None
        beside = start and choose_switch(_("Compare with untrained weights"), key="untrained")
    return [weights, start] if start and beside else [weights]


def _choose_step(weights: Weights) -> Weights:
    """``weights``, or an earlier snapshot of the same training if the link's ``step`` says so."""
    found = moments_of(weights)
    if not found or weights.recipe is None:
        return weights
    by_step = {str(moment.step): moment for moment in found}
    options = [*by_step] if weights.checkpoint is None else [*by_step, END]
    with st.container(width=420):
        chosen = choose_one(
            _("Training step"),
            options,
            key="step",
            kind=Message("training step"),
            title=lambda key: _title(key, by_step.get(key)),
            default=options[-1],
            widget=partial(
                st.select_slider,
                help=_(
                    "Weights are saved at steps 0, 1, 2, 4, 8, ... and after every epoch, so you can "
                    "see how they develop."
                ),
            ),
        )
    if chosen == END:
        return weights
    name = weights.title.partition(",")[0] if weights.checkpoint is None else weights.title
    return of_moment(name, by_step[chosen], weights.recipe)


def _title(key: str, moment: Moment | None) -> str:
    if moment is None:
        return _("trained")
    if moment.step == 0:
        return _("start")
    return _("{step:,} (epoch {epoch})", step=moment.step, epoch=moment.epoch)
