"""One's own network on the Architecture page: typed, mended, kept, named, shared, and never lost."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.own import kept
from cnnviz.own.definition import Definition
from cnnviz.own.link import packed, unpacked
from cnnviz.ui.architecture.own import starts
from cnnviz.ui.architecture.views import VIEWS
from cnnviz.ui.shared import rights
from tests.pages.test_what_if import html

OpenPage = Callable[..., AppTest]
PAGE = "pages/architecture.py"
LINEAR = """import torch.nn as nn


class Small(nn.Module):
    def __init__(self, classes=10, bias=True):
        super().__init__()
        self.fc = nn.Linear(784, classes, bias=bias)

    def forward(self, x):
        return self.fc(x.flatten(1))
"""
REFUSED = LINEAR.replace("x.flatten(1)", "eval('x')")
DROPPING = """x = x.flatten(1)
        x = nn.functional.dropout(x)
        return self.fc(x)"""
MENDED = "self.fc = nn.Linear(256, 10)"


def typed(app: AppTest, text: str) -> AppTest:
    """As if ``text`` had been typed in the editor."""
    generation = app.session_state["_own-code-text"].generation
    app.session_state["own-code"] = {"typed": {"text": text, "generation": generation}}
    app.run()
    assert not app.exception
    return app


def code(app: AppTest) -> str:
    return str(app.session_state["_own-code-text"].text)


def link(app: AppTest) -> str:
    """What the address names, once the browser has it."""
    app.run().run()
    named = app.query_params["model"]
    return str(named[0] if isinstance(named, list) else named)


def errors(app: AppTest) -> str:
    return " ".join(error.value for error in app.error)


def listed() -> list[str]:
    return [network.title for network in kept.listed()]


def test_the_example_fails_at_its_last_layer_and_a_click_mends_the_line(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="own")
    assert "fc receives 16 x 4 x 4 = 256 features, but Linear(1024, 10) expects 1024" in errors(app)
    assert "✗ Linear · fc" in html(app)
    button = app.button(key="own-mend")
    assert button.label == f"Mend it: `{MENDED}`"
    assert listed() == []  # nothing was written yet
    button.click().run()
    assert not app.error
    assert MENDED in code(app)
    assert "5,994" in html(app)
    assert link(app) == kept.listed()[0].key
    app.button(key="own-undo").click().run()
    assert code(app) == starts.example().text
    assert link(app) == "own"
    assert "own-undo" not in [button.key for button in app.button]


def test_what_is_typed_is_kept_in_place_of_what_was_typed_before_and_a_reload_shows_it(
    open_page: OpenPage,
) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    assert "7,850" in html(app)
    first = link(app)
    wider = LINEAR.replace("784, classes", "784, 2 * classes")
    typed(app, wider)
    assert listed() == ["Small"]
    assert kept.find(first) is None  # half a word, replaced at once
    again = open_page(PAGE, model=link(app))
    assert code(again) == wider
    assert "15,700" in html(again)


def test_a_text_that_is_refused_stays_with_its_sentence_and_the_last_table(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    typed(app, REFUSED)
    assert "Line 10: " in errors(app)
    assert code(app) == REFUSED
    assert listed() == ["Small"]
    assert "7,850" in html(app)
    again = open_page(PAGE, model=link(app))
    assert code(again) == REFUSED
    assert "Line 10: " in errors(again)


def test_a_network_leads_to_its_filters_and_where_a_data_set_fits_to_training(open_page: OpenPage) -> None:
    def onwards(app: AppTest) -> list[str]:
        labels = [link.proto.label for link in app.run().run().get("page_link")]
        return [label for label in labels if label.endswith((" it", " filters"))]

    assert onwards(open_page(PAGE, model="own")) == []
    app = typed(open_page(PAGE, model="own"), LINEAR)
    assert onwards(app) == ["Train it", "Look at its filters"]  # nobody draws for an untrained network
    seven = typed(app, LINEAR.replace("classes=10", "classes=7"))  # no data set has as many
    assert onwards(seven) == ["Look at its filters"]


def test_of_another_text_that_is_refused_no_older_table_is_shown(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), "class Other(Module):\n    def forward(self, x)\n")
    assert "Line 2: " in errors(app)
    assert html(app) == ""
    assert code(typed(app, LINEAR)) == LINEAR
    assert "7,850" in html(app)


def test_a_doubt_about_a_network_that_runs_stands_at_its_line_with_its_mend(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR.replace("return self.fc(x.flatten(1))", DROPPING))
    assert not app.error
    assert not app.warning  # it is below its line
    assert (
        app.button(key="own-mend").label == "Mend it: `x = nn.functional.dropout(x, training=self.training)`"
    )
    app.button(key="own-mend").click().run()
    assert "training=self.training" in code(app)
    assert "own-mend" not in [button.key for button in app.button]


def test_every_step_but_typing_can_be_undone_until_something_is_typed(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="own")
    app.button(key="own-mend").click().run()
    typed(app, LINEAR)
    assert "own-undo" not in [button.key for button in app.button]


@pytest.mark.parametrize(
    ("written", "shape"), [("1,28,28", [1, 28, 28]), ("(784)", [784]), ("2 x 14 × 28", [2, 14, 28])]
)
def test_an_input_of_any_number_of_sizes(open_page: OpenPage, written: str, shape: list[int]) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    app.text_input(key="own-input-0").set_value(written).run()
    assert not app.error
    assert kept.get(link(app)).definition.input_shape == tuple(shape)


@pytest.mark.parametrize("written", ["28 by 28", "1, -2", "0, 3", "1.5", "9" * 50])
def test_an_input_that_is_none_gets_a_sentence_and_changes_nothing(open_page: OpenPage, written: str) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    before = link(app)
    app.text_input(key="own-input-0").set_value(written).run()
    assert len(app.error) == 1
    assert app.text_input(key="own-input-0").value == written
    assert link(app) == before


def test_arguments_of_the_constructor_have_fields_of_their_kind(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    app.text_input(key="own-argument-0-Small-classes").set_value("20").run()
    app.checkbox(key="own-argument-0-Small-bias").uncheck().run()
    assert "15,680" in html(app)
    definition = kept.get(link(app)).definition
    assert definition.values == {"classes": 20, "bias": False}
    app.text_input(key="own-argument-0-Small-classes").set_value("ten!").run()
    assert "ten! is no value" in errors(app)
    assert kept.get(link(app)).definition == definition
    app.text_input(key="own-argument-0-Small-classes").set_value("10").run()
    assert kept.get(link(app)).definition.values == {"bias": False}


def test_of_several_classes_one_is_chosen_and_forgotten_with_its_text(open_page: OpenPage) -> None:
    both = LINEAR + LINEAR.replace("Small", "Large").replace("784,", "784, 2 *").partition("nn\n")[2]
    app = typed(open_page(PAGE, model="own"), both)
    assert "15,700" in html(app)
    app.selectbox(key="own-class-0").set_value("Small").run()
    assert "7,850" in html(app)
    typed(app, LINEAR.replace("Small", "Other"))
    assert not app.error
    assert kept.get(link(app)).definition.class_name is None


def test_the_course_networks_are_there_to_begin_with_and_each_can_be_read(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="own")
    app.selectbox(key="own-start").set_value("inception-mini").run()
    assert "88,858" not in html(app)
    assert f"{97_298:,}" in html(app)
    assert app.selectbox(key="own-start").value is None
    app.selectbox(key="own-start").set_value("resnet-deep").run()
    assert listed() == ["ResNetDeep"]  # what was only begun with does not fill the list
    app.selectbox(key="own-start").set_value("example").run()
    assert code(app) == starts.example().text


@pytest.mark.parametrize("key", sorted(architectures.keys()))
def test_a_course_network_as_text_is_the_course_network(key: str) -> None:
    from cnnviz.models import traced
    from cnnviz.own.reading import read

    found = read(starts.course_network(key)).trace
    expected = traced(key, {})
    assert found is not None
    assert (found.input_shape, found.total_params, found.macs) == (
        expected.input_shape,
        expected.total_params,
        expected.macs,
    )


def test_a_link_that_carries_the_code_keeps_the_network_where_it_is_opened(open_page: OpenPage) -> None:
    definition = Definition(LINEAR, "Small", (("classes", "3"),), (1, 28, 28))
    app = open_page(PAGE, code=packed(definition))
    assert "2,355" in html(app)
    assert link(app) == definition.key
    assert "code" not in app.query_params
    assert kept.get(definition.key).owners == ()


def test_the_page_gives_a_link_that_carries_the_code(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    shown = [block.value for block in app.code if "code=" in block.value]
    assert len(shown) == 1
    assert unpacked(shown[0].partition("code=")[2]).text == LINEAR


def test_a_code_too_long_for_a_link_is_offered_as_a_file(open_page: OpenPage) -> None:
    noise = "".join(
        f"# {number * number * 7919 % 999983:x}{number**5 % 999979:x}\n" for number in range(1500)
    )
    app = typed(open_page(PAGE, model="own"), LINEAR + noise)
    assert not [block.value for block in app.code if "code=" in block.value]
    assert any("too long for a link" in caption.value for caption in app.caption)


@pytest.mark.parametrize("damaged", ["", "nonsense", packed(Definition(LINEAR))[:-9], "A" * 70_000])
def test_a_damaged_link_gets_a_sentence_and_the_example(open_page: OpenPage, damaged: str) -> None:
    app = open_page(PAGE, code=damaged)
    assert "code in the link" in app.warning[0].value
    assert code(app) == starts.example().text


def test_a_network_that_is_not_kept_here_gets_a_sentence_and_the_list(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="own-0123456789abcdef")
    assert "is not kept on this server" in app.warning[0].value
    assert app.selectbox(key="choice-model").value == "basic-cnn"


def test_rename_delete_and_undo(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    key = link(app)
    app.text_input(key=f"own-title-{key}").set_value("Mia's first").run()
    assert listed() == ["Mia's first"]
    app.text_input(key=f"own-title-{key}").set_value(" ").run()
    assert "A title has 1 to 80 characters" in errors(app)
    app.button(key="own-delete").click().run()
    assert listed() == []
    assert app.selectbox(key="choice-model").value == "basic-cnn"
    assert "Mia's first was deleted" in app.info[0].value
    app.button(key="own-undo-delete").click().run()
    assert listed() == ["Mia's first"]
    assert code(app) == LINEAR


def test_only_its_owner_brings_a_deleted_network_back(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    app.button(key="own-delete").click().run()
    monkeypatch.setenv("CNNVIZ_SHARED", "1")
    monkeypatch.setattr(rights, "owner", lambda: "b" * 32)
    app.button(key="own-undo-delete").click().run()
    assert "Only its owner and the teacher" in errors(app)
    assert listed() == []


def test_the_list_begins_with_a_new_network_and_ones_own(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), LINEAR)
    options = app.selectbox(key="choice-model").options
    assert options[:2] == ["Your own network", "Small · own"]
    other = open_page(PAGE, model="basic-cnn")
    assert other.selectbox(key="choice-model").options[:2] == options[:2]


def test_somebody_elses_network_is_not_replaced_by_what_is_typed_into_it(open_page: OpenPage) -> None:
    theirs = link(typed(open_page(PAGE, model="own"), LINEAR))
    app = open_page(PAGE, model=theirs)  # another browser
    typed(app, LINEAR + "# mine\n")
    assert kept.get(theirs).is_listed
    assert len(listed()) == 2


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("text", [starts.example().text, LINEAR], ids=["failing", "working"])
def test_every_view_shows_an_own_network(open_page: OpenPage, view: str, text: str) -> None:
    app = open_page(PAGE, model="own", view=view)
    typed(app, text)
    assert [error.value for error in app.error if "receives" not in error.value] == []
    assert not app.warning


def test_a_trial_of_a_layer_goes_through_the_same_editing_as_the_course_networks(open_page: OpenPage) -> None:
    app = typed(
        open_page(PAGE, model="own", set="conv2.kernel_size=3"), starts.example().text.replace("1024", "256")
    )
    assert "Cause: conv2.kernel_size = 3 instead of 5" in errors(app)
    app.button(key="apply-fix").click().run()
    assert not app.error
    assert "256, 10" in code(app)  # a trial changes nothing in the code
    link(typed(app, LINEAR))
    assert app.query_params["set"] in (
        "fc.in_features=400",
        ["fc.in_features=400"],
    )  # there is no conv2 any more


def test_a_trial_is_written_into_its_line_and_undone_byte_for_byte(open_page: OpenPage) -> None:
    working = starts.example().text.replace("1024", "256")
    app = typed(open_page(PAGE, model="own", set="conv1.padding=2"), working)
    line = next(line.strip() for line in working.splitlines() if "self.conv1 = " in line)
    button = app.button(key="own-write")
    assert button.label == f"Write into the code: `{line[:-1]}, padding=2)`"
    button.click().run()
    assert code(app) == working.replace(line, f"{line[:-1]}, padding=2)")
    assert "set" not in app.query_params  # it is no trial any more
    assert "own-write" not in [button.key for button in app.button]
    app.button(key="own-undo").click().run()
    assert code(app) == working


def test_what_cannot_be_kept_is_shown_all_the_same(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise CnnvizError(Message("The disk is full."))

    app = open_page(PAGE, model="own")
    monkeypatch.setattr(kept, "keep", full)
    typed(app, LINEAR)
    assert "7,850" in html(app)
    assert [warning.value for warning in app.warning] == ["The disk is full."]
    app = open_page(PAGE, code=packed(Definition(LINEAR)))
    assert "7,850" in html(app)
    assert [warning.value for warning in app.warning] == ["The disk is full."]


def test_json_of_arguments_stays_json() -> None:
    values = {name: json.loads(value) for name, value in starts.course_network("vgg11").arguments}
    assert values["depth"] == 11


def test_a_text_that_is_too_long_is_told_once(open_page: OpenPage) -> None:
    app = typed(open_page(PAGE, model="own"), "x" * 120_000)
    told = [element.value for element in (*app.error, *app.warning)]
    assert told == ["The text has more than 100,000 bytes."]
