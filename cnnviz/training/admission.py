"""Whether a run may be queued on a server that a class shares."""

from __future__ import annotations

import math

from cnnviz import datasets
from cnnviz.classroom.limits import check
from cnnviz.language import Message
from cnnviz.training.loop.memory import trace_of
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import RunStore

_FLOAT_BYTES = 4


def admit(recipe: Recipe, owner: str, store: RunStore, more: int = 1) -> None:
    """Check that ``owner`` may queue ``more`` runs like ``recipe``.

    Raises:
        LimitError: one of the class's limits is exceeded; the message names it, and what to change.
    """
    check_number(owner, store, more)
    check(
        "epochs",
        recipe.epochs,
        Message("A run of {value:,} epochs is too long for this class; choose at most {limit:,}."),
    )
    images = recipe.train_images or datasets.get(recipe.dataset).train_images
    check(
        "images",
        recipe.epochs * images,
        Message(
            "{epochs:,} epochs of {images:,} images are {value:,} images in all, and this class allows {limit:,}; "
            "choose fewer epochs or fewer training images.",
            epochs=recipe.epochs,
            images=images,
        ),
    )
    check(
        "batch_mb",
        round(recipe.batch_size * math.prod(recipe.input_shape) * _FLOAT_BYTES / 1e6, 1),
        Message(
            "A batch of {size:,} images takes {value:g} MB, and this class allows {limit:,}; choose a smaller batch "
            "size.",
            size=recipe.batch_size,
        ),
    )
    check(
        "parameters",
        trace_of(recipe).total_params,
        Message(
            "The network has {value:,} parameters, and this class trains networks of at most {limit:,}; choose a "
            "smaller one."
        ),
    )


def check_number(owner: str, store: RunStore, more: int = 1) -> None:
    """Check that ``owner`` may have ``more`` runs that train or wait.

    Raises:
        LimitError: they would have too many.
    """
    check(
        "runs",
        store.count(owner=owner, only_open=True) + more,
        Message(
            "With this you would have {value:,} runs that train or wait, and this class allows {limit:,} for each "
            "person; wait until one has finished, or stop one."
        ),
    )
