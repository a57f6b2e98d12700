"""An edit of a layer becomes a change of the text: at the place that decides, and nowhere else."""

import pytest

from cnnviz.operations.op import Fix
from cnnviz.own.changes import changes, trial_written
from cnnviz.own.definition import Definition
from cnnviz.own.layer_edits import mended
from cnnviz.own.reading import read

HEAD = "import torch\nimport torch.nn as nn\n"


def net(layers: str, forward: str, before: str = "", parameters: str = "") -> str:
    """A text: the lines of the constructor and of forward, and what stands in front of the class."""
    made = "".join(f"        {line}\n" for line in layers.splitlines())
    done = "".join(f"        {line}\n" for line in forward.splitlines())
    return (
        f"{HEAD}{before}class Net(nn.Module):\n    def __init__(self{parameters}):\n        super().__init__()\n"
        f"{made}    def forward(self, x):\n{done}"
    )


BLOCK = """class Block(nn.Module):
    def __init__(self, a, b, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(a, b, 3, stride, padding=1)
        self.short = nn.Conv2d(a, b, 1)
    def forward(self, x):
        return self.conv(x) + self.short(x)
"""
CONV_FC = "self.conv = nn.Conv2d(1, 4, 3)\n"
RUN_FC = "return self.fc(self.conv(x).flatten(1))"
SEQUENCE = "return self.layers(x)"

CASES = {
    "number": (net(CONV_FC + "self.fc = nn.Linear( 1408 ,10)  # größe", RUN_FC), "1408", "2704"),
    "keyword": (
        net(CONV_FC + "self.fc = nn.Linear(out_features=10, in_features=99)", RUN_FC),
        "in_features=99",
        "in_features=2704",
    ),
    "product": (net(CONV_FC + "self.fc = nn.Linear(4 * 7 * 7, 10)", RUN_FC), "4 * 7 * 7", "4 * 26 * 26"),
    "other product": (net(CONV_FC + "self.fc = nn.Linear(5 * 9, 10)", RUN_FC), "5 * 9", "2704"),
    "constant": (
        net(CONV_FC + "size = 99\nself.fc = nn.Linear(size, 10)", RUN_FC),
        "size = 99",
        "size = 2704",
    ),
    "shared constant": (
        net(
            "n = 99\nself.a = nn.Linear(784, n)\nself.b = nn.Linear(98, n)",
            "return self.b(self.a(x.flatten(1)))",
        ),
        "nn.Linear(98",
        "nn.Linear(99",
    ),
    "shared by two layers": (
        net(
            "n = 99\nself.a = nn.Linear(n, 50)\nself.b = nn.Linear(50, n)",
            "return self.b(self.a(x.flatten(1)))",
        ),
        "nn.Linear(n, 50)",
        "nn.Linear(784, 50)",
    ),
    "constant of the file": (
        net(CONV_FC + "self.fc = nn.Linear(SIZE, 10)", RUN_FC, before="SIZE = 99\n"),
        "SIZE = 99",
        "SIZE = 2704",
    ),
    "default": (
        net(CONV_FC + "self.fc = nn.Linear(size, 10)", RUN_FC, parameters=", size=99"),
        "size=99",
        "size=2704",
    ),
    "sequential": (
        net("self.layers = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Conv2d(8, 8, 3))", SEQUENCE),
        "Conv2d(8,",
        "Conv2d(4,",
    ),
    "ordered dict": (
        net(
            "self.layers = nn.Sequential(OrderedDict([('a', nn.Conv2d(1, 4, 3)), ('b', nn.Conv2d(8, 8, 3))]))",
            SEQUENCE,
            before="from collections import OrderedDict\n",
        ),
        "Conv2d(8,",
        "Conv2d(4,",
    ),
    "list": (
        net(
            "layers = [nn.Conv2d(1, 4, 3)]\nlayers += [nn.Conv2d(8, 8, 3)]\nself.layers = nn.Sequential(*layers)",
            SEQUENCE,
        ),
        "Conv2d(8,",
        "Conv2d(4,",
    ),
    "dict of layers": (
        net(
            "self.layers = nn.ModuleDict({'a': nn.Conv2d(1, 4, 3), 'b': nn.Conv2d(8, 8, 3)})",
            "return self.layers['b'](self.layers['a'](x))",
        ),
        "Conv2d(8,",
        "Conv2d(4,",
    ),
    "own block": (
        net("self.layers = nn.Sequential(Block(1, 16), Block(8, 32))", SEQUENCE, before=BLOCK),
        "Block(8, 32)",
        "Block(16, 32)",
    ),
    "another argument of the block": (
        net(
            "self.layers = nn.Sequential(Normed(1, 16), Normed(16, 16))",
            SEQUENCE,
            before="class Normed(nn.Module):\n    def __init__(self, a, b):\n        super().__init__()\n"
            "        self.layers = nn.Sequential(nn.Conv2d(a, b, 3), nn.BatchNorm2d(a))\n"
            "    def forward(self, x):\n        return self.layers(x)\n",
        ),
        "BatchNorm2d(a)",
        "BatchNorm2d(b)",
    ),
    "a block used twice": (
        net(
            "self.layers = nn.Sequential(Halved(1, 16), Halved(16, 32))",
            SEQUENCE,
            before="class Halved(nn.Module):\n    def __init__(self, a, b):\n        super().__init__()\n"
            "        self.layers = nn.Sequential(nn.Conv2d(a, b, 3), nn.BatchNorm2d(b // 2))\n"
            "    def forward(self, x):\n        return self.layers(x)\n",
        ),
        "b // 2",
        None,
    ),
    "helper function": (
        net(
            "self.layers = nn.Sequential(conv(1, 4), conv(8, 8))",
            SEQUENCE,
            before="def conv(a, b):\n    return nn.Sequential(nn.Conv2d(a, b, 3), nn.ReLU())\n",
        ),
        "conv(8, 8)",
        "conv(4, 8)",
    ),
    "list of sizes": (
        net(
            "sizes = [700, 100, 50]\nself.layers = nn.Sequential(*[nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])])",
            "return self.layers(x.flatten(1))",
        ),
        "700",
        "784",
    ),
    "loop": (
        net(
            "self.layers = nn.ModuleList([nn.Linear(32, 30) for _ in range(3)])",
            "for layer in self.layers:\n    x = layer(x)\nreturn x",
            parameters="",
        ),
        "nn.Linear(32, 30)",
        None,
    ),
    "branches in a loop": (
        net(
            "self.layers = nn.ModuleList([nn.Conv2d(3, 4, k, padding='same') for k in (1, 3)])",
            "return torch.cat([layer(x) for layer in self.layers], 1)",
        ),
        "Conv2d(3,",
        "Conv2d(1,",
    ),
    "missing argument": (
        net(
            "self.a = nn.Conv2d(1, 4, 3, padding=1)\nself.b = nn.Conv2d(\n    4, 4, (3),  # )\n)",
            "x = self.a(x)\nreturn self.b(x) + x",
        ),
        "(3)",
        "(3), padding=1",
    ),
    "class of a layer": (
        net("self.a = nn.Conv2d(1, 4, 3)\nself.bn = nn.BatchNorm1d(4)", "return self.bn(self.a(x))"),
        "BatchNorm1d",
        "BatchNorm2d",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_fix_changes_the_place_that_decides(name: str) -> None:
    text, old, new = CASES[name]
    definition = Definition(text, input_shape=(1, 28, 28))
    found = changes(definition)
    if new is None:
        assert found == ()
        return
    assert text.count(old) == 1
    assert [change.definition.text for change in found] == [text.replace(old, new)]
    (change,) = found
    lines = text.splitlines()
    assert list(change.old) == lines[change.line - 1 : change.line - 1 + len(change.old)]
    assert old in "\n".join(change.old)
    assert new in "\n".join(change.new)
    assert str(change.sentence).startswith("Fix: " if is_of_a_layer(change.new[0]) else "Write ")
    mended_trace = read(change.definition).trace
    assert mended_trace is not None
    assert mended_trace.failure is None


def is_of_a_layer(line: str) -> bool:
    """Whether the sentence about a layer tells what changes in ``line``."""
    return any(name in line for name in ("Linear(", "Conv2d(", "BatchNorm"))


def test_windows_line_ends_stay() -> None:
    text = CASES["product"][0].replace("\n", "\r\n")
    (change,) = changes(Definition(text, input_shape=(1, 28, 28)))
    assert change.definition.text == text.replace("4 * 7 * 7", "4 * 26 * 26")


def test_what_a_fix_needs_beside_it_is_changed_as_well() -> None:
    """A convolution that must give other channels, and the normalisation behind it."""
    text = net(
        "self.a = nn.Conv2d(1, 8, 3, padding=1)\nself.b = nn.Conv2d(8, 16, 3, padding=1)\nself.bn = nn.BatchNorm2d(16)",
        "x = self.a(x)\nreturn x + self.bn(self.b(x))",
    )
    (change,) = changes(Definition(text, input_shape=(1, 28, 28)))
    assert change.new == (
        "        self.b = nn.Conv2d(8, 8, 3, padding=1)",
        "        self.bn = nn.BatchNorm2d(8)",
    )


def test_a_fix_that_the_text_cannot_make_is_none() -> None:
    definition = Definition(CASES["number"][0], input_shape=(1, 28, 28))
    assert mended(definition, Fix("fc.nothing", 3, "")) is None
    assert mended(definition, Fix("no.layer", 3, "")) is None
    assert mended(definition, Fix("fc.in_features", 3, "")) is None  # it would fail at the same op
    assert changes(Definition("class Net(")) == ()
    working = definition.text.replace("1408", "2704")
    assert changes(Definition(working, input_shape=(1, 28, 28))) == ()


TRIAL = net(
    "width = 8  # größe\nself.stem = nn.Conv2d(1, width, 3)\nself.a = Block(width, 4)\nself.b = Block(4, 4, stride = 2)\n"
    "self.fc = nn.Linear( 36 ,10)",
    "return self.fc(self.b(self.a(self.stem(x))).flatten(1))",
    BLOCK,
)


@pytest.mark.parametrize(
    ("edits", "pairs"),
    [
        ({"stem.kernel_size": 5}, [("nn.Conv2d(1, width, 3)", "nn.Conv2d(1, width, 5)")]),
        ({"stem.padding": 1}, [("nn.Conv2d(1, width, 3)", "nn.Conv2d(1, width, 3, padding=1)")]),
        ({"stem.out_channels": 6}, [("nn.Conv2d(1, width, 3)", "nn.Conv2d(1, 6, 3)")]),  # width goes on
        ({"b.conv.stride": 1}, [("stride = 2", "stride = 1")]),
        (
            {"fc.in_features": 99, "stem.stride": 2},
            [("Linear( 36 ,", "Linear( 99 ,"), ("width, 3)", "width, 3, stride=2)")],
        ),
        ({"a.conv.kernel_size": 5}, None),  # both blocks have the line
        ({"fc.bias": False, "a.short.stride": 2}, None),
        ({"nothing.stride": 2}, None),
    ],
)
def test_a_trial_is_written_where_it_changes_this_layer_alone(
    edits: dict[str, object], pairs: list[tuple[str, str]] | None
) -> None:
    found = trial_written(Definition(TRIAL.replace("\n", "\r\n")), edits)
    if pairs is None:
        assert found == ()
        return
    wanted = TRIAL.replace("\n", "\r\n")
    for old, new in pairs:
        assert wanted.count(old) == 1
        wanted = wanted.replace(old, new)
    assert [change.definition.text for change in found] == [wanted]
