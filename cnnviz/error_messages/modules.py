"""Networks that are put together wrongly: no forward, no modules, settings that a layer does not take."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import Decoded, Entries, Reason, one_remedy
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_FORWARD = Message("A network without forward")
_NO_MODULE = Message("Not a layer")
_SETTING = Message("A setting out of range")
_INITIAL = Message("Initial weights that cannot be drawn")


@entry(_FORWARD, r"Module \[(\w{1,60})\] is missing the required \"forward\" function")
def _no_forward(match: re.Match[str]) -> Decoded:
    name = match[1]
    meaning = Message("{name} was called but has no forward.", name=name)
    if name in ("ModuleList", "ModuleDict", "ParameterList", "ParameterDict"):
        return Decoded(
            meaning,
            (
                Reason(
                    Message(
                        "nn.ModuleList and nn.ModuleDict only store layers: call them one by one in forward."
                    ),
                    "for layer in self.layers: x = layer(x)",
                ),
                Reason(Message("nn.Sequential does that by itself."), "self.layers = nn.Sequential(*layers)"),
            ),
            f"nn.{name}",
        )
    return Decoded(meaning, _WRITE_FORWARD, name)


_WRITE_FORWARD = (
    Reason(
        Message("Is it spelled forward, and indented as a method of the class, not inside __init__?"),
        "def forward(self, x):\n    return self.fc(x)",
    ),
)
tell(
    _FORWARD,
    r"_forward_unimplemented.{0,400}?NotImplementedError",
    r"NotImplementedError:?\s*$",
    means=Message("The network was called but has no forward (or calls a method that is only declared)."),
    fixes=_WRITE_FORWARD,
)


@entry(_NO_MODULE, r"([\w.]{1,80}) is not a Module subclass")
def _no_module(match: re.Match[str]) -> Decoded:
    name = match[1]
    short = name.rpartition(".")[2]
    meaning = Message("{name} is not a layer, so it cannot be in nn.Sequential or nn.ModuleList.", name=short)
    if name in ("list", "tuple", "generator"):
        return one_remedy(meaning, Message("Unpack the list with *."), "nn.Sequential(*layers)")
    if name.startswith("torch.nn.modules"):
        return one_remedy(meaning, Message("Create the layer: the parentheses are missing."), f"nn.{short}()")
    if name in ("int", "float", "str", "NoneType", "dict"):
        return one_remedy(meaning, Message("Leave out everything that is not a layer."))
    if "functional" in name or short.islower():
        text = Message("Functions are called in forward; most have a layer of the same name.")
        layers = {
            "relu": "nn.ReLU()",
            "max_pool2d": "nn.MaxPool2d(2)",
            "flatten": "nn.Flatten()",
            "softmax": "nn.Softmax(dim=1)",
            "tanh": "nn.Tanh()",
            "sigmoid": "nn.Sigmoid()",
        }
        return one_remedy(meaning, text, layers.get(short, "nn.ReLU()"))
    return one_remedy(meaning, Message("Create the layer: the parentheses are missing."), f"{short}()")


@entry(
    _NO_MODULE,
    r"cannot assign '([\w.]{1,60})' (?:object )?(?:as|to) (child module|parameter|buffer) '(\w{1,60})'",
)
def _cannot_assign(match: re.Match[str]) -> Decoded:
    kind, what, name = match[1], match[2].lower(), match[3]
    meaning = Message(
        "{name} is a {what} of the network and cannot become a {kind}.", name=name, what=what, kind=kind
    )
    if what == "parameter":
        return Decoded(
            meaning,
            (
                Reason(Message("Wrap the tensor."), f"self.{name} = nn.Parameter(x)"),
                Reason(
                    Message("Or write into the existing parameter."),
                    f"with torch.no_grad(): self.{name}.copy_(x)",
                ),
            ),
        )
    if what == "buffer":
        return one_remedy(meaning, Message("Convert it to a tensor first."), f"self.{name} = torch.tensor(x)")
    return one_remedy(
        meaning,
        Message(
            "In forward, do not assign results to self.{name}, which is the layer: use local variables.",
            name=name,
        ),
        f"x = self.{name}(x)",
    )


tell(
    _SETTING,
    r"(?:drop ?out )?(?:probability|p) (?:has to|must) be between 0 and 1,? but got (?P<value>-?[\w.]{1,20})",
    r"dropout should be a number in range \[0, 1\] representing the probability of an element being zeroed(?P<value>)",
    means=Message(
        "Dropout needs the probability of setting a value to zero, from 0 to 1 ({value} was given)."
    ),
    fixes=(Reason(Message("50 % is 0.5."), "nn.Dropout(0.5)"),),
    layer="nn.Dropout",
)
tell(
    _SETTING,
    r"(?P<name>padding_mode) must be one of (?P<rule>\{[^}]{1,100}\})",
    r"Invalid (?P<name>padding) string '[^']{1,30}', should be one of (?P<rule>\{[^}]{1,60}\})",
    r"Unknown (?P<name>nonlinearity) '[^']{1,30}'\. Select from (?P<rule>.{1,40}?)\.",
    r"(?P<name>activation) should be (?P<rule>relu/gelu), not \S{1,30}",
    r"(?P<name>hidden_size|num_layers|proj_size) (?P<rule>must be greater than zero|has to be smaller than hidden_size)",
    r"(?P<name>max_val) \([^)]{1,20}\) (?P<rule>must be greater than min_val)",
    r"(?P<name>input_size|hidden_size) (?P<rule>should be of type int)",
    means=Message("{name} has a value that the layer does not accept. Allowed: {rule}"),
    fixes=(Reason(Message("Choose an allowed value.")),),
)
tell(
    _INITIAL,
    r"Fan in and fan out can not be computed for tensor with fewer than 2 dimensions",
    r"Only tensors with 2 (?:or more )?dimensions are supported",
    r"Only tensors with 3, 4, or 5 dimensions are supported",
    means=Message(
        "Xavier, Kaiming and orthogonal initialisation need weights with at least two dimensions; a "
        "bias, or the scale of a BatchNorm, has one."
    ),
    fixes=(
        Reason(
            Message("Apply it to the weights of layers only."), "if p.dim() > 1: nn.init.xavier_uniform_(p)"
        ),
        Reason(Message("Set the others to a constant."), "nn.init.zeros_(layer.bias)"),
    ),
    layer="nn.init",
)
tell(
    Message("A model that torchvision does not know"),
    r"Unknown model (?P<name>\S{1,60})",
    means=Message("torchvision has no model called {name}."),
    fixes=(Reason(Message("List the available ones."), "print(torchvision.models.list_models())"),),
)
tell(
    Message("A warning about old code"),
    r"Implicit dimension choice for (?P<name>\w{1,20}) has been deprecated",
    means=Message(
        "{name} was called without specifying along which dimension the values should add up to 1."
    ),
    fixes=(Reason(Message("For class scores, that is the last one."), "F.softmax(x, dim=1)"),),
)
tell(
    Message("A warning about old code"),
    r"The parameter '(?P<name>pretrained)' is deprecated since 0\.13",
    r"Arguments other than a weight enum or `None` for '(?P<name>weights)' are deprecated",
    means=Message("Since torchvision 0.13, weights are named."),
    fixes=(
        Reason(
            Message("Name the weights, or pass None for random ones."),
            "models.resnet18(weights=models.ResNet18_Weights.DEFAULT)",
        ),
    ),
)
tell(
    Message("A warning about old code"),
    r"To copy construct from a tensor, it is recommended to use",
    means=Message("torch.tensor(x) was given a tensor, which it copies without its graph."),
    fixes=(Reason(Message("Copy a tensor like this."), "x.clone().detach()"),),
)
tell(
    Message("A lazy layer without weights"),
    r"Attempted to use an uninitialized parameter",
    r"has uninitialized parameters?",
    means=Message("A lazy layer has no weights yet: they are created in the first forward pass."),
    fixes=(
        Reason(
            Message(
                "Run one batch through the network before counting, initialising, optimizing or copying its "
                "parameters."
            ),
            "model(torch.zeros(1, 3, 32, 32))",
        ),
    ),
    layer="nn.LazyLinear / nn.LazyConv2d",
)
