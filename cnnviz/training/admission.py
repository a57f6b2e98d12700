"""Whether a run may be queued on a server that a class shares."""

from __future__ import annotations

import math

from cnnviz import datasets
from cnnviz.classroom.limits import check, limit
from cnnviz.language import Message
from cnnviz.training.loop.memory import needed, trace_of
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store import disk
from cnnviz.training.store.store import RunStore

_FLOAT_BYTES = 4
_MEGABYTE = 1e6


def check_recipe(recipe: Recipe) -> None:
    """Check what a run of ``recipe`` asks for.

    Raises:
        LimitError: one of the class's limits is exceeded; the message names it, and what to change.
    """
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
        round(recipe.batch_size * math.prod(recipe.input_shape) * _FLOAT_BYTES / _MEGABYTE, 1),
        Message(
            "A batch of {size:,} images takes {value:g} MB, and this class allows {limit:,}; choose a smaller batch "
            "size.",
            size=recipe.batch_size,
        ),
    )
    check(
        "cores",
        recipe.threads * recipe.workers,
        Message(
            "{processes} processes of {threads} threads each would use {value:,} cores, and this class allows {limit:,} for "
            "each run; choose fewer.",
            processes=recipe.workers,
            threads=recipe.threads,
        )
        if recipe.workers > 1
        else Message(
            "{value:,} threads would use as many cores, and this class allows {limit:,} for each run; choose fewer."
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


def check_memory(recipe: Recipe) -> None:
    """Check that a worker with this ``recipe`` will hardly be ended because of its memory. That can happen to the
    teacher's runs as well.

    Raises:
        LimitError: it will.
    """
    if limit("memory_mb") is not None:
        check(
            "memory_mb",
            round(needed(recipe) / _MEGABYTE),
            Message(
                "This training needs about {value:,} MB of memory, and this class allows {limit:,}; choose a batch "
                "size below {batch_size:,}, smaller images or a smaller network.",
                batch_size=recipe.batch_size,
            )
            if recipe.workers == 1
            else Message(
                "{workers} processes need about {value:,} MB of memory, and this class allows {limit:,}; choose fewer "
                "processes, a batch size below {batch_size:,}, smaller images or a smaller network.",
                workers=recipe.workers,
                batch_size=recipe.batch_size,
            ),
        )


def make_room(store: RunStore) -> disk.Use | None:
    """Keep all runs within what the class has on the disk, as far as that is possible: see
    :func:`cnnviz.training.store.disk.make_room`. None where there is no limit.
    """
    most = limit("disk_mb")
    return None if most is None else disk.make_room(store, int(most * _MEGABYTE))


def check_room(store: RunStore) -> None:
    """:func:`make_room`, and check that there is some.

    Raises:
        LimitError: runs that are named or in progress fill the disk.
    """
    used = make_room(store)
    if used is not None:
        check(
            "disk_mb",
            math.ceil(used.bytes / _MEGABYTE),
            Message(
                "The runs of this class use {value:,} MB of disk space, and only {limit:,} are allowed; delete runs "
                "that you no longer need."
            ),
        )


def check_number(count: int) -> None:
    """Check that one person may have ``count`` runs that train or wait; what :class:`RunStore` takes as ``admit``.

    Raises:
        LimitError: they are too many.
    """
    check(
        "runs",
        count,
        Message(
            "With this you would have {value:,} runs that train or wait, and this class allows {limit:,} for each "
            "person; wait until one has finished, or stop one."
        ),
    )
