"""Underfitting, overfitting, and three cures (Goodfellow, Bengio and Courville 2016, Deep Learning, chapter 5)."""

from typing import Any

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

WIDTHS = (2, 4, 8, 32, 128, 512)
IMAGES = {50: 200, 200: 100, 1_000: 30, 4_000: 15}
"""Numbers of training images, and for how many epochs: few are seen more often, so that all are learned."""

_WIDTH, _WIDE, _SOME = 128, 512, 1_000
_HANDWRITING = {"rotation": 15.0, "scale": 0.1, "shift": 0.1, "shear": 10.0, "stroke_width": 1.0}
_CURES: dict[str, tuple[Message, dict[str, Any]]] = {
    "nothing": (Message("no regularisation"), {}),
    "dropout": (Message("dropout 50 %"), {"options": {"dropout": 50}}),
    "decay": (Message("weight decay 0.01"), {"weight_decay": 0.01}),
    "augmentation": (Message("augmentation"), {"augmentation": _HANDWRITING}),
}
_CURED_WITH = {"epochs": 40, "train_images": _SOME}
POOR, BY_HEART, GAP = 0.8, 0.995, 0.1
"""A network underfits below the first training accuracy; it knows its images by heart above the second, and
overfits where its test accuracy is lower by the third.
"""
HELPS = 0.005
"""How much test accuracy a cure must gain: of 10,000 test images less is chance."""


def _judge(outcomes: Outcomes) -> Verdict:
    narrow, few = outcomes[f"width-{WIDTHS[0]}"], outcomes[f"images-{min(IMAGES)}"]
    many = outcomes[f"images-{max(IMAGES)}"]
    first = Message(
        "With two units per layer, the accuracy is only {narrow:.1%} even on the training images. With "
        "128 units it is {few_train:.1%} on 50 training images but {few_test:.1%} on test images, and "
        "{many_test:.1%} on test images after training on 4,000.",
        narrow=narrow.train_accuracy or 0.0,
        few_train=few.train_accuracy or 0.0,
        few_test=few.accuracy,
        many_test=many.accuracy,
    )
    cures = [key for key in _CURES if key != "nothing"]
    helped = [key for key in cures if outcomes[key].accuracy - outcomes["nothing"].accuracy >= HELPS]
    values = {key: outcomes[key].accuracy for key in _CURES}
    second = Message(
        "With 512 units and 1,000 images, the test accuracy is {nothing:.1%} without regularisation, "
        "{dropout:.1%} with dropout, {decay:.1%} with weight decay and {augmentation:.1%} with "
        "augmentation: all three help.",
        **values,
    )
    if len(helped) < len(cures):
        second = Message(
            "With 512 units and 1,000 images, the test accuracy is {nothing:.1%} without "
            "regularisation, {dropout:.1%} with dropout, {decay:.1%} with weight decay and "
            "{augmentation:.1%} with augmentation: {count} of the three gain half a point or more, and "
            "weight decay changes the test loss from {before:.2f} to {after:.2f}.",
            count=len(helped),
            before=outcomes["nothing"].test_loss or 0.0,
            after=outcomes["decay"].test_loss or 0.0,
            **values,
        )
    gap = (few.train_accuracy or 0.0) - few.accuracy
    simple, clever = (
        (narrow.train_accuracy or 1.0) < POOR,
        (few.train_accuracy or 0.0) >= BY_HEART and gap >= GAP,
    )
    return Verdict(
        simple and clever and many.accuracy > few.accuracy and len(helped) == len(cures), (first, second)
    )


_OF_WIDTH = tuple(
    Variant(
        f"width-{width}",
        Message("{width} units per layer", width=width),
        {"options": {"width": width}, "train_images": _SOME, "epochs": 30},
    )
    for width in WIDTHS
)
_OF_IMAGES = tuple(
    Variant(
        f"images-{images}",
        Message("{images:,} training images", images=images),
        {"train_images": images, "epochs": epochs},
    )
    for images, epochs in IMAGES.items()
)
_CURED = tuple(
    Variant(key, title, {**_CURED_WITH, **recipe, "options": {"width": _WIDE, **recipe.get("options", {})}})
    for key, (title, recipe) in _CURES.items()
)
_BOTH = ("train_accuracy", "test_accuracy")

EXPERIMENT = Experiment(
    key="too-simple-too-clever",
    order=5,
    title=Message("Underfitting and overfitting"),
    claim=Message(
        "A network that is too narrow fails even on its training images; a wide one memorises a few "
        "images and fails on new ones. More images help, and so do dropout, weight decay and "
        "augmentation."
    ),
    variants=(*_OF_WIDTH, *_OF_IMAGES, *_CURED),
    panels=(
        Panel(
            "sweep",
            Message("Accuracy by width, 1,000 training images"),
            Message(
                "On the left, both lines are low: underfitting. On the right, the network has memorised "
                "the training images, and the gap between the lines shows overfitting."
            ),
            y=_BOTH,
            x="options.width",
            log_x=True,
            variants=tuple(variant.key for variant in _OF_WIDTH),
        ),
        Panel(
            "sweep",
            Message("Accuracy by number of training images, 128 units"),
            Message(
                "With few images, the lines are far apart: overfitting. With more, the lower line "
                "rises, because the network can no longer memorise them all."
            ),
            y=_BOTH,
            x="train_images",
            log_x=True,
            variants=tuple(variant.key for variant in _OF_IMAGES),
        ),
        Panel(
            "bars",
            Message("Reducing overfitting: accuracy"),
            Message(
                "512 units, 1,000 training images. Compare the test accuracies: a remedy may lower the "
                "training accuracy and still help."
            ),
            y=_BOTH,
            variants=tuple(variant.key for variant in _CURED),
        ),
        Panel(
            "bars",
            Message("Reducing overfitting: test loss"),
            Message(
                "The loss also penalises confident mistakes: small weights make a network less "
                "confident, even if it makes as many mistakes."
            ),
            y=("test_loss",),
            variants=tuple(variant.key for variant in _CURED),
        ),
    ),
    judge=_judge,
    compared=("nothing", "augmentation"),
    base={
        "architecture": "mlp",
        "options": {"width": _WIDTH},
        "batch_size": 32,
        "learning_rate": 0.02,
        "momentum": 0.9,
        "schedule": "cosine",
        "train_accuracy": "second-pass",
    },
    quick={"dataset": "mnist-sample"},
    full={"dataset": "mnist"},
)
