"""Saved weights and files: keys and shapes that do not fit, files that torch.load does not take, what cannot be pickled."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import SIZES, Decoded, Entries, Reason, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_OTHER = Message("Weights of a different network")
_FILE = Message("A file that cannot be read or written")
_PICKLE = Message("An object that cannot be pickled")

_SHAPES = (
    rf"size mismatch for ([\w.]{{1,100}}): copying a param with shape torch\.Size\(\[{SIZES}?\]\) from checkpoint,? "
    rf"the shape in current model is torch\.Size\(\[{SIZES}?\]\)"
)
_OLD_SHAPES = (
    rf"While copying the parameter named \"?([\w.]{{1,100}})\"?, whose dimensions in the model are torch\.Size\(\[{SIZES}?\]\) "
    rf"and whose dimensions in the checkpoint are torch\.Size\(\[{SIZES}?\]\)"
)
_UNTIL = r"((?:(?! During handling of | The above exception | Traceback \(most).)*)"
_SHOWN = 3
_DATA_PARALLEL = "module."
_COMPILED = "_orig_mod."
_SAVED_TOO = {
    "epoch",
    "optimizer",
    "optimizer_state_dict",
    "model",
    "model_state_dict",
    "state_dict",
    "net",
    "loss",
}


@entry(_OTHER, rf"Error\(s\) in loading state_dict for ([\w.]{{1,60}}):{_UNTIL}")
def _loading(match: re.Match[str]) -> Decoded:
    told = match[2]
    missing, unexpected = _keys("Missing", told), _keys("Unexpected", told)
    shapes = [(m[1], sizes(m[2] or ""), sizes(m[3] or "")) for m in re.finditer(_SHAPES, told, re.IGNORECASE)]
    if not (missing or unexpected or shapes):
        raise ValueError("no key at fault: the text ends before it")
    meaning = Message(
        "The saved weights do not fit {network}. {details}",
        network=match[1],
        details=_details(missing, unexpected, shapes),
    )
    return Decoded(meaning, _reasons(missing, unexpected, shapes), "load_state_dict")


def _keys(which: str, text: str) -> list[str]:
    found = re.search(rf'{which} key\(s\) in state_dict: ?((?:"[^"]*",? ?)+)', text, re.IGNORECASE)
    return re.findall(r'"([^"]*)"', found[1]) if found else []


def _details(
    missing: list[str], unexpected: list[str], shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
) -> Message:
    if shapes:
        name, saved, present = shapes[0]
        return Message(
            "{name} has shape {saved} in the file but {present} here.",
            name=name,
            saved=shape_text(saved),
            present=shape_text(present),
        )
    if missing and unexpected:
        return Message(
            "The network needs {missing}, but the file contains {unexpected}.",
            missing=_listed(missing),
            unexpected=_listed(unexpected),
        )
    if missing:
        return Message("Missing from the file: {names}.", names=_listed(missing))
    return Message(
        "The file contains keys that the network does not have: {names}.", names=_listed(unexpected)
    )


def _listed(names: list[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")


def _reasons(
    missing: list[str], unexpected: list[str], shapes: list[tuple[str, tuple[int, ...], tuple[int, ...]]]
) -> tuple[Reason, ...]:
    for prefix, wrapper in ((_DATA_PARALLEL, "nn.DataParallel"), (_COMPILED, "torch.compile")):
        if any(name.startswith(prefix) for name in unexpected):
            text = Message(
                "The names begin with {prefix} because the network was saved inside {wrapper}. Remove the "
                "prefix.",
                prefix=prefix,
                wrapper=wrapper,
            )
            code = f"model.load_state_dict({{k.removeprefix('{prefix}'): v for k, v in state.items()}})"
            saving = Message("When saving, save the network inside it, so that the prefix is not written.")
            inside = "model.module" if prefix == _DATA_PARALLEL else "model._orig_mod"
            return Reason(text, code), Reason(saving, f"torch.save({inside}.state_dict(), 'net.pt')")
        if any(name.startswith(prefix) for name in missing):
            text = Message(
                "The missing names begin with {prefix}: load the weights into the network inside {wrapper}.",
                prefix=prefix,
                wrapper=wrapper,
            )
            return (Reason(text, "model.module.load_state_dict(state)"),)
    nested = [name for name in unexpected if name in _SAVED_TOO]
    if nested:
        inner = next((name for name in nested if "state_dict" in name or name in ("model", "net")), nested[0])
        text = Message(
            "The file is a checkpoint that contains more than weights: select the entry with the weights."
        )
        return (Reason(text, f"model.load_state_dict(checkpoint['{inner}'])"),)
    reasons = []
    if shapes:
        text = Message(
            "Build the network with the options it was saved with: the same number of classes, channels and layers."
        )
        reasons.append(Reason(text))
        text = Message(
            "To train a new last layer, load everything except its weights (strict=False does not skip "
            "mismatched shapes)."
        )
        name = shapes[0][0]
        reasons.append(
            Reason(
                text,
                f"state = {{k: v for k, v in state.items() if not k.startswith('{name.rpartition('.')[0]}')}}; model.load_state_dict(state, strict=False)",
            )
        )
    else:
        text = Message("Build the network as it was when it was saved, with the same layers and names.")
        reasons.append(Reason(text))
        text = Message(
            "If the other layers should keep their present weights, load what fits, and check what was left "
            "out."
        )
        reasons.append(Reason(text, "print(model.load_state_dict(state, strict=False))"))
    return tuple(reasons)


@entry(_OTHER, _SHAPES)
def _shape(match: re.Match[str]) -> Decoded:
    return _other_shape(match[1], sizes(match[2] or ""), sizes(match[3] or ""))


@entry(_OTHER, _OLD_SHAPES)
def _old_shape(match: re.Match[str]) -> Decoded:
    return _other_shape(match[1], sizes(match[3] or ""), sizes(match[2] or ""))


def _other_shape(name: str, saved: tuple[int, ...], present: tuple[int, ...]) -> Decoded:
    return Decoded(
        Message(
            "The saved weights belong to a different network: {name} has shape {saved} in the file but {present} here.",
            name=name,
            saved=shape_text(saved),
            present=shape_text(present),
        ),
        _reasons([], [], [(name, saved, present)]),
        "load_state_dict",
    )


@entry(
    _OTHER,
    r"(Missing|Unexpected) key\(s\) in state_dict: ?((?:\"[^\"]{1,100}\",? ?)+)",
    r"(missing|unexpected) keys? in (?:source )?state_dict: ?((?:\"?[\w.]{1,100}\"?,? ?)+)",
    r"KeyError: (.)(unexpected key \"[\w.]{1,100}\" in state_dict)",
)
def _some_keys(match: re.Match[str]) -> Decoded:
    """A part of the message, or an older wording of it."""
    names = re.findall(r"\"([^\"]+)\"", match[2]) or re.findall(r"[\w.]+", match[2])
    missing, unexpected = (names, []) if match[1].lower() == "missing" else ([], names)
    return Decoded(_details(missing, unexpected, []), _reasons(missing, unexpected, []), "load_state_dict")


@entry(_OTHER, r"Expected state_dict to be dict-like, got <class '([\w.]{1,80})'>")
def _no_dictionary(match: re.Match[str]) -> Decoded:
    kind = match[1].rpartition(".")[2]
    meaning = Message(
        "load_state_dict expects a dictionary of weights, but got something else: {kind}.", kind=kind
    )
    if kind == "str":
        return Decoded(
            meaning, (Reason(Message("Read the file first."), "model.load_state_dict(torch.load('net.pt'))"),)
        )
    return Decoded(
        meaning,
        (
            Reason(
                Message("If the file contains a whole network, use its weights."),
                "model.load_state_dict(saved.state_dict())",
            ),
            Reason(Message("Save weights rather than networks."), "torch.save(model.state_dict(), 'net.pt')"),
        ),
    )


_ALLOW = Reason(
    Message("Allow it only for a file that you trust, such as your own."),
    "torch.load('net.pt', weights_only=False)",
)
_SAVE_WEIGHTS = Reason(
    Message("It is better to save only the weights: such a file can be read anywhere, and safely."),
    "torch.save(model.state_dict(), 'net.pt')",
)

tell(
    _FILE,
    r"WeightsUnpickler error: Unsupported (?:global: GLOBAL|class) (?P<name>[\w.]{1,120})",
    r"Unsupported global: GLOBAL (?P<name>[\w.]{1,120})",
    means=Message(
        "The file contains more than weights (an object of {name}). Since PyTorch 2.6, torch.load "
        "refuses such files, because reading them can run any code."
    ),
    fixes=(
        _ALLOW,
        _SAVE_WEIGHTS,
    ),
    layer="torch.load",
)
tell(
    _FILE,
    r"Weights only load failed",
    r"You are using `torch\.load` with `weights_only=False`",
    means=Message(
        "Since PyTorch 2.6, torch.load reads only weights; this file is damaged, or contains something else."
    ),
    fixes=(
        Reason(
            Message(
                "Is it really a file written by torch.save? A web page or an incomplete download has the wrong "
                "size."
            )
        ),
        _ALLOW,
        _SAVE_WEIGHTS,
    ),
    layer="torch.load",
)
tell(
    _FILE,
    r"PytorchStreamReader failed",
    r"failed finding central directory",
    r"unexpected EOF,? expected \d{1,12} more bytes",
    r"invalid load key, '.{1,4}'",
    r"EOFError: (?:Ran out of input|$)",
    r"Invalid magic number; corrupt file",
    r"A load persistent id instruction was encountered, but no persistent_load function was specified",
    means=Message("The file of weights is damaged or incomplete, or was not written by torch.save."),
    fixes=(
        Reason(
            Message(
                "Download or copy it again: the transfer or saving was interrupted, or the address led to a web "
                "page."
            )
        ),
        Reason(
            Message("Save it again with the program that reads it."),
            "torch.save(model.state_dict(), 'net.pt')",
        ),
    ),
    layer="torch.load",
)
tell(
    _FILE,
    r"Attempting to deserialize object on (?:a )?CUDA device(?: \d{1,3})?,? but torch\.cuda\.(?:is_available\(\) is False|device_count\(\) is \d{1,3})",
    means=Message("The weights were saved on a GPU, but this machine does not have it."),
    fixes=(Reason(Message("Load them onto the CPU."), "torch.load('net.pt', map_location='cpu')"),),
    layer="torch.load",
)
tell(
    _FILE,
    r"Parent directory (?P<path>\S{1,200}) does not exist",
    means=Message("The folder {path} does not exist, so nothing can be saved there."),
    fixes=(Reason(Message("Create it first."), "os.makedirs('{path}', exist_ok=True)"),),
)
tell(
    _FILE,
    r"No such file or directory: '?(?P<path>[^'\s]{1,200})'?",
    means=Message("There is no file or folder {path}."),
    fixes=(
        Reason(
            Message(
                "A relative path starts in the folder from which the program was started: check which one that "
                "is."
            ),
            "print(os.getcwd(), os.listdir())",
        ),
        Reason(
            Message(
                "On Windows, write paths as r'...' or with /, because \\n and \\t have a special meaning."
            ),
            "r'C:\\data\\train'",
        ),
    ),
)
tell(
    _FILE,
    r"Is a directory: '(?P<path>[^']{1,200})'",
    means=Message("{path} is a folder where a file is needed."),
    fixes=(Reason(Message("Add the file name."), "torch.load('{path}/net.pt')"),),
)
tell(
    _PICKLE,
    r"Can't pickle local object '?(?P<name>[\w.<>]{1,120})",
    r"Can't get local object '?(?P<name>[\w.<>]{1,120})",
    r"Can't pickle <function (?P<name>[\w.<>]{1,120}) at",
    r"cannot pickle '(?P<name>[\w.]{1,120})' object",
    r"Can't get attribute '(?P<name>\w{1,80})' on <module",
    means=Message("{name} cannot be written to, or read from, a file or another process."),
    fixes=(
        Reason(
            Message(
                "Replace lambdas, and functions or classes defined inside others, with definitions at the top "
                "level of an imported file."
            )
        ),
        Reason(
            Message(
                "DataLoader workers need pickling on Windows and macOS; without workers, it is not needed."
            ),
            "DataLoader(data, num_workers=0)",
        ),
        _SAVE_WEIGHTS,
    ),
)
