"""The networks that made history, for larger images, as the course builds them."""

from __future__ import annotations

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.architectures.catalogue import FASHION, LARGE_COLOUR
from cnnviz.language import Message

_VGG = "Simonyan and Zisserman 2015, Very Deep Convolutional Networks for Large-Scale Image Recognition"
_ZEILER = "Zeiler and Fergus 2014, Visualizing and Understanding Convolutional Networks"
_DEPTHS = (11, 13, 16, 19)


def _vgg_options(depth: int, divisor: int) -> dict[str, Option]:
    return {
        "depth": Option(Message("Layers with parameters"), depth, choices=_DEPTHS),
        "divisor": Option(Message("Divide the channels by"), divisor, choices=(1, 2, 4, 8)),
    }


ARCHITECTURES = (
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
    Architecture(
        key="zfnet",
        name="ZFNet",
        family="AlexNet",
        year=2013,
        paper=_ZEILER,
        idea=Message(
            "Its authors visualised AlexNet's feature maps and found dead and coarse filters in the "
            "first layer. A 7x7 kernel with stride 2 instead of 11x11 with stride 4 keeps more of the "
            "image."
        ),
        input_shape=(3, 224, 224),
        dataset="cifar10",
        builder="alexnet:ZFNet",
        recipe=LARGE_COLOUR,
    ),
    Architecture(
        key="zfnet-wide",
        name=Message("ZFNet, wider"),
        family="AlexNet",
        year=2013,
        paper=_ZEILER,
        idea=Message(
            "The paper's wider variant: 512, 1024 and 512 maps in the last three convolutions. It was "
            "more accurate on ImageNet, with almost twice the parameters."
        ),
        input_shape=(3, 224, 224),
        dataset="cifar10",
        builder="alexnet:ZFNet",
        arguments={"maps": (512, 1024, 512)},
        recipe=LARGE_COLOUR,
    ),
    Architecture(
        key="vgg11",
        name=Message("VGG-11, a quarter of the channels"),
        family="VGG",
        year=2015,
        paper=_VGG,
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
    Architecture(
        key="vgg11-full",
        name="VGG-11",
        family="VGG",
        year=2015,
        paper=_VGG,
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
    Architecture(
        key="vgg16",
        name="VGG-16",
        family="VGG",
        year=2015,
        paper=_VGG,
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
    Architecture(
        key="googlenet",
        name="GoogLeNet",
        family="Inception",
        year=2015,
        paper="Szegedy et al. 2015, Going Deeper with Convolutions",
        idea=Message(
            "Nine Inception modules apply several kernel sizes in parallel, and 1x1 convolutions before "
            "the large kernels keep them cheap. It is deeper than AlexNet, with a fraction of its "
            "parameters."
        ),
        input_shape=(1, 96, 96),
        dataset="fashion-mnist",
        builder="googlenet:GoogLeNet",
        options={"auxiliary": Option(Message("Auxiliary classifiers"), False)},
        recipe={**FASHION, "learning_rate": 0.1, "batch_size": 128},
    ),
    Architecture(
        key="resnet18",
        name="ResNet-18",
        family="ResNet",
        year=2016,
        paper="He et al. 2016, Deep Residual Learning for Image Recognition",
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
    Architecture(
        key="densenet",
        name="DenseNet",
        family="DenseNet",
        year=2017,
        paper="Huang et al. 2017, Densely Connected Convolutional Networks",
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
