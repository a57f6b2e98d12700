"""Does it matter to a network which pixels are neighbours?"""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

_SERIES = {None: Message("pixels in order"), 1: Message("pixels in disorder")}
_PLACES = {"mlp": Message("MLP"), "small-cnn": Message("Small CNN")}
MOST_OF_MLP, LEAST_OF_CNN = 0.02, 0.08
"""What the MLP may lose at most, and what the CNN loses at least."""


def _judge(outcomes: Outcomes) -> Verdict:
    natural, permuted = ({key: outcomes[f"{key}-{how}"].accuracy for key in _PLACES} for how in _HOWS)
    change = permuted["mlp"] - natural["mlp"]
    lost = natural["small-cnn"] - permuted["small-cnn"]
    mlp = Message(
        "The MLP reads {natural:.1%} of the test digits with their pixels in order and {permuted:.1%} in "
        "disorder: to it all orders are the same.",
        natural=natural["mlp"],
        permuted=permuted["mlp"],
    )
    if abs(change) > MOST_OF_MLP:
        mlp = Message(
            "The MLP reads {natural:.1%} of the test digits with their pixels in order and {permuted:.1%} in "
            "disorder: more than two points apart, which its initial weights and the few steps explain, not "
            "the order.",
            natural=natural["mlp"],
            permuted=permuted["mlp"],
        )
    cnn = Message(
        "The convolutional network falls from {natural:.1%} to {permuted:.1%}: it loses {points:.1f} points, "
        "because what it looks for, strokes within 5 x 5 neighbours, is gone.",
        natural=natural["small-cnn"],
        permuted=permuted["small-cnn"],
        points=100 * lost,
    )
    if lost < LEAST_OF_CNN:
        cnn = Message(
            "The convolutional network goes from {natural:.1%} to {permuted:.1%}: it loses {points:.1f} points, "
            "less than the eight that were claimed.",
            natural=natural["small-cnn"],
            permuted=permuted["small-cnn"],
            points=100 * lost,
        )
    return Verdict(abs(change) <= MOST_OF_MLP and lost >= LEAST_OF_CNN, (mlp, cnn))


_HOWS = {"natural": None, "permuted": 1}

EXPERIMENT = Experiment(
    key="pixels-in-disorder",
    order=1,
    title=Message("Pixels in disorder"),
    claim=Message(
        "Shuffle the pixels of all images in the same way: a fully connected network does not care (within two "
        "points of accuracy), a convolutional network of the same size loses at least eight points."
    ),
    variants=tuple(
        Variant(
            key=f"{network}-{how}",
            title=Message("{network}, {order}", network=_PLACES[network], order=_SERIES[seed]),
            recipe={"architecture": network, "permutation_seed": seed},
            series=_SERIES[seed],
            place=_PLACES[network],
        )
        for network in _PLACES
        for how, seed in _HOWS.items()
    ),
    panels=(
        Panel(
            "bars",
            Message("Test accuracy, pixels in order and in disorder"),
            Message(
                "Compare the two bars of each network: the MLP's are about equal, the convolutional network's "
                "right bar is lower."
            ),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message("In disorder the convolutional network learns later, and less."),
            y=("loss",),
        ),
    ),
    judge=_judge,
    picture="permuted-digits",
    quick={"dataset": "mnist-sample", "epochs": 10},
    full={"dataset": "mnist", "epochs": 1},
)
