"""Calls with the wrong arguments: too many, too few, misspelt."""

from __future__ import annotations

import importlib
import inspect
import re
from difflib import get_close_matches

from cnnviz.error_messages.entry import Decoded, Entries, Reason, one_remedy
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_CALL = Message("A call with the wrong arguments")


_CLASS_CALLED = Reason(
    Message(
        "Was the class called instead of the network? Create the network first, then call it with the tensor."
    ),
    "model = Net(); output = model(x)",
)


@entry(
    _CALL,
    r"(?:(\w{1,60})\.)?__init__\(\) takes (?:from \d{1,2} to )?(?:exactly )?(\d{1,2}) (?:positional )?arguments?(?: positional arguments)? but (\d{1,3}) (?:was|were) given",
    r"(?:(\w{1,60})\.)?__init__\(\) takes (?:exactly )?(\d{1,2}) arguments? \((\d{1,3}) given\)",
)
def _constructor(match: re.Match[str]) -> Decoded:
    name = match[1] or "__init__"
    if match[2] == "0":
        return _no_self(f"{name}.__init__", "def __init__(self):")
    reasons = (
        _CLASS_CALLED,
        Reason(
            Message(
                "Or the constructor is not spelled __init__, with two underscores on each side, so its arguments "
                "are unknown."
            ),
            "def __init__(self, classes):",
        ),
        Reason(
            Message(
                "Pass layers to nn.Sequential as separate arguments, and transforms to transforms.Compose as a "
                "list."
            ),
            "transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])",
        ),
    )
    return Decoded(
        Message(
            "{name} was created with too many arguments: it accepts {taken}, including self, but got "
            "{given}.",
            name=name,
            taken=match[2],
            given=match[3],
        ),
        reasons,
    )


tell(
    _CALL,
    r"(?P<name>\w{1,60})\(\) takes no arguments",
    means=Message("{name} was created with arguments, but has no __init__ that accepts them."),
    fixes=(
        Reason(
            Message("Write the constructor, and spell it __init__, with two underscores on each side."),
            "def __init__(self, classes):",
        ),
    ),
)


def _no_self(name: str, code: str) -> Decoded:
    return one_remedy(
        Message("{name} lacks its first argument, self.", name=name),
        Message("Every method of a class needs it."),
        code,
    )


@entry(
    _CALL,
    r"(\w{0,60}\.?)forward\(\) takes (?:from \d{1,2} to )?(\d{1,2}) positional arguments? but (\d{1,3}) (?:was|were) given",
)
def _forward_given(match: re.Match[str]) -> Decoded:
    taken, given = int(match[2]), int(match[3])
    meaning = Message(
        "forward accepts {taken} arguments, including self, but got {given}.", taken=taken, given=given
    )
    reasons = [
        Reason(
            Message(
                "Call the network with as many tensors as its forward accepts, and have forward name all of "
                "them."
            ),
            "def forward(self, x, y):",
        ),
        Reason(
            Message(
                "nn.Sequential passes on a single tensor: write a forward for layers with several inputs."
            )
        ),
    ]
    if taken == 1:
        missing = Reason(Message("Is self missing from its definition?"), "def forward(self, x):")
        reasons.insert(0, missing)
    return Decoded(meaning, tuple(reasons), f"{match[1]}forward")


@entry(
    _CALL,
    r"((?:\w{1,40}\.|<locals>\.|<lambda>\.?)*\w{1,60})\(\) takes (?:from \d{1,2} to )?(\d{1,2}) positional arguments? but (\d{1,3}) (?:was|were) given",
)
def _given(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "{name} accepts {taken} arguments but got {given}.", name=match[1], taken=match[2], given=match[3]
        ),
        Message(
            "In a class, self counts as the first argument and must be in the definition. Otherwise, pass "
            "fewer arguments."
        ),
        "def method(self, x):",
    )


@entry(
    _CALL,
    r"(?:(\w{1,60})\.)?__init__\(\) missing \d{1,2} required (?:positional|keyword-only) arguments?: ([\w', ]{1,200})",
)
def _not_made(match: re.Match[str]) -> Decoded:
    names = match[2].replace("'", "").strip()
    given = ", ".join(f"{name}=..." for name in names.replace(" and ", ", ").replace(",,", ",").split(", "))
    layer = match[1] or "__init__"
    return Decoded(
        Message("{layer} was created without {names}.", layer=layer, names=names),
        (
            Reason(
                Message("Pass a value for it."),
                f"{layer}({given})",
            ),
        ),
        layer,
    )


@entry(
    _CALL,
    r"(?:(\w{1,60})\.)?(\w{1,60})\(\) missing \d{1,2} required (?:positional|keyword-only) arguments?: (['\"][\w'\", ]{1,200})",
)
def _not_given(match: re.Match[str]) -> Decoded:
    method, names = match[2], re.sub(r"['\"]", "", match[3]).strip()
    meaning = Message("{method} was called without {names}.", method=method, names=names)
    if names == "self":
        return Decoded(meaning, (_CLASS_CALLED,), match[1])
    reasons = {
        "step": Reason(
            Message(
                "ReduceLROnPlateau needs the value it monitors; LBFGS needs a function that computes the loss."
            ),
            "scheduler.step(validation_loss)",
        ),
        "load_state_dict": Reason(
            Message("Read the file first."), "model.load_state_dict(torch.load('net.pt'))"
        ),
    }
    if method == "forward" and "target" in names:
        loss = Reason(
            Message("A loss needs outputs and labels, in this order."), "loss = criterion(output, labels)"
        )
        return Decoded(meaning, (loss,), match[1])
    general = Reason(
        Message("Pass a value for it, or give it a default in the definition."),
        f"{method}({names.replace(' and ', ', ')})",
    )
    extra = (_CLASS_CALLED,) if method == "forward" else ()
    return Decoded(meaning, (reasons.get(method, general), *extra), match[1])


@entry(_CALL, r"(?:(\w{1,60})\.)?(\w{1,60})\(\) got an unexpected keyword argument '(\w{1,60})'")
def _unexpected(match: re.Match[str]) -> Decoded:
    layer, name = match[1] or match[2], match[3]
    meaning = Message("{layer} has no argument called {name}.", layer=layer, name=name)
    similar = next(iter(get_close_matches(name, _arguments(layer), 1, 0.5)), None)
    if similar is not None:
        return one_remedy(
            meaning, Message("Did you mean {name}?", name=similar), f"{layer}({similar}=...)", layer
        )
    return one_remedy(
        meaning,
        Message("Check the spelling, and whether the installed version has this argument."),
        None,
        layer,
    )


def _arguments(layer: str) -> list[str]:
    """What the constructor of a layer, optimizer or schedule of torch of this name takes."""
    layer = {"_BatchNorm": "BatchNorm2d", "RNNBase": "LSTM"}.get(layer, layer)
    for home in ("torch.nn", "torch.optim", "torch.optim.lr_scheduler", "torch.utils.data"):
        cls = getattr(importlib.import_module(home), layer, None)
        if inspect.isclass(cls):
            names = list(inspect.signature(cls).parameters)
            if names == ["args", "kwargs"]:  # of recurrent layers
                return [
                    "input_size",
                    "hidden_size",
                    "num_layers",
                    "bias",
                    "batch_first",
                    "dropout",
                    "bidirectional",
                ]
            return names
    return []


tell(
    _CALL,
    r"got multiple values for (?:keyword )?argument '(?P<name>\w{1,60})'",
    means=Message("{name} was given twice: once by position and once by name."),
    fixes=(Reason(Message("Pass it only once; in a method, the first position belongs to self.")),),
)
