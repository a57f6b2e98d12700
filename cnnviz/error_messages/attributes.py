"""Names that do not exist: attributes of tensors, networks, tuples and None; modules, functions and variables."""

from __future__ import annotations

import importlib
import re
from difflib import get_close_matches

from cnnviz.error_messages.data_types import FIRST_OF_SEVERAL, FROM_IMAGE, FROM_NUMPY, RETURNED_NOTHING
from cnnviz.error_messages.entry import Decoded, Entries, Reason, one_remedy
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_NAME = Message("A name that does not exist")

_BATCH = Reason(
    Message("A batch from a DataLoader contains images and labels: unpack it."),
    "for images, labels in loader:",
)
_PICK = Reason(
    Message(
        "In training, Inception and GoogLeNet also return auxiliary outputs, and MultiheadAttention also "
        "returns its weights: take the first."
    ),
    "x = x[0]",
)


_INTERNAL = r"_(?:modules|parameters|buffers|(?:backward|forward|forward_pre|backward_pre|state_dict)_hooks(?:_\w{1,30})?)"

tell(
    Message("The constructor of nn.Module was not run"),
    r"cannot assign (?P<what>module|parameters?|buffer) before Module\.__init__\(\) call",
    rf"'(?P<what>\w{{1,60}})' object has no attribute '{_INTERNAL}'",
    means=Message(
        "The network uses layers or parameters ({what}) before nn.Module is set up: its __init__ does "
        "not call super().__init__() first."
    ),
    fixes=(
        Reason(
            Message("Make it the first line of __init__, with parentheses."),
            "def __init__(self):\n    super().__init__()",
        ),
    ),
)
tell(
    Message("The constructor of nn.Module was not run"),
    r"super\(type, obj\): obj must be an instance or subtype of type",
    r"super\(\): (?:__class__ cell not found|no arguments)",
    means=Message("super() was called with another class, or outside a method of the class."),
    fixes=(
        Reason(
            Message(
                "In __init__, write super().__init__() without arguments; in a notebook, rerun the cell with the "
                "class."
            ),
            "super().__init__()",
        ),
    ),
)


@entry(_NAME, r"'NoneType' object has no attribute '(\w{1,60})'")
def _of_none(match: re.Match[str]) -> Decoded:
    name = match[1]
    if name in ("zero_", "data", "norm", "abs", "detach", "clone"):
        gradient = Reason(
            Message("A .grad is None before backward(), and for parameters that are not used in the loss."),
            "if p.grad is not None: p.grad.zero_()",
        )
        reasons: tuple[Reason, ...] = (gradient, RETURNED_NOTHING)
    else:
        reasons = (RETURNED_NOTHING,)
    return Decoded(Message("The code uses {name} of something that is None.", name=name), reasons)


@entry(
    _NAME,
    r"'(tuple|list|(?:\w{1,40}\.)?\w{1,40}Outputs?|PackedSequence)' object has no attribute '(\w{1,60})'",
)
def _of_several(match: re.Match[str]) -> Decoded:
    kind, name = match[1], match[2]
    if kind == "PackedSequence":
        unpacked = Reason(
            Message("Unpack the sequence first."), "x, lengths = nn.utils.rnn.pad_packed_sequence(x)"
        )
        reasons: tuple[Reason, ...] = (unpacked,)
    elif name == "backward":
        reasons = (Reason(Message("Add the losses, or select the right one."), "sum(losses).backward()"),)
    elif kind == "list":
        stacked = Reason(Message("Join the tensors of a list into one."), "x = torch.stack(x)")
        layers = Reason(
            Message("Put a list of layers in an nn.ModuleList."), "self.layers = nn.ModuleList(layers)"
        )
        reasons = (_BATCH, stacked, layers)
    else:
        reasons = (FIRST_OF_SEVERAL, _PICK, _BATCH)
    return Decoded(
        Message(
            "The code uses {name} of a value of type {kind}, which contains several values; only a tensor has it.",
            kind=kind,
            name=name,
        ),
        reasons,
    )


@entry(_NAME, r"'(?:numpy\.)?(ndarray|float64|float32|int64)' object has no attribute '(\w{1,60})'")
def _of_array(match: re.Match[str]) -> Decoded:
    return Decoded(
        Message("The code uses {name} of a NumPy array, but only tensors have it.", name=match[2]),
        (FROM_NUMPY,),
    )


@entry(_NAME, r"'(\w{0,20}Image\w{0,20})' object has no attribute '(\w{1,60})'")
def _of_image(match: re.Match[str]) -> Decoded:
    return Decoded(
        Message(
            "The code uses {name} of an image ({kind}), but only tensors have it.",
            kind=match[1],
            name=match[2],
        ),
        (FROM_IMAGE,),
    )


@entry(_NAME, r"'(int|float|bool|str|complex)' object has no attribute '(\w{1,60})'")
def _of_number(match: re.Match[str]) -> Decoded:
    kind, name = match[1], match[2]
    meaning = Message(
        "The code uses {name} of a Python {kind}, but only tensors have it.", kind=kind, name=name
    )
    if name == "backward":
        text = Message(
            "item(), float() and NumPy return plain numbers without a graph: call backward() on the tensor."
        )
        return one_remedy(meaning, text, "loss.backward(); total += loss.item()")
    if name in ("_apply", "parameters", "train", "eval", "training"):
        text = Message("A method was called on the class instead of the network: create the network first.")
        return one_remedy(meaning, text, "model = Net(); model.to(device)")
    if name in ("item", "cpu", "cuda", "detach", "numpy"):
        text = Message("It is already a plain number: remove the call.")
        return one_remedy(meaning, text)
    if kind == "bool":
        text = Message("The two sides of the comparison were not both tensors: convert them first.")
        return one_remedy(meaning, text, "(output.argmax(1) == torch.as_tensor(labels)).sum()")
    return one_remedy(meaning, Message("Convert it to a tensor first."), "x = torch.tensor(x)")


@entry(
    _NAME, r"'(dict|(?:collections\.)?OrderedDict)' object (?:has no attribute '(\w{1,60})'|is not callable)"
)
def _of_dictionary(match: re.Match[str]) -> Decoded:
    return Decoded(
        Message(
            "A dictionary is used where a network or tensor is expected: torch.load returns the saved "
            "weights (state_dict), not the network."
        ),
        (
            Reason(
                Message("Build the network first, then load the weights into it."),
                "model = Net(); model.load_state_dict(torch.load('net.pt'))",
            ),
            Reason(Message("If it is a batch, select one of its entries."), "x = batch['image'].to(device)"),
        ),
    )


@entry(
    _NAME,
    r"'_?\w{0,40}DataLoader\w{0,8}' object (?:has no attribute '(\w{1,60})'|is not (subscriptable|an iterator|callable))",
)
def _of_loader(match: re.Match[str]) -> Decoded:
    return Decoded(
        Message(
            "A DataLoader can only be iterated over: it has no items by number, and its iterator has no "
            "next()."
        ),
        (
            Reason(Message("Take one batch like this."), "images, labels = next(iter(loader))"),
            Reason(Message("Get a single example from the data set."), "image, label = loader.dataset[0]"),
        ),
    )


@entry(_NAME, r"'(Subset|ConcatDataset|TensorDataset)' object has no attribute '(\w{1,60})'")
def _of_subset(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("{kind} wraps a data set and does not have its {name}.", kind=match[1], name=match[2]),
        Message("Use the data set inside."),
        f"data.dataset.{match[2]}",
    )


@entry(_NAME, r"'(DataParallel|DistributedDataParallel)' object has no attribute '(\w{1,60})'")
def _of_parallel(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("{kind} wraps the network and does not have its {name}.", kind=match[1], name=match[2]),
        Message("The network itself is its module."),
        f"model.module.{match[2]}",
    )


@entry(_NAME, r"'(Tensor|Parameter|Variable)' object has no attribute '(\w{1,60})'")
def _of_tensor(match: re.Match[str]) -> Decoded:
    name = match[2]
    meaning = Message("Tensors have no {name}.", name=name)
    known = {
        "astype": "x.to(torch.float32)",
        "append": "torch.cat([x, y])",
        "__array_interface__": "Image.fromarray((x * 255).byte().cpu().numpy())",
        "keys": "labels",
        "copy": "x.clone()",
    }
    if name in known:
        return one_remedy(meaning, Message("With a tensor, write this:"), known[name])
    if name in ("parameters", "forward", "state_dict", "eval", "train"):
        return one_remedy(
            meaning,
            Message("The network's name was overwritten by its output: use two different names."),
            "output = model(x)",
        )
    return _like(meaning, name, "torch.Tensor", "x.")


def _like(meaning: Message, name: str, place: str, before: str) -> Decoded:
    """The remedy where a name resembles one that there is in ``place``."""
    similar = closest(name, place)
    if similar is None:
        return one_remedy(meaning, Message("Check the spelling and the installed version of the package."))
    return one_remedy(meaning, Message("Did you mean {name}?", name=similar), f"{before}{similar}")


def closest(name: str, place: str) -> str | None:
    """The public name most like ``name`` in a module or class of torch or torchvision; None where none is."""
    if re.fullmatch(r"(torch|torchvision)(\.[a-zA-Z]\w*){0,4}", place) is None:
        return None
    home, _, cls = place.rpartition(".")
    try:
        holder = (
            getattr(importlib.import_module(home), cls)
            if cls[:1].isupper()
            else importlib.import_module(place)
        )
    except (ImportError, AttributeError):
        return None
    names = [each for each in dir(holder) if not each.startswith("_")]
    return next((each for each in names if each.lower() == name.lower()), None) or next(
        iter(get_close_matches(name, names, 1)), None
    )


@entry(_NAME, r"module '(\w{1,40}(?:\.\w{1,40}){0,4})' has no attribute '(\w{1,60})'")
def _of_module(match: re.Match[str]) -> Decoded:
    place, name = match[1], match[2]
    short = {"torch.nn": "nn.", "torch.nn.functional": "F."}.get(place, f"{place}.")
    return _like(Message("{place} has no {name}.", place=place, name=name), name, place, short)


@entry(
    _NAME,
    r"'function' object has no attribute '(\w{1,60})'",
    r"'method' object has no attribute '(\w{1,60})'",
    r"'builtin_function_or_method' object (?:has no attribute '(\w{1,60})'|is not subscriptable)",
    r"'method' object is not (?:iterable|subscriptable)",
)
def _of_function(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("A function is used where its result is expected: the call's parentheses are missing."),
        Message("Call it."),
        "model.parameters(), x.size(0), x.shape[0]",
    )


@entry(_NAME, r"type object '(\w{1,60})' has no attribute '(\w{1,60})'")
def _of_class(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message("The class {kind} has no {name}.", kind=match[1], name=match[2]),
        Message("Check the spelling; if it belongs to the network, create one first."),
        f"model = {match[1]}()",
    )


_LOSSES = re.compile(r"\w*Loss")


@entry(
    _NAME, r"'(\w{1,60})' object has no attribute '(\w{1,60})'", r"(\w{1,60}) has no attribute `(\w{1,60})`"
)
def _of_network(match: re.Match[str]) -> Decoded:
    """Of a network or another object, what none of the entries above knows."""
    kind, name = match[1], match[2]
    meaning = Message("{kind} has no attribute {name}.", kind=kind, name=name)
    if _LOSSES.fullmatch(kind) and name in ("backward", "item"):
        return one_remedy(
            meaning,
            Message("The loss function was created but not called: pass it the output and labels."),
            f"loss = nn.{kind}()(output, labels); loss.backward()",
        )
    similar = closest(name, "torch.nn.Module")
    if similar is not None:
        return one_remedy(meaning, Message("Did you mean {name}?", name=similar), f"model.{similar}")
    heads = {"fc": "classifier", "classifier": "fc", "head": "fc"}
    reasons = [
        Reason(
            Message(
                "In a network of your own, __init__ must set self.{name}, spelled the same and with self. in "
                "front.",
                name=name,
            ),
            f"self.{name} = ...",
        )
    ]
    if name in heads:
        text = Message("In torchvision, the last layer's name depends on the family; print(model) shows it.")
        reasons.insert(0, Reason(text, f"model.{heads[name]}"))
    if name in ("shape", "size", "view", "dim", "flatten"):
        text = Message("A layer is used where its output is expected: call it with the tensor.")
        reasons.insert(0, Reason(text, "x = nn.ReLU()(x)"))
    if name == "fit":
        text = Message("A PyTorch network has no fit: write the training loop.")
        reasons = [Reason(text, "for images, labels in loader: ...")]
    return Decoded(meaning, tuple(reasons))


tell(
    _NAME,
    r"No module named '(?P<name>[\w.]{1,80})'",
    r"No module named (?P<name>[\w.]{1,80})",
    means=Message("Python cannot find the package {name}."),
    fixes=(
        Reason(
            Message("Install it in the environment that runs the program."), "python -m pip install {name}"
        ),
        Reason(
            Message(
                "Some packages are installed under another name: cv2 is opencv-python, PIL is pillow, sklearn is "
                "scikit-learn."
            )
        ),
    ),
)
tell(
    _NAME,
    r"cannot import name '(?P<name>\w{1,60})' from '(?P<place>[\w.]{1,80})'",
    means=Message("{place} has no {name}."),
    fixes=(
        Reason(Message("Check the spelling and the installed version of the package.")),
        Reason(Message("Does a file of yours have the same name as the package?"), "print({place}.__file__)"),
    ),
)
tell(
    _NAME,
    r"name '(?P<name>\w{1,60})' is not defined",
    means=Message("{name} is used before it is defined or imported."),
    fixes=(
        Reason(
            Message(
                "Import it, define it above, or run the earlier cells of the notebook. In a class, layers need "
                "self. in front."
            ),
            "import torch; from torch import nn; from torch.nn import functional as F",
        ),
    ),
)
tell(
    _NAME,
    r"(?:cannot access )?local variable '(?P<name>\w{1,60})' (?:where it is not associated with a value|referenced before assignment)",
    means=Message("{name} has no value yet when it is read."),
    fixes=(Reason(Message("Assign a value before the loop or if, which may not run at all."), "{name} = 0"),),
)
