"""A kept network is an architecture like the course's, within limits once it is given memory."""

import subprocess
import sys

import pytest
import torch

from cnnviz import architectures, models
from cnnviz.errors import CnnvizError, UnknownKeyError
from cnnviz.own import asking, kept
from cnnviz.own.architecture import remember
from cnnviz.own.asking import ProblemError
from cnnviz.own.definition import Definition
from cnnviz.own.facts import Facts, facts_of
from cnnviz.own.limits import TooLargeError
from cnnviz.own.reading import Reading, read
from tests.own.test_kept import folder, keep, student  # noqa: F401  the fixture is used by all

HEAD = "import torch\nimport torch.nn as nn\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
SCRATCH = (
    HEAD
    + "        self.fc = nn.Linear(784, 10)\n        for i in range(50):\n            t = torch.randn(10000000)\n"
)
FORWARD = "    def forward(self, x):\n        return self.fc(x.flatten(1))\n"


def test_the_key_gives_an_architecture_of_which_nothing_is_invented() -> None:
    made = kept.rename(keep(student("plain")).key, "My LeNet")
    found = architectures.get(made.key)
    assert (found.title, found.input_shape, found.classes, found.dataset) == (
        "My LeNet",
        (1, 28, 28),
        10,
        "mnist",
    )
    assert (found.family, found.year, found.paper, found.idea) == (None, None, None, None)
    assert architectures.is_known(made.key)
    assert made.key not in architectures.keys()  # noqa: SIM118
    assert not architectures.is_known("own-" + "0" * 16)
    with pytest.raises(UnknownKeyError, match="not kept on this server"):
        architectures.get("own-" + "0" * 16)


@pytest.mark.parametrize(
    ("name", "dataset"),
    [("wrong_linear", None), ("autoencoder", None), ("residual", "mnist"), ("lstm_rows", None)],
)
def test_only_a_network_that_ends_in_the_classes_of_a_data_set_has_one(
    name: str, dataset: str | None
) -> None:
    assert architectures.get(keep(student(name)).key).dataset == dataset


def test_it_is_built_with_the_weights_that_python_draws() -> None:
    made = keep(student("residual"))
    theirs: dict[str, object] = {}
    exec(student("residual"), theirs)
    torch.manual_seed(3)
    expected = theirs["Net"]().state_dict()  # type: ignore[operator]
    before = torch.get_rng_state()
    network = architectures.get(made.key).build_seeded(3)
    assert torch.equal(torch.get_rng_state(), before)
    assert network.training
    assert list(network.state_dict()) == list(expected)
    assert all(torch.equal(value, expected[name]) for name, value in network.state_dict().items())


def test_no_torch_is_imported_before_one_is_built() -> None:
    key = keep(student("plain")).key
    code = (
        f"import sys; from cnnviz import architectures; a = architectures.get({key!r}); "
        "assert a.title == 'Net'; from cnnviz.own import kept; assert kept.listed(); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_models_of_this_name_are_traced_and_edited() -> None:
    key = keep(student("plain")).key
    assert models.traced(key, {}).total_params == 8_490
    assert models.traced(key, {}, (1, 32, 32)).failure is not None
    changed = models.traced(key, {"conv2.kernel_size": 3})
    assert changed.failure is not None
    assert "conv2.kernel_size" in str(changed.failure.cause)
    model, shape = models.resolve(key, {"conv1.out_channels": 10})
    assert shape == (1, 28, 28)
    assert next(model.parameters()).is_meta
    with pytest.raises(UnknownKeyError, match="not kept on this server"):
        models.traced("own-" + "0" * 16, {})


def test_a_text_without_a_network_tells_its_line() -> None:
    key = keep(student("plain").replace("x.view(", "eval(")).key
    with pytest.raises(ProblemError, match=r"^Line \d+: ") as told:
        models.traced(key, {})
    assert told.value.line is not None


def test_a_network_that_fails_is_given_no_memory() -> None:
    key = keep(student("wrong_linear")).key
    with torch.device("meta"):
        architectures.get(key).build()
    with pytest.raises(ProblemError, match=r"Line \d+: .*1440 features"):
        architectures.get(key).build()


@pytest.mark.parametrize(
    ("variable", "told"),
    [
        ("PARAMETERS", "8,490 parameters; more than 100 "),
        ("ACTIVATIONS", "activations per image; more than 100 "),
        ("MACS", "multiply-adds per image; more than 100 "),
    ],
)
def test_limits_hold_before_memory_is_taken(
    variable: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = architectures.get(keep(student("plain")).key)
    monkeypatch.setenv(f"CNNVIZ_OWN_MAX_{variable}", "100")
    with pytest.raises(TooLargeError, match=told) as error:
        found.build()
    assert f"CNNVIZ_OWN_MAX_{variable}" in str(error.value)
    with torch.device("meta"):
        found.build()


def test_what_a_constructor_makes_and_forgets_counts_too() -> None:
    key = keep(SCRATCH + FORWARD).key
    with pytest.raises(TooLargeError, match=r"500,00\d,\d+ numbers made by its constructor"):
        architectures.get(key).build()


INSIDE = """import torch.nn as nn
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(1, 1, batch_first=True)
        self.fc = nn.Linear(1, 10)
    def forward(self, x):
        x = x.view(x.size(0), -1, 1)
        return self.fc(self.attention(x, x, x)[0].mean(1))
"""
MADE = (
    HEAD
    + "        self.fc = nn.Linear(784, 10)\n"
    + FORWARD.replace("return", "y = torch.zeros(60000000)\n        return")
)


@pytest.mark.parametrize(("text", "size"), [(INSIDE, 96), (MADE, 28)])
def test_what_a_pass_makes_and_does_not_return_counts_too(text: str, size: int) -> None:
    definition = Definition(text, input_shape=(1, size, size))
    key = kept.keep(definition, read(definition)).key
    with pytest.raises(TooLargeError, match="activations per image"):
        architectures.get(key).build()


def test_a_network_that_a_recipe_brings_along_is_known_without_being_kept() -> None:
    definition = Definition(student("module_list"))
    facts = facts_of(definition, read(definition))
    assert Facts.from_dict(facts.to_dict()) == facts
    remember(facts)
    assert kept.find(definition.key) is None
    assert architectures.get(definition.key).title == facts.name
    assert sum(weights.numel() for weights in architectures.get(definition.key).build().parameters()) > 0


def test_a_server_asks_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    key, asked = keep(student("sequential")).key, []

    def elsewhere(definition: Definition, edits: object = None) -> Reading:
        asked.append(definition.key)
        return read(definition)

    monkeypatch.setattr(asking, "_READER", [])
    asking.use(elsewhere)
    models.traced(key, {})
    architectures.get(key).build()
    assert asked
    with pytest.raises(CnnvizError):
        architectures.get(keep(student("wrong_linear") + "#").key).build()
    assert len(asked) > 1
