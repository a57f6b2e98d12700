"""A trained network as a page of its own."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from cnnviz import architectures, datasets
from cnnviz.browser.page import Content, Digits, Strokes, page
from cnnviz.browser.plan import UnplannableError, is_known, plan
from cnnviz.language import Message

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace
    from cnnviz.training.checkpoints.checkpoints import Checkpoint

_DIGITS = (1, 28, 28)
_SAMPLE = "mnist-sample"
_DIGITS_OF_A_PAGE = 400
"""Test digits in a page: more would make the file of a small network mostly digits."""


def can_be_page(checkpoint: Checkpoint, trace: Trace) -> bool:
    """Whether :func:`page_of` makes a page of the checkpoint; ``trace`` is its network's."""
    return _reads_digits(checkpoint) and is_known(trace)


def _reads_digits(checkpoint: Checkpoint) -> bool:
    info, recipe = datasets.get(checkpoint.dataset), checkpoint.recipe
    is_mnist = "mnist" in (info.key, info.part_of)
    return is_mnist and recipe.input_shape == _DIGITS and recipe.preparation.permutation_seed is None


def page_of(checkpoint: Checkpoint, examples: Mapping[str, Strokes]) -> str:
    """The HTML file in which a checkpoint's network reads what is drawn; ``examples`` are drawings by digit.

    Raises:
        UnplannableError: the network does not read digits, or the browser cannot run it.
        CheckpointError: its weights are missing or damaged.
    """
    from cnnviz.tracing.trace import trace
    from cnnviz.training.checkpoints.checkpoints import load_model

    if not _reads_digits(checkpoint):
        raise UnplannableError(
            Message(
                "A page is for networks that read digits of 28 x 28 pixels; {id} does not.", id=checkpoint.id
            )
        )
    preparation = checkpoint.recipe.preparation
    model = load_model(checkpoint)
    told = plan(trace(model, _DIGITS), model.state_dict())
    return page(
        Content(
            title=f"{architectures.get(checkpoint.architecture).title} · cnnviz",
            checkpoint=checkpoint.id,
            plan=told,
            weights=checkpoint.read_weights(),
            classes=datasets.get(checkpoint.dataset).classes,
            mean=preparation.mean[0],
            deviation=preparation.deviation[0],
            examples=examples,
            digits=digits_to_count(_DIGITS_OF_A_PAGE),
        )
    )


def digits_to_count(most: int) -> Digits | None:
    """Test digits of the sample, at most so many, evenly spread; None where the sample is not on this machine."""
    if not datasets.is_available(_SAMPLE):
        return None
    data = datasets.load(_SAMPLE)
    all_ = len(data.test_labels)
    count = min(most, all_)
    chosen = [number * all_ // count for number in range(count)]
    images, labels = data.test_images[chosen].numpy(), data.test_labels[chosen].numpy().astype("uint8")
    return Digits(count, zlib.compress(images.tobytes() + labels.tobytes(), 9))
