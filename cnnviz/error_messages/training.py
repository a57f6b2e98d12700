"""Losses and what goes into them, weights of another network, and values of another type or on another device."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

ENTRIES = Entries()
entry = ENTRIES.add


@entry(Message("Label outside the classes"), r"Target (-?\d{1,9}) is out of bounds")
def _out_of_bounds(match: re.Match[str]) -> Decoded:
    target = int(match[1])
    if target < 0:
        text = Message('Classes count from 0: is {n} used in the data as the label for "no class"?', n=target)
        return Decoded(_labels(target), (Reason(text),), "F.cross_entropy / F.nll_loss")
    text = Message(
        "Class {target} needs a network with at least {count} outputs, because classes count from 0. "
        "Give the last layer one output per class.",
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
    return Message("A label has class {target}, but the network has no output for it.", target=target)


@entry(
    Message("Number of labels differs from number of rows"),
    rf"Expected input batch_size \({NUMBER}\) to match target batch_size \({NUMBER}\)",
)
def _batch_sizes(match: re.Match[str]) -> Decoded:
    rows, targets = int(match[1]), int(match[2])
    reasons = []
    if targets and rows != targets:
        text = Message(
            "view(-1, ...) with the wrong number builds rows from parts of images: {rows} from "
            "{images}. flatten(1) keeps the images apart, and the Linear then reports the mismatch.",
            rows=numbers.number(rows),
            images=numbers.images(targets),
        )
        reasons.append(Reason(text, "x = x.flatten(1)"))
    text = Message("Or images and labels come from different batches.")
    return Decoded(
        meaning=Message(
            "The loss needs one row of outputs per label. Rows: {rows}; labels: {targets}.",
            rows=numbers.number(rows),
            targets=numbers.number(targets),
        ),
        reasons=(*reasons, Reason(text)),
        layer="F.cross_entropy / F.nll_loss",
    )


@entry(
    Message("Labels of the wrong shape"),
    r"only batches of spatial targets supported \(3D tensors\) but got targets of dimension: (\d)",
)
def _spatial(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "The output still has height and width, so the loss expects one label per pixel, but there "
            "is one per image."
        ),
        Message(
            "Average the maps and flatten them before the loss, so that each image has one row of class scores."
        ),
        "x = F.adaptive_avg_pool2d(x, 1).flatten(1)",
        "F.cross_entropy / F.nll_loss",
    )


@entry(Message("Labels of the wrong shape"), r"0D or 1D target tensor expected, multi-target not supported")
def _several_targets(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "The loss expects one number per image, its class, but the labels have two dimensions."
        ),
        reasons=(
            Reason(Message("Remove a dimension of size 1, as in (64, 1)."), "labels = labels.squeeze(1)"),
            Reason(
                Message("Convert one-hot labels (1 for the class, 0 elsewhere) to class numbers."),
                "labels = labels.argmax(dim=1)",
            ),
        ),
        layer="F.cross_entropy / F.nll_loss",
    )


@entry(Message("Wrong data type or device"), r"expected target dtype to be Long or Byte, but got (\w{1,20})")
def _target_type(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("The loss expects classes as integers (Long), but the labels are {kind}.", kind=match[1]),
        Message("Labels must be 64-bit integers: convert them."),
        "labels = labels.long()",
        "F.cross_entropy / F.nll_loss",
    )


@entry(
    Message("Labels of the wrong shape"),
    rf"[Tt]arget size \(torch\.Size\(\[{SIZES}\]\)\) (?:must be the same as|that is different to the) input size "
    rf"\(torch\.Size\(\[{SIZES}\]\)\)",
)
def _target_shape(match: re.Match[str]) -> Decoded:
    target, output = sizes(match[1]), sizes(match[2])
    code = "target = target.unsqueeze(1).float()" if len(target) < len(output) else "target = target.float()"
    return one_remedy(
        Message(
            "The loss compares element by element: the output is {output}, the target {target}.",
            output=shape_text(output),
            target=shape_text(target),
        ),
        Message("Reshape the target to the shape of the output."),
        code,
        "F.binary_cross_entropy_with_logits",
    )


@entry(
    Message("A tensor used as True or False"),
    r"Boolean value of Tensor with more than one value is ambiguous",
)
def _loss_class(match: re.Match[str]) -> Decoded:
    text = Message("Create a loss such as nn.CrossEntropyLoss first, then call it.")
    return Decoded(
        meaning=Message(
            "Python needed a single True or False, but got a tensor with many values. That happens in "
            "an if or assert, or when a loss class is given the output instead of its settings."
        ),
        reasons=(
            Reason(text, "loss = nn.CrossEntropyLoss()(output, labels)"),
            Reason(
                Message("When comparing tensors, say whether all or any values must match."), "(a == b).all()"
            ),
        ),
    )


@entry(
    Message("Weights of a different network"),
    rf"size mismatch for ([\w.]{{1,100}}): copying a param with shape torch\.Size\(\[{SIZES}\]\) from checkpoint, "
    rf"the shape in current model is torch\.Size\(\[{SIZES}\]\)",
)
def _state(match: re.Match[str]) -> Decoded:
    saved, present = sizes(match[2]), sizes(match[3])
    return one_remedy(
        Message(
            "The saved weights belong to a different network: {name} has shape {saved} in the file but "
            "{present} here.",
            name=match[1],
            saved=shape_text(saved),
            present=shape_text(present),
        ),
        Message("Build the network with the options it was saved with, or skip this layer's weights."),
        layer="load_state_dict",
    )


_TYPE = r"([\w:.]{1,40}(?: int| char)?)"
_BYTES = ("Byte", "unsigned char", "torch.ByteTensor", "torch.cuda.ByteTensor")
_DOUBLES = ("Double", "double", "torch.float64", "torch.DoubleTensor", "torch.cuda.DoubleTensor")


@entry(
    Message("Wrong data type or device"),
    rf"Input type \({_TYPE}\) and (?:weight|bias) type \({_TYPE}\) should be the same",
    rf"(?:must|to) have the same dtype, but got:? {_TYPE} (?:and|!=) {_TYPE}",
    rf"RNN input dtype \({_TYPE}\) does not match weight dtype \({_TYPE}\)",
)
def _types(match: re.Match[str]) -> Decoded:
    first, second = match[1], match[2]
    if ("cuda" in first) != ("cuda" in second):
        return _devices(match)
    return Decoded(
        meaning=Message(
            "The input and the weights have different types: {first} and {second}.",
            first=first,
            second=second,
        ),
        reasons=_conversions(first),
    )


@entry(Message("Wrong data type or device"), rf"expected scalar type {_TYPE} but found {_TYPE}")
def _found(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "Expected values of type {first}, but got {second}.", first=match[1], second=match[2]
        ),
        reasons=_conversions(match[2]),
    )


def _conversions(arrived: str) -> tuple[Reason, ...]:
    if arrived in _BYTES:
        text = Message(
            "Images are loaded as integers from 0 to 255, but networks compute with floating-point "
            "numbers: convert and scale them, as ToTensor does."
        )
        return (Reason(text, "x = x.float() / 255"),)
    if arrived in _DOUBLES:
        text = Message("NumPy uses 64-bit numbers, the weights 32-bit ones: convert the input.")
        return (Reason(text, "x = x.float()"),)
    return (Reason(Message("Convert the input to the type of the weights."), "x = x.to(weight.dtype)"),)


@entry(Message("Wrong data type or device"), r"mixed dtype \(CPU\): all inputs must share same datatype")
def _mixed(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message("The input of a normalisation and its weights have different types."),
        reasons=_conversions("Double"),
    )


@entry(
    Message("Wrong data type or device"),
    r"Expected all tensors to be on the same device",
    r"Tensor on device [\w:]{1,20} is not on the expected device [\w:]{1,20}",
)
def _devices(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "Not all tensors are on the same device: some are on the CPU and others on the GPU, or on "
            "meta, where tensors have a shape but no values."
        ),
        reasons=(
            Reason(
                Message("Move the network and every batch to the same device."),
                "model.to(device); x = x.to(device)",
            ),
            Reason(
                Message("A tensor created in forward is on the CPU unless you specify a device."),
                "torch.zeros(n, device=x.device)",
            ),
        ),
    )


@entry(
    Message("Not a tensor"),
    r"(\w{1,40})\(\): argument '(\w{1,40})' \(position (\d{1,3})\) must be Tensor, not ([\w.]{1,60})",
)
def _no_tensor(match: re.Match[str]) -> Decoded:
    return _given(match[1], match[4])


def _given(function: str, given: str) -> Decoded:
    turned = Reason(Message("Convert it to a tensor first."), "x = torch.tensor(x)")
    taken = Reason(
        Message(
            "A batch of images and labels, or a layer with several outputs, contains several tensors: "
            "select the one you need."
        ),
        "x = x[0]",
    )
    if given == "NoneType":
        text = Message("The layer before returned nothing: does its forward end with a return?")
        reasons = [Reason(text, "return x")]
    elif given.startswith("numpy"):
        text = Message("Convert NumPy arrays to tensors first.")
        reasons = [Reason(text, "x = torch.from_numpy(x).float()")]
    elif "Image" in given:
        reasons = [
            Reason(
                Message("Convert images to tensors first."), "x = transforms.ToTensor()(image).unsqueeze(0)"
            )
        ]
    else:
        reasons = [taken, turned] if given in ("tuple", "list") else [turned]
    meaning = Message(
        "{function} expects tensors, but got something else: {given}.", function=function, given=given
    )
    return Decoded(meaning, tuple(reasons), function)


@entry(
    Message("Not a tensor"),
    r"(\w{1,40})\(\) received an invalid combination of arguments - got \((.{1,300}?)\)(?=,? but expected one of"
    r"(.{0,800}))",
)
def _combination(match: re.Match[str]) -> Decoded:
    """No form of a function takes what it was given: the first argument is no tensor, or a number is no whole one."""
    function, given, details = match[1], match[2].split(", "), match[3]
    if given[0] not in ("Tensor", "Parameter"):
        return _given(function, given[0])
    if "float" in match[2] or "of (float" in details:
        return _whole_numbers(function)
    return Decoded(
        Message(
            "{function} got {given}, but it does not accept this combination of arguments.",
            function=function,
            given=", ".join(given),
        ),
        layer=function,
    )


@entry(
    Message("A size that is not an integer"),
    r"(\w{1,40})\(\): argument '\w{1,40}' \(position \d{1,3}\) must be (?:tuple of ints|int), not float",
    r"(\w{1,40})\(\): argument 'size' failed to unpack the object at pos \d{1,3} with error "
    r'"type must be tuple of ints, ?but got float"',
)
def _not_whole(match: re.Match[str]) -> Decoded:
    return _whole_numbers(match[1])


def _whole_numbers(function: str) -> Decoded:
    return one_remedy(
        Message(
            "{function} needs integer sizes, but one of them is a float; 4.0 is a float too.",
            function=function,
        ),
        Message("Division with / always gives a float; // gives an integer."),
        "padding = kernel_size // 2",
        function,
    )
