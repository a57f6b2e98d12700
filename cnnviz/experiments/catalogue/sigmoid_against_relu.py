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
        "At the first step, the first layer's gradient is {sigmoid:.2g} with sigmoid and {relu:.2g} "
        "with ReLU, {times:,.0f} times as large: the slope of a sigmoid is at most 1/4, and there are "
        "four in a row.",
        sigmoid=norms[0],
        relu=norms[1],
        times=smaller,
    )
    second = Message(
        "After the same training, the sigmoid network reaches a test accuracy of {sigmoid:.1%}, the "
        "ReLU network {relu:.1%}.",
        sigmoid=sigmoid.accuracy,
        relu=relu.accuracy,
    )
    return Verdict(smaller >= SMALLER and relu.accuracy > sigmoid.accuracy, (first, second))


EXPERIMENT = Experiment(
    key="sigmoid-against-relu",
    order=6,
    title=Message("Sigmoid versus ReLU"),
    claim=Message(
        "In the same LeNet, the gradient that reaches the first layer is at least ten times smaller "
        "with sigmoid than with ReLU, and the network learns more slowly."
    ),
    variants=tuple(Variant(key, title, {"options": {"activation": key}}) for key, title in _TITLES.items()),
    panels=(
        Panel(
            "layers",
            Message("Gradient of each layer at the start"),
            Message(
                "Read from right to left, as the gradient flows: with sigmoid, every layer shrinks it. "
                "Logarithmic scale."
            ),
            y=("first_norms",),
        ),
        Panel(
            "layers",
            Message("Gradient of each layer during training"),
            Message("Median over the second half of training."),
            y=("later_norms",),
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message(
                "The sigmoid curve stays at 2.3, a random guess among ten digits, before it falls, if "
                "it falls at all."
            ),
            y=("loss",),
        ),
        Panel(
            "curves",
            Message("Test accuracy"),
            Message("After each epoch, on images that were not used for training."),
            y=("test_accuracy",),
        ),
    ),
    judge=_judge,
    compared=("sigmoid", "relu"),
    base={"architecture": "lenet5", "learning_rate": 0.05, "momentum": 0.9},
    quick={"dataset": "mnist-sample", "epochs": 5},
    full={"dataset": "mnist", "epochs": 4},
)
