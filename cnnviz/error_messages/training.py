"""Losses and what goes into them, and weights of another network."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text


def _out_of_bounds(match: re.Match[str]) -> Decoded:
    target = int(match[1])
    if target < 0:
        text = Message(
            "Classes count from 0: is a label without a class in the data, written as {n}?", n=target
        )
        return Decoded(_labels(target), (Reason(text),), "F.cross_entropy / F.nll_loss")
    text = Message(
        "Class {target} needs a network with at least {count} outputs: they count from 0. Give the last layer one "
        "output for each class.",
        target=target,
        count=target + 1,
    )
    shifted = Message("Or the labels count from 1: subtract 1.")
    return Decoded(
        _labels(target),
        (Reason(text, f"nn.Linear(..., {target + 1})"), Reason(shifted, "labels = labels - 1")),
        "F.cross_entropy / F.nll_loss",
    )


def _labels(target: int) -> Message:
    return Message("A label says class {target}, and the network has no output for it.", target=target)


def _batch_sizes(match: re.Match[str]) -> Decoded:
    rows, targets = int(match[1]), int(match[2])
    reasons = []
    if targets and rows != targets:
        text = Message(
            "view(-1, ...) with a number that does not fit makes rows out of parts of images: {rows} from "
            "{images}. flatten(1) keeps the images apart, and then the Linear says what does not fit.",
            rows=numbers.number(rows),
            images=numbers.images(targets),
        )
        reasons.append(Reason(text, "x = x.flatten(1)"))
    text = Message("Or images and labels come from different batches.")
    return Decoded(
        meaning=Message(
            "One row of the network's output is needed for each label. Rows: {rows}; labels: {targets}.",
            rows=numbers.number(rows),
            targets=numbers.number(targets),
        ),
        reasons=(*reasons, Reason(text)),
        layer="F.cross_entropy / F.nll_loss",
    )


def _spatial(match: re.Match[str]) -> Decoded:
    text = Message(
        "Average the maps and flatten them before the loss, so that each image has one row of class scores."
    )
    return Decoded(
        meaning=Message(
            "The network's output still has height and width, so the loss expects a label for each pixel, and there "
            "is one for each image."
        ),
        reasons=(Reason(text, "x = F.adaptive_avg_pool2d(x, 1).flatten(1)"),),
        layer="F.cross_entropy / F.nll_loss",
    )


def _several_targets(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "The loss wants one number for each image, the class; the labels have two dimensions."
        ),
        reasons=(
            Reason(Message("A dimension of size 1, (64, 1), is taken away."), "labels = labels.squeeze(1)"),
            Reason(
                Message("Labels with a 1 at the class and zeros elsewhere become the class's number."),
                "labels = labels.argmax(dim=1)",
            ),
        ),
        layer="F.cross_entropy / F.nll_loss",
    )


def _target_type(match: re.Match[str]) -> Decoded:
    text = Message("Labels are whole numbers of 64 bits: convert them.")
    return Decoded(
        meaning=Message(
            "The loss wants the classes as whole numbers (Long); the labels are {kind}.", kind=match[1]
        ),
        reasons=(Reason(text, "labels = labels.long()"),),
        layer="F.cross_entropy / F.nll_loss",
    )


def _target_shape(match: re.Match[str]) -> Decoded:
    target, output = sizes(match[1]), sizes(match[2])
    code = "target = target.unsqueeze(1).float()" if len(target) < len(output) else "target = target.float()"
    text = Message("Bring the target to the shape of the output.")
    return Decoded(
        meaning=Message(
            "The loss compares value by value: the output is {output}, the target {target}.",
            output=shape_text(output),
            target=shape_text(target),
        ),
        reasons=(Reason(text, code),),
        layer="F.binary_cross_entropy_with_logits",
    )


def _loss_class(match: re.Match[str]) -> Decoded:
    text = Message("A loss such as nn.CrossEntropyLoss is made first and called then.")
    return Decoded(
        meaning=Message(
            "Python asked whether a tensor of many values is true, and that has no answer. An if or an assert does "
            "so, and so does a loss that gets the output where it takes its settings."
        ),
        reasons=(
            Reason(text, "loss = nn.CrossEntropyLoss()(output, labels)"),
            Reason(Message("To compare tensors, say whether all or any values are meant."), "(a == b).all()"),
        ),
    )


def _state(match: re.Match[str]) -> Decoded:
    saved, present = sizes(match[2]), sizes(match[3])
    text = Message(
        "Build the network with the same options that it was saved with, or leave this layer's weights out."
    )
    return Decoded(
        meaning=Message(
            "The saved weights are of another network: {name} has the shape {saved} in the file and {present} here.",
            name=match[1],
            saved=shape_text(saved),
            present=shape_text(present),
        ),
        reasons=(Reason(text),),
        layer="load_state_dict",
    )


ENTRIES = (
    entry(Message("A label that is no class"), r"Target (-?\d{1,9}) is out of bounds", _out_of_bounds),
    entry(
        Message("Another number of labels than of rows"),
        rf"Expected input batch_size \({NUMBER}\) to match target batch_size \({NUMBER}\)",
        _batch_sizes,
    ),
    entry(
        Message("Labels of another shape than the loss wants"),
        r"only batches of spatial targets supported \(3D tensors\) but got targets of dimension: (\d)",
        _spatial,
    ),
    entry(
        Message("Labels of another shape than the loss wants"),
        r"0D or 1D target tensor expected, multi-target not supported",
        _several_targets,
    ),
    entry(
        Message("Labels of another shape than the loss wants"),
        rf"[Tt]arget size \(torch\.Size\(\[{SIZES}\]\)\) (?:must be the same as|that is different to the) input size "
        rf"\(torch\.Size\(\[{SIZES}\]\)\)",
        _target_shape,
    ),
    entry(
        Message("Values of another type or on another device"),
        r"expected target dtype to be Long or Byte, but got (\w{1,20})",
        _target_type,
    ),
    entry(
        Message("A tensor where a yes or no is wanted"),
        r"Boolean value of Tensor with more than one value is ambiguous",
        _loss_class,
    ),
    entry(
        Message("Weights of another network"),
        rf"size mismatch for ([\w.]{{1,100}}): copying a param with shape torch\.Size\(\[{SIZES}\]\) from checkpoint, "
        rf"the shape in current model is torch\.Size\(\[{SIZES}\]\)",
        _state,
    ),
)
