"""Networks for small images: a laptop trains them within minutes."""

from __future__ import annotations

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.architectures.catalogue import ADAM, FASHION
from cnnviz.language import Message

_MNIST_INPUT = (1, 28, 28)
_CIFAR_INPUT = (3, 32, 32)
_SHORTCUTS = ("identity", "projection", "max-pooled", "pre-activation", "none")
_LECUN = "LeCun et al. 1998, Gradient-Based Learning Applied to Document Recognition"

ARCHITECTURES = (
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
    Architecture(
        key="small-cnn",
        name=Message("Small CNN"),
        family="LeNet",
        year=1998,
        paper=_LECUN,
        idea=Message(
            "Two 5x5 convolutions with six maps each apply the same few weights everywhere in the "
            "image. With no more parameters than the MLP it recognises digits far better, as long as "
            "neighbouring pixels stay neighbours."
        ),
        input_shape=_MNIST_INPUT,
        builder="small_cnn:SmallCNN",
        options={"maps": Option(Message("Maps per convolution"), 6, low=1, high=64)},
        log_softmax=True,
        recipe={"epochs": 1},
    ),
    Architecture(
        key="lenet5",
        name="LeNet-5",
        family="LeNet",
        year=1998,
        paper=_LECUN,
        idea=Message(
            "Convolution and average pooling alternate, the maps become smaller and more numerous, and "
            "three fully connected layers classify. It read the digits on cheques, and most CNNs still "
            "follow its design."
        ),
        input_shape=_MNIST_INPUT,
        builder="lenet:LeNet5",
        options={
            "activation": Option(Message("Activation function"), "tanh", choices=("tanh", "sigmoid", "relu")),
        },
    ),
    Architecture(
        key="basic-cnn",
        name=Message("Basic CNN"),
        family="LeNet",
        year=1998,
        paper=_LECUN,
        idea=Message(
            "Two 5x5 convolutions detect strokes and combinations of strokes; max pooling after each "
            "halves the map. The remaining 20 maps of 4 x 4 go into one Linear."
        ),
        input_shape=_MNIST_INPUT,
        builder="small_cnn:BasicCNN",
    ),
    Architecture(
        key="inception-mini",
        name=Message("Inception mini"),
        family="Inception",
        year=2015,
        paper="Szegedy et al. 2015, Going Deeper with Convolutions",
        idea=Message(
            "An Inception module runs 1x1, 3x3 and 5x5 convolutions and pooling in parallel and lets "
            "training decide which kernel size works best. The channels of all branches are "
            "concatenated: 16 + 24 + 24 + 24 = 88."
        ),
        input_shape=_MNIST_INPUT,
        builder="inception:InceptionMini",
    ),
    Architecture(
        key="inception-pair",
        name=Message("Two Inception modules"),
        family="Inception",
        year=2015,
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
    Architecture(
        key="resnet-mini",
        name=Message("ResNet mini"),
        family="ResNet",
        year=2016,
        paper="He et al. 2016, Deep Residual Learning for Image Recognition",
        idea=Message(
            "A residual block adds its input to its output, so it only has to learn the difference. "
            "Gradients flow back through the addition unchanged, which makes very deep networks "
            "trainable."
        ),
        input_shape=_MNIST_INPUT,
        builder="resnet:ResNetMini",
    ),
    Architecture(
        key="resnet-deep",
        name=Message("ResNet of any depth"),
        family="ResNet",
        year=2016,
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
    Architecture(
        key="lenet-bn",
        name=Message("LeNet with BatchNorm"),
        family="LeNet",
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
    Architecture(
        key="lenet-cifar",
        name=Message("LeNet for CIFAR-10"),
        family="LeNet",
        year=1998,
        paper=_LECUN,
        idea=Message(
            "LeNet's layers for colour images: each kernel has one slice each for red, green and blue, "
            "and the three results are summed. On photographs, a network this small reaches its limits."
        ),
        input_shape=_CIFAR_INPUT,
        dataset="cifar10",
        builder="lenet:LeNetCifar",
        recipe={**ADAM, "mean": (0.5, 0.5, 0.5), "deviation": (0.5, 0.5, 0.5)},
    ),
    Architecture(
        key="vgg-cifar",
        name=Message("VGG for CIFAR-10"),
        family="VGG",
        year=2015,
        paper="Simonyan and Zisserman 2015, Very Deep Convolutional Networks for Large-Scale Image Recognition",
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
