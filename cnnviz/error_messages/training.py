"""Losses and what goes into them, weights of another network, and values of another type or on another device."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, one_remedy, sizes
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
    return one_remedy(
        Message(
            "The network's output still has height and width, so the loss expects a label for each pixel, and there "
            "is one for each image."
        ),
        Message(
            "Average the maps and flatten them before the loss, so that each image has one row of class scores."
        ),
        "x = F.adaptive_avg_pool2d(x, 1).flatten(1)",
        "F.cross_entropy / F.nll_loss",
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
    return one_remedy(
        Message("The loss wants the classes as whole numbers (Long); the labels are {kind}.", kind=match[1]),
        Message("Labels are whole numbers of 64 bits: convert them."),
        "labels = labels.long()",
        "F.cross_entropy / F.nll_loss",
    )


def _target_shape(match: re.Match[str]) -> Decoded:
    target, output = sizes(match[1]), sizes(match[2])
    code = "target = target.unsqueeze(1).float()" if len(target) < len(output) else "target = target.float()"
    return one_remedy(
        Message(
            "The loss compares value by value: the output is {output}, the target {target}.",
            output=shape_text(output),
            target=shape_text(target),
        ),
        Message("Bring the target to the shape of the output."),
        code,
        "F.binary_cross_entropy_with_logits",
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
    return one_remedy(
        Message(
            "The saved weights are of another network: {name} has the shape {saved} in the file and {present} here.",
            name=match[1],
            saved=shape_text(saved),
            present=shape_text(present),
        ),
        Message(
            "Build the network with the same options that it was saved with, or leave this layer's weights out."
        ),
        layer="load_state_dict",
    )


_LOSSES = (
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


_TYPE = r"([\w:.]{1,40}(?: int| char)?)"
_BYTES = ("Byte", "unsigned char", "torch.ByteTensor", "torch.cuda.ByteTensor")
_DOUBLES = ("Double", "double", "torch.float64", "torch.DoubleTensor", "torch.cuda.DoubleTensor")


def _types(match: re.Match[str]) -> Decoded:
    first, second = match[1], match[2]
    if ("cuda" in first) != ("cuda" in second):
        return _devices(match)
    return Decoded(
        meaning=Message(
            "The values that arrive and the weights have different types: {first} and {second}.",
            first=first,
            second=second,
        ),
        reasons=_conversions(first),
    )


def _found(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "Values of type {first} are wanted, and those of type {second} arrive.",
            first=match[1],
            second=match[2],
        ),
        reasons=_conversions(match[2]),
    )


def _conversions(arrived: str) -> tuple[Reason, ...]:
    if arrived in _BYTES:
        text = Message(
            "Images as they are read hold whole numbers from 0 to 255. A network computes with numbers such as 0.5: "
            "convert and scale them, as ToTensor does."
        )
        return (Reason(text, "x = x.float() / 255"),)
    if arrived in _DOUBLES:
        text = Message("NumPy's numbers have 64 bits, the weights 32: convert what arrives.")
        return (Reason(text, "x = x.float()"),)
    return (Reason(Message("Convert what arrives to the type of the weights."), "x = x.to(weight.dtype)"),)


def _mixed(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message("The values that arrive at a normalisation and its weights have different types."),
        reasons=_conversions("Double"),
    )


def _devices(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "Not all tensors are on the same device: some are on the CPU and others on the GPU, or on meta, where "
            "tensors have a shape and no values."
        ),
        reasons=(
            Reason(
                Message("Bring the network and every batch to one device."),
                "model.to(device); x = x.to(device)",
            ),
            Reason(
                Message("A tensor that forward makes itself is made on the CPU, unless it is told where."),
                "torch.zeros(n, device=x.device)",
            ),
        ),
    )


def _no_tensor(match: re.Match[str]) -> Decoded:
    return _given(match[1], match[4])


def _given(function: str, given: str) -> Decoded:
    turned = Reason(Message("Turn it into a tensor first."), "x = torch.tensor(x)")
    taken = Reason(
        Message(
            "A batch of images and labels, or a layer with several outputs, holds several: take out the tensor."
        ),
        "x = x[0]",
    )
    if given == "NoneType":
        text = Message("The layer before has returned nothing: does its forward end with a return?")
        reasons = [Reason(text, "return x")]
    elif given.startswith("numpy"):
        text = Message("NumPy's arrays become tensors first.")
        reasons = [Reason(text, "x = torch.from_numpy(x).float()")]
    elif "Image" in given:
        reasons = [
            Reason(Message("Images become tensors first."), "x = transforms.ToTensor()(image).unsqueeze(0)")
        ]
    else:
        reasons = [taken, turned] if given in ("tuple", "list") else [turned]
    meaning = Message(
        "{function} computes with tensors and was given something else: {given}.",
        function=function,
        given=given,
    )
    return Decoded(meaning, tuple(reasons), function)


def _combination(match: re.Match[str]) -> Decoded:
    """No form of a function takes what it was given: the first argument is no tensor, or a number is no whole one."""
    function, given, details = match[1], match[2].split(", "), match[3]
    if given[0] not in ("Tensor", "Parameter"):
        return _given(function, given[0])
    if "float" in match[2] or "of (float" in details:
        return _whole_numbers(function)
    return Decoded(
        Message(
            "{function} was given {given}, and there is no form of it that takes these.",
            function=function,
            given=", ".join(given),
        ),
        layer=function,
    )


def _not_whole(match: re.Match[str]) -> Decoded:
    return _whole_numbers(match[1])


def _whole_numbers(function: str) -> Decoded:
    return one_remedy(
        Message(
            "{function} takes whole numbers as its sizes, and one of them has a point: 4.0 counts as a number with one, "
            "too.",
            function=function,
        ),
        Message("A division with / always gives such a number; // gives a whole one."),
        "padding = kernel_size // 2",
        function,
    )


_VALUES = (
    *(
        entry(Message("Values of another type or on another device"), pattern, _types)
        for pattern in (
            rf"Input type \({_TYPE}\) and (?:weight|bias) type \({_TYPE}\) should be the same",
            rf"(?:must|to) have the same dtype, but got:? {_TYPE} (?:and|!=) {_TYPE}",
            rf"RNN input dtype \({_TYPE}\) does not match weight dtype \({_TYPE}\)",
        )
    ),
    entry(
        Message("Values of another type or on another device"),
        rf"expected scalar type {_TYPE} but found {_TYPE}",
        _found,
    ),
    entry(
        Message("Values of another type or on another device"),
        r"mixed dtype \(CPU\): all inputs must share same datatype",
        _mixed,
    ),
    *(
        entry(Message("Values of another type or on another device"), pattern, _devices)
        for pattern in (
            r"Expected all tensors to be on the same device",
            r"Tensor on device [\w:]{1,20} is not on the expected device [\w:]{1,20}",
        )
    ),
    entry(
        Message("Something that is no tensor"),
        r"(\w{1,40})\(\): argument '(\w{1,40})' \(position (\d{1,3})\) must be Tensor, not ([\w.]{1,60})",
        _no_tensor,
    ),
    entry(
        Message("Something that is no tensor"),
        r"(\w{1,40})\(\) received an invalid combination of arguments - got \((.{1,300}?)\)(?=,? but expected one of"
        r"(.{0,800}))",
        _combination,
    ),
    *(
        entry(Message("A size that is no whole number"), pattern, _not_whole)
        for pattern in (
            r"(\w{1,40})\(\): argument '\w{1,40}' \(position \d{1,3}\) must be (?:tuple of ints|int), not float",
            r"(\w{1,40})\(\): argument 'size' failed to unpack the object at pos \d{1,3} with error "
            r'"type must be tuple of ints, ?but got float"',
        )
    ),
)

ENTRIES = (*_LOSSES, *_VALUES)
