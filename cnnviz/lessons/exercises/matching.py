"""Which of three networks a figure belongs to: a loss curve, filters, or a confusion matrix. Imports no torch.

The figures are real ones (:mod:`cnnviz.lessons.exercises.gallery`). The candidates of a question are so different that
reasoning settles it; a test measures how far apart they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from types import MappingProxyType

from cnnviz.language import Message
from cnnviz.lessons.exercises import gallery
from cnnviz.lessons.exercises.gallery import Figure
from cnnviz.lessons.exercises.question import Level, Question, slips

LETTERS = ("A", "B", "C")


@dataclass(frozen=True)
class Candidate:
    """A network as a question describes it: ``key`` in the gallery, what is known of it, how its figure shows that."""

    key: str
    described: Message | str
    seen: Message


_TWO = Candidate(
    "two-neurons",
    Message("An MLP with 2 neurons in each hidden layer, 1,000 training images"),
    Message("Two neurons a layer are too few to fit even the training images: both losses stay high, which is underfitting."),
)  # fmt: skip
_FOUR = Candidate(
    "four-neurons",
    Message("An MLP with 4 neurons in each hidden layer, 1,000 training images"),
    Message("Four neurons fit the training images slowly and never completely: the training loss falls, but not to 0."),
)  # fmt: skip
_WIDE = Candidate(
    "wide",
    Message("An MLP with 128 neurons in each hidden layer, 1,000 training images"),
    Message("128 neurons learn 1,000 images by heart: the training loss goes to 0, the test loss stays at about 0.4, which is overfitting."),
)  # fmt: skip
_AUGMENTED = Candidate(
    "augmented",
    Message("A wide MLP whose 1,000 training images are shifted and turned at random each time"),
    Message("With augmentation no training image comes twice, so none is learned by heart: both losses fall together."),
)  # fmt: skip
_FIFTY = Candidate(
    "50-images",
    Message("An MLP with 128 neurons a layer, 50 training images"),
    Message("50 images are learned by heart at once and say little about others: the training loss is 0, the test loss above 1."),
)  # fmt: skip
_FOUR_THOUSAND = Candidate(
    "4000-images",
    Message("An MLP with 128 neurons a layer, 4,000 training images"),
    Message("The more training images, the less overfitting: with 4,000 the test loss ends lowest, at about 0.25."),
)  # fmt: skip
_RELU = Candidate(
    "relu",
    Message("LeNet-5 with ReLU"),
    Message("ReLU lets the gradient through: the loss falls from the first steps on."),
)
_SIGMOID = Candidate(
    "sigmoid",
    Message("LeNet-5 with sigmoid"),
    Message("The slope of a sigmoid is at most 1/4, so little gradient arrives at the first layers: the loss stays at 2.3 = ln 10 for a long time, and then falls."),
)  # fmt: skip
_WITH_BN = Candidate(
    "with-bn",
    Message("LeNet with sigmoid and batch normalisation, learning rate 0.3"),
    Message("Batch normalisation keeps the sigmoids where they have a slope: the loss falls at once."),
)
_WITHOUT_BN = Candidate(
    "without-bn",
    Message("LeNet with sigmoid, no batch normalisation, learning rate 0.3"),
    Message("Without batch normalisation the loss stays at 2.3 at first; the large learning rate leads away from there."),
)  # fmt: skip
_TINY = Candidate(
    "tiny-rate",
    Message("LeNet with sigmoid, no batch normalisation, learning rate 0.01"),
    Message("Small gradients times a small learning rate are tiny steps: the loss stays at 2.3 to the end."),
)
_PLAIN_14 = Candidate(
    "plain-14",
    Message("14 layers without shortcuts"),
    Message("14 layers can still be trained without shortcuts: the loss ends near 0.2."),
)
_PLAIN_32 = Candidate(
    "plain-32",
    Message("32 layers without shortcuts"),
    Message(
        "Through 32 layers without shortcuts little gradient arrives: the loss falls slowly, and ends near 1."
    ),
)
_PLAIN_56 = Candidate(
    "plain-56",
    Message("56 layers without shortcuts"),
    Message("Through 56 layers without shortcuts hardly any gradient arrives: the loss stays at 2.3."),
)
_RESIDUAL_32 = Candidate(
    "residual-32",
    Message("32 layers with shortcuts"),
    Message("Shortcuts carry the gradient past the layers: the loss falls at once and ends near 0.1."),
)
_RESIDUAL_56 = Candidate(
    "residual-56",
    Message("56 layers with shortcuts"),
    Message(
        "Shortcuts carry the gradient past the layers: even with 56 the loss falls at once and ends near 0.2."
    ),
)

Trio = tuple[Candidate, Candidate, Candidate]

CURVES: Mapping[Level, Sequence[Trio]] = MappingProxyType(
    {
        1: ((_TWO, _WIDE, _AUGMENTED), (_RESIDUAL_32, _PLAIN_32, _PLAIN_56), (_RELU, _SIGMOID, _TINY)),
        2: ((_TWO, _FOUR, _WIDE), (_PLAIN_14, _PLAIN_32, _PLAIN_56), (_WITH_BN, _WITHOUT_BN, _TINY)),
        3: ((_FIFTY, _WIDE, _FOUR_THOUSAND), (_RESIDUAL_56, _PLAIN_32, _TINY), (_FOUR, _WIDE, _AUGMENTED)),
    }
)  # fmt: skip
"""Three networks, of whose figures one is shown, by level."""


def curve(random: Random, level: Level) -> Question:
    """Which of three trainings a loss curve is of."""
    trio = random.choice(CURVES[level])
    both = all(gallery.curves(each.key).test for each in trio)
    prompt = (
        Message("The training loss and the test loss of one of these three networks. Which one is it?")
        if both
        else Message("The training loss of one of these three networks. Which one is it?")
    )

    def shown(key: str) -> Figure:
        found = gallery.curves(key)
        return found if both else gallery.Curves(found.train, ())

    return _question("match-curve", random, level, prompt, trio, shown)


@dataclass(frozen=True)
class _Layer:
    """A layer whose filters are shown, as one can describe it: (in, out, kernel), what it gives, and its ``line``."""

    key: str
    line: str
    inputs: int
    outputs: int
    kernel: int
    sees: str
    gives: str


LAYERS = (
    _Layer("mlp-fc1", "Linear(784, 8)", 1, 8, 28, "1 x 28 x 28", "8"),
    _Layer("lenet5-conv1", "Conv2d(1, 6, kernel_size=5, padding=2)", 1, 6, 5, "1 x 28 x 28", "6 x 28 x 28"),
    _Layer("basic-cnn-conv1", "Conv2d(1, 10, kernel_size=5)", 1, 10, 5, "1 x 28 x 28", "10 x 24 x 24"),
    _Layer("resnet-mini-conv1", "Conv2d(1, 16, kernel_size=5)", 1, 16, 5, "1 x 28 x 28", "16 x 24 x 24"),
)
"""First layers, of which no two have as many filters."""

SLICED = (
    _Layer("lenet5-conv2", "Conv2d(6, 16, kernel_size=5)", 6, 16, 5, "6 x 14 x 14", "16 x 10 x 10"),
    _Layer("basic-cnn-conv2", "Conv2d(10, 20, kernel_size=5)", 10, 20, 5, "10 x 12 x 12", "20 x 8 x 8"),
    _Layer("resnet-mini-rblock1.conv1", "Conv2d(16, 16, kernel_size=3, padding=1)", 16, 16, 3, "16 x 12 x 12", "16 x 12 x 12"),
)  # fmt: skip
"""Later layers, of which one filter is shown: no two read as many channels."""


def filters(random: Random, level: Level) -> Question:
    """Which of three layers filters are of: given by its line, its parameters (level 2), or its shapes (level 3)."""
    layers: Sequence[_Layer]
    if level == 3 and random.random() < 0.5:
        layers, prompt = (
            SLICED,
            Message("The slices of one filter. Which of these three layers does it belong to?"),
        )
        trio = [Candidate(each.key, _shapes(each), _slices_seen(each)) for each in layers]
    else:
        layers = random.sample(LAYERS, 3)
        prompt = Message("All filters of a layer. Which of these three layers do they belong to?")
        trio = [Candidate(each.key, _DESCRIBED[level](each), _filters_seen(each)) for each in layers]
    return _question("match-filters", random, level, prompt, trio, gallery.filters)


def _line(layer: _Layer) -> Message | str:
    return layer.line


def _count(layer: _Layer) -> Message | str:
    parameters = (layer.kernel**2 * layer.inputs + 1) * layer.outputs
    return Message("{parameters:,} parameters with the biases, one input channel", parameters=parameters)


def _shapes(layer: _Layer) -> Message | str:
    return f"{layer.sees} -> {layer.gives}"


_DESCRIBED: Mapping[Level, Callable[[_Layer], Message | str]] = {1: _line, 2: _count, 3: _shapes}


def _filters_seen(layer: _Layer) -> Message:
    return Message(
        "{line}: {count} filters of {kernel} x {kernel}, ({kernel} x {kernel} + 1) x {count} = {parameters:,} parameters; "
        "it gives {gives}.",
        line=layer.line,
        count=layer.outputs,
        kernel=layer.kernel,
        parameters=(layer.kernel**2 + 1) * layer.outputs,
        gives=layer.gives,
    )


def _slices_seen(layer: _Layer) -> Message:
    return Message(
        "{line}: a filter has a slice of {kernel} x {kernel} for each of the {count} input channels.",
        line=layer.line,
        kernel=layer.kernel,
        count=layer.inputs,
    )


def confusion(random: Random, level: Level) -> Question:
    """Which of three networks a confusion matrix is of: something is different in its training, or its accuracy."""
    prompt = Message(
        "The confusion matrix of one of these three networks, for {count:,} test images. Which one is it?",
        count=gallery.matrix("usual").total,
    )
    trio = _TRIOS[level](random)
    return _question("match-confusion", random, level, prompt, trio, gallery.matrix)


def _untrained() -> Candidate:
    return Candidate(
        "untrained",
        Message("A network that was not trained at all"),
        Message(
            "Without training the answers have nothing to do with the image: nearly all are in one column."
        ),
    )


def _usual() -> Candidate:
    return Candidate(
        "usual",
        Message("A network trained as usual"),
        Message("After the usual training, nearly all images are on the diagonal."),
    )


def _without(digit: int) -> Candidate:
    return Candidate(
        f"without-{digit}",
        Message("A network that never saw a {digit} in training", digit=digit),
        Message("A network never names a class it has not seen: column {digit} is empty.", digit=digit),
    )


def _swapped(one: int, other: int) -> Candidate:
    return Candidate(
        f"swapped-{one}-{other}",
        Message("A network in whose training the labels {one} and {other} were swapped", one=one, other=other),
        Message("It learned to call a {one} a {other} and a {other} a {one}: these two are beside the diagonal.", one=one, other=other),
    )  # fmt: skip


def _accuracy(key: str) -> Candidate:
    found = gallery.matrix(key)
    return Candidate(
        key,
        Message("A network that is right for {accuracy:.1%} of these images", accuracy=found.right / found.total),
        Message("The diagonal adds up to {right:,} of {total:,} images: {accuracy:.1%}.", right=found.right, total=found.total, accuracy=found.right / found.total),
    )  # fmt: skip


MISSING = (0, 4, 7)
SWAPS = ((4, 9), (3, 8), (1, 6))
BY_ACCURACY = ("mlp-mnist", "small-cnn-mnist", "resnet-mini-mnist")


def _easy(random: Random) -> Sequence[Candidate]:
    return _untrained(), _usual(), _without(random.choice(MISSING))


def _harder(random: Random) -> Sequence[Candidate]:
    if random.random() < 0.5:
        return [_without(digit) for digit in MISSING]
    return _usual(), _without(random.choice(MISSING)), _swapped(*random.choice(SWAPS))


def _hardest(random: Random) -> Sequence[Candidate]:
    if random.random() < 0.5:
        return [_accuracy(key) for key in BY_ACCURACY]
    return [_swapped(*pair) for pair in SWAPS]


_TRIOS: Mapping[Level, Callable[[Random], Sequence[Candidate]]] = {1: _easy, 2: _harder, 3: _hardest}


def _question(
    kind: str,
    random: Random,
    level: Level,
    prompt: Message,
    trio: Sequence[Candidate],
    shown: Callable[[str], Figure],
) -> Question:
    order = random.sample(list(trio), 3)
    right = random.randrange(3)
    return Question(
        kind=kind,
        level=level,
        form="choice",
        prompt=prompt,
        answer=LETTERS[right],
        choices=LETTERS,
        described=tuple(each.described for each in order),
        slips=slips(
            LETTERS[right], [(letter, each.seen) for letter, each in zip(LETTERS, order, strict=True)]
        ),
        solution=tuple(each.seen for each in order),
        figure=shown(order[right].key),
    )
