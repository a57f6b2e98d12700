"""The views of the Architecture page, its networks and their options."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz import architectures
from cnnviz.plots import palette

OpenPage = Callable[..., AppTest]
PAGE = "pages/architecture.py"
VIEWS = ("layers", "changes", "why", "operation", "graph", "bars", "compare", "torchinfo", "code")


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))


def said(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.markdown, *app.caption, *app.subheader])


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def code(app: AppTest) -> str:
    return "\n".join(element.value for element in app.code)


def drawing(app: AppTest) -> str:
    (chart,) = app.get("graphviz_chart")
    spec: str = chart.proto.spec
    return spec


def choose_view(app: AppTest, view: str) -> None:
    app.button_group(key="choice-view").set_value(view).run()
    assert not app.exception


def in_link(app: AppTest, name: str) -> Any:
    value = app.query_params.get(name)
    return value[0] if isinstance(value, list) and len(value) == 1 else value


@pytest.mark.parametrize("key", architectures.keys())
def test_every_architecture_opens_in_some_view(open_page: OpenPage, key: str) -> None:
    view = VIEWS[architectures.keys().index(key) % len(VIEWS)]
    app = open_page(PAGE, model=key, view=view)
    assert not app.error
    assert not app.warning
    assert metrics(app)["Parameters"] != "0"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "query",
    [
        {"model": "densenet"},
        {"model": "inception-mini", "size": "32"},
        {"model": "basic-cnn", "size": "1"},
    ],
    ids=lambda query: "-".join(query.values()),
)
def test_every_view_opens_for_working_and_for_broken_networks(
    open_page: OpenPage, view: str, query: dict[str, str]
) -> None:
    app = open_page(PAGE, view=view, **query)
    assert not any("Unexpected error" in error.value for error in app.error)
    assert bool(app.error) == ("size" in query)


@pytest.mark.parametrize("view", ["layers", "changes", "why", "graph", "compare"])
@pytest.mark.parametrize("query", [{}, {"size": "32"}], ids=str)
def test_every_letter_is_explained_where_it_is_shown(
    open_page: OpenPage, view: str, query: dict[str, str]
) -> None:
    shown = html(open_page(PAGE, model="inception-mini", view=view, **query))
    letters = {*re.findall(r'class="cnnviz-chip [^>]*>(\w)</span>', shown)}
    explained = {
        style.letter
        for style in palette.KINDS.values()
        if re.search(rf'class="cnnviz-chip [^>]*>{style.letter}</span> {style.title}', shown)
    }
    assert letters <= explained


def test_only_the_chosen_view_is_drawn_and_the_link_names_it(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini")
    assert "view" not in app.query_params
    assert "InceptionA-10" in html(app)
    choose_view(app, "bars")
    assert in_link(app, "view") == "bars"
    assert "InceptionA-10" not in html(app)


def test_a_link_to_a_layer_opens_the_view_that_tells_of_it(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", layer="conv2")
    assert app.selectbox(key="choice-layer").value == "conv2"
    app = open_page(PAGE, model="inception-mini", layer="conv2", view="graph")
    assert drawing(app)


def test_a_change_opens_the_view_that_shows_what_it_does(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", set="conv1.out_channels=12")
    assert "≠" in html(app)
    choose_view(app, "layers")
    assert in_link(app, "view") == "layers"
    assert "Conv2d-1" in html(app)
    assert "No changes yet" in " ".join(
        note.value for note in open_page(PAGE, model="inception-mini", view="changes").info
    )


def test_which_linear_is_explained_can_be_chosen(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="alexnet", view="why")
    assert "Why fc1 is Linear(6400, 4096)" in said(app)
    app.selectbox(key="choice-why").set_value("fc3").run()
    assert "Why fc3 is Linear(4096, 10)" in said(app)
    assert in_link(app, "why") == "fc3"


def test_a_block_explains_its_output_and_its_branches(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-naive", view="why")
    assert "Why cat is 64 + 128 + 32 + 192 = 416" in said(app)
    assert "Branch 4: 192 x 28 x 28" in said(app)


def test_an_unknown_view_is_named(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="grpah")
    assert "did you mean 'graph'" in app.warning[0].value
    assert "Conv2d-1" in html(app)


def test_options_are_sliders_and_live_in_the_link_with_other_edits(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="densenet")
    assert metrics(app)["Parameters"] == "758,226"
    app.slider(key="option-densenet-growth").set_value(16).run()
    assert in_link(app, "set") == "growth=16"
    assert metrics(app)["Parameters"] == "236,234"
    app.selectbox(key="edit-layer").set_value("fc").run()
    app.number_input(key="edit-fc-out_features-10").set_value(100).run()
    app.button(key="edit-apply").click().run()
    assert app.query_params["set"] == ["growth=16", "fc.out_features=100"]
    assert metrics(app)["Output"] == "100"
    app.button(key="options-reset").click().run()
    assert in_link(app, "set") == "fc.out_features=100"
    assert app.slider(key="option-densenet-growth").value == 32
    assert not app.error


def test_a_choice_and_a_switch_among_the_options(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="lenet-bn")
    before = metrics(app)["Parameters"]
    app.toggle(key="option-lenet-bn-batch_norm").set_value(False).run()
    assert in_link(app, "set") == "batch_norm=false"
    assert metrics(app)["Parameters"] < before
    app = open_page(PAGE, model="vgg11")
    app.selectbox(key="option-vgg11-depth").set_value(16).run()
    assert in_link(app, "set") == "depth=16"


def test_networks_without_options_show_none(open_page: OpenPage) -> None:
    assert not open_page(PAGE, model="basic-cnn").slider


@pytest.mark.parametrize(
    ("edits", "sentence"),
    [
        ("growth=9999", "Option growth must be an integer from 1 to 64; got 9999"),
        ('growth="wide"', "Option growth must be an integer from 1 to 64; got wide"),
        ("growth=true", "Option growth must be an integer from 1 to 64; got True"),
        (["blocks=1", "block4.layers.0.conv.kernel_size=5"], "Unknown layer 'block4.layers.0.conv'"),
    ],
)
def test_options_that_cannot_be_get_a_sentence(
    open_page: OpenPage, edits: str | list[str], sentence: str
) -> None:
    app = open_page(PAGE, model="densenet", set=edits)
    told = [element.value.replace("\\", "") for element in [*app.warning, *app.error]]
    assert any(sentence in text for text in told)
    assert not any("Unexpected error" in text for text in told)


def test_channels_of_the_input(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn")
    app.number_input(key="channels").set_value(3).run()
    assert in_link(app, "channels") == "3"
    assert "conv1" in app.error[0].value
    app.button(key="apply-fix").click().run()
    assert not app.error
    assert metrics(app)["Input"] == "3 x 28 x 28"
    app = open_page(PAGE, model="basic-cnn", channels="4096")
    assert "channels=4096" in app.warning[0].value


def test_a_model_of_torchvision_in_a_link(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="torchvision:resnet152")
    assert metrics(app)["Parameters"] == "60,192,808"
    assert app.selectbox(key="choice-model").value == "torchvision:resnet152"
    choose_view(app, "code")
    assert 'models.get_model("resnet152", weights=None)' in code(app)
    assert "class Bottleneck" in code(app)
    assert not app.error


def test_choosing_a_model_of_torchvision_and_leaving_it_again(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="densenet", set="growth=16", layer="fc", size="64")
    app.selectbox(key="choice-model").set_value("torchvision:inception_v3").run()
    assert dict(app.query_params) in (
        {"model": "torchvision:inception_v3"},
        {"model": ["torchvision:inception_v3"]},
    )
    assert metrics(app)["Input"] == "3 x 299 x 299"
    app.selectbox(key="choice-model").set_value("basic-cnn").run()
    assert not app.query_params
    assert not app.error


def test_the_list_of_networks_has_torchvisions_models_by_name(open_page: OpenPage) -> None:
    offered = open_page(PAGE).selectbox(key="choice-model").options
    assert {"torchvision · resnet50", "torchvision · alexnet", "torchvision · convnext_tiny"} <= {*offered}
    assert offered.index("Basic CNN") < offered.index("torchvision · alexnet")


@pytest.mark.parametrize(
    ("model", "other", "ratio"),
    [
        ("torchvision:resnet18", "61,100,840 parameters, 5.2 times", "5.23 times the parameters"),
        ("torchvision:vgg16", "as many as AlexNet's 61,100,840", "0.44 times the parameters"),
    ],
)
def test_a_model_of_torchvision_is_compared_with_torchvisions_alexnet(
    open_page: OpenPage, model: str, other: str, ratio: str
) -> None:
    app = open_page(PAGE, model=model, view="compare")
    assert other in said(app)
    assert app.selectbox(key="choice-with").value == "torchvision:alexnet"
    assert ratio in said(app)
    assert "46,764,746" not in said(app)


@pytest.mark.parametrize(("model", "helps"), [("mlp", False), ("inception-mini", False), ("resnet18", True)])
def test_alexnet_is_named_beside_networks_of_large_images_alone(
    open_page: OpenPage, model: str, helps: bool
) -> None:
    assert ("AlexNet has 46,764,746 parameters" in said(open_page(PAGE, model=model))) == helps


def test_torchvisions_alexnet_is_compared_with_another_one(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="torchvision:alexnet", view="compare")
    assert app.selectbox(key="choice-with").value == "torchvision:vgg16"
    assert "46,764,746" not in said(app)


def test_an_unknown_model_of_torchvision_is_named(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="torchvision:resnet81")
    assert "did you mean 'resnet18'" in app.warning[0].value
    assert metrics(app)["Parameters"] == "11,689,512"


def test_the_graph_folds_by_level_and_block_by_block(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini", view="graph")
    assert "rblock1.add" in drawing(app)
    assert 'style="dashed"' in drawing(app)
    app.multiselect(key="choice-fold").set_value(["rblock1"]).run()
    assert in_link(app, "fold") == "rblock1"
    assert "rblock1.add" not in drawing(app)
    assert "rblock2.add" in drawing(app)
    app.selectbox(key="choice-depth").set_value("1").run()
    assert "rblock2.add" not in drawing(app)
    app.multiselect(key="choice-unfold").set_value(["rblock2"]).run()
    assert "rblock2.add" in drawing(app)
    again = open_page(PAGE, **dict(app.query_params))
    assert drawing(again) == drawing(app)


def test_the_table_of_repeated_blocks_is_short_until_it_is_unfolded(open_page: OpenPage) -> None:
    def shown(app: AppTest) -> str:
        return "".join(element.proto.body for element in app.main.get("html"))

    app = open_page(PAGE, model="torchvision:vit_b_16")
    assert "x 12: 11 more like it" in shown(app)
    assert "encoder_layer_5" not in shown(app)
    app.toggle(key="unfolded").set_value(True).run()
    assert "more like it" not in shown(app)
    assert "encoder.layers.encoder_layer_5.mlp.0" in shown(app)
    assert in_link(app, "unfolded") == "true"
    assert not any(toggle.key == "unfolded" for toggle in open_page(PAGE, model="basic-cnn").toggle)


def test_a_large_graph_begins_folded_and_says_so(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="torchvision:densenet201", view="graph")
    assert "are folded at first" in said(app)
    assert drawing(app).count("label=") < 100
    app.selectbox(key="choice-depth").set_value("all").run()
    assert drawing(app).count("tooltip=") == 711


def test_autograds_graph_and_why_there_is_none(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", view="graph")
    app.button_group(key="choice-pass").set_value("backward").run()
    assert in_link(app, "pass") == "backward"
    assert "ConvolutionBackward0" in drawing(app)
    app = open_page(PAGE, model="torchvision:resnet152", view="graph", **{"pass": "backward"})
    assert "too large to read" in app.error[0].value
    app = open_page(PAGE, model="inception-mini", size="32", view="graph", **{"pass": "backward"})
    assert "There is no backward pass" in app.error[1].value


def test_an_error_in_the_link_is_decoded(open_page: OpenPage) -> None:
    app = open_page(PAGE, error="mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)")
    assert "What it means" in [heading.value for heading in app.subheader]


def test_where_the_parameters_of_alexnet_sit(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="alexnet", view="bars")
    assert "fc1 alone has 26,218,496 of 46,764,746 parameters (56 %)." in said(app)
    assert "**Linear**: 92 % of the parameters, 5 % of the multiply-adds." in said(app)
    assert len(app.get("plotly_chart")) == 2
    app = open_page(PAGE, model="torchvision:vgg16", view="bars")
    assert "classifier.0 (Linear) alone has 102,764,544" in said(app)


def test_two_blocks_side_by_side(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-naive", view="compare")
    assert app.selectbox(key="choice-with").value == "inception-reduced"
    assert "0.42 times the multiply-adds of" in said(app)
    for number in ("303,464,448", "128,049,152", "120,422,400"):
        assert number in html(app)
    app.selectbox(key="choice-with").set_value("inception-factorised").run()
    assert in_link(app, "with") == "inception-factorised"
    assert not app.error


def test_a_changed_network_beside_itself_and_one_of_torchvision(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="densenet", set="growth=16", view="compare", **{"with": "densenet"})
    assert {"DenseNet (changed)", "DenseNet (original)"} <= {
        heading.value.removeprefix("Shapes through ") for heading in app.subheader
    }
    app = open_page(PAGE, model="densenet", view="compare", **{"with": "torchvision:densenet121"})
    assert "7,978,856" in html(app)
    assert "each gets its own" in said(app)
    assert "features.denseblock4.denselayer16.conv2" in html(app)
    assert [caption for caption in app.caption if caption.value.startswith("All 431 operations")]
    assert "features.norm5" in html(app)


def test_torchinfo_beside_our_totals(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", view="torchinfo")
    assert "Layer (type:depth-idx)" in code(app)
    assert "adding the bias as a multiply-add" in said(app)


def test_code_that_runs_and_the_link_to_the_view(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="densenet", set="growth=16", view="code")
    assert "DenseNet(growth=16, layers=4, blocks=4)" in code(app)
    assert app.get("download_button")[0].key == "download-source"
    assert "?model=densenet&set=growth%3D16&view=code" in code(app)


def test_the_code_beside_the_table(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini")
    assert len(app.get("download_button")) == 3
    assert "class ResNetMini" not in code(app)
    app.toggle(key="beside").set_value(True).run()
    assert "class ResNetMini" in code(app)
    assert "ResidualBlock-" in html(app)


def test_a_figure_for_a_report_is_offered_in_three_kinds(open_page: OpenPage) -> None:
    app = open_page("pages/architecture.py", model="resnet-mini", view="graph", **{"figure-style": "lenet"})
    assert not app.exception
    offered = {element.proto.id.rpartition("-")[2] for element in app.get("download_button")}
    assert {"svg", "pdf", "tex"} <= offered
