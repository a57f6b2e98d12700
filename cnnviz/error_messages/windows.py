"""Convolutions and poolings: channels, windows and paddings that do not fit, dimensions that are missing."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import Shape, shape_text
from cnnviz.operations.refusals import Layer, other_channels, too_much_padding, window_too_large

ENTRIES = Entries()
entry = ENTRIES.add

_TITLE = Message("Padding that does not fit")


@entry(
    Message("Convolution gets the wrong number of channels"),
    rf"Given (groups|transposed)={NUMBER}, weight (?:of size )?\[?{SIZES}\]?, (?:so )?expected input ?\[{SIZES}\] to have "
    rf"{NUMBER} channels(?:, but got {NUMBER} channels instead)?",
)
def _channels(match: re.Match[str]) -> Decoded:
    transposed = match[1] == "transposed"
    groups = 1 if transposed else int(match[2])
    weight, arrived = sizes(match[3]), sizes(match[4])
    expected, received = int(match[5]), int(match[6] or arrived[1])
    out_channels = weight[1] if transposed else weight[0]
    name = f"Conv{'Transpose' if transposed else ''}{len(weight) - 2}d"
    rest = f"{out_channels}, kernel_size={_kernel(weight[2:])}" + (f", groups={groups}" if groups > 1 else "")
    reasons = [*_misread_channels(arrived, expected), *_colours(expected, received)]
    refused = other_channels(Layer(Message("The convolution"), name), arrived, expected, received)
    code = None if received % groups else f"nn.{name}({received}, {rest})"
    return Decoded(
        meaning=refused.reason,
        reasons=(*reasons, Reason(refused.advice, code)),
        layer=f"nn.{name}({expected}, {rest})",
    )


def _kernel(window: Shape) -> str:
    return str(window[0]) if len(set(window)) == 1 else f"({', '.join(map(str, window))})"


def _misread_channels(arrived: Shape, expected: int) -> list[Reason]:
    """Another dimension than the second holds the channels."""
    if len(arrived) == 4 and arrived[0] == expected == 1 and arrived[1] > 4:
        text = Message(
            "If these are {images} grey images, their channel dimension is missing, so they count as "
            "one image with {images} channels.",
            images=arrived[1],
        )
        return [Reason(text, "x = x.unsqueeze(1)")]
    if len(arrived) == 4 and arrived[-1] == expected != arrived[1]:
        text = Message(
            "The channels come last, as in NumPy and Matplotlib; PyTorch expects them before height and "
            "width."
        )
        if arrived[0] == 1:  # PyTorch writes a batch of one for a single image, too
            single = Message("A single image without a batch dimension needs both steps.")
            return [
                Reason(text, "x = x.permute(0, 3, 1, 2)"),
                Reason(single, "x = x.permute(2, 0, 1).unsqueeze(0)"),
            ]
        return [Reason(text, "x = x.permute(0, 3, 1, 2)")]
    return []


def _colours(expected: int, received: int) -> list[Reason]:
    if (expected, received) == (1, 3):
        text = Message("The network expects grey images but gets colour images: convert them to greyscale.")
        return [Reason(text, "transforms.Grayscale()")]
    if (expected, received) == (3, 1):
        text = Message("The network expects colour images but gets grey ones: repeat the single channel.")
        return [Reason(text, "transforms.Grayscale(num_output_channels=3)")]
    if (expected, received) in ((3, 4), (1, 4)):
        text = Message("Four channels come from a PNG with transparency: convert the image when you load it.")
        return [Reason(text, "image.convert('RGB')" if expected == 3 else "image.convert('L')")]
    return []


ENTRIES.tell(
    Message("Convolution gets the wrong number of channels"),
    r"Need input\.size\[1\] == (?P<wanted>\d{1,9}) but got (?P<given>\d{1,9}) instead",
    r"Need input of dimension \d and input\.size\[1\] == (?P<wanted>\d{1,9}) but got input to be of shape: \[(?P<given>[\d x]{1,60})\]",
    means=Message("The convolution expects {wanted} channels, but its input has {given}."),
    fixes=(
        Reason(
            Message("Set in_channels to the number it gets, or convert the images."),
            "transforms.Grayscale(num_output_channels={wanted})",
        ),
    ),
    layer="nn.Conv2d",
)


@entry(
    Message("Kernel larger than its input"),
    rf"Calculated padded input size per channel: \({SIZES}\)\. Kernel size: \({SIZES}\)\. "
    r"Kernel size can't (?:be )?greater than actual input size",
)
def _kernel_too_large(match: re.Match[str]) -> Decoded:
    room, kernel = sizes(match[1]), sizes(match[2])
    missing = max(k - n for k, n in zip(kernel, room, strict=True))
    return Decoded(
        meaning=window_too_large(
            Layer(Message("The convolution"), f"Conv{len(kernel)}d"), kernel, room
        ).reason,
        reasons=(
            Reason(
                Message(
                    "The map has become too small: every pooling and every stride of 2 halves it, and "
                    "every unpadded kernel trims the edges. Remove one of them, or use larger images."
                )
            ),
            Reason(
                Message(
                    "Or give this layer padding: {padding} more on each side is enough for its kernel.",
                    padding=-(-missing // 2),
                )
            ),
        ),
        layer=f"nn.Conv{len(kernel)}d(..., kernel_size={_kernel(kernel)})",
    )


@entry(
    Message("Pooling input too small"),
    rf"Given input size: \({SIZES}\)\. Calculated output size: \({SIZES}\)\. Output size is too small",
)
def _pooling_too_large(match: re.Match[str]) -> Decoded:
    arrived = sizes(match[1])
    if not arrived:
        raise ValueError("no sizes: PyTorch did not write this")
    halvings = Message(
        "Each 2x2 pooling halves height and width: 28, 14, 7, 3, 1, and then nothing is left to halve. "
        "Remove one, or use larger images."
    )
    return Decoded(
        meaning=Message("The pooling window is larger than its input, {shape}.", shape=shape_text(arrived)),
        reasons=(
            Reason(halvings),
            Reason(Message("Or use adaptive pooling, which works for any size."), "nn.AdaptiveAvgPool2d(1)"),
        ),
        layer=f"nn.MaxPool{len(arrived) - 1}d / nn.AvgPool{len(arrived) - 1}d",
    )


@entry(Message("Pooling input too small"), r"max_pool1d\(\) Invalid computed output size")
def _line_pooling_too_large(match: re.Match[str]) -> Decoded:
    text = Message("The sequence has become too short: remove a pooling layer, or use longer sequences.")
    return one_remedy(Message("The pooling window is longer than the sequence."), text, layer="nn.MaxPool1d")


@entry(Message("Groups do not divide the channels"), r"(in|out)_channels must be divisible by groups")
def _divisible(match: re.Match[str]) -> Decoded:
    which = f"{match[1]}_channels"
    text = Message(
        "With groups, the channels are divided evenly and each group gets its own convolution: choose a "
        "number of groups that divides in_channels and out_channels. groups=in_channels gives a "
        "depthwise convolution."
    )
    return one_remedy(
        Message("{which} is not a multiple of groups.", which=which),
        text,
        "nn.Conv2d(32, 64, 3, groups=32)",
        "nn.Conv2d(..., groups=...)",
    )


@entry(
    Message("Groups do not divide the channels"),
    rf"Given groups={NUMBER}, expected weight to be divisible by {NUMBER} at dimension 0, but got weight of "
    rf"size \[+{SIZES}\]+ instead",
)
def _divisible_weight(match: re.Match[str]) -> Decoded:
    groups, weight = int(match[1]), sizes(match[3])
    text = Message("Choose a number of groups that divides the number of output channels.")
    return one_remedy(
        Message(
            "The output's {channels} cannot be divided evenly into {groups} groups.",
            channels=numbers.channels(weight[0]),
            groups=groups,
        ),
        text,
        layer="F.conv2d(..., groups=...)",
    )


@entry(
    Message("Bias of the wrong shape"),
    rf"Given (transposed=1, )?weight of size \[{SIZES}\], expected bias to be 1-dimensional with {NUMBER} elements, "
    rf"but got bias of size \[{SIZES}\] instead",
)
def _bias(match: re.Match[str]) -> Decoded:
    count = int(match[3])
    return one_remedy(
        Message(
            "The convolution outputs {channels} and needs one bias for each; its bias has shape {shape}.",
            channels=numbers.channels(count),
            shape=shape_text(sizes(match[4])),
        ),
        Message("Give the bias one dimension with one number per output channel, or omit it."),
        f"bias = torch.zeros({count})",
        f"F.conv{'_transpose' if match[1] else ''}{len(sizes(match[2])) - 2}d(x, weight, bias)",
    )


@entry(
    _TITLE,
    rf"pad should be at most half of effective kernel size, but got pad={NUMBER}, kernel_size={NUMBER} and "
    rf"dilation={NUMBER}",
)
def _of_pooling(match: re.Match[str]) -> Decoded:
    return _too_much("MaxPool2d", int(match[1]), int(match[2]))


@entry(
    _TITLE,
    rf"pad should be smaller than or equal to half of kernel size, but got padW = {NUMBER}, padH = {NUMBER}, "
    rf"kW = {NUMBER}, kH = {NUMBER}",
)
def _of_planes(match: re.Match[str]) -> Decoded:
    """The sides of the window come after those of the padding; only one of them may be at fault."""
    width, height, kernel_width, kernel_height = (int(size) for size in match.groups())
    return _worse((width, kernel_width), (height, kernel_height))


@entry(
    _TITLE,
    rf"pad should be smaller than or equal to half of kernel size, but got kT: {NUMBER} kW: {NUMBER} kH: {NUMBER} "
    rf"padT: {NUMBER} padW: {NUMBER} padH: {NUMBER}",
)
def _of_volumes(match: re.Match[str]) -> Decoded:
    kernels, paddings = match.groups()[:3], match.groups()[3:]
    return _worse(*((int(p), int(k)) for p, k in zip(paddings, kernels, strict=True)))


def _worse(*pairs: tuple[int, int]) -> Decoded:
    padding, kernel = max(pairs, key=lambda pair: pair[0] - pair[1] // 2)
    return _too_much("MaxPool2d" if len(pairs) == 2 else "MaxPool3d", padding, kernel)


@entry(
    _TITLE,
    rf"max_pool1d\(\) padding should be at most half of kernel size, but got padding={NUMBER} and "
    rf"kernel_size={NUMBER}",
)
def _of_sequences(match: re.Match[str]) -> Decoded:
    return _too_much("MaxPool1d", int(match[1]), int(match[2]))


def _too_much(layer: str, padding: int, kernel: int) -> Decoded:
    refused = too_much_padding(Layer(Message("The pooling"), layer), (padding,), (kernel,))
    return one_remedy(
        refused.reason, refused.advice, f"padding={kernel // 2}", f"nn.{layer}({kernel}, padding={padding})"
    )


@entry(
    _TITLE,
    r"pad(?:ding)? must be non-negative, but got (?:pad: )?-\d{1,9}",
    r"negative padding is not supported",
)
def _negative(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("A padding is negative; it is the number of cells added on each side."),
        Message("Use 0 for no padding. To remove cells, use slicing."),
        "x = x[..., 1:-1, 1:-1]",
    )


@entry(_TITLE, r"padding='same' is not supported for strided convolutions")
def _same_with_stride(match: re.Match[str]) -> Decoded:
    odd = Message(
        "padding='same' keeps the size, but a stride reduces it. With an odd kernel, give the padding as a number, "
        "(kernel_size - 1) / 2: the output is the input size divided by the stride, rounded up."
    )
    even = Message(
        "An even kernel needs one more row and column after the image than before it for that, which only a layer "
        "before this one can give."
    )
    return Decoded(
        Message("padding='same' works only with stride 1."),
        (
            Reason(odd, "nn.Conv2d(16, 32, 3, stride=2, padding=1)"),
            Reason(even, "nn.Sequential(nn.ZeroPad2d((1, 2, 1, 2)), nn.Conv2d(16, 32, 4, stride=2))"),
        ),
        layer="nn.Conv2d(..., stride=2, padding='same')",
    )


@entry(_TITLE, r"output padding must be smaller than either stride or dilation")
def _of_output(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "The output padding of a transposed convolution must be smaller than its stride or "
            "dilation: it selects one of the sizes that a convolution with this stride would map to the "
            "same output size, and there are no others."
        ),
        Message("Use 0 or 1 with stride 2, and 0 with stride 1."),
        "nn.ConvTranspose2d(32, 16, 3, stride=2, padding=1, output_padding=1)",
        "nn.ConvTranspose2d(..., output_padding=...)",
    )


@entry(
    _TITLE, rf"requested an output size of \({SIZES}\), but valid sizes range from \[{SIZES}\] to \[{SIZES}\]"
)
def _output_size(match: re.Match[str]) -> Decoded:
    wanted, least, most = (shape_text(sizes(match[n])) for n in (1, 2, 3))
    return one_remedy(
        Message(
            "The requested output size is {wanted}, but this transposed convolution can produce sizes "
            "from {least} to {most}.",
            wanted=wanted,
            least=least,
            most=most,
        ),
        Message("Request one of these sizes, or change the stride, which controls the enlargement."),
        layer="nn.ConvTranspose2d",
    )


@entry(
    _TITLE,
    rf"Padding size should be less than the corresponding input dimension, but got: padding \({SIZES}\) at "
    rf"dimension {NUMBER} of input \[{SIZES}\]",
)
def _reflected(match: re.Match[str]) -> Decoded:
    shape, dimension = sizes(match[3]), int(match[2])
    return one_remedy(
        Message(
            "The padding {padding} reflects the input at its edges and needs more values than there are "
            "in dimension {dimension} of {shape}.",
            padding=str(sizes(match[1])),
            dimension=dimension,
            shape=shape_text(shape),
        ),
        Message("Use a padding smaller than that size, larger images, or zero padding."),
        "F.pad(x, padding)",
        "F.pad(x, padding, mode='reflect')",
    )


@entry(
    Message("Size with the wrong number of dimensions"),
    rf"expected (\w{{1,20}}) to be a single integer value or a list of {NUMBER} values to match the convolution "
    rf"dimensions, but got \w{{1,20}}=\[{SIZES}\]",
)
def _several(match: re.Match[str]) -> Decoded:
    name, count, given = match[1], int(match[2]), sizes(match[3])
    return one_remedy(
        Message(
            "{name} expects one number, or {count}, one per spatial dimension; it got {given}.",
            name=name,
            count=count,
            given=len(given),
        ),
        Message("Pass one number for all spatial dimensions; batch and channels do not count."),
        f"{name}={given[0]}",
    )


@entry(
    Message("Wrong number of dimensions"),
    rf"Expected (\d)D \(unbatched\) or (\d)D \(batched\) input to (conv\w{{1,20}}), but got input of size: "
    rf"\[{SIZES}\]",
)
def _convolution(match: re.Match[str]) -> Decoded:
    single, batched, arrived = int(match[1]), int(match[2]), sizes(match[4])
    return _dimensions_of_convolution(f"nn.Conv{single - 1}d", single, batched, arrived)


@entry(
    Message("Wrong number of dimensions"),
    rf"Expected {NUMBER}-dimensional input for {NUMBER}-dimensional weight \[? ?{SIZES}\]?,? ?but got \d{{1,2}}-dimensional input of size "
    rf"\[{SIZES}\] instead",
    r"Expected (\d)-dimensional input for (\d)-dimensional weight ?()(?:,? but got|$)()",
)
def _convolution_before(match: re.Match[str]) -> Decoded:
    """The wording of PyTorch 1."""
    batched, arrived = int(match[1]), sizes(match[4])
    layer = f"nn.Conv{batched - 2}d"
    if not arrived:
        return one_remedy(
            Message("{layer} expects a batch with {batched} dimensions.", layer=layer, batched=batched),
            Message("The batch or channel dimension is missing: add it at the front."),
            "x = x.unsqueeze(0)",
            layer,
        )
    return _dimensions_of_convolution(layer, batched - 1, batched, arrived)


def _dimensions_of_convolution(layer: str, single: int, batched: int, arrived: Shape) -> Decoded:
    return Decoded(
        meaning=Message(
            "{layer} expects one image with {single} dimensions or a batch with {batched}; it got a "
            "tensor with {count}: {shape}.",
            layer=layer,
            single=single,
            batched=batched,
            count=len(arrived),
            shape=shape_text(arrived),
        ),
        reasons=_missing_dimensions(arrived, single, batched),
        layer=layer,
    )


_MOST_COLOURS = 4


def _missing_dimensions(arrived: Shape, single: int, batched: int) -> tuple[Reason, ...]:
    if len(arrived) > batched:
        joined = f"x.flatten(0, {len(arrived) - batched})"
        if arrived[-1] <= _MOST_COLOURS < arrived[-2] and single == 3:
            text = Message(
                "There are too many dimensions, and the {channels} channels come last: merge the first "
                "dimensions, and move the channels to the front.",
                channels=arrived[-1],
            )
            return (Reason(text, f"x = {joined}.permute(0, 3, 1, 2)"),)
        text = Message("There are too many dimensions: remove those of size 1, or merge two of them.")
        return (Reason(text, f"x = {joined}"),)
    if len(arrived) == single:  # an older PyTorch, which takes no image without a batch
        text = Message("The batch or channel dimension is missing: add it at the front.")
        places = (0, 1) if arrived[0] <= _MOST_COLOURS else (1, 0)
        return tuple(
            Reason(text, f"x = x.unsqueeze({place})") for place in places[: 1 if places[0] == 0 else 2]
        )
    reasons = []
    side = round(arrived[-1] ** 0.5) if arrived else 0
    if single == 3 and side > 1 and side**2 == arrived[-1]:
        text = Message(
            "The images are flat: {values} = {side} x {side}. Restore their shape (channel, height, width).",
            values=arrived[-1],
            side=side,
        )
        reasons.append(Reason(text, f"x = x.view(-1, 1, {side}, {side})"))
    text = Message(
        "The batch and channel dimensions are missing (even a grey image has one channel): add both."
    )
    return (*reasons, Reason(text, "x = x.unsqueeze(0).unsqueeze(0)"))


@entry(
    Message("Wrong number of dimensions"),
    r"non-empty (?:2D or )?3D (?:or 4D )?\(batch mode\) tensor expected for input",
)
def _pooling(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "Pooling expects maps with 3 dimensions (channels, height, width) or a batch of them with "
            "4, none of size 0."
        ),
        Message("The batch or channel dimension is missing: add it at the front."),
        "x = x.unsqueeze(0)",
        "nn.MaxPool2d / nn.AvgPool2d",
    )


@entry(
    Message("Wrong number of dimensions"),
    r"Dimension out of range \(expected to be in range of \[(-\d{1,3}), (\d{1,3})\], but got (-?\d{1,3})\)",
)
def _out_of_range(match: re.Match[str]) -> Decoded:
    dimension = int(match[3])
    return Decoded(
        Message(
            "The code uses dimension {dimension}, but dimensions count from 0 and the last one here is "
            "{last}.",
            dimension=dimension,
            last=int(match[2]),
        ),
        (
            Reason(
                Message("Usually a single image was passed without a batch dimension: add it at the front."),
                "x = x.unsqueeze(0)",
            ),
            Reason(
                Message(
                    "An earlier squeeze(), flatten() or mean() may have removed dimensions; -1 always means the last one."
                ),
                "x = x.softmax(dim=-1)",
            ),
        ),
    )


@entry(Message("Wrong number of dimensions"), r"expected (\d)D(?: or (\d)D)? input \(got (\d)D input\)")
def _normalisation(match: re.Match[str]) -> Decoded:
    wanted = match[1] if match[2] is None else f"{match[1]} / {match[2]}"
    received = int(match[3])
    return one_remedy(
        Message(
            "The normalisation expects tensors with {wanted} dimensions; it got one with {received}.",
            wanted=wanted,
            received=received,
        ),
        Message(
            "After a flatten there are two dimensions (batch, features): use BatchNorm1d. For maps "
            "(batch, channels, height, width), use BatchNorm2d."
        ),
        "nn.BatchNorm1d(...)" if received < 4 else "nn.BatchNorm2d(...)",
        "nn.BatchNorm2d" if match[1] == "4" else "nn.BatchNorm1d",
    )
