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
    "reduce3x3": Option(Message("Channels in front of the 3x3 kernel"), 96, low=1, high=192),
    "reduce5x5": Option(Message("Channels in front of the 5x5 kernel"), 16, low=1, high=192),
}

ARCHITECTURES = (
    _Inception(
        key="inception-naive",
        name=Message("Inception module, naive"),
        year=2015,
        paper=_SZEGEDY,
        idea=Message(
            "1x1, 3x3, 5x5 and a pooling side by side, each on all 192 channels. The pooling cannot change its "
            "channels, so the output has 416, and the 5x5 kernel alone costs 120 million multiply-adds."
        ),
        builder="blocks:NaiveInception",
    ),
    _Inception(
        key="inception-reduced",
        name=Message("Inception module, with 1x1 reductions"),
        year=2015,
        paper=_SZEGEDY,
        idea=Message(
            "A 1x1 convolution in front of each large kernel reduces the channels first, and one after the "
            "pooling does too. The 5x5 kernel now costs a tenth, and the output has 256 channels."
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
            "Two 3x3 convolutions one after the other see the same 5x5 patch. They have 18 weights a channel "
            "pair in place of 25, and one more activation."
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
            "Two 3x3 convolutions with batch normalisation, one after the other. Stacked deep, such blocks "
            "train worse the more there are of them: that is what the shortcut cures."
        ),
        builder="blocks:PlainBlock",
    ),
    _Residual(
        key="residual-identity",
        name=Message("Residual block, identity shortcut"),
        year=2016,
        paper=_HE,
        idea=Message(
            "The input is added to what two convolutions made of it. The shortcut has no parameters, and where "
            "the convolutions give zero, the block passes its input on."
        ),
        builder="blocks:IdentityBlock",
    ),
    _Residual(
        key="residual-projection",
        name=Message("Residual block, 1x1 projection"),
        year=2016,
        paper=_HE,
        idea=Message(
            "Where a block halves the map and doubles the channels, the shortcut's shape would not fit. A 1x1 "
            "convolution with stride 2 brings it to the same shape."
        ),
        builder="blocks:ProjectionBlock",
    ),
    _Residual(
        key="residual-pooled",
        name=Message("Residual block, max-pooled shortcut"),
        year=2016,
        paper=_HE,
        idea=Message(
            "A shortcut without parameters for a block that halves the map: a max pooling halves it too, and "
            "the missing channels are zeros. Values that the pooling drops do not reach the sum."
        ),
        builder="blocks:PooledShortcutBlock",
    ),
    _Residual(
        key="residual-preactivation",
        name=Message("Residual block, pre-activation"),
        year=2016,
        paper="He et al. 2016, Identity Mappings in Deep Residual Networks",
        idea=Message(
            "Normalisation and ReLU stand in front of each convolution, and nothing comes after the addition. "
            "So the signal passes along the shortcuts through the whole network unchanged."
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
            "Four layers, each of which reads everything before it and adds 32 channels: 64 become 192. "
            "Concatenation keeps what is there, where an addition would mix it."
        ),
        builder="densenet:DenseBlock",
        arguments={"in_channels": 64},
        options={
            "growth": Option(Message("Channels that each layer adds"), 32, low=1, high=64),
            "layers": Option(Message("Layers in the block"), 4, low=1, high=12),
        },
    ),
)
