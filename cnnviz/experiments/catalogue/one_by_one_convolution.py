"""What a 1x1 convolution in front of a large kernel saves (Szegedy et al. 2015, section 4)."""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

LEAST_SAVED, MOST_LOST = 2.0, 0.02
"""By what factor the multiply-adds must fall at least, and how much accuracy that may cost."""


def _judge(outcomes: Outcomes) -> Verdict:
    naive, reduced = outcomes["naive"], outcomes["reduced"]
    macs = naive.total_macs / max(1, reduced.total_macs)
    times = (naive.milliseconds or 0.0, reduced.milliseconds or 0.0)
    faster = times[0] / times[1] if times[1] else 0.0
    lost = naive.accuracy - reduced.accuracy
    first = Message(
        "The 1x1 convolutions reduce the multiply-adds per image from {naive:,} to {reduced:,}, "
        "{factor:.1f} times fewer, and the training time per image from {slow:.2f} to {fast:.2f} ms, "
        "{faster:.1f} times faster.",
        naive=naive.total_macs,
        reduced=reduced.total_macs,
        factor=macs,
        slow=times[0],
        fast=times[1],
        faster=faster,
    )
    values = {"naive": naive.accuracy, "reduced": reduced.accuracy}
    if lost <= MOST_LOST:
        second = Message(
            "Accuracy hardly suffers: after training on the same images, the naive module reaches a "
            "test accuracy of {naive:.1%}, the reduced one {reduced:.1%}.",
            **values,
        )
    else:
        second = Message(
            "After such short training, accuracy suffers: the naive module reaches a test accuracy of "
            "{naive:.1%}, the reduced one {reduced:.1%}.",
            **values,
        )
    return Verdict(macs >= LEAST_SAVED and faster > 1 and lost <= MOST_LOST, (first, second))


EXPERIMENT = Experiment(
    key="one-by-one-convolution",
    order=3,
    title=Message("The 1x1 convolution"),
    claim=Message(
        "A 1x1 convolution before each large kernel of an Inception module at least halves the "
        "multiply-adds, saves time, and costs at most two points of accuracy."
    ),
    variants=(
        Variant("naive", Message("naive"), {"options": {"module": "naive"}}),
        Variant("reduced", Message("reduced by 1x1"), {"options": {"module": "reduced"}}),
    ),
    panels=(
        Panel(
            "stack",
            Message("Multiply-adds per image by kernel size"),
            Message(
                "A convolution costs channels out x height x width x channels in x kernel height x "
                "kernel width. The large kernels save most, because they get fewer channels; the 1x1 "
                "convolutions that reduce them are cheap."
            ),
        ),
        Panel(
            "bars",
            Message("Measured training time per image"),
            Message(
                "Time falls less than multiply-adds: pooling and concatenation take time too, and many "
                "small convolutions use the processor less efficiently than a few large ones."
            ),
            y=("milliseconds",),
        ),
        Panel(
            "bars",
            Message("Test accuracy"),
            Message("The removed channels are hardly missed: many of them are redundant."),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message(
                "By number of images seen, the reduced network learns more slowly at first: the price "
                "of its cheaper steps."
            ),
            y=("loss",),
        ),
    ),
    judge=_judge,
    compared=("naive", "reduced"),
    base={"architecture": "inception-pair", "schedule": "cosine"},
    quick={"dataset": "mnist-sample", "epochs": 6},
    full={"dataset": "mnist-sample", "epochs": 10},
)
