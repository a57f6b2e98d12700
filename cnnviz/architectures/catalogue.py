"""All architectures that cnnviz knows: what a person wants to know about each before it is built, and its recipe.

The list imports no torch: a network's file is imported when the network is built. So pages and the command line can
offer the choice at once. What a recipe does not name is as in the three mini networks.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from functools import partial
from types import MappingProxyType

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.language import Message

_LECUN = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"
_SIMONYAN = "Simonyan and Zisserman 2015, Very Deep Convolutional Networks for Large-Scale Image Recognition"
_SZEGEDY = "Szegedy et al. 2015, Going Deeper with Convolutions"
_HE = "He et al. 2016, Deep Residual Learning for Image Recognition"
_HUANG = "Huang et al. 2017, Densely Connected Convolutional Networks"
_ZEILER = "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks"

_LeNet = partial(Architecture, family="LeNet", year=1998, paper=_LECUN)
_ZFNet = partial(
    Architecture, family="AlexNet", year=2013, paper=_ZEILER, input_shape=(3, 224, 224), dataset="cifar10"
)
_VGG = partial(Architecture, family="VGG", year=2015, paper=_SIMONYAN)
_Inception = partial(Architecture, family="Inception", year=2015, paper=_SZEGEDY)
_ResNet = partial(Architecture, family="ResNet", year=2016, paper=_HE)
_DenseNet = partial(Architecture, family="DenseNet", year=2017, paper=_HUANG)
_InceptionBlock = partial(_Inception, group="block", classes=None, dataset=None, input_shape=(192, 28, 28))
_ResidualBlock = partial(_ResNet, group="block", classes=None, dataset=None, input_shape=(64, 56, 56))

FASHION: Mapping[str, object] = MappingProxyType(
    {"mean": (0.0,), "deviation": (1.0,), "momentum": 0.0, "initialisation": "xavier"}
)
"""The course's networks for Fashion-MNIST: images from 0 to 1, plain SGD, Xavier initialisation."""

ADAM: Mapping[str, object] = MappingProxyType({"optimizer": "adam", "learning_rate": 0.001, "momentum": 0.0})
"""The course's networks for CIFAR-10."""

LARGE_COLOUR: Mapping[str, object] = MappingProxyType(
    {"momentum": 0.9, "weight_decay": 0.0005, "batch_size": 128}
)
"""What the papers of the large networks have in common; their recipes are no part of the course."""

_MNIST_INPUT = (1, 28, 28)
_CIFAR_INPUT = (3, 32, 32)
_SHORTCUTS = ("identity", "projection", "max-pooled", "pre-activation", "none")
_DEPTHS = (11, 13, 16, 19)


def _vgg_options(depth: int, divisor: int) -> dict[str, Option]:
    return {
        "depth": Option(Message("Layers with parameters"), depth, choices=_DEPTHS),
        "divisor": Option(Message("Divide the channels by"), divisor, choices=(1, 2, 4, 8)),
    }


_REDUCTIONS = {
    "reduce3x3": Option(Message("Channels before the 3x3 convolution"), 96, low=1, high=192),
    "reduce5x5": Option(Message("Channels before the 5x5 convolution"), 16, low=1, high=192),
}

# Networks for small images: a laptop trains them within minutes.
_SMALL = (
    Architecture(
        key="mlp",
        name="MLP",
        family="MLP",
        year=1986,
        paper="Rumelhart, Hinton and Williams 1986, Learning Representations by Back-Propagating Errors",
        idea=Message(
            "Every unit sees all 784 pixels, each with its own weight, so the network does not know "
            "which pixels are neighbours. It is the baseline that shows what convolution adds."
        ),
        input_shape=_MNIST_INPUT,
        builder="mlp:MLP",
        options={
            "width": Option(Message("Units per hidden layer"), 8, low=1, high=512),
            "dropout": Option(Message("Dropout in per cent"), 0, low=0, high=90),
        },
        log_softmax=True,
        recipe={"epochs": 1},
    ),
    _LeNet(
        key="small-cnn",
        name=Message("Small CNN"),
        idea=Message(
            "Two 5x5 convolutions with six maps each apply the same few weights everywhere in the "
            "image. With no more parameters than the MLP it recognises digits far better, as long as "
            "neighbouring pixels stay neighbours."
        ),
        input_shape=_MNIST_INPUT,
        builder="lenet:SmallCNN",
        options={"maps": Option(Message("Maps per convolution"), 6, low=1, high=64)},
        log_softmax=True,
        recipe={"epochs": 1},
    ),
    _LeNet(
        key="lenet5",
        name="LeNet-5",
        idea=Message(
            "Convolution and average pooling alternate, the maps become smaller and more numerous, and "
            "three fully connected layers classify. It read the digits on cheques, and most CNNs still "
            "follow its design."
        ),
        input_shape=_MNIST_INPUT,
        builder="lenet:LeNet5",
        options={
            "activation": Option(Message("Activation function"), "tanh", choices=("tanh", "sigmoid", "relu"))
        },
    ),
    _LeNet(
        key="basic-cnn",
        name=Message("Basic CNN"),
        idea=Message(
            "Two 5x5 convolutions detect strokes and combinations of strokes; max pooling after each "
            "halves the map. The remaining 20 maps of 4 x 4 go into one Linear."
        ),
        input_shape=_MNIST_INPUT,
        builder="lenet:BasicCNN",
    ),
    _Inception(
        key="inception-mini",
        name=Message("Inception mini"),
        idea=Message(
            "An Inception module runs 1x1, 3x3 and 5x5 convolutions and pooling in parallel and lets "
            "training decide which kernel size works best. The channels of all branches are "
            "concatenated: 16 + 24 + 24 + 24 = 88."
        ),
        input_shape=_MNIST_INPUT,
        builder="inception:InceptionMini",
    ),
    _Inception(
        key="inception-pair",
        name=Message("Two Inception modules"),
        paper="Szegedy et al. 2015, Going Deeper with Convolutions, figure 2",
        idea=Message(
            "GoogLeNet's module 3a twice, at a third of its width, small enough to train during a "
            "lesson. One option sets whether 1x1 convolutions reduce the channels before the large "
            "kernels."
        ),
        input_shape=_MNIST_INPUT,
        builder="inception:InceptionPair",
        options={"module": Option(Message("Inception module"), "reduced", choices=("reduced", "naive"))},
        recipe={"optimizer": "adam", "learning_rate": 0.002, "momentum": 0.0},
    ),
    _ResNet(
        key="resnet-mini",
        name=Message("ResNet mini"),
        idea=Message(
            "A residual block adds its input to its output, so it only has to learn the difference. "
            "Gradients flow back through the addition unchanged, which makes very deep networks "
            "trainable."
        ),
        input_shape=_MNIST_INPUT,
        builder="resnet:ResNetMini",
    ),
    _ResNet(
        key="resnet-deep",
        name=Message("ResNet of any depth"),
        paper="He et al. 2016, Deep Residual Learning for Image Recognition, section 4.2",
        idea=Message(
            "Blocks of two convolutions, 6 to 56 layers deep, with any kind of shortcut or none. "
            "Without shortcuts, the deep network stops improving; with them, it learns. Compare the two."
        ),
        input_shape=_MNIST_INPUT,
        builder="resnet:ResNetDeep",
        options={
            "depth": Option(Message("Layers with parameters"), 20, choices=(6, 8, 14, 20, 32, 44, 56)),
            "shortcut": Option(Message("Shortcut"), "identity", choices=_SHORTCUTS),
            "width": Option(Message("Maps in the first stage"), 8, low=1, high=64),
            "batch_norm": Option(Message("Batch normalisation"), True),
        },
        recipe={"learning_rate": 0.05, "momentum": 0.9},
    ),
    _LeNet(
        key="lenet-bn",
        name=Message("LeNet with BatchNorm"),
        year=2015,
        paper="Ioffe and Szegedy 2015, Batch Normalization",
        idea=Message(
            "After each layer, every channel of the batch is normalised to mean 0 and standard "
            "deviation 1, then scaled and shifted by two learned numbers. The network tolerates "
            "learning rates at which it would otherwise fail."
        ),
        input_shape=_MNIST_INPUT,
        dataset="fashion-mnist",
        builder="lenet:LeNetBatchNorm",
        options={"batch_norm": Option(Message("Batch normalisation"), True)},
        recipe={**FASHION, "learning_rate": 1.0, "batch_size": 256},
    ),
    _LeNet(
        key="lenet-cifar",
        name=Message("LeNet for CIFAR-10"),
        idea=Message(
            "LeNet's layers for colour images: each kernel has one slice each for red, green and blue, "
            "and the three results are summed. On photographs, a network this small reaches its limits."
        ),
        input_shape=_CIFAR_INPUT,
        dataset="cifar10",
        builder="lenet:LeNetCifar",
        recipe={**ADAM, "mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.5, 0.5)},
    ),
    _VGG(
        key="vgg-cifar",
        name=Message("VGG for CIFAR-10"),
        idea=Message(
            "VGG-11's eight convolutions with batch normalisation, for 32 x 32 images. Five rounds of "
            "pooling leave one value per map, so a single Linear(512, 10) is enough."
        ),
        input_shape=_CIFAR_INPUT,
        dataset="cifar10",
        builder="vgg:VGGCifar",
        recipe={
            **ADAM,
            "batch_size": 128,
            "mean": (0.4914, 0.4822, 0.4465),
            "deviation": (0.2023, 0.1994, 0.2010),
            "augmentation": {"crop_padding": 4, "flip": True},
        },
    ),
)

# The networks that made history, for larger images, as the course builds them.
_LARGE = (
    Architecture(
        key="alexnet",
        name="AlexNet",
        family="AlexNet",
        year=2012,
        paper="Krizhevsky, Sutskever and Hinton 2012, ImageNet Classification with Deep Convolutional Neural Networks",
        idea=Message(
            "LeNet's design, larger and deeper, with ReLU and dropout, trained on GPUs: it won ImageNet "
            "2012 by a wide margin. Most of its parameters are in the first fully connected layer."
        ),
        input_shape=(1, 224, 224),
        dataset="fashion-mnist",
        builder="alexnet:AlexNet",
        recipe={**FASHION, "learning_rate": 0.01, "batch_size": 128},
    ),
    _ZFNet(
        key="zfnet",
        name="ZFNet",
        idea=Message(
            "Its authors visualised AlexNet's feature maps and found dead and coarse filters in the "
            "first layer. A 7x7 kernel with stride 2 instead of 11x11 with stride 4 keeps more of the "
            "image."
        ),
        builder="alexnet:ZFNet",
        recipe=LARGE_COLOUR,
    ),
    _ZFNet(
        key="zfnet-wide",
        name=Message("ZFNet, wider"),
        idea=Message(
            "The paper's wider variant: 512, 1024 and 512 maps in the last three convolutions. It was "
            "more accurate on ImageNet, with almost twice the parameters."
        ),
        builder="alexnet:ZFNet",
        arguments={"maps": (512, 1024, 512)},
        recipe=LARGE_COLOUR,
    ),
    _VGG(
        key="vgg11",
        name=Message("VGG-11, a quarter of the channels"),
        idea=Message(
            "Stacked 3x3 convolutions only: two of them cover the same area as one 5x5, with fewer "
            "parameters. The course divides the paper's channels by 4 so that the network can be "
            "trained on a small machine."
        ),
        input_shape=(1, 224, 224),
        dataset="fashion-mnist",
        builder="vgg:VGG",
        options=_vgg_options(depth=11, divisor=4),
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 128},
    ),
    _VGG(
        key="vgg11-full",
        name="VGG-11",
        idea=Message(
            "Configuration A of the paper at full width: 64 to 512 maps. Each block of 3x3 convolutions "
            "ends with pooling, which halves the map, and the next block doubles the channels, up to "
            "512."
        ),
        input_shape=(1, 224, 224),
        dataset="fashion-mnist",
        builder="vgg:VGG",
        options=_vgg_options(depth=11, divisor=1),
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 128},
    ),
    _VGG(
        key="vgg16",
        name="VGG-16",
        idea=Message(
            "Configuration D, the most widely used: thirteen 3x3 convolutions and three fully connected "
            "layers. Its simple design made it a popular feature extractor for years."
        ),
        input_shape=(3, 224, 224),
        dataset="cifar10",
        builder="vgg:VGG",
        arguments={"in_channels": 3},
        options=_vgg_options(depth=16, divisor=1),
        recipe=LARGE_COLOUR,
    ),
    Architecture(
        key="nin",
        name="NiN",
        family="NiN",
        year=2014,
        paper="Lin, Chen and Yan 2014, Network In Network",
        idea=Message(
            "After each convolution, two 1x1 convolutions mix the channels at every pixel, like a small "
            "network inside the network. At the end each class has one map, and its mean is the score: "
            "no Linear needed."
        ),
        input_shape=(1, 224, 224),
        dataset="fashion-mnist",
        builder="nin:NiN",
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 128},
    ),
    _Inception(
        key="googlenet",
        name="GoogLeNet",
        idea=Message(
            "Nine Inception modules apply several kernel sizes in parallel, and 1x1 convolutions before "
            "the large kernels keep them cheap. It is deeper than AlexNet, with a fraction of its "
            "parameters."
        ),
        input_shape=(1, 96, 96),
        dataset="fashion-mnist",
        builder="inception:GoogLeNet",
        options={"auxiliary": Option(Message("Auxiliary classifiers"), False)},
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 128},
    ),
    _ResNet(
        key="resnet18",
        name="ResNet-18",
        idea=Message(
            "Eight residual blocks in four stages; where a stage halves the map, a 1x1 convolution "
            "reshapes the shortcut to match. The shortcuts let gradients reach the first layers "
            "directly."
        ),
        input_shape=(1, 96, 96),
        dataset="fashion-mnist",
        builder="resnet:ResNet18",
        options={"depth": Option(Message("Layers with parameters"), 18, choices=(18, 34))},
        recipe={**FASHION, "learning_rate": 0.05, "batch_size": 256},
    ),
    _DenseNet(
        key="densenet",
        name="DenseNet",
        idea=Message(
            "Within a block, each layer receives the outputs of all earlier layers and adds a few "
            "channels of its own. Features are reused instead of relearned, so each layer needs only a "
            "few channels."
        ),
        input_shape=(1, 96, 96),
        dataset="fashion-mnist",
        builder="densenet:DenseNet",
        options={
            "growth": Option(Message("Channels added per layer"), 32, low=1, high=64),
            "layers": Option(Message("Layers per block"), 4, low=1, high=12),
            "blocks": Option(Message("Dense blocks"), 4, low=1, high=5),
        },
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 256},
    ),
)

# Blocks on their own, to compare what each does to shapes, parameters and multiply-adds.
_BLOCKS = (
    _InceptionBlock(
        key="inception-naive",
        name=Message("Inception module, naive"),
        idea=Message(
            "1x1, 3x3 and 5x5 convolutions and pooling process all 192 channels in parallel. Pooling "
            "cannot change the number of channels, so the output has 416, and the 5x5 convolution alone "
            "costs 120 million multiply-adds."
        ),
        builder="inception:NaiveInception",
    ),
    _InceptionBlock(
        key="inception-reduced",
        name=Message("Inception module, with 1x1 reductions"),
        idea=Message(
            "A 1x1 convolution reduces the channels before each large kernel, and another one follows "
            "the pooling. The 5x5 convolution now costs a tenth, and the output has 256 channels."
        ),
        builder="inception:ReducedInception",
        options=_REDUCTIONS,
    ),
    _InceptionBlock(
        key="inception-factorised",
        name=Message("Inception module, factorised"),
        year=2016,
        paper="Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision",
        idea=Message(
            "Two 3x3 convolutions in a row see the same 5x5 patch, with 18 weights per pair of channels "
            "instead of 25, and one more activation."
        ),
        builder="inception:FactorisedInception",
        options=_REDUCTIONS,
    ),
    _ResidualBlock(
        key="plain-block",
        name=Message("Plain block, no shortcut"),
        idea=Message(
            "Two 3x3 convolutions in a row, each with batch normalisation. The more of these blocks you "
            "stack, the harder the network is to train; the shortcut solves this problem."
        ),
        builder="resnet:PlainBlock",
    ),
    _ResidualBlock(
        key="residual-identity",
        name=Message("Residual block, identity shortcut"),
        idea=Message(
            "The input is added to the output of two convolutions. The shortcut has no parameters; "
            "where the convolutions output zero, the block passes its input on unchanged."
        ),
        builder="resnet:IdentityBlock",
    ),
    _ResidualBlock(
        key="residual-projection",
        name=Message("Residual block, 1x1 projection"),
        idea=Message(
            "Where a block halves the map and doubles the channels, an identity shortcut would no "
            "longer fit. A 1x1 convolution with stride 2 gives it the right shape."
        ),
        builder="resnet:ProjectionBlock",
    ),
    _ResidualBlock(
        key="residual-pooled",
        name=Message("Residual block, max-pooled shortcut"),
        idea=Message(
            "A parameter-free shortcut for a block that halves the map: max pooling halves the input "
            "too, and zeros fill the missing channels. Values dropped by the pooling do not reach the "
            "sum."
        ),
        builder="resnet:PooledShortcutBlock",
    ),
    _ResidualBlock(
        key="residual-preactivation",
        name=Message("Residual block, pre-activation"),
        paper="He et al. 2016, Identity Mappings in Deep Residual Networks",
        idea=Message(
            "Normalisation and ReLU come before each convolution, and nothing follows the addition. The "
            "signal passes along the shortcuts through the whole network unchanged."
        ),
        builder="resnet:PreActivationBlock",
    ),
    _DenseNet(
        key="dense-block",
        name=Message("Dense block"),
        input_shape=(64, 24, 24),
        classes=None,
        dataset=None,
        group="block",
        idea=Message(
            "Four layers, each of which receives all earlier outputs and adds 32 channels: 64 become "
            "192. Concatenation keeps every channel; addition would mix them."
        ),
        builder="densenet:DenseBlock",
        arguments={"in_channels": 64},
        options={
            "growth": Option(Message("Channels added per layer"), 32, low=1, high=64),
            "layers": Option(Message("Layers in the block"), 4, low=1, high=12),
        },
    ),
)

_ARCHITECTURES = (*_SMALL, *_LARGE, *_BLOCKS)
_BY_KEY = MappingProxyType({architecture.key: architecture for architecture in _ARCHITECTURES})


def registered(group: str | None = None) -> tuple[Architecture, ...]:
    """All architectures, in the order in which a course meets them; or those of a ``group`` alone."""
    return tuple(known for known in _ARCHITECTURES if group in (None, known.group))


def keys(group: str | None = None) -> tuple[str, ...]:
    """The keys of all architectures, or of a group's, in the same order."""
    return tuple(known.key for known in registered(group))


def get(key: str) -> Architecture:
    """The architecture registered under ``key``, or the one that a provider of keys like this gives.

    Raises:
        UnknownKeyError: there is none; the message names the closest key.
    """
    if key in _BY_KEY:
        return _BY_KEY[key]
    for prefix, provider in _PROVIDERS.items():
        if key.startswith(prefix):
            module, _, name = provider.partition(":")
            found: Architecture = getattr(importlib.import_module(module), name)(key)
            return found
    raise UnknownKeyError(Message("architecture"), key, _BY_KEY)


def is_known(key: str) -> bool:
    """Whether :func:`get` finds an architecture under ``key``."""
    try:
        get(key)
    except CnnvizError:
        return False
    return True


_PROVIDERS: dict[str, str] = {}


def provide(prefix: str, provider: str) -> None:
    """Let the function ``module:name`` give the architectures whose keys begin with ``prefix``.

    It is imported when it is asked for the first time, and raises an UnknownKeyError where there is none. No list of
    this registry has them: they come and go.
    """
    _PROVIDERS[prefix] = provider
