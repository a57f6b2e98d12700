"""Values of another type, on another device, or no tensor at all."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import Decoded, Reason, entry, one_remedy
from cnnviz.language import Message

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


ENTRIES = (
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
