"""The shortcuts that were tried in residual networks, side by side (He et al. 2016, section 4.2; He et al. 2016b)."""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

_TITLES = {
    "identity": Message("identity"),
    "projection": Message("projection"),
    "max-pooled": Message("max-pooled"),
    "pre-activation": Message("pre-activation"),
    "none": Message("none"),
}
MOST_APART = 0.03
"""Of the test accuracies of networks with shortcuts."""


def _judge(outcomes: Outcomes) -> Verdict:
    reached = {key: outcomes[key].accuracy for key in _TITLES if key != "none"}
    best, worst = max(reached, key=reached.__getitem__), min(reached, key=reached.__getitem__)
    without, apart = outcomes["none"].accuracy, reached[best] - reached[worst]
    first = Message(
        "Of the four shortcuts, {best} reaches a test accuracy of {most:.1%} and {worst} {least:.1%}, "
        "{points:.1f} points apart.",
        best=_TITLES[best],
        worst=_TITLES[worst],
        most=reached[best],
        least=reached[worst],
        points=100 * apart,
    )
    gained = reached[worst] - without
    second = Message(
        "Without a shortcut, the same 32 layers reach {without:.1%}: even the weakest shortcut adds "
        "{points:.1f} points.",
        without=without,
        points=100 * gained,
    )
    if gained <= apart:
        second = Message(
            "Without a shortcut, the same 32 layers reach {without:.1%}; with the weakest one, "
            "{least:.1%}: no larger a gap than between the shortcuts.",
            without=without,
            least=reached[worst],
        )
    return Verdict(apart <= MOST_APART and gained > apart, (first, second))


EXPERIMENT = Experiment(
    key="gallery-of-shortcuts",
    order=7,
    title=Message("Comparing shortcuts"),
    claim=Message(
        "For a 32-layer residual network, the kind of shortcut matters little (within three points of "
        "accuracy); having one matters more."
    ),
    variants=tuple(Variant(key, title, {"options": {"shortcut": key}}) for key, title in _TITLES.items()),
    panels=(
        Panel(
            "curves",
            Message("Training loss"),
            Message("Five networks with the same convolutions: see which curve lags behind."),
            y=("loss",),
        ),
        Panel(
            "bars", Message("Test accuracy"), Message("The four networks with shortcuts are close together.")
        ),
        Panel(
            "layers",
            Message("Gradient of each layer at the start"),
            Message(
                "First step, from input to output: a level line means that all layers receive gradients "
                "of similar size."
            ),
            y=("first_norms",),
        ),
        Panel(
            "bars",
            Message("Parameters"),
            Message("Only projections have parameters of their own, and only a few."),
            y=("parameters",),
        ),
    ),
    judge=_judge,
    compared=("identity", "none"),
    base={
        "architecture": "resnet-deep",
        "dataset": "mnist-sample",
        "options": {"depth": 32},
        "schedule": "cosine",
    },
    quick={"epochs": 3},
    full={"epochs": 4},
)
