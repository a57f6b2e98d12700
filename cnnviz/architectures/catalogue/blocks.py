"""Blocks on their own, to compare what each does to shapes, parameters and multiply-adds."""

from __future__ import annotations

from functools import partial

from cnnviz.architectures.architecture import Architecture, Option
from cnnviz.language import Message

_SZEGEDY = "Szegedy et al. 2015, Going Deeper with Convolutions"
_HE = "He et al. 2016, Deep Residual Learning for Image Recognition"
_HUANG = "Huang et al. 2017, Densely Connected Convolutional Networks"

_Block = partial(Architecture, group="block", classes=None, dataset=None)
_Inception = partial(_Block, family="Inception", input_shape=(192, 28, 28))
_Residual = partial(_Block, family="ResNet", input_shape=(64, 56, 56))

_REDUCTIONS = {
    "reduce3x3": Option(Message("Channels before the 3x3 convolution"), 96, low=1, high=192),
    "reduce5x5": Option(Message("Channels before the 5x5 convolution"), 16, low=1, high=192),
}

ARCHITECTURES = (
    _Inception(
        key="inception-naive",
        name=Message("Inception module, naive"),
        year=2015,
        paper=_SZEGEDY,
        idea=Message(
            "1x1, 3x3 and 5x5 convolutions and pooling process all 192 channels in parallel. Pooling "
            "cannot change the number of channels, so the output has 416, and the 5x5 convolution alone "
            "costs 120 million multiply-adds."
        ),
        builder="blocks:NaiveInception",
    ),
    _Inception(
        key="inception-reduced",
        name=Message("Inception module, with 1x1 reductions"),
        year=2015,
        paper=_SZEGEDY,
        idea=Message(
            "A 1x1 convolution reduces the channels before each large kernel, and another one follows "
            "the pooling. The 5x5 convolution now costs a tenth, and the output has 256 channels."
        ),
        builder="blocks:ReducedInception",
        options=_REDUCTIONS,
    ),
    _Inception(
        key="inception-factorised",
        name=Message("Inception module, factorised"),
        year=2016,
        paper="Szegedy et al. 2016, Rethinking the Inception Architecture for Computer Vision",
        idea=Message(
            "Two 3x3 convolutions in a row see the same 5x5 patch, with 18 weights per pair of channels "
            "instead of 25, and one more activation."
        ),
        builder="blocks:FactorisedInception",
        options=_REDUCTIONS,
    ),
    _Residual(
        key="plain-block",
        name=Message("Plain block, no shortcut"),
        year=2016,
        paper=_HE,
        idea=Message(
            "Two 3x3 convolutions in a row, each with batch normalisation. The more of these blocks you "
            "stack, the harder the network is to train; the shortcut solves this problem."
        ),
        builder="blocks:PlainBlock",
    ),
    _Residual(
        key="residual-identity",
        name=Message("Residual block, identity shortcut"),
        year=2016,
        paper=_HE,
        idea=Message(
            "The input is added to the output of two convolutions. The shortcut has no parameters; "
            "where the convolutions output zero, the block passes its input on unchanged."
        ),
        builder="blocks:IdentityBlock",
    ),
    _Residual(
        key="residual-projection",
        name=Message("Residual block, 1x1 projection"),
        year=2016,
        paper=_HE,
        idea=Message(
            "Where a block halves the map and doubles the channels, an identity shortcut would no "
            "longer fit. A 1x1 convolution with stride 2 gives it the right shape."
        ),
        builder="blocks:ProjectionBlock",
    ),
    _Residual(
        key="residual-pooled",
        name=Message("Residual block, max-pooled shortcut"),
        year=2016,
        paper=_HE,
        idea=Message(
            "A parameter-free shortcut for a block that halves the map: max pooling halves the input "
            "too, and zeros fill the missing channels. Values dropped by the pooling do not reach the "
            "sum."
        ),
        builder="blocks:PooledShortcutBlock",
    ),
    _Residual(
        key="residual-preactivation",
        name=Message("Residual block, pre-activation"),
        year=2016,
        paper="He et al. 2016, Identity Mappings in Deep Residual Networks",
        idea=Message(
            "Normalisation and ReLU come before each convolution, and nothing follows the addition. The "
            "signal passes along the shortcuts through the whole network unchanged."
        ),
        builder="blocks:PreActivationBlock",
    ),
    _Block(
        key="dense-block",
        name=Message("Dense block"),
        family="DenseNet",
        year=2017,
        paper=_HUANG,
        input_shape=(64, 24, 24),
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
