"""A trained network as a page of its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnviz import architectures, datasets
from cnnviz.browser.page import Content, Strokes, page
from cnnviz.browser.plan import UnplannableError, plan
from cnnviz.language import Message

if TYPE_CHECKING:
    from cnnviz.training.checkpoints.checkpoints import Checkpoint

_DIGITS = (1, 28, 28)


def page_of(checkpoint: Checkpoint, examples: Mapping[str, Strokes]) -> str:
    """The HTML file in which a checkpoint's network reads what is drawn; ``examples`` are drawings by digit.

    Raises:
        UnplannableError: the network does not read digits, or the browser cannot run it.
        CheckpointError: its weights are missing or damaged.
    """
    from cnnviz.tracing.trace import trace
    from cnnviz.training.checkpoints.checkpoints import load_model

    preparation = checkpoint.recipe.preparation
    info = datasets.get(checkpoint.dataset)
    if (
        "mnist" not in (info.key, info.part_of)
        or checkpoint.recipe.input_shape != _DIGITS
        or preparation.permutation_seed is not None
    ):
        raise UnplannableError(
            Message(
                "A page is for networks that read digits of 28 x 28 pixels; {id} does not.", id=checkpoint.id
            )
        )
    model = load_model(checkpoint)
    told = plan(trace(model, _DIGITS), model.state_dict())
    return page(
        Content(
            title=f"{architectures.get(checkpoint.architecture).title} · cnnviz",
            checkpoint=checkpoint.id,
            plan=told,
            weights=checkpoint.read_weights(),
            classes=info.classes,
            mean=preparation.mean[0],
            deviation=preparation.deviation[0],
            examples=examples,
        )
    )
