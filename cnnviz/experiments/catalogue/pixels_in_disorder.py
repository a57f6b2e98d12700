"""Does it matter to a network which pixels are neighbours?"""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

_SERIES = {None: Message("pixels in order"), 1: Message("pixels shuffled")}
_PLACES = {"mlp": Message("MLP"), "small-cnn": Message("Small CNN")}
MOST_OF_MLP, LEAST_OF_CNN = 0.02, 0.08
"""What the MLP may lose at most, and what the CNN loses at least."""


def _judge(outcomes: Outcomes) -> Verdict:
    natural, permuted = ({key: outcomes[f"{key}-{how}"].accuracy for key in _PLACES} for how in _HOWS)
    change = permuted["mlp"] - natural["mlp"]
    lost = natural["small-cnn"] - permuted["small-cnn"]
    mlp = Message(
        "The MLP reaches a test accuracy of {natural:.1%} with pixels in order and {permuted:.1%} with "
        "pixels shuffled: the order makes no difference to it.",
        natural=natural["mlp"],
        permuted=permuted["mlp"],
    )
    if abs(change) > MOST_OF_MLP:
        mlp = Message(
            "The MLP reaches a test accuracy of {natural:.1%} with pixels in order and {permuted:.1%} "
            "with pixels shuffled: more than two points apart, because of the random initial weights "
            "and the short training, not the order.",
            natural=natural["mlp"],
            permuted=permuted["mlp"],
        )
    cnn = Message(
        "The convolutional network drops from {natural:.1%} to {permuted:.1%}, a loss of {points:.1f} "
        "points: the patterns it detects, strokes within 5 x 5 neighbourhoods, are gone.",
        natural=natural["small-cnn"],
        permuted=permuted["small-cnn"],
        points=100 * lost,
    )
    if lost < LEAST_OF_CNN:
        cnn = Message(
            "The convolutional network goes from {natural:.1%} to {permuted:.1%}, a loss of "
            "{points:.1f} points: less than the claimed eight.",
            natural=natural["small-cnn"],
            permuted=permuted["small-cnn"],
            points=100 * lost,
        )
    return Verdict(abs(change) <= MOST_OF_MLP and lost >= LEAST_OF_CNN, (mlp, cnn))


_HOWS = {"natural": None, "permuted": 1}

EXPERIMENT = Experiment(
    key="pixels-in-disorder",
    order=1,
    title=Message("Shuffled pixels"),
    claim=Message(
        "Shuffle the pixels of all images in the same way: a fully connected network is unaffected "
        "(within two points of accuracy), while a convolutional network of the same size loses at least "
        "eight points."
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
            Message("Test accuracy with pixels in order and shuffled"),
            Message(
                "Compare the two bars of each network: they are about equal for the MLP; for the "
                "convolutional network, the right bar is lower."
            ),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message("With shuffled pixels, the convolutional network learns more slowly and less."),
            y=("loss",),
        ),
    ),
    judge=_judge,
    compared=("mlp-permuted", "small-cnn-permuted"),
    picture="permuted-digits",
    quick={"dataset": "mnist-sample", "epochs": 10},
    full={"dataset": "mnist", "epochs": 1},
)
