"""Interpolation, padding, folding and sampling of maps, and windows with impossible settings."""

from __future__ import annotations

from cnnviz.error_messages.entry import Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
tell = ENTRIES.tell

_WINDOW = Message("A window with impossible settings")
_RESIZE = Message("Interpolation with impossible settings")
_PADDING = Message("Padding that does not fit")
_BLOCKS = Message("Windows that do not make a map")

tell(
    _WINDOW,
    r"(?P<name>stride) should not be zero",
    r"non-positive (?P<name>stride) is not supported",
    r"(?P<name>stride|kernel size|dilation) should be greater than zero",
    r"(?P<name>kernel_size) should (?:not be zero|be greater than zero)",
    means=Message("The {name} of a window must be at least 1."),
    fixes=(
        Reason(
            Message(
                "A stride of 1 keeps the size; was a number computed incorrectly, or are the arguments in the "
                "wrong order?"
            ),
            "nn.MaxPool2d(kernel_size=2, stride=2)",
        ),
    ),
    layer="nn.Conv2d / nn.MaxPool2d",
)
tell(
    _WINDOW,
    r"(?P<function>\w{1,30}): (?P<name>kernel_size|stride|padding|dilation|output_size) must (?:either be a single int, or a tuple of|be omitted, a single int, or a tuple of|be) (?P<count>\w{1,6})(?: ints?)?",
    means=Message("{name} of {function} is one number, or {count}, one per spatial dimension."),
    fixes=(
        Reason(
            Message("Pass one number for all spatial dimensions; batch and channels do not count."),
            "nn.AdaptiveAvgPool2d(1)",
        ),
    ),
)
tell(
    _WINDOW,
    r"(?P<function>adaptive_\w{1,20}): elements of output_size must be greater than or equal to 0",
    means=Message("{function}: an output size is negative."),
    fixes=(
        Reason(
            Message("Specify the output height and width; None keeps one unchanged."),
            "nn.AdaptiveAvgPool2d((1, None))",
        ),
    ),
)
tell(
    Message("Wrong number of dimensions"),
    r"(?P<function>\w{1,30}):? ?(?:\(\):)? ?Expected (?P<single>\d)D or (?P<batched>\d)D \(batch mode\) tensor(?: with optional 0 dim batch size)? for input, but got: ?\[(?P<shape>[\d, ]{1,60})\]",
    r"(?P<function>\w{1,30}): expected input to be (?P<single>\d)D or (?P<batched>\d)D, got (?P<shape>\d)D instead",
    r"(?P<function>adaptive_\w{1,20})\(\): Expected (?P<single>\d)D or (?P<batched>\d)D tensor, but got (?:torch\.Size\()?\[(?P<shape>[\d, ]{1,60})\]",
    means=Message("{function} expects {single} dimensions, or {batched} with a batch; it got {shape}."),
    fixes=(
        Reason(
            Message(
                "Use the layer for this number of dimensions (MaxPool1d for sequences, MaxPool2d for maps)."
            )
        ),
        Reason(
            Message("The batch or channel dimension is missing: add it at the front."), "x = x.unsqueeze(0)"
        ),
    ),
)
tell(
    Message("Wrong number of dimensions"),
    r"Expected (?P<least>\d)D or higher dimensionality input \(got (?P<given>\d) dimensions\)",
    means=Message("The layer needs at least {least} dimensions (batch, channels, ...); it got {given}."),
    fixes=(Reason(Message("It belongs before the flatten, where there are maps.")),),
)
tell(
    _WINDOW,
    r"Expected shape of indices to be same as that of the input tensor \(\[(?P<shape>[\d, ]{1,40})\]\) but got indices tensor with shape: \[(?P<shape_of_indices>[\d, ]{1,40})\]",
    r"Found an invalid max index",
    means=Message(
        "MaxUnpool puts values back where they came from: it needs the indices of the corresponding "
        "pooling, with the same shape."
    ),
    fixes=(
        Reason(
            Message("Keep the indices in the forward pass."),
            "x, indices = nn.MaxPool2d(2, return_indices=True)(x); x = nn.MaxUnpool2d(2)(x, indices)",
        ),
    ),
    layer="nn.MaxUnpool2d",
)
tell(
    _WINDOW,
    r"FractionalMaxPool\dd requires specifying either an output size, or a pooling ratio",
    means=Message("FractionalMaxPool needs the output size, or its ratio to the input size."),
    fixes=(Reason(Message("Specify one of them."), "nn.FractionalMaxPool2d(2, output_ratio=0.5)"),),
)
tell(
    _RESIZE,
    r"(?P<rule>either size or scale_factor should be defined)",
    r"(?P<rule>only one of size or scale_factor should be defined)",
    means=Message("Upsample and interpolate need either a size or a scale factor."),
    fixes=(Reason(Message("Specify one of them."), "F.interpolate(x, scale_factor=2)"),),
    layer="F.interpolate",
)
tell(
    _RESIZE,
    r"Got (?P<given>\d)D input, but (?P<mode>\w{1,20}) mode needs (?P<wanted>\d)D input",
    means=Message(
        "Interpolation with mode {mode} needs {wanted} dimensions (batch and channels included); it got {given}."
    ),
    fixes=(
        Reason(
            Message(
                "Each mode is for one number of dimensions: linear for 3, bilinear and bicubic for 4, trilinear for 5."
            ),
            "F.interpolate(x, scale_factor=2, mode='linear')",
        ),
        Reason(
            Message("The batch or channel dimension is missing: add it at the front."),
            "F.interpolate(x.unsqueeze(0), scale_factor=2, mode='{mode}')",
        ),
    ),
    layer="F.interpolate",
)
tell(
    _RESIZE,
    r"Input and output must have the same number of spatial dimensions, but got input with spatial dimensions of \[(?P<shape>[\d, ]{1,40})\] and output size of (?P<size>[\[\](),\d ]{1,40})",
    means=Message(
        "The maps are {shape}, but the size {size} has a different number of dimensions; batch and "
        "channels do not count."
    ),
    fixes=(Reason(Message("Specify height and width."), "F.interpolate(x, size=(32, 32))"),),
    layer="F.interpolate",
)
tell(
    _RESIZE,
    r"Input and output sizes should be greater than 0, but got input \((?P<given>[^)]{1,40})\) output \((?P<wanted>[^)]{1,40})\)",
    means=Message("A size is 0: the maps are ({given}), and the output would be ({wanted})."),
    fixes=(
        Reason(
            Message("The maps have shrunk to nothing, or the size was computed incorrectly."),
            "print(x.shape)",
        ),
    ),
    layer="F.interpolate",
)
tell(
    _RESIZE,
    r"align_corners option can only be set with the interpolating modes",
    means=Message("align_corners applies only to linear, bilinear, bicubic and trilinear."),
    fixes=(
        Reason(
            Message("Omit it for nearest."),
            "F.interpolate(x, scale_factor=2, mode='bilinear', align_corners=False)",
        ),
    ),
    layer="F.interpolate",
)
tell(
    _PADDING,
    r"Padding length must be divisible by 2",
    r"Padding length (?:too large|should be less than or equal to two times the input dimension)",
    means=Message("F.pad takes two numbers for each dimension to pad, the last dimension first."),
    fixes=(Reason(Message("For maps, the order is left, right, top, bottom."), "F.pad(x, (1, 1, 1, 1))"),),
    layer="F.pad",
)
tell(
    _PADDING,
    r"Padding size (?P<count>\d) is not supported for (?P<given>\d)D input tensor",
    r"Only 2D, 3D, 4D, 5D padding with non-constant padding are supported for now",
    means=Message(
        "Reflecting or repeating padding needs batch and channel dimensions before the padded ones."
    ),
    fixes=(
        Reason(
            Message("The batch or channel dimension is missing: add it at the front."),
            "F.pad(x.unsqueeze(0), (1, 1, 1, 1), mode='reflect')",
        ),
    ),
    layer="F.pad",
)
tell(
    _BLOCKS,
    r"expected size of input's dimension (?P<dimension>\d) to (?:match the calculated number of sliding blocks (?P<sum>[\d *]{1,40}) = (?P<wanted>\d{1,9})|be divisible by the product of kernel_size), but got input\.size\(\d\)=(?P<given>\d{1,9})",
    means=Message(
        "fold puts windows back into a map: it needs exactly one column per window, but dimension "
        "{dimension} has {given}."
    ),
    fixes=(
        Reason(
            Message(
                "Use the same kernel, stride and padding as in unfold, and the size of the map before it."
            ),
            "F.fold(x, output_size=(28, 28), kernel_size=3, padding=1)",
        ),
    ),
    layer="F.fold",
)
tell(
    _BLOCKS,
    r"Given input with spatial size \((?P<size>[\d, ]{1,30})\), kernel_size=\((?P<kernel>[\d, ]{1,30})\).{0,120}?calculated shape of the array of sliding blocks as",
    means=Message("The window ({kernel}) is larger than the map ({size}), so there is nothing to unfold."),
    fixes=(Reason(Message("Use a smaller kernel, or padding.")),),
    layer="F.unfold",
)
tell(
    _BLOCKS,
    r"grid_sampler(?:_\dd)?\(\): expected grid to have size (?P<wanted>\d) in last dimension, but got grid with sizes \[(?P<shape>[\d, ]{1,40})\]",
    r"grid_sampler(?:_\dd)?\(\): expected (?:grid and input|input and grid) to have same (?P<wanted>batch size).{1,60}?grid with sizes \[(?P<shape>[\d, ]{1,40})\]",
    r"Expected a batch of (?P<wanted>2D|3D) affine matrices of shape Nx\dx\d for size \([\d, ]{1,30}\)\. Got torch\.Size\(\[(?P<shape>[\d, ]{1,40})\]\)",
    means=Message(
        "The grid of positions must be (batch, height, width, 2), and its affine matrices (batch, 2, 3); got {shape}."
    ),
    fixes=(
        Reason(
            Message("Use one grid per image, with x and y last."),
            "grid = F.affine_grid(theta, x.shape); F.grid_sample(x, grid)",
        ),
    ),
    layer="F.grid_sample",
)
tell(
    Message("Values that cannot be split into new dimensions"),
    r"Number of channels must be divisible by groups\. Got (?P<channels>\d{1,9}) channels and (?P<groups>\d{1,9}) groups",
    means=Message("{channels} channels cannot be divided evenly into {groups} groups."),
    fixes=(Reason(Message("Choose a number of groups that divides the channels.")),),
    layer="nn.ChannelShuffle",
)
tell(
    Message("Values that cannot be split into new dimensions"),
    r"Halving dimension must be even, but dimension (?P<dimension>\d{1,3}) is size (?P<size>\d{1,9})",
    means=Message(
        "GLU multiplies one half of a dimension by the other, so its size must be even (dimension {dimension} has {size})."
    ),
    fixes=(
        Reason(
            Message("Let the layer before it output an even number."),
            "nn.Conv2d(in_channels, 2 * channels, 3, padding=1)",
        ),
    ),
    layer="nn.GLU",
)
