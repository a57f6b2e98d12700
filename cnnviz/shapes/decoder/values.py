"""Values of another type, on another device, or no tensor at all."""

from __future__ import annotations

import re

from cnnviz.language import Message
from cnnviz.shapes.decoder.entry import Decoded, Reason, entry

_TYPE = r"([\w:.]{1,40}(?: int| char)?)"
_BYTES = ("Byte", "unsigned char", "torch.ByteTensor", "torch.cuda.ByteTensor")
_DOUBLES = ("Double", "double", "torch.DoubleTensor", "torch.cuda.DoubleTensor")


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
    function, given = match[1], match[4]
    if given == "NoneType":
        text, code = (
            Message("The layer before has returned nothing: does its forward end with a return?"),
            "return x",
        )
    elif given.startswith("numpy"):
        text, code = Message("NumPy's arrays become tensors first."), "x = torch.from_numpy(x).float()"
    elif "Image" in given:
        text, code = Message("Images become tensors first."), "x = transforms.ToTensor()(image).unsqueeze(0)"
    else:
        text, code = Message("Turn it into a tensor first."), "x = torch.tensor(x)"
    return Decoded(
        meaning=Message(
            "{function} computes with tensors and was given something else: {given}.",
            function=function,
            given=given,
        ),
        reasons=(Reason(text, code),),
        layer=function,
    )


ENTRIES = (
    *(
        entry(Message("Values of another type or on another device"), pattern, _types)
        for pattern in (
            rf"Input type \({_TYPE}\) and (?:weight|bias) type \({_TYPE}\) should be the same",
            rf"(?:must|to) have the same dtype, but got:? {_TYPE} (?:and|!=) {_TYPE}",
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
)
