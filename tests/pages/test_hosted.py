"""A network of a person's own file or program on the pages: shapes, filters, maps, verdicts, and what goes wrong."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import pytest
import torch
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn

from cnnviz import datasets
from cnnviz.hosted import client
from cnnviz.hosted.host import Held, Host
from cnnviz.hosted.protocol import Facts
from cnnviz.language import Message
from cnnviz.own import architecture
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import RunStore
from cnnviz.training.worker import worker
from cnnviz.ui.shared import hosted

OpenPage = Callable[..., AppTest]
ARCHITECTURE, FILTERS, DRAW, TRAIN, EVALUATE = (
    f"pages/{name}.py" for name in ("architecture", "filters", "draw", "train", "evaluate")
)


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3)
        self.fc = nn.Linear(4 * 26 * 26, 10)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.fc(self.conv(x).flatten(1))
        return out


SOURCE = "import torch.nn as nn\nfrom torch import Tensor\n\n" + inspect.getsource(Net)


class Program:
    """The program that holds the network; ``problem`` is what its file raises."""

    def __init__(self) -> None:
        self.model: nn.Module = Net()
        self.source: str | None = SOURCE
        self.problem: Message | None = None
        self.runs = False

    def facts(self) -> Facts:
        stamp = f"{Held(self.model).stamp()}{self.problem}"
        return Facts("Net", "net.py:Net", stamp, (1, 28, 28), self.source, self.problem, self.runs)


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    program = Program()
    host = Host(program.facts, lambda: Held(program.model), b"secret")
    monkeypatch.setenv(client.ADDRESS, host.address)
    monkeypatch.setenv(client.SECRET, b"secret".hex())
    yield program
    host.close()


def text_of(app: AppTest) -> str:
    """All that is written on the page."""
    kinds = ("markdown", "caption", "error", "info", "title", "subheader", "html")
    return "\n".join(str(element.proto) for kind in kinds for element in app.get(kind))


def test_it_is_the_first_that_a_person_sees(program: Program, open_page: OpenPage) -> None:
    app = open_page()
    assert "Shapes explained" in text_of(app)
    assert app.selectbox(key="choice-model").value == "hosted"
    assert app.selectbox(key="choice-model").options[0] == "net.py:Net"
    assert "27,090" in text_of(app)
    app.switch_page("app.py").run()
    assert "Trained networks" in "".join(header.value for header in app.header)  # once is enough


def test_a_layer_of_it_can_be_changed(program: Program, open_page: OpenPage) -> None:
    app = open_page(ARCHITECTURE, model="hosted", set="conv.kernel_size=5")
    assert "2304 features" in text_of(app)
    assert not app.exception


@pytest.mark.parametrize("view", ["why", "operation", "graph", "bars", "compare", "torchinfo", "code"])
def test_every_view_shows_it(program: Program, open_page: OpenPage, view: str) -> None:
    app = open_page(ARCHITECTURE, model="hosted", view=view)
    assert not app.error
    assert view != "code" or SOURCE.strip() in [code.value.strip() for code in app.code]


def test_one_that_does_not_run_is_no_unknown_name_on_filters(program: Program, open_page: OpenPage) -> None:
    program.model = nn.Sequential(nn.Flatten(), nn.Linear(3, 4))
    app = open_page(FILTERS, checkpoint="hosted")
    assert [warning.value for warning in app.warning] == [
        "The network of your file cannot be used; Architecture says why."
    ]
    assert "Unknown" not in text_of(app)


def test_what_its_file_raises_is_told_and_the_page_goes_on_when_it_is_mended(
    program: Program, open_page: OpenPage
) -> None:
    program.problem = Message("net.py, line 3, raises an error")
    app = open_page(ARCHITECTURE, model="hosted")
    assert [error.value for error in app.error] == ["net.py, line 3, raises an error"]
    program.problem = None
    app.run()
    assert not app.error
    assert "27,090" in text_of(app)


def test_a_file_that_does_not_come_to_its_end_is_told(
    program: Program, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosted, "_PATIENCE_SECONDS", 0.01)
    program.problem, program.runs = Message("{path} is being run.", path="net.py"), True
    app = open_page(ARCHITECTURE, model="hosted")
    assert "Python is still running net.py" in app.info[0].value
    program.problem, program.runs = None, False
    app.run()
    assert not app.info
    assert "27,090" in text_of(app)


def test_the_table_is_that_of_the_moment(program: Program, open_page: OpenPage) -> None:
    app = open_page(ARCHITECTURE, model="hosted")
    program.model = nn.Sequential(nn.Conv2d(1, 3, 3), nn.Flatten(), nn.Linear(3 * 26 * 26, 10))
    app.run()
    assert "20,320" in text_of(app)


@pytest.mark.parametrize("view", ["filters", "maps", "layer", "why"])
def test_its_weights_and_maps_are_shown(program: Program, open_page: OpenPage, view: str) -> None:
    app = open_page(FILTERS, checkpoint="hosted", view=view)
    assert not app.error
    assert app.selectbox(key="choice-checkpoint").options[0] == "net.py:Net"


def test_backward_by_hand_asks_the_program(open_page: OpenPage, program: Program) -> None:
    app = open_page(FILTERS, checkpoint="hosted", view="value", way="backward", layer="fc", label="2")
    (component,) = (
        each for each in app.get("bidi_component") if each.proto.component_name == "cnnviz_gradients"
    )
    assert b"the same, up to float32 rounding" in component.proto.bytes
    assert "Loss of this image: " in text_of(app)


def test_it_reads_a_digit_beside_the_others(program: Program, open_page: OpenPage) -> None:
    assert isinstance(program.model, Net)
    with torch.no_grad():
        program.model.fc.bias[7] = 100
    app = open_page(DRAW, source="data", checkpoint=["hosted", "basic-cnn-mnist"])
    assert app.multiselect(key="choice-checkpoint").value == ["hosted", "basic-cnn-mnist"]
    assert "Prediction: 7" in text_of(open_page(DRAW, source="data", checkpoint="hosted"))


def test_it_is_trained_by_a_recipe_that_holds_its_code(
    program: Program, open_page: OpenPage, store: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = {"dataset": "mnist-sample", "epochs": "1", "train_images": "64", "device": "cpu"}
    app = open_page(TRAIN, model="hosted", **values)
    assert app.selectbox(key="choice-model").options[0] == "net.py:Net"
    assert not app.error
    app.button(key="start").click().run()
    (run,) = store.list()
    architecture._REMEMBERED.clear()  # as in the worker, which knows no page and no program
    recipe = Recipe.from_dict(run.recipe)
    assert recipe.own is not None
    assert recipe.own.definition.text == SOURCE
    assert recipe.own.definition.class_name == "Net"
    monkeypatch.setenv(client.ADDRESS, "/nowhere")
    assert worker.run_in_foreground(recipe).status == "finished"


@pytest.mark.parametrize(
    ("source", "model", "why"),
    [
        (None, Net(), "the code that defines it is in no file"),
        (SOURCE.replace("nn.Conv2d(1, 4, 3)", "WIDTHS.first(1)"), Net(), "line 7: "),
        (SOURCE, nn.Sequential(nn.Flatten(), nn.Linear(784, 10)), "its code gives another network"),
    ],
)
def test_why_it_cannot_be_trained_is_said(
    program: Program, open_page: OpenPage, store: RunStore, source: str | None, model: nn.Module, why: str
) -> None:
    program.source, program.model = source, model
    app = open_page(TRAIN, model="hosted")
    assert why in app.error[0].value
    assert "cnnviz.explore" in app.error[0].value
    assert app.button(key="start").disabled


def test_its_weights_of_the_moment_are_evaluated(program: Program, open_page: OpenPage) -> None:
    assert isinstance(program.model, Net)
    with torch.no_grad():
        program.model.fc.weight.zero_()
        program.model.fc.bias[7] = 100
    app = open_page(EVALUATE, checkpoint="hosted", dataset="mnist-sample")
    told = {metric.label: metric.value for metric in app.metric}
    labels = datasets.load("mnist-sample").test_labels
    assert told["Accuracy"] == f"{float((labels == 7).double().mean()):.2%}"
    assert told["Images"] == "1,000"
    assert "Only its program knows" in text_of(app)
    app = open_page(EVALUATE, checkpoint="hosted", dataset="mnist-sample", view="compare")
    assert not app.error
    program.model = nn.Conv2d(1, 4, 3)
    app = open_page(EVALUATE, checkpoint="hosted")
    assert "cannot be tested here" in app.warning[0].value
    assert not app.exception


def test_a_program_that_has_ended_is_told(
    program: Program, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(client.ADDRESS, "/nowhere")
    app = open_page(ARCHITECTURE, model="hosted")
    assert "has ended" in app.error[0].value
    assert not open_page(FILTERS, checkpoint="hosted").exception


def test_without_one_nothing_is_offered(open_page: OpenPage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(client.ADDRESS, raising=False)
    app = open_page(ARCHITECTURE, model="hosted")
    assert "hosted" not in app.selectbox(key="choice-model").options
