"""Losses: labels of another kind, number or shape than the outputs ask for."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell


_VOID = 255
"""The label of pixels at borders in segmentation masks, as in Pascal VOC and Cityscapes."""


@entry(Message("Label outside the classes"), r"Target (-?\d{1,9}) is out of bounds")
def _out_of_bounds(match: re.Match[str]) -> Decoded:
    target = int(match[1])
    if target < 0 or target == _VOID:
        text = Message(
            'Classes count from 0: is {n} used in the data as the label for "no class"? Have the loss ignore '
            "it.",
            n=target,
        )
        ignored = Reason(text, f"nn.CrossEntropyLoss(ignore_index={target})")
        scaled = Reason(
            Message("If the labels are grey values of a mask image (0 and 255), turn them into classes."),
            "labels = (mask > 127).long()",
        )
        reasons = (ignored, scaled) if target == _VOID else (ignored,)
        return Decoded(_labels(target), reasons, "F.cross_entropy / F.nll_loss")
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
    if int(match[1]) > 3:
        return Decoded(
            Message(
                "The output has height and width, so the loss expects one class per pixel: a mask with 3 "
                "dimensions (batch, height, width). This mask has {count}.",
                count=int(match[1]),
            ),
            (
                Reason(
                    Message("Remove the mask's channel dimension of size 1."), "mask = mask.squeeze(1).long()"
                ),
                Reason(
                    Message(
                        "Convert a colour mask, or one with a channel per class, to class numbers first."
                    ),
                    "mask = mask.argmax(dim=1)",
                ),
            ),
            "F.cross_entropy / F.nll_loss",
        )
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


@entry(
    Message("Labels of the wrong shape"),
    r"0D or 1D target tensor expected, multi-target not supported",
    r"multi-target not supported(?: at|\b)",
    r"1D target tensor expected, multi-target not supported",
)
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


@entry(
    Message("Labels of the wrong type"),
    r"expected target dtype to be Long or Byte, but got (\w{1,20})",
    r"expected scalar type Long but (?:found|got) (?:scalar type )?(\w{1,20})",
    r"expected torch\.(?:cuda\.)?LongTensor \(got torch\.(?:cuda\.)?(\w{1,20})\)",
    r"Expected object of (?:scalar )?type (?:torch\.)?(?:cuda\.)?Long(?:Tensor)? but (?:got|found) (?:scalar )?type (?:torch\.)?(?:cuda\.)?(\w{1,20}) for argument #2 '?(?:target|t)?",
    r"\"nll_loss\w{1,60}\" not implemented for '(Int|Short|Byte|Char|Float|Double)'",
)
def _target_type(match: re.Match[str]) -> Decoded:
    return Decoded(
        Message(
            "The loss expects classes as integers (Long), but the labels are {kind}.",
            kind=match[1].removesuffix("Tensor"),
        ),
        (
            Reason(Message("Labels must be 64-bit integers: convert them."), "labels = labels.long()"),
            Reason(
                Message("An index, for nn.Embedding or gather, must also contain integers."),
                "index = index.long()",
            ),
        ),
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


_SHAPE = Message("Labels of the wrong shape")
_TYPE = Message("Labels of the wrong type")
_RANGE = Message("Values outside 0 to 1")

tell(
    _TYPE,
    r"Expected floating point type for target with class probabilities, got (?P<kind>\w{1,20})",
    means=Message(
        "Output and labels have the same shape, so the loss takes the labels to be class probabilities, "
        "but they are {kind}."
    ),
    fixes=(
        Reason(
            Message("Convert one-hot labels (1 for the class, 0 elsewhere) to class numbers."),
            "labels = labels.argmax(dim=1)",
        ),
        Reason(
            Message("Or convert them to floats; for several classes per image, use another loss."),
            "nn.BCEWithLogitsLoss()(output, labels.float())",
        ),
        Reason(
            Message("If the output is a single row without a batch: add the batch dimension."),
            "output = output.unsqueeze(0)",
        ),
    ),
    layer="F.cross_entropy",
)


@entry(
    _SHAPE,
    rf"Expected target size \(?\[?{SIZES}[\])], got (?:torch\.Size\()?\[{SIZES}\]",
    rf"size mismatch \(got input: \[{SIZES}\] ?, target: \[{SIZES}\]",
)
def _of_other_size(match: re.Match[str]) -> Decoded:
    wanted, given = sizes(match[1]), sizes(match[2])
    meaning = Message(
        "Labels of shape {wanted} would fit the output, but they have shape {given}. The classes must be "
        "dimension 1 of the output.",
        wanted=shape_text(wanted if len(wanted) == len(given) else (wanted[0], *wanted[2:])),
        given=shape_text(given),
    )
    sequence = Reason(
        Message("In sequences, the classes come last: move them to dimension 1."),
        "loss = criterion(output.transpose(1, 2), labels)",
    )
    mask = Reason(
        Message("For masks, give output and mask the same height and width."),
        "output = F.interpolate(output, size=mask.shape[-2:])",
    )
    return Decoded(meaning, (mask,) if len(given) > 2 else (sequence,), "F.cross_entropy / F.nll_loss")


tell(
    Message("Class weights that do not fit"),
    r"weight tensor should be defined either for all(?: or no classes)? ?(?P<count>\d{1,9})? ?(?:classes)?(?: or no classes)?(?: but got weight tensor of shape: \[(?P<shape>[\d, ]{1,40})\])?",
    means=Message(
        "The loss needs one weight per class: the output has {count} classes, but the weights have shape "
        "{shape}."
    ),
    fixes=(
        Reason(Message("Specify one weight per class."), "nn.CrossEntropyLoss(weight=torch.ones({count}))"),
    ),
)
tell(
    Message("Class weights that do not fit"),
    r"cannot assign 'list' object to buffer '(?P<name>\w{1,40})'",
    means=Message("{name} must be a tensor, not a list."),
    fixes=(
        Reason(
            Message("Convert it to a tensor first."), "nn.CrossEntropyLoss(weight=torch.tensor([1.0, 2.0]))"
        ),
    ),
)

_LOGITS = (
    Reason(
        Message("nn.BCELoss needs outputs after a sigmoid; it is better to use the loss that takes logits."),
        "nn.BCEWithLogitsLoss()",
    ),
    Reason(
        Message(
            "nan is outside the range, too: training diverged, or the input contains nan. Lower the learning "
            "rate."
        ),
        "assert torch.isfinite(x).all()",
    ),
    Reason(Message("Scale targets from 0 to 255 first."), "target = target / 255"),
)
tell(
    _RANGE,
    r"all elements of (?P<which>input|target) should be between 0 and 1",
    r"Assertion `(?P<which>x) >= 0\. && x <= 1\.' failed",
    means=Message(
        "nn.BCELoss compares probabilities, but some values of the {which} are not between 0 and 1."
    ),
    fixes=_LOGITS,
    layer="nn.BCELoss",
)
tell(
    Message("Label outside the classes"),
    r"Class values must be (?P<rule>smaller than num_classes|non-negative)",
    means=Message("one_hot: a label is outside 0 to num_classes - 1 (class values must be {rule})."),
    fixes=(
        Reason(
            Message("Classes count from 0: subtract 1, or use more classes."),
            "F.one_hot(labels, num_classes=labels.max() + 1)",
        ),
    ),
)
tell(
    _TYPE,
    r"one_hot is only applicable to index tensor",
    means=Message("one_hot needs integers (Long)."),
    fixes=(Reason(Message("Labels must be 64-bit integers: convert them."), "labels = labels.long()"),),
)
tell(
    Message("A setting out of range"),
    r"(?P<name>\S{1,20}) is not a valid value for reduction",
    means=Message("reduction does not accept {name}."),
    fixes=(Reason(Message("Use one of these."), "reduction='mean', 'sum' or 'none'"),),
)
tell(
    _SHAPE,
    r"(?P<which>input|target)_lengths must be of size batch_size",
    r"Expected (?P<which>input|target)_lengths to have value at most \d{1,9}, but got value -?\d{1,9}",
    means=Message(
        "CTC loss: {which}_lengths needs one length per sequence, each at most the length of the tensor."
    ),
    fixes=(
        Reason(
            Message("The output is (time, batch, classes), and a length is a number of time steps."),
            "input_lengths = torch.full((output.size(1),), output.size(0))",
        ),
    ),
    layer="F.ctc_loss",
)
