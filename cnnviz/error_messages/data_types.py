"""Values of another type or on another device than the weights, and what is no tensor at all."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import Decoded, Entries, Reason, one_remedy
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

RETURNED_NOTHING = Reason(
    Message("The layer before returned nothing: does its forward end with a return?"), "return x"
)
FIRST_OF_SEVERAL = Reason(
    Message(
        "nn.LSTM, nn.GRU and nn.RNN return (output, state), nn.MultiheadAttention (output, weights): use the output."
    ),
    "x, _ = self.lstm(x)",
)
FROM_NUMPY = Reason(Message("Convert NumPy arrays to tensors first."), "x = torch.from_numpy(x).float()")
FROM_IMAGE = Reason(
    Message("Convert images to tensors first."), "x = transforms.ToTensor()(image).unsqueeze(0)"
)
"""What mends values of some other kinds."""

_TYPE = r"([\w:.]{1,40}(?: int| char)?)"
_BYTES = ("byte", "unsigned char", "torch.uint8", "torch.bytetensor", "torch.cuda.bytetensor")
_INTEGERS = (
    "long",
    "int",
    "short",
    "char",
    "bool",
    "torch.int64",
    "torch.int32",
    "torch.longtensor",
    "torch.bool",
)
_DOUBLES = ("double", "torch.float64", "torch.doubletensor", "torch.cuda.doubletensor")
_HALVES = (
    "half",
    "c10::half",
    "bfloat16",
    "c10::bfloat16",
    "torch.halftensor",
    "torch.cuda.halftensor",
    "torch.float16",
    "torch.bfloat16",
)


@entry(
    Message("Wrong data type or device"),
    rf"Input type \({_TYPE}\) and (?:weight|bias) type \({_TYPE}\) should be the same",
    rf"(?:must|to) have the same dtype, but got:? {_TYPE} (?:and|!=) {_TYPE}",
    rf"to have the same type as tensor for argument #\d '\w{{1,20}}'; but type {_TYPE} does not equal {_TYPE}",
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
        reasons=_conversions(first, second),
    )


@entry(
    Message("Wrong data type or device"),
    rf"expected scalar type {_TYPE} but found {_TYPE}",
    r"Expected object of (?:scalar )?type (?:torch\.)?(?!cuda)(\w{1,20}) but (?:got|found) (?:scalar )?type (?:torch\.)?(?!cuda\.)(\w{1,20})",
    r"expected (?:type )?torch\.(?!cuda)(\w{1,20}) (?:\(got |but got (?:type )?)torch\.(?!cuda)(\w{1,20})",
    r"expected dtype (\w{1,20}) but got (?:dtype )?(\w{1,20})",
)
def _found(match: re.Match[str]) -> Decoded:
    return Decoded(
        meaning=Message(
            "Expected values of type {first}, but got {second}.", first=match[1], second=match[2]
        ),
        reasons=_conversions(match[2], match[1]),
    )


def _conversions(arrived: str, other: str = "") -> tuple[Reason, ...]:
    arrived, other = arrived.lower(), other.lower()
    if arrived in _HALVES or other in _HALVES:
        text = Message(
            "One side is in half precision (16 bits): convert everything to one type, or let autocast choose "
            "it."
        )
        return (
            Reason(text, "model.float(); x = x.float()"),
            Reason(
                Message("Use mixed precision only for the forward pass."),
                "with torch.autocast('cuda'): output = model(x)",
            ),
        )
    if arrived in _BYTES:
        text = Message(
            "Images are loaded as integers from 0 to 255, but networks compute with floating-point "
            "numbers: convert and scale them, as ToTensor does."
        )
        return (Reason(text, "x = x.float() / 255"),)
    if arrived in _DOUBLES:
        text = Message("NumPy uses 64-bit numbers, the weights 32-bit ones: convert the input.")
        return (Reason(text, "x = x.float()"),)
    if arrived in _INTEGERS:
        return (
            Reason(
                Message("Layers compute with floating-point numbers: convert the input."), "x = x.float()"
            ),
        )
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
    r"Expected object of type torch\.cuda\.\w{1,20} but (?:found|got) type torch\.(?!cuda)\w{1,20}",
    r"Expected object of type torch\.(?!cuda)\w{1,20} but (?:found|got) type torch\.cuda\.\w{1,20}",
    r"expected torch\.(?:\w{1,20}) \(got torch\.cuda\.\w{1,20}\)",
    r"all tensors must be on devices\[0\]",
    r"Expected object of (?:backend|device type) (?:CPU|CUDA|cuda|cpu) but got (?:backend|device type) (?:CPU|CUDA|cuda|cpu)",
    r"Input, output and indices must be on the current device",
    r"module must have its parameters and buffers on device",
    r"indices should be either on cpu or on the same device as the indexed tensor",
    r"Tensors? (?:must|should) be on the same device",
    r"Expected a '(?:cpu|cuda)' device type for generator but found '(?:cpu|cuda)'",
    r"expected device (?:cpu|cuda:?\d?) (?:and dtype \w{1,20} )?but got device (?:cpu|cuda:?\d?)",
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
    if match[2] == "target" and match[4] in ("list", "tuple", "int", "float"):
        meaning = Message(
            "{function} expects tensors, but got something else: {given}.", function=match[1], given=match[4]
        )
        return one_remedy(
            meaning,
            Message("Convert the labels to a tensor first."),
            "labels = torch.tensor(labels)",
            match[1],
        )
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
        reasons = [RETURNED_NOTHING]
    elif given.startswith("numpy"):
        reasons = [FROM_NUMPY]
    elif given.endswith(("Outputs", "Output")):
        reasons = [
            Reason(
                Message(
                    "In training, Inception and GoogLeNet also return auxiliary outputs: take the first for the "
                    "prediction, and add the losses of the others."
                ),
                "output = model(x).logits",
            )
        ]
    elif given in ("function", "builtin_function_or_method", "method", "type"):
        text = Message("A function is used where its result is expected: the call's parentheses are missing.")
        reasons = [Reason(text, "x = x.mean()")]
    elif given == "PackedSequence":
        text = Message("Unpack the sequence first.")
        reasons = [Reason(text, "x, lengths = nn.utils.rnn.pad_packed_sequence(x)")]
    elif "Image" in given:
        reasons = [FROM_IMAGE]
    else:
        reasons = [taken, turned] if given in ("tuple", "list") else [turned]
        reasons = [FIRST_OF_SEVERAL, *reasons] if given == "tuple" else reasons
    meaning = Message(
        "{function} expects tensors, but got something else: {given}.", function=function, given=given
    )
    return Decoded(meaning, tuple(reasons), function)


_SIZED = (
    "view",
    "reshape",
    "rand",
    "randn",
    "zeros",
    "ones",
    "empty",
    "expand",
    "repeat",
    "permute",
    "randint",
)
"""Functions whose arguments are numbers, not tensors."""


@entry(
    Message("Not a tensor"),
    r"(\w{1,40})\(\) received an invalid combination of arguments - got \((.{1,300}?)\)(?=,? but expected one of"
    r"(.{0,800}))",
)
def _combination(match: re.Match[str]) -> Decoded:
    """No form of a function takes what it was given: the first argument is no tensor, or a number is no whole one."""
    function, given, details = match[1], match[2].split(", "), match[3]
    if "float" in match[2] or "of (float" in details:
        return _whole_numbers(function)
    if given[0] not in ("Tensor", "Parameter", "int") and function not in _SIZED:
        return _given(function, given[0].strip("!"))
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
    r"(\w{1,40})\(\): argument '\w{1,40}' \(position \d{1,3}\) must be (?:tuple of ints|int), (?:not|but found element of type) float",
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


_TITLE = Message("Wrong data type or device")
_FLOATS = Reason(Message("Convert the numbers to floats first."), "x = x.float()")


@entry(_TITLE, r"\"([\w:]{1,80})\" not implemented for '(\w{1,20})'")
def _not_implemented(match: re.Match[str]) -> Decoded:
    function, kind = match[1], match[2]
    name = re.sub(r"(_lastdim|_kernel|_impl|_cpu|_cuda|_channels_last|_out|_frame|_forward)+", "", function)
    meaning = Message("PyTorch has no {function} for values of type {kind}.", function=name, kind=kind)
    if kind.lower() in ("half", "bfloat16"):
        return one_remedy(
            meaning,
            Message(
                "Half precision (16 bits) is for the GPU: on the CPU, convert the network and the input."
            ),
            "model.float(); x = x.float()",
        )
    if "bitwise" in name or name in ("and", "or"):
        return one_remedy(
            meaning, Message("& and | combine conditions, each in brackets."), "(x > 0) & (x < 1)"
        )
    swapped = Reason(
        Message("In a loss, the output comes first and the labels second: were they swapped?"),
        "criterion(output, labels)",
    )
    return Decoded(
        meaning, (_FLOATS, swapped) if "softmax" in name or "nll" in name or "mse" in name else (_FLOATS,)
    )


tell(
    _TITLE,
    r"(?P<function>\w{1,30})\(\): could not infer output dtype\. Input dtype must be either a floating point or complex dtype\. Got: (?P<kind>\w{1,20})",
    r"(?P<function>\w{1,30})\(\): input dtype should be either floating point or complex dtypes\. Got (?P<kind>\w{1,20})",
    r"Can only calculate the (?P<function>mean) of floating types\. Got (?P<kind>\w{1,20})",
    r"(?P<function>[\w.]{1,40}): Expected a floating point or complex tensor as input\. Got (?P<kind>\w{1,20})",
    r"(?P<function>std and var) only support floating point and complex (?P<kind>dtypes)",
    r"(?P<function>quantile)\(\) input tensor must be either float or double (?P<kind>dtype)",
    means=Message("{function} needs floats, but got integers or booleans ({kind})."),
    fixes=(_FLOATS,),
)
tell(
    _TITLE,
    r"result type (?P<result>\w{1,20}) can't be cast to the desired output type (?P<kind>\w{1,20})",
    means=Message(
        "The result is {result}, but it should be written into a {kind} tensor, which cannot hold it."
    ),
    fixes=(
        Reason(
            Message(
                "Convert the integers first, and create a new tensor instead of using +=, *= or an in-place "
                "operation."
            ),
            "x = x.float() * 1.5",
        ),
        Reason(
            Message("nn.BCEWithLogitsLoss and nn.MSELoss need targets as floats."), "target = target.float()"
        ),
    ),
)
tell(
    _TITLE,
    r"(?:Subtraction|Negation), the `-` operator,? (?:with|on) (?:two|a) bool tensors? is not supported",
    r"~ \(operator\.invert\) is only implemented on integer and Boolean-type tensors",
    means=Message(
        "Booleans are not numbers: - does not work on them, and ~ works only on integers and booleans."
    ),
    fixes=(
        Reason(Message("Convert them to numbers, or invert a mask with ~."), "mask.float() or ~mask"),
        Reason(Message("This loss needs targets as floats."), "target = target.float()"),
    ),
)
tell(
    _TITLE,
    r"Expected tensor for argument #(?P<number>\d) '(?P<name>\w{1,30})' to have (?:one of the following )?scalar types?:? (?P<wanted>[\w, ]{1,40}); but got (?:\w{1,10}\.)*(?P<kind>\w{1,30}) instead",
    r"Expected tensor for argument #(?P<number>\d) '(?P<name>\w{1,30})' to have scalar type (?P<wanted>\w{1,20}); but got (?:type )?(?:\w{1,10}\.)*(?P<kind>\w{1,30}) instead",
    means=Message(
        "{name} must contain integers ({wanted}), but is {kind}. nn.Embedding looks up rows by number."
    ),
    fixes=(
        Reason(
            Message("Convert the indices; measurements belong in a Linear, not in an embedding."),
            "x = x.long()",
        ),
    ),
    layer="nn.Embedding",
)
tell(
    _TITLE,
    r"tensors used as indices must be long, int, byte or bool tensors",
    r"tensors used as indices must be long, byte or bool tensors",
    r"(?:gather|scatter|scatter_add|index_select|index_add)_?\(\): Expected dtype int(?:32)?/?(?:int)?64 for index",
    means=Message("An index must contain integers or booleans, but this one contains floats."),
    fixes=(Reason(Message("Convert the indices."), "x[index.long()]"),),
)
tell(
    _TITLE,
    r"masked_(?:fill|select|scatter)_?:? (?:only supports boolean masks|expected BoolTensor for mask|expects a boolean mask)",
    r"expected BoolTensor for mask",
    means=Message("A mask must contain True and False."),
    fixes=(Reason(Message("Use a comparison to create one."), "x.masked_fill(mask == 0, float('-inf'))"),),
)
tell(
    Message("Values that cannot become a tensor"),
    r"can't convert np\.ndarray of type numpy\.(?P<kind>\w{1,20})",
    means=Message("The NumPy array contains {kind}, not plain numbers, so it cannot become a tensor."),
    fixes=(
        Reason(
            Message(
                "Rows of different lengths, text and None produce such arrays: make all rows equally long, and "
                "convert names to numbers."
            ),
            "np.array(rows, dtype=np.float32)",
        ),
        Reason(
            Message("Convert pandas columns first."),
            "torch.from_numpy(table.to_numpy(dtype='float32'))",
        ),
    ),
)
tell(
    Message("Values that cannot become a tensor"),
    r"expected sequence of length (?P<wanted>\d{1,9}) at dim (?P<number>\d{1,3}) \(got (?P<given>\d{1,9})\)",
    means=Message(
        "The lists have different lengths, {wanted} and {given}, in dimension {number}, but all rows of "
        "a tensor are equally long."
    ),
    fixes=(
        Reason(
            Message("Cut or pad all of them to the same length."),
            "nn.utils.rnn.pad_sequence([torch.tensor(row) for row in rows], batch_first=True)",
        ),
    ),
)
tell(
    Message("Values that cannot become a tensor"),
    r"too many dimensions '(?P<kind>\w{1,20})'",
    r"Could not infer dtype of (?P<kind>[\w.]{1,40})",
    r"new\(\): invalid data type '(?P<kind>[\w.]{1,40})'",
    means=Message("A tensor holds numbers, not values of type {kind}."),
    fixes=(
        Reason(
            Message("Convert class names to numbers."),
            "torch.tensor([classes.index(name) for name in names])",
        ),
        Reason(
            Message(
                "An image becomes a tensor with ToTensor; None means that something is missing from the data."
            ),
            "transforms.ToTensor()(image)",
        ),
    ),
)
tell(
    Message("Values that cannot become a tensor"),
    r"At least one stride in the given numpy array is negative",
    r"some of the strides of a given numpy array are negative",
    means=Message(
        "The array was flipped ([::-1], np.flip), and a tensor cannot share memory with a flipped array."
    ),
    fixes=(Reason(Message("Copy it first."), "torch.from_numpy(image[::-1].copy())"),),
)
tell(
    Message("Values that cannot become a tensor"),
    r"expected np\.ndarray \(got (?P<kind>[\w.]{1,40})\)",
    r"new\(\): data must be a sequence \(got (?P<kind>[\w.]{1,40})\)",
    means=Message("torch.from_numpy accepts only NumPy arrays, but got {kind}."),
    fixes=(Reason(Message("torch.as_tensor accepts lists, arrays and tensors."), "x = torch.as_tensor(x)"),),
)
tell(
    _TITLE,
    r"invalid type: '(?P<kind>[\w.]{1,40})'",
    r"(?P<kind>only floating-point types) are supported as the default type",
    means=Message("This is not a suitable PyTorch type: {kind}."),
    fixes=(Reason(Message("PyTorch's types begin with torch."), "x.to(torch.float32)"),),
)
tell(
    _TITLE,
    r"(?P<function>[\w.]{1,40}): Low precision dtypes not supported\. Got (?P<kind>\w{1,20})",
    r"(?P<function>\w{1,40}) is not supported for (?P<kind>complex types)",
    means=Message("PyTorch has no {function} for values of type {kind}."),
    fixes=(_FLOATS,),
)
