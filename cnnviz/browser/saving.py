"""A trained network as a page of its own."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnviz import architectures, datasets
from cnnviz.browser import words
from cnnviz.browser.packing import packed
from cnnviz.browser.page import IMAGE_CHANNELS, Content, Digits, page
from cnnviz.browser.plan import UnplannableError, is_known
from cnnviz.language import LANGUAGES, Message

if TYPE_CHECKING:
    from cnnviz.tracing.trace import Trace
    from cnnviz.training.checkpoints.checkpoints import Checkpoint

_SAMPLE = "mnist-sample"
_DIGITS_OF_A_PAGE = 400
"""Test digits in a page: more would make the file of a small network mostly digits."""


def can_be_page(checkpoint: Checkpoint, trace: Trace) -> bool:
    """Whether :func:`page_of` makes a page of the checkpoint; ``trace`` is its network's."""
    return _refusal(checkpoint) is None and is_known(trace)


def _refusal(checkpoint: Checkpoint) -> Message | None:
    """Why pictures cannot be prepared for the checkpoint's network in a page; None where they can."""
    recipe = checkpoint.recipe
    channels = recipe.input_shape[0]
    if channels not in IMAGE_CHANNELS:
        return Message(
            "A page shows images of 1 or 3 channels; {id} takes {channels}.",
            id=checkpoint.id,
            channels=channels,
        )
    if recipe.preparation.permutation_seed is not None:
        return Message(
            "A saved page cannot permute pixels, and {id} was trained on permuted images. Train it without that.",
            id=checkpoint.id,
        )
    return None


def page_of(checkpoint: Checkpoint) -> str:
    """The HTML file in which a checkpoint's network reads what is drawn, or what it is shown.

    Raises:
        UnplannableError: the page cannot prepare its images, or the browser cannot run it.
        CheckpointError: its weights are missing or damaged.
    """
    from cnnviz.tracing.trace import trace
    from cnnviz.training.checkpoints.checkpoints import load_model

    refusal = _refusal(checkpoint)
    if refusal is not None:
        raise UnplannableError(refusal)
    preparation = checkpoint.recipe.preparation
    model = load_model(checkpoint)
    traced = trace(model, checkpoint.recipe.input_shape)
    data = datasets.get(checkpoint.dataset)
    names: Sequence[Message | str] = data.class_titles or data.classes
    titles = {str(label): name for label, name in enumerate(names)}
    return page(
        Content(
            title=f"{architectures.get(checkpoint.architecture).title} · cnnviz",
            checkpoint=checkpoint.id,
            network=packed(model, traced, preparation.mean, preparation.deviation),
            classes={code: list(words.in_language(code, titles).values()) for code in LANGUAGES},
            reads=data.shows,
            digits=digits_to_count(_DIGITS_OF_A_PAGE) if data.shows == "digits" else None,
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
