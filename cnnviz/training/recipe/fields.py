"""The fields of a recipe: their labels, the values that each may take, and in which of them recipes differ.

Widgets and the command line take their limits from here. Importing this imports no torch.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from cnnviz.errors import UsageError, shortened
from cnnviz.language import Message


@dataclass(frozen=True)
class Range:
    """The numbers that a field of a recipe may take, from ``low`` to ``high``, both included.

    Where ``optional``, None is allowed too, and means that the recipe does without. ``meaning`` says what the number
    does.
    """

    label: Message
    low: float
    high: float
    whole: bool = False
    optional: bool = False
    meaning: Message | None = None


@dataclass(frozen=True)
class Choice:
    """The names that a field of a recipe may take, and what the choice decides (``meaning``)."""

    label: Message
    values: tuple[str, ...]
    meaning: Message


RANGES: Mapping[str, Range] = MappingProxyType(
    {
        "epochs": Range(
            Message("epochs"),
            1,
            1_000,
            whole=True,
            meaning=Message("One epoch is one pass through all training images."),
        ),
        "batch_size": Range(
            Message("batch size"),
            1,
            4_096,
            whole=True,
            meaning=Message(
                "How many images are averaged for one step. Larger batches give steadier but fewer steps per epoch."
            ),
        ),
        "learning_rate": Range(
            Message("learning rate"),
            1e-6,
            10.0,
            meaning=Message(
                "How far each step moves the weights along the gradient. Too large, and the loss jumps; too small, and learning takes forever."
            ),
        ),
        "momentum": Range(
            Message("momentum"),
            0.0,
            0.999,
            meaning=Message(
                "How much of the previous step is added to the next one: 0 is none, 0.9 is usual. It smooths the way down."
            ),
        ),
        "weight_decay": Range(
            Message("weight decay"),
            0.0,
            1.0,
            meaning=Message(
                "Pulls all weights a little towards zero at each step, against overfitting. 0 is none."
            ),
        ),
        "step_epochs": Range(
            Message("epochs per step"),
            1,
            1_000,
            whole=True,
            meaning=Message("After this many epochs, the schedule lowers the learning rate once."),
        ),
        "step_factor": Range(
            Message("factor per step"),
            1e-3,
            1.0,
            meaning=Message("Each time, the learning rate is multiplied by this factor."),
        ),
        "train_images": Range(
            Message("training images"),
            1,
            10_000_000,
            whole=True,
            optional=True,
            meaning=Message(
                "How many of the training images are used. Fewer train faster but generalise worse."
            ),
        ),
        "resize": Range(
            Message("image size"),
            8,
            512,
            whole=True,
            optional=True,
            meaning=Message("The height and width, in pixels, to which each image is rescaled."),
        ),
        "permutation_seed": Range(
            Message("permutation seed"),
            0,
            2**31 - 1,
            whole=True,
            optional=True,
            meaning=Message(
                "Which of the many possible orders of the pixels is used, the same for all images."
            ),
        ),
        "seed": Range(
            Message("seed"),
            0,
            2**31 - 1,
            whole=True,
            meaning=Message(
                "The start of the random numbers: the same seed gives the same initial weights and the same order of images."
            ),
        ),
        "threads": Range(
            Message("threads"), 1, 256, whole=True, meaning=Message("How many CPU cores work on one step.")
        ),
        "workers": Range(
            Message("processes"),
            1,
            16,
            whole=True,
            meaning=Message(
                "How many processes share each batch, each with its own threads or GPU. The losses stay the same, dropout aside."
            ),
        ),
    }
)
CHOICES: Mapping[str, Choice] = MappingProxyType(
    {
        "loss": Choice(
            Message("loss function"),
            ("cross-entropy", "mse"),
            meaning=Message("What training minimises: how far the outputs are from the labels."),
        ),
        "optimizer": Choice(
            Message("optimizer"),
            ("sgd", "adam", "adamw"),
            meaning=Message(
                "The rule that turns gradients into steps. SGD follows the gradient; Adam and AdamW adapt the step size of each weight."
            ),
        ),
        "schedule": Choice(
            Message("schedule"),
            ("none", "step", "cosine"),
            meaning=Message("Whether and how the learning rate falls during training."),
        ),
        "initialisation": Choice(
            Message("initialisation"),
            ("default", "xavier"),
            meaning=Message("How the random weights are drawn from which training starts."),
        ),
        "train_accuracy": Choice(
            Message("training accuracy"),
            ("running", "second-pass"),
            meaning=Message("When the accuracy on the training images is measured."),
        ),
        "device": Choice(
            Message("device"),
            ("auto", "cpu", "cuda"),
            meaning=Message("What computes: the CPU or a graphics card (CUDA)."),
        ),
    }
)


def check_field(name: str, value: object) -> None:
    """Check a value for the field ``name``, one of :data:`RANGES` or :data:`CHOICES`.

    Raises:
        UsageError: it is not allowed; the message names field, value and what is.
    """
    if name in RANGES:
        check_number(value, RANGES[name])
    elif value not in CHOICES[name].values:
        raise refused(CHOICES[name].label, value, " | ".join(CHOICES[name].values))


def check_channels(label: Message, values: tuple[float, ...], channels: int, positive: bool) -> None:
    """Check that ``values`` are ``channels`` finite numbers, above 0 where ``positive``.

    Raises:
        UsageError: they are not.
    """
    low = 0.0 if positive else -math.inf
    if len(values) == channels and all(_is_number(value) and value > low for value in values):
        return
    rule = Message("one number per channel ({count})", count=channels)
    if positive:
        rule = Message("one number greater than 0 per channel ({count})", count=channels)
    raise refused(label, ", ".join(map(str, values)) or "-", rule)


def refused(label: Message, value: object, rule: Message | str) -> UsageError:
    """The error that says which field has which value, and what is allowed."""
    return UsageError(
        Message("{field} must be {rule}; got {value}.", field=label, value=shortened(value), rule=rule)
    )


def _is_number(value: object) -> bool:
    # comparing, unlike math.isfinite, also answers for whole numbers that are too large for a float
    return (
        isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
    )


def check_number(value: object, limits: Range) -> None:
    """Check that ``value`` is in the range.

    Raises:
        UsageError: it is not; the message names field, value and range.
    """
    if value is None and limits.optional:
        return
    fits = _is_number(value) and limits.low <= float(str(value)) <= limits.high
    if limits.whole and not isinstance(value, int):
        fits = False
    if not fits:
        kind = Message("an integer") if limits.whole else Message("a number")
        rule = Message("{kind} from {low:,} to {high:,}", kind=kind, low=limits.low, high=limits.high)
        raise refused(limits.label, value, rule)


# -- in which fields recipes differ ----------------------------------------------------------------
