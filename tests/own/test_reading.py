"""What is told of a text, whatever the text is."""

import pytest

from cnnviz.own import runs
from cnnviz.own.definition import Definition
from cnnviz.own.program import load
from cnnviz.own.reading import Parameter, instance, read

TEXT = """import torch.nn as nn

class Block(nn.Module):
    def __init__(self, channels, bias=True):
        super().__init__()
        self.conv = nn.Conv2d(channels, 4, 3, bias=bias)

    def forward(self, x):
        return self.conv(x)

class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.block = Block(1)
        self.fc = nn.Linear(100, classes)

    def forward(self, x):
        return self.fc(self.block(x).flatten(1))
"""


def test_a_broken_network_gives_its_trace_up_to_the_failing_line() -> None:
    found = read(Definition(TEXT))
    assert [(known.name, known.line) for known in found.classes] == [("Block", 3), ("Net", 11)]
    assert found.chosen == "Net"
    assert found.problem is None
    assert found.trace is not None
    assert found.trace.input_shape == (1, 28, 28)
    assert found.trace.failure is not None
    assert found.trace.failure.line == 18
    assert found.trace.lines == (9, 18)


def test_classes_tell_what_their_constructors_take() -> None:
    block, net = read(Definition(TEXT)).classes
    assert block.parameters == (Parameter("channels", None, True), Parameter("bias", "true", False))
    assert net.parameters == (Parameter("classes", "10", False),)


def test_a_class_is_chosen_with_its_arguments_and_its_input() -> None:
    chosen = Definition(TEXT, "Block", (("bias", "false"), ("channels", "3")), (3, 8, 8))
    found = read(chosen)
    assert found.trace is not None
    assert found.trace.total_params == 3 * 4 * 9
    assert found.trace.ops[-1].output_shape == (4, 6, 6)


def test_edits_change_layers() -> None:
    found = read(Definition(TEXT), {"fc.in_features": 4 * 26 * 26})
    assert found.trace is not None
    assert found.trace.failure is None


def test_what_cannot_be_used_is_a_problem_with_its_line() -> None:
    refused = read(Definition("import torch.nn as nn\nclass Net(nn.Module):\n    x = eval('1')\n"))
    assert refused.problem is not None
    assert (refused.problem.kind, refused.problem.line) == ("refused", 3)
    missing = read(Definition(TEXT, "Block"))
    assert missing.problem is not None
    assert missing.problem.kind == "constructor"
    assert "channels" in str(missing.problem.message)
    unknown = read(Definition(TEXT, "Blok"))
    assert unknown.problem is not None
    assert unknown.problem.kind == "choice"
    assert "Block" in str(unknown.problem.message)
    assert [known.name for known in unknown.classes] == ["Block", "Net"]


def test_the_operations_of_a_pass_are_limited(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (
        "import torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.many = nn.Sequential(*[nn.ReLU() for _ in range(10)])\n"
        "    def forward(self, x):\n        return self.many(self.many(x))\n"
    )
    monkeypatch.setattr(runs, "MOST_OPERATIONS", 20)
    found = read(Definition(text)).trace
    assert found is not None
    assert len(found.ops) == 20
    monkeypatch.setattr(runs, "MOST_OPERATIONS", 19)
    problem = read(Definition(text)).problem
    assert problem is not None
    assert (problem.kind, problem.line) == ("refused", 7)
    assert str(problem.message) == "More than 19 operations are too many here."


def test_weights_are_not_loaded_and_a_remark_says_so() -> None:
    text = (
        "import torch.nn as nn\nfrom torchvision.models import resnet18, ResNet18_Weights\n\n"
        "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
        "        self.net = resnet18(weights=ResNet18_Weights.DEFAULT)\n"
        "        self.net.fc = nn.Linear(self.net.fc.in_features, 7)\n"
        "    def forward(self, x):\n        return self.net(x)\n"
    )
    found = read(Definition(text))
    assert [(remark.line, str(remark.text)) for remark in found.remarks] == [
        (7, "No weights are loaded here: the network starts with random ones.")
    ]
    assert found.trace is not None
    assert found.trace.ops[-1].output_shape == (7,)
    assert read(Definition(text.replace("ResNet18_Weights.DEFAULT", "None"))).remarks == ()


def test_what_an_instance_of_a_derived_layer_is() -> None:
    text = (
        "import torch.nn as nn\n\nclass Conv(nn.Conv2d):\n    def reset_parameters(self):\n"
        "        nn.init.ones_(self.weight)\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        "        super().__init__()\n        self.conv = Conv(1, 4, 3, bias=False)\n"
        "        assert isinstance(self.conv, nn.Conv2d) and type(self.conv) == Conv != nn.Conv2d\n"
        "        assert self.conv.kernel_size == (3, 3) and self.conv.__class__.__name__ == 'Conv'\n"
        "    def forward(self, x):\n        return self.conv(x)\n"
    )
    found = read(Definition(text))
    assert found.problem is None
    assert found.trace is not None
    assert [(op.type, op.output_shape, op.params) for op in found.trace.ops] == [("Conv", (4, 26, 26), 36)]
    assert bool((instance(load(text).classes["Net"]).conv.weight == 1).all())
    edited = read(Definition(text), {"conv.kernel_size": 5})
    assert edited.trace is not None
    assert edited.trace.ops[0].output_shape == (4, 24, 24)


LISTED = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {stem}
        self.layers = [nn.Conv2d({channels}, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3)]
        self.fc = nn.Linear({features}, 10)

    def forward(self, x):
        x = {first}
        for layer in self.layers:
            x = layer(x)
        return self.fc(x.flatten(1))
"""


@pytest.mark.parametrize("features", [8 * 24 * 24, 900])  # right and wrong
def test_the_input_is_guessed_from_a_plain_list_of_layers(features: int) -> None:
    found = read(Definition(LISTED.format(stem="", channels=1, features=features, first="x")))
    assert found.trace is not None
    assert found.trace.input_shape == (1, 28, 28)
    assert (found.trace.failure is None) == (features == 8 * 24 * 24)


ROW = """import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential({layers})

    def forward(self, x):
        return self.net(x)
"""


@pytest.mark.parametrize(
    ("layers", "shape"),
    [
        ("nn.LazyConv2d(4, 3), nn.Flatten(), nn.LazyLinear(10)", (1, 28, 28)),
        ("nn.Flatten(), nn.LazyLinear(32), nn.LazyLinear(10)", (1, 28, 28)),
        ("nn.LazyConv2d(4, 11, stride=4), nn.AvgPool2d(8), nn.Flatten(), nn.LazyLinear(10)", (1, 64, 64)),
        ("nn.LazyConv1d(4, 3), nn.Flatten(), nn.LazyLinear(10)", (1, 100)),
    ],
)
def test_the_input_of_layers_that_take_any_is_guessed(layers: str, shape: tuple[int, ...]) -> None:
    found = read(Definition(ROW.format(layers=layers)))
    assert found.trace is not None
    assert (found.trace.input_shape, found.trace.failure) == (shape, None)


def test_a_layer_of_images_before_a_plain_list_is_the_first() -> None:
    stem = "self.stem = nn.Conv2d(3, 16, 3)"
    found = read(Definition(LISTED.format(stem=stem, channels=16, features=7, first="self.stem(x)")))
    assert found.trace is not None
    assert found.trace.input_shape == (3, 32, 32)


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("nn.init.kaiming_uniform_(self.bias)", "Fan in and fan out can not be computed"),
        ("nn.init.kaiming_uniform_(self.weight, mode='fan')", "Mode fan not supported"),
        ("nn.init.kaiming_normal_(self.weight, nonlinearity='soft')", "Unsupported nonlinearity soft"),
        ("nn.init.uniform_(self.weight, -1, 1)", None),
        ("nn.init.kaiming_uniform_(self.weight, a=2)", None),
    ],
)
def test_initial_values_that_pytorch_refuses_are_refused_without_drawing_any(
    call: str, words: str | None
) -> None:
    text = (
        "import torch.nn as nn\nclass Net(nn.Linear):\n    def __init__(self):\n        super().__init__(784, 10)\n"
        f"        {call}\n"
    )
    found = read(Definition(text))
    if words is None:
        assert found.problem is None
        return
    assert found.problem is not None
    assert words in str(found.problem.message)
    assert found.problem.line == 5


FILLED = """
import torch.nn as nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 2)
        {line}

    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("self.fc.weight.zero_()", "leaf Variable that requires grad"),
        ('nn.init.constant_(self.fc.weight, "a")', "fill_"),
        ("nn.init.zeros_(self.fc.bias)", None),
    ],
)
def test_without_memory_nothing_is_filled_and_what_pytorch_refuses_is_refused(
    line: str, words: str | None
) -> None:
    found = read(Definition(FILLED.format(line=line)))
    if words is None:
        assert found.problem is None
    else:
        assert found.problem is not None
        assert words in str(found.problem.message)
