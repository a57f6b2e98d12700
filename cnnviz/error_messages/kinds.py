"""Values of the wrong kind: called, unpacked, added or used as a number where they are something else."""

from __future__ import annotations

import re

from cnnviz.error_messages.data_types import FIRST_OF_SEVERAL, RETURNED_NOTHING
from cnnviz.error_messages.entry import Decoded, Entries, Reason, one_remedy
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_KIND = Message("A value of the wrong kind")


@entry(_KIND, r"'([\w.]{1,60})' object is not callable")
def _not_callable(match: re.Match[str]) -> Decoded:
    kind = match[1]
    meaning = Message("A value of type {kind} was called like a function.", kind=kind)
    if kind == "torch.Size":
        return one_remedy(
            meaning, Message("shape has no parentheses; size() does."), "x.shape[0] or x.size(0)"
        )
    if kind == "NoneType":
        return Decoded(
            meaning,
            (
                Reason(
                    Message(
                        "A layer was set to None, or the function that should return one returned nothing."
                    )
                ),
            ),
        )
    if kind == "module":
        return one_remedy(
            meaning,
            Message("The module contains a function or class of that name: import that."),
            "from tqdm import tqdm",
        )
    if kind in ("list", "tuple"):
        return one_remedy(
            meaning,
            Message("Call the layers of a list one by one, or put them in nn.Sequential."),
            "self.layers = nn.Sequential(*layers)",
        )
    if kind == "str":
        return one_remedy(
            meaning, Message("A name is not a function: look it up in the module."), "getattr(F, 'relu')(x)"
        )
    if kind == "int":
        return one_remedy(
            meaning,
            Message(
                "x.size of a NumPy array is a number; or the name of a function was assigned to a number."
            ),
            "x.shape[0]",
        )
    return one_remedy(
        meaning,
        Message(
            "Two consecutive pairs of parentheses call the result: is an operator or comma missing? Or a "
            "layer's name was assigned to a tensor."
        ),
        "x = self.relu(self.conv(x))",
    )


@entry(
    _KIND,
    r"cannot unpack non-iterable (\w{1,60}) object",
    r"'(\w{1,60})' object is not (?:iterable|subscriptable|an iterator)",
    r"object of type '(\w{1,60})' has no len\(\)",
    r"argument of type '(\w{1,60})' is not iterable",
    r"'(\w{1,60})' object does not support (?:item assignment|indexing)",
)
def _not_several(match: re.Match[str]) -> Decoded:
    kind = match[1]
    meaning = Message("A value of type {kind} is used as if it contained several values.", kind=kind)
    if kind == "NoneType":
        return Decoded(meaning, (RETURNED_NOTHING,))
    if kind in ("int", "float", "bool"):
        return Decoded(
            meaning,
            (
                Reason(
                    Message(
                        "A tuple or list was expected: write a single number with a comma, or in a list."
                    ),
                    "range(n), (0.9, 0.999), [x]",
                ),
                Reason(Message("A function may return a single value here: do not unpack it.")),
            ),
        )
    if kind == "type":
        return one_remedy(
            meaning, Message("A class is used where an object is expected: create one."), "data = MyDataset()"
        )
    if kind == "tuple":
        return one_remedy(
            meaning,
            Message("A tuple cannot be changed: create a list or a new tuple."),
            "sizes = list(x.shape)",
        )
    if "len()" in match[0]:
        return one_remedy(
            meaning,
            Message("A data set needs __len__ and __getitem__."),
            "def __len__(self): return len(self.images)",
        )
    return Decoded(
        meaning,
        (
            Reason(
                Message("An optimizer takes the parameters of a network, not the network."),
                "torch.optim.SGD(model.parameters(), lr=0.1)",
            ),
            Reason(Message("The layers of a network are its children."), "list(model.children())[0]"),
            Reason(
                Message("A data set needs __len__ and __getitem__."),
                "def __len__(self): return len(self.images)",
            ),
        ),
    )


@entry(
    _KIND,
    r"unsupported operand type\(s\) for ([^\s:]{1,12}): '([\w.]{1,60})' and '([\w.]{1,60})'",
    r"'([<>=!]{1,2})' not supported between instances of '([\w.]{1,60})' and '([\w.]{1,60})'",
    r"(can only concatenate) (tuple|list|str) \(not \"([\w.]{1,60})\"\) to \w{1,60}",
    r"(bad operand type for unary) [-+~]: '([\w.]{1,60})'()",
)
def _operands(match: re.Match[str]) -> Decoded:
    first, second = match[2], match[3]
    meaning = (
        Message("{first} and {second} cannot be combined.", first=first, second=second)
        if second
        else Message("{first} cannot be negated.", first=first)
    )
    kinds = {first, second}
    reasons: list[Reason] = []
    if "NoneType" in kinds:
        reasons.append(RETURNED_NOTHING)
    if kinds & {"tuple"}:
        reasons.append(FIRST_OF_SEVERAL)
    if kinds & {"list", "tuple"}:
        reasons.append(
            Reason(
                Message("Combine lists of tensors or numbers into one tensor."),
                "torch.stack(x) or torch.tensor(x)",
            )
        )
    if "str" in kinds:
        reasons.append(
            Reason(
                Message("Write numbers without quotation marks, and use f'...' to put them into text."),
                "f'loss: {loss.item():.3f}'",
            )
        )
    if not reasons:
        reasons.append(
            Reason(
                Message("A layer or network is used where its output is expected: call it with the tensor."),
                "x = layer(x)",
            )
        )
    return Decoded(meaning, tuple(reasons))


tell(
    _KIND,
    r"unsupported format string passed to (?:Tensor|torch\.Tensor|numpy\.ndarray|\w{1,40})\.__format__",
    means=Message("A tensor with several values, or none, cannot be formatted like a number."),
    fixes=(Reason(Message("Select a single number first."), "f'{loss.item():.3f}'"),),
)

tell(
    Message("Values that cannot be unpacked"),
    r"too many values to unpack \(expected (?P<wanted>\d{1,3})(?:, got \d{1,6})?\)",
    means=Message("There are more values on the right than names on the left ({wanted})."),
    fixes=(
        Reason(Message("For a shape: maps have four sizes, rows have two."), "n, c, h, w = x.shape"),
        Reason(
            Message(
                "For a batch: does the data set return (image, label)? A loop over two things at once needs zip "
                "or enumerate."
            ),
            "for step, (images, labels) in enumerate(loader):",
        ),
    ),
)
tell(
    Message("Values that cannot be unpacked"),
    r"not enough values to unpack \(expected (?:at least )?(?P<wanted>\d{1,3}), got (?P<given>\d{1,3})\)",
    r"need more than (?P<given>\d{1,3}) values? to unpack(?P<wanted>)",
    means=Message("There are fewer values on the right ({given}) than names on the left ({wanted})."),
    fixes=(
        Reason(
            Message("For a shape: was the tensor already flattened, or is the batch dimension missing?"),
            "n, c, h, w = x.unsqueeze(0).shape",
        ),
        Reason(
            Message("If the function or batch contains one thing, do not unpack it, or return both."),
            "return image, label",
        ),
    ),
)


@entry(
    Message("A tensor used as a single number"),
    r"only one element tensors can be converted to Python scalars",
    r"only integer tensors of a single element can be converted to an index",
    r"only size-1 arrays can be converted to Python scalars",
    r"a Tensor with (\d{1,12}) elements cannot be converted to Scalar",
)
def _several_values(match: re.Match[str]) -> Decoded:
    count = match[1] if match.lastindex else None
    meaning = (
        Message("item(), float() and int() need a single value, but the tensor has several.")
        if count is None
        else Message("item() needs a single value, but the tensor has {count}.", count=count)
    )
    return Decoded(
        meaning,
        (
            Reason(
                Message("For a loss, take the mean; for several numbers, make a list."),
                "x.mean().item() or x.tolist()",
            ),
            Reason(
                Message("To turn a list of tensors into one tensor, use stack, not torch.tensor."),
                "torch.stack(x)",
            ),
            Reason(
                Message("A Python list cannot be indexed by a tensor: use a number."), "names[index.item()]"
            ),
        ),
    )


@entry(
    Message("A tensor used as True or False"),
    r"The truth value of an array with more than one element is ambiguous",
    r"bool(?:ean)? value of (?:Tensor|Variable)s?(?: objects)? (?:with more than one value|containing non-empty)",
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


tell(
    Message("A tensor used as True or False"),
    r"Boolean value of Tensor with no values is ambiguous",
    means=Message("Python needed True or False, but got an empty tensor."),
    fixes=(Reason(Message("Check the number of values."), "if x.numel() > 0:"),),
)

tell(
    _KIND,
    r"(?:integer |float )?(?:division(?: or modulo)?|modulo) by zero",
    means=Message("Something is divided by 0, such as by the length of an empty loader or data set."),
    fixes=(Reason(Message("Check the divisor first."), "total / max(len(loader), 1)"),),
)
tell(
    _KIND,
    r"maximum recursion depth exceeded",
    means=Message(
        "A function calls itself endlessly; in a network, forward calls the network itself, or a layer "
        "contains itself."
    ),
    fixes=(Reason(Message("In forward, call the layers, not self(x)."), "return self.fc(x)"),),
)
tell(
    _KIND,
    r"unhashable type: '(?P<kind>[\w.]{1,60})'",
    means=Message("A value of type {kind} cannot be a dictionary key or an element of a set."),
    fixes=(Reason(Message("Use a tuple or a number."), "classes[label.item()]"),),
)
tell(
    _KIND,
    r"'(?P<kind>float|Tensor|str|NoneType)' object cannot be interpreted as an integer",
    r"(?:list|tuple|string) indices must be integers or slices, not (?P<kind>[\w.]{1,40})",
    r"slice indices must be integers or None or have an __index__ method(?P<kind>)",
    means=Message("An integer is needed, but the value is of another kind ({kind})."),
    fixes=(
        Reason(Message("Division with / always gives a float; // gives an integer."), "range(n // 2)"),
        Reason(Message("A list of tensors is indexed by number; named entries are in a dictionary.")),
    ),
)
