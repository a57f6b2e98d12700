"""Changes on the Architecture page: what they change, where it breaks, and the button that mends it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

OpenPage = Callable[..., AppTest]
PAGE = "pages/architecture.py"


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))


def press_until_whole(app: AppTest) -> list[str]:
    """Press the fix as long as there is one; the labels of what was pressed."""
    labels = []
    while app.error:
        button = app.button(key="apply-fix")
        labels.append(button.label)
        assert len(labels) < 10
        button.click().run()
        assert not app.exception
    return labels


def test_fix_after_fix_leads_to_a_whole_network(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini", set="conv1.out_channels=20")
    labels = press_until_whole(app)
    assert labels == [
        "Change to Conv2d(20, 16, kernel_size=3, padding=1)",
        "Change rblock1.conv2 to Conv2d(16, 20, kernel_size=3, padding=1)",
        "Change to Conv2d(20, 32, kernel_size=5)",
    ]
    assert len(app.query_params["set"]) == 4


@pytest.mark.parametrize(
    "idle", ["conv1.kernel_size=5", "conv1.kernel_size=[5, 5]", "conv1.stride=1", "fc.in_features=320"]
)
def test_what_changes_nothing_leaves_the_link(open_page: OpenPage, idle: str) -> None:
    app = open_page(PAGE, model="basic-cnn", set=[idle, "conv2.out_channels=20", "conv1.out_channels=12"])
    assert app.query_params["set"] in ("conv1.out_channels=12", ["conv1.out_channels=12"])
    assert [button.key for button in app.button if button.key.startswith("undo-")] == [
        "undo-conv1.out_channels"
    ]


def test_an_option_that_is_the_papers_leaves_the_link(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="googlenet", set="auxiliary=false")
    assert "set" not in app.query_params
    assert not app.error


def test_a_layer_that_is_impossible_gets_a_button_too(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set="conv2.groups=3")
    assert "its channels (10, 20) cannot be divided into 3 groups" in app.error[0].value
    app.button(key="apply-fix").click().run()
    assert not app.error
    assert app.query_params["set"] in ("conv2.groups=2", ["conv2.groups=2"])


def test_an_impossible_layer_without_a_fix_is_a_sentence_alone(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set="conv2.kernel_size=0")
    assert "it must be an integer from 1" in app.error[0].value
    assert "apply-fix" not in [button.key for button in app.button]


def test_the_diagnosis_names_the_change_that_it_comes_from(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", set="conv1.kernel_size=7")
    (error,) = app.error
    assert "Cause: conv1.kernel_size = 7 instead of 5" in error.value
    app = open_page(PAGE, model="inception-mini", size="32")
    assert "Cause: input 1 x 32 x 32 instead of 1 x 28 x 28" in app.error[0].value


def test_before_and_after_have_shapes_figures_and_totals(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set=["conv2.out_channels=30", "fc.in_features=480"])
    table = html(app)
    for cell in ("20 x 8 x 8", "≠ 30 x 8 x 8", ">5,020<", ">7,530<", ">8,490<", ">12,600<"):
        assert cell in table
    assert any(
        "5 of 8 operations change. Parameters: +4,110 to 12,600" in text.value for text in app.markdown
    )


def test_the_table_of_changes_tells_where_the_pass_ends(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set="conv2.out_channels=30")
    assert "≠ ✗" in html(app)
    assert any("because the forward pass fails at fc" in text.value for text in app.markdown)


def test_another_input_alone_is_compared_too(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet18", size="64", view="changes")
    assert "≠ 1 x 64 x 64" in html(app)
    assert not app.error


def test_the_widgets_begin_at_the_last_change(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set=["conv1.kernel_size=3", "conv2.stride=2"])
    assert app.selectbox(key="edit-layer").value == "conv2"
    assert app.selectbox(key="edit-argument-conv2").value == "stride"
    assert app.number_input(key="edit-conv2-stride-2").value == 2


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        ("stage2.0.bn1", ["y = (x - mean)/√(var + 1e-05) * gamma + beta", "running averages", "2 x 128 = 256"]),
        ("stage2.0.shortcut", ["are never read", "Parameters, one weight per kernel position and one bias per kernel"]),
        ("stage1.0.relu", ["y = max(0, x)", "each value separately"]),
        ("average", ["averages all 3 x 3 = 9 values", "any size"]),
        ("pool", ["largest value of each 3 x 3 window", "starts at row", "(start)"]),
    ],
)  # fmt: skip
def test_any_operation_explains_itself(open_page: OpenPage, layer: str, words: list[str]) -> None:
    app = open_page(PAGE, model="resnet18", layer=layer)
    told = html(app) + " ".join(element.value.replace("\\", "") for element in app.markdown)
    for word in words:
        assert word in told


def test_the_way_from_the_input_unfolds_with_its_branches(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", layer="incep2.branch3x3_3")
    assert "mp_2" in html(app)
    assert "incep2.branch3x3_2 outputs one value" not in html(app)
    app.toggle(key="way").set_value(True).run()
    assert not app.exception
    assert "incep2.branch3x3_2 outputs one value" in html(app)
    assert app.selectbox(key="choice-meeting").options == ["incep1.cat"]
    assert sum("Branch" in text.value for text in app.markdown) == 4


def test_branches_that_do_not_fit_together_are_unfolded(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini", set="rblock1.conv1.padding=0", view="why")
    assert app.selectbox(key="choice-meeting").value == "rblock1.add"
    headings = [text.value for text in app.markdown if "Branch" in text.value]
    assert headings == ["**Branch 1: 16 x 12 x 12**", "**Branch 2: 16 x 10 x 10**"]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        *(
            ("kernel_size", value)
            for value in ("0", "true", '"same"', "[]", "[[1]]", "[3, 1]", "99999999999", "null")
        ),
        ("padding", "-1"),
        ("out_channels", "1.5"),
    ],
)
def test_any_value_in_a_link_gives_a_page(open_page: OpenPage, argument: str, value: str) -> None:
    app = open_page(PAGE, model="basic-cnn", set=f"conv2.{argument}={value}")
    assert all("Unexpected error" not in error.value for error in app.error)
    assert app.number_input(key="size").value == 28
