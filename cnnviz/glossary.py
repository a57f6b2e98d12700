"""What the terms of cnnviz mean: the one place from which the glossary page and the words that explain themselves take it.

Imports neither torch nor streamlit. The words and their Chinese are those of docs/glossary.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

from cnnviz.language import DEFAULT_LANGUAGE, Message, language


@dataclass(frozen=True)
class Term:
    """A ``word`` and what it means; ``key`` is its anchor on the glossary page.

    ``forms`` are other English words for the same: a text that says one of them means the term.
    """

    key: str
    word: Message
    meaning: Message
    forms: tuple[str, ...] = ()


@dataclass(frozen=True)
class Subject:
    """Terms that belong together, in the order in which a textbook would bring them."""

    title: Message
    terms: tuple[Term, ...]


def _term(key: str, word: Message, meaning: Message, *forms: str) -> Term:
    return Term(key, word, meaning, forms)


SUBJECTS = (
    Subject(
        Message("Tensors and shapes"),
        (
            _term(
                "tensor",
                Message("tensor"),
                Message(
                    "A grid of numbers with any number of dimensions: a vector has one, a matrix two, a colour image three."
                ),
            ),
            _term(
                "shape",
                Message("shape"),
                Message(
                    "The sizes of a tensor along its dimensions. A colour image of 32 x 32 pixels has the shape 3 x 32 x 32: channels, height, width."
                ),
            ),
            _term(
                "channel",
                Message("channel"),
                Message(
                    "One of the planes that an image or a layer's output consists of: red, green and blue in a colour image, one for each filter after a convolution."
                ),
            ),
            _term(
                "batch",
                Message("batch"),
                Message(
                    "The images that go through the network together in one training step. Their gradients are averaged."
                ),
            ),
            _term(
                "batch-dimension",
                Message("batch dimension"),
                Message(
                    "The first dimension of a tensor that holds several images. It is left out where shapes are shown here."
                ),
            ),
            _term(
                "flatten",
                Message("flatten"),
                Message(
                    "To write a tensor as one row of numbers, for a linear layer to read: 88 x 4 x 4 becomes 1408."
                ),
                "flattened",
            ),
            _term(
                "concatenation",
                Message("concatenation"),
                Message("Joining tensors along one dimension, in networks usually the channels."),
                "concatenate",
                "concatenated",
            ),
            _term(
                "parameter",
                Message("parameter"),
                Message("A number that training adjusts: a weight or a bias."),
            ),
            _term("weight", Message("weight"), Message("A parameter that an input value is multiplied by.")),
            _term(
                "bias",
                Message("bias"),
                Message(
                    "A parameter that is added to a weighted sum; a convolution has one for each output channel."
                ),
            ),
            _term(
                "multiply-add",
                Message("multiply-add"),
                Message(
                    "One multiplication and one addition together: the unit in which arithmetic is counted here. Biases are not counted."
                ),
            ),
        ),
    ),
    Subject(
        Message("Layers"),
        (
            _term(
                "layer",
                Message("layer"),
                Message("One step of a network, which computes an output tensor from an input tensor."),
            ),
            _term(
                "architecture",
                Message("architecture"),
                Message(
                    "The layers of a network and how they are connected, without the values of the weights."
                ),
            ),
            _term(
                "convolution",
                Message("convolution"),
                Message(
                    "A layer that slides kernels over its input. At each position the values below are multiplied by the kernel's weights, and the products and a bias are added up. Strictly it is a cross-correlation: the kernel is not mirrored."
                ),
            ),
            _term(
                "kernel",
                Message("kernel"),
                Message(
                    "The weights that a convolution slides over its input: a window of k x k for each input channel. All windows that make one output channel together are called a filter."
                ),
                "filter",
            ),
            _term(
                "stride",
                Message("stride"),
                Message(
                    "How many pixels the window moves from one position to the next. A stride of 2 roughly halves height and width."
                ),
            ),
            _term(
                "padding",
                Message("padding"),
                Message(
                    "Values, usually zeros, added around the input so that windows can reach past its border. With stride 1 and no padding, a kernel of size k makes height and width smaller by k - 1."
                ),
            ),
            _term(
                "dilation",
                Message("dilation"),
                Message(
                    "The distance between neighbouring weights of a kernel. With dilation 2, a 3 x 3 kernel spans 5 x 5 pixels."
                ),
            ),
            _term(
                "groups",
                Message("groups"),
                Message(
                    "The number of parts into which a convolution divides its channels; each filter reads one part only."
                ),
            ),
            _term(
                "transposed-convolution",
                Message("transposed convolution"),
                Message(
                    "A layer that enlarges: each input value adds a copy of the kernel, multiplied by that value, to the output."
                ),
            ),
            _term(
                "pooling",
                Message("pooling"),
                Message(
                    "A layer that replaces each window by one value, its largest or its mean. It has no parameters."
                ),
            ),
            _term(
                "max-pooling",
                Message("max pooling"),
                Message("Pooling that keeps the largest value of each window."),
            ),
            _term(
                "average-pooling",
                Message("average pooling"),
                Message("Pooling that takes the mean of each window."),
            ),
            _term(
                "global-average-pooling",
                Message("global average pooling"),
                Message(
                    "The mean of each channel over all positions: one value per channel, whatever the height and width."
                ),
            ),
            _term(
                "adaptive-pooling",
                Message("adaptive pooling"),
                Message(
                    "Pooling whose windows are chosen so that the output has a given size, whatever the size of the input."
                ),
            ),
            _term(
                "linear-layer",
                Message("linear layer"),
                Message(
                    "A layer in which every output is a weighted sum of all inputs plus a bias. Linear(1408, 10) has 1408 x 10 weights and 10 biases."
                ),
                "fully connected layer",
            ),
            _term(
                "hidden-layer",
                Message("hidden layer"),
                Message("A layer whose output is not the network's own."),
            ),
            _term(
                "activation", Message("activation"), Message("A value that a layer computes for one input.")
            ),
            _term(
                "activation-function",
                Message("activation function"),
                Message(
                    "A function that is applied to each value by itself, such as ReLU. Without one, consecutive linear layers could do no more than a single one."
                ),
            ),
            _term(
                "relu",
                Message("ReLU"),
                Message(
                    "The activation function max(0, x): negative values become 0, others stay as they are."
                ),
            ),
            _term(
                "logit",
                Message("logit"),
                Message(
                    "The score that a network gives to a class before softmax: any real number, and the larger, the likelier the class."
                ),
            ),
            _term(
                "softmax",
                Message("softmax"),
                Message(
                    "The function that turns logits into probabilities: exp of each, divided by the sum of exp of all."
                ),
            ),
            _term(
                "dropout",
                Message("dropout"),
                Message(
                    "In training, sets each value to 0 with probability p and divides the others by 1 - p; in evaluation it does nothing. It counteracts overfitting."
                ),
            ),
            _term(
                "normalisation",
                Message("normalisation"),
                Message(
                    "Shifting and scaling values so that their mean is 0 and their standard deviation 1."
                ),
            ),
            _term(
                "batch-normalisation",
                Message("batch normalisation"),
                Message(
                    "Normalisation of each channel by mean and variance over the batch, then a scale and a shift that are learned. In evaluation running averages stand for the batch's own."
                ),
            ),
            _term(
                "layer-normalisation",
                Message("layer normalisation"),
                Message(
                    "Normalisation of all values of one image together, independent of the rest of the batch."
                ),
            ),
            _term(
                "group-normalisation",
                Message("group normalisation"),
                Message("Normalisation of groups of channels, each image by itself."),
            ),
            _term(
                "instance-normalisation",
                Message("instance normalisation"),
                Message("Normalisation of each channel, each image by itself."),
            ),
            _term(
                "attention",
                Message("attention"),
                Message(
                    "A mean of values weighted by how well each one's key matches a query: softmax(QKᵀ / √d) V."
                ),
            ),
            _term(
                "embedding",
                Message("embedding"),
                Message(
                    "A vector of learned numbers that stands for a word, a patch of an image, or a position."
                ),
            ),
            _term(
                "downsampling",
                Message("downsampling"),
                Message("Reducing height and width, by a stride or by pooling."),
            ),
            _term(
                "upsampling",
                Message("upsampling"),
                Message("Increasing height and width, by interpolation or by transposed convolution."),
            ),
        ),
    ),
    Subject(
        Message("Blocks"),
        (
            _term(
                "residual-block",
                Message("residual block"),
                Message(
                    "Layers f whose output is added to their own input: y = f(x) + x. They have to learn only what should change."
                ),
            ),
            _term(
                "shortcut",
                Message("shortcut"),
                Message("A connection that carries the input of a block past its layers."),
            ),
            _term(
                "identity-shortcut",
                Message("identity shortcut"),
                Message("A shortcut that leaves its input as it is."),
            ),
            _term(
                "bottleneck",
                Message("bottleneck"),
                Message(
                    "A 1x1 convolution that reduces the channels, so that the convolution after it costs less."
                ),
            ),
            _term(
                "inception-module",
                Message("Inception module"),
                Message(
                    "Convolutions of several sizes and pooling side by side on the same input, with their outputs concatenated."
                ),
            ),
            _term(
                "dense-block",
                Message("dense block"),
                Message("Layers of which each reads the outputs of all those before it, concatenated."),
            ),
            _term(
                "growth-rate",
                Message("growth rate"),
                Message("The number of channels that each layer of a dense block adds."),
            ),
        ),
    ),
    Subject(
        Message("Inside a network"),
        (
            _term(
                "forward-pass",
                Message("forward pass"),
                Message("The computation of the output from the input, layer by layer."),
            ),
            _term(
                "feature",
                Message("feature"),
                Message(
                    "A property of the input that a network computes and uses: in first layers edges, in later ones whole parts."
                ),
            ),
            _term(
                "feature-map",
                Message("feature map"),
                Message("One channel of a layer's output: how strongly a filter responds at each position."),
            ),
            _term(
                "receptive-field",
                Message("receptive field"),
                Message("The part of the input on which one output value can depend."),
            ),
            _term(
                "top-activations",
                Message("top activations"),
                Message("The images, and the places in them, to which a filter responds most strongly."),
            ),
            _term(
                "attribution",
                Message("attribution"),
                Message("A number for each input pixel that says how much it contributed to an output."),
            ),
            _term(
                "input-gradient",
                Message("input gradient"),
                Message("The derivative of an output with respect to each input pixel."),
            ),
            _term(
                "integrated-gradients",
                Message("integrated gradients"),
                Message(
                    "An attribution: input gradients averaged on the straight way from a blank image to the input, times the difference of the two."
                ),
            ),
            _term(
                "occlusion",
                Message("occlusion"),
                Message("An attribution: how much an output falls when a patch of the input is covered."),
            ),
        ),
    ),
    Subject(
        Message("Training"),
        (
            _term(
                "training-set", Message("training set"), Message("The images from which a network learns.")
            ),
            _term("label", Message("label"), Message("The correct answer for an image: its class.")),
            _term("epoch", Message("epoch"), Message("One pass through the whole training set.")),
            _term("batch-size", Message("batch size"), Message("The number of images in a batch.")),
            _term(
                "loss",
                Message("loss"),
                Message("A number that says how wrong a network's outputs are. Training makes it smaller."),
            ),
            _term(
                "cross-entropy",
                Message("cross-entropy"),
                Message(
                    "The usual loss for classes: minus the logarithm of the probability that the network gives to the correct one."
                ),
            ),
            _term(
                "mean-squared-error",
                Message("mean squared error"),
                Message("A loss: the mean of the squared differences between output and target."),
            ),
            _term(
                "gradient",
                Message("gradient"),
                Message(
                    "The derivatives of the loss with respect to all parameters. It points where the loss rises fastest."
                ),
            ),
            _term(
                "gradient-norm",
                Message("gradient norm"),
                Message("The length of the gradient: the square root of the sum of its squared entries."),
            ),
            _term(
                "backpropagation",
                Message("backpropagation"),
                Message(
                    "The computation of the gradient by the chain rule, from the last layer back to the first."
                ),
                "backward pass",
            ),
            _term(
                "gradient-descent",
                Message("gradient descent"),
                Message(
                    "Taking small steps against the gradient: w - η g, with learning rate η, takes the place of w."
                ),
            ),
            _term(
                "learning-rate",
                Message("learning rate"),
                Message(
                    "The size of the steps of gradient descent: the factor that the gradient is multiplied by."
                ),
            ),
            _term(
                "optimizer",
                Message("optimizer"),
                Message("The rule that turns gradients into steps of the parameters, such as SGD or Adam."),
            ),
            _term(
                "momentum",
                Message("momentum"),
                Message(
                    "A factor μ that lets each step keep a part of the one before it: v = μ v + g, and the step is -η v."
                ),
            ),
            _term(
                "weight-decay",
                Message("weight decay"),
                Message(
                    "A pull of every weight towards 0 in each step, in proportion to the weight. It counteracts overfitting."
                ),
            ),
            _term(
                "schedule",
                Message("schedule"),
                Message("How the learning rate changes in the course of training."),
            ),
            _term(
                "initialisation",
                Message("initialisation"),
                Message("The values, mostly random, with which the weights begin."),
            ),
            _term(
                "seed",
                Message("seed"),
                Message(
                    "The number from which random numbers are generated: the same seed gives the same ones."
                ),
            ),
            _term(
                "augmentation",
                Message("augmentation"),
                Message(
                    "Random changes to training images that keep their label, such as small shifts and rotations."
                ),
            ),
            _term(
                "overfitting",
                Message("overfitting"),
                Message(
                    "Learning what holds for the training images alone: the training loss goes on falling while the loss on other images rises."
                ),
            ),
            _term(
                "regularisation",
                Message("regularisation"),
                Message("Whatever counteracts overfitting, such as weight decay, dropout and augmentation."),
            ),
            _term(
                "generalisation",
                Message("generalisation"),
                Message("How well a network does on images that it was not trained on."),
            ),
            _term(
                "running-average",
                Message("running average"),
                Message("A mean over recent values that is updated with each new one."),
            ),
            _term(
                "recipe",
                Message("recipe"),
                Message(
                    "Everything that determines a training run: network, data, preparation, optimizer and its settings, seed."
                ),
            ),
            _term(
                "checkpoint",
                Message("checkpoint"),
                Message("Stored weights of a network, with the recipe that they come from."),
            ),
            _term("snapshot", Message("snapshot"), Message("The weights at one moment of the training.")),
        ),
    ),
    Subject(
        Message("Evaluation"),
        (
            _term(
                "test-set",
                Message("test set"),
                Message("Images that were kept out of training, to judge the network by."),
            ),
            _term(
                "class", Message("class"), Message("One of the kinds of things that a network tells apart.")
            ),
            _term(
                "prediction",
                Message("prediction"),
                Message("The class to which a network gives the highest probability."),
            ),
            _term(
                "confidence",
                Message("confidence"),
                Message("The probability that a network gives to its own prediction."),
            ),
            _term(
                "accuracy", Message("accuracy"), Message("The share of images whose prediction is correct.")
            ),
            _term("test-accuracy", Message("test accuracy"), Message("The accuracy on the test set.")),
            _term(
                "confidence-interval",
                Message("confidence interval"),
                Message(
                    "A range computed from a sample so that, over many samples, it contains the true value in 95 % of them, say."
                ),
            ),
            _term(
                "confusion-matrix",
                Message("confusion matrix"),
                Message(
                    "A table that counts how often images of each true class (row) were given each prediction (column)."
                ),
            ),
            _term(
                "calibration",
                Message("calibration"),
                Message(
                    "The agreement of confidence and accuracy: of the predictions with a confidence of 80 %, 80 % should be correct."
                ),
            ),
        ),
    ),
)

TERMS: Mapping[str, Term] = {term.key: term for subject in SUBJECTS for term in subject.terms}


@dataclass(frozen=True)
class Found:
    """A term in a text, from ``start`` to ``end``."""

    start: int
    end: int
    term: Term


def find(text: str) -> Iterator[Found]:
    """The terms in a ``text`` of the current language, each where it occurs first; of a term inside a longer one, the longer."""
    pattern, by_form = _search(language())
    met = set()
    for match in pattern.finditer(text):
        term = by_form[match[1].lower()]
        if term.key not in met:
            met.add(term.key)
            yield Found(match.start(), match.end(), term)


@lru_cache
def _search(code: str) -> tuple[re.Pattern[str], Mapping[str, Term]]:
    """What finds the words of the current language, whose code is ``code``, and whose words they are."""
    by_form = {form.lower(): term for term in TERMS.values() for form in _forms(term, code)}
    longest_first = "|".join(map(re.escape, sorted(by_form, key=len, reverse=True)))
    if code == DEFAULT_LANGUAGE:  # whole words, with their plurals; no parts of names in code
        pattern = rf"(?<![\w.`-])({longest_first})(?:s|es)?(?![\w(=`]|[-.]\w)"
    else:
        pattern = f"({longest_first})"
    return re.compile(pattern, re.IGNORECASE), by_form


def _forms(term: Term, code: str) -> tuple[str, ...]:
    if code == DEFAULT_LANGUAGE:
        return term.word.template, *term.forms
    return tuple(
        word for word in (str(term.word),) if len(word) > 1
    )  # one sign is mostly part of another word
