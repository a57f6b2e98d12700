"""What the choice of activation does to the gradient (LeCun et al. 1998; Nair and Hinton 2010)."""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

_TITLES = {"sigmoid": Message("Sigmoid"), "relu": Message("ReLU")}
SMALLER = 10.0
"""How many times smaller the first layer's gradient must be under the sigmoid."""


def _judge(outcomes: Outcomes) -> Verdict:
    sigmoid, relu = outcomes["sigmoid"], outcomes["relu"]
    norms = (
        (sigmoid.first_norms[0], relu.first_norms[0])
        if sigmoid.first_norms and relu.first_norms
        else (1.0, 1.0)
    )
    smaller = norms[1] / max(norms[0], 1e-12)
    first = Message(
        "At the first step the first layer's gradient is {sigmoid:.2g} with the sigmoid and {relu:.2g} with ReLU, "
        "{times:,.0f} times as much: a sigmoid's slope is 1/4 at most, and four of them lie in a row.",
        sigmoid=norms[0],
        relu=norms[1],
        times=smaller,
    )
    second = Message(
        "After the same training the sigmoid network reaches {sigmoid:.1%} of the test digits, the other one "
        "{relu:.1%}.",
        sigmoid=sigmoid.accuracy,
        relu=relu.accuracy,
    )
    return Verdict(smaller >= SMALLER and relu.accuracy > sigmoid.accuracy, (first, second))


EXPERIMENT = Experiment(
    key="sigmoid-against-relu",
    order=6,
    title=Message("Sigmoid against ReLU"),
    claim=Message(
        "In the same LeNet the gradient that reaches the first layer is at least ten times smaller with "
        "sigmoids than with ReLUs, and the network learns later."
    ),
    variants=tuple(Variant(key, title, {"options": {"activation": key}}) for key, title in _TITLES.items()),
    panels=(
        Panel(
            "layers",
            Message("Gradient of each layer at the start"),
            Message(
                "Read from right to left, as the gradient flows: with the sigmoid every layer takes a part of "
                "it away, on a logarithmic scale."
            ),
            y=("first_norms",),
        ),
        Panel(
            "layers",
            Message("Gradient of each layer during training"),
            Message("The median over the second half of the training."),
            y=("later_norms",),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message(
                "The sigmoid's curve stays at 2.3, a guess among ten digits, before it falls, if it does."
            ),
            y=("loss",),
        ),
        Panel(
            "curves",
            Message("Test accuracy"),
            Message("After each epoch, on images that no network was trained on."),
            y=("test_accuracy",),
        ),
    ),
    judge=_judge,
    base={"architecture": "lenet5", "learning_rate": 0.05, "momentum": 0.9},
    quick={"dataset": "mnist-sample", "epochs": 5},
    full={"dataset": "mnist", "epochs": 4},
)
