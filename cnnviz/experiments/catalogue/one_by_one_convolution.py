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
        "The 1x1 convolutions take the multiply-adds of an image from {naive:,} to {reduced:,}, {factor:.1f} "
        "times fewer, and training an image from {slow:.2f} to {fast:.2f} ms, {faster:.1f} times faster.",
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
            "Accuracy pays little for it: {naive:.1%} of the test digits naive, {reduced:.1%} reduced, after training "
            "on the same images.",
            **values,
        )
    else:
        second = Message(
            "But accuracy pays for it after so short a training: {naive:.1%} of the test digits naive, {reduced:.1%} "
            "reduced.",
            **values,
        )
    return Verdict(macs >= LEAST_SAVED and faster > 1 and lost <= MOST_LOST, (first, second))


EXPERIMENT = Experiment(
    key="one-by-one-convolution",
    order=3,
    title=Message("The 1x1 convolution"),
    claim=Message(
        "A 1x1 convolution in front of each large kernel of an Inception module halves the multiply-adds at "
        "least and saves time, and costs at most two points of accuracy."
    ),
    variants=(
        Variant("naive", Message("naive"), {"options": {"module": "naive"}}),
        Variant("reduced", Message("reduced by 1x1"), {"options": {"module": "reduced"}}),
    ),
    panels=(
        Panel(
            "stack",
            Message("Multiply-adds of one image, by size of kernel"),
            Message(
                "Each convolution costs channels out x height x width x channels in x kernel height x kernel "
                "width. The large kernels shrink most, as fewer channels come in; the 1x1 parts that do it are "
                "small."
            ),
        ),
        Panel(
            "bars",
            Message("Time of one image in training, measured"),
            Message(
                "Time falls less than the multiply-adds do: pooling and concatenation cost time, too, and many "
                "small convolutions use the processor less well than few large ones."
            ),
            y=("milliseconds",),
        ),
        Panel(
            "bars",
            Message("Test accuracy"),
            Message("What was left out is hardly missed: many channels say much the same."),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message(
                "Over the same images: what the reduced network saves in computing, it pays for with a slower start."
            ),
            y=("loss",),
        ),
    ),
    judge=_judge,
    base={"architecture": "inception-pair", "schedule": "cosine"},
    quick={"dataset": "mnist-sample", "epochs": 6},
    full={"dataset": "mnist-sample", "epochs": 10},
)
