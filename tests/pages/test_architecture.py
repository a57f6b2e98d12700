from __future__ import annotations

import re
from collections.abc import Callable
from html import escape

import pytest
from streamlit.testing.v1 import AppTest

from cnnviz.glossary import TERMS
from cnnviz.language import set_language
from tests.golden import ARCHITECTURES, INCEPTION_MINI_TABLE

OpenPage = Callable[..., AppTest]
PAGE = "pages/architecture.py"


def html(app: AppTest) -> str:
    return "".join(element.proto.body for element in app.main.get("html"))


def metrics(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def choose_view(app: AppTest, view: str) -> None:
    app.button_group(key="choice-view").set_value(view).run()
    assert not app.exception


@pytest.mark.parametrize("key", ARCHITECTURES)
def test_totals_of_every_architecture(open_page: OpenPage, key: str) -> None:
    app = open_page(PAGE, model=key)
    assert metrics(app)["Parameters"] == f"{ARCHITECTURES[key]['total_params']:,}"
    assert metrics(app)["Multiply-adds"] == f"{ARCHITECTURES[key]['macs']:,}"
    assert not app.error


def test_the_table_is_torchsummarys(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini")
    assert INCEPTION_MINI_TABLE.strip() in [code.value.strip() for code in app.code]
    table = html(app)
    rows = [
        line
        for line in INCEPTION_MINI_TABLE.splitlines()
        if line.endswith(tuple("0123456789")) and "-1," in line
    ]
    assert len(rows) > 15
    for line in rows:
        assert line.split()[0] in table


def test_functional_operations_can_be_shown(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini")
    assert "rblock1.relu_2" not in html(app)
    app.toggle(key="operations").set_value(True).run()
    assert "rblock1.relu_2" in html(app)
    assert not app.exception


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_words_of_labels_headings_and_captions_explain_themselves(open_page: OpenPage, lang: str) -> None:
    app = open_page(PAGE, lang=lang)
    set_language(lang)
    word, means = str(TERMS["parameter"].word), str(TERMS["parameter"].meaning)
    (total, *_) = [metric for metric in app.metric if word in metric.label.lower()]
    assert means in total.proto.help
    assert escape(means) in html(app).partition("<th")[2].partition("</tr>")[0]
    assert [caption for caption in app.caption if means in caption.proto.help]


def test_choosing_another_network(open_page: OpenPage) -> None:
    app = open_page(PAGE)
    app.selectbox(key="choice-model").set_value("resnet-mini").run()
    assert metrics(app)["Parameters"] == "41,514"
    assert app.query_params["model"] in ("resnet-mini", ["resnet-mini"])


def test_why_1408(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", view="why")
    assert "Why fc is Linear(1408, 10)" in [heading.value for heading in app.subheader]
    for numbers in (
        "(28 - 5)/1 + 1 = 24",
        "16 + 24 + 24 + 24 = 88",
        "88 x 4 x 4 = 1408",
        "(12 + 2*2 - 5)/1 + 1 = 12",
    ):
        assert numbers in html(app)
    assert "14 x 14</td>" in html(app)  # the receptive field of a value of incep1.cat


def test_another_input_size_ends_the_table_with_the_diagnosis(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini")
    app.number_input(key="size").set_value(32).run()
    (error,) = app.error
    assert "88 x 5 x 5 = 2200" in error.value
    assert "Linear(2200, 10)" in error.value
    assert "Linear-21" not in html(app)
    last_rows = html(app).partition("InceptionA-20")[2].partition("</table>")[0]
    assert "Linear · fc receives 88 x 5 x 5 = 2200 features" in last_rows
    choose_view(app, "why")
    assert "Input of fc: 88 x 5 x 5 = 2200" in [heading.value for heading in app.subheader]
    assert not app.exception


def rows(app: AppTest) -> list[list[str]]:
    """The cells of every row of every table, as text."""
    found = re.findall("<tr.*?</tr>", html(app))
    return [[re.sub("<.*?>", "", cell) for cell in re.findall("<t[dh].*?</t[dh]>", row)] for row in found]


def test_why_of_a_broken_network_has_the_working_chain_beside_it(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", size="32", view="why")
    table = rows(app)
    start = table.index(["Operation", "Works", "Fails"])
    assert table[start + 1 : start + 10] == [
        [" input", "1 x 28 x 28", "≠ 1 x 32 x 32"],
        ["C conv1", "(28 - 5)/1 + 1 = 24 → 10 x 24 x 24", "≠ (32 - 5)/1 + 1 = 28 → 10 x 28 x 28"],
        ["P mp", "(24 - 2)/2 + 1 = 12 → 10 x 12 x 12", "≠ (28 - 2)/2 + 1 = 14 → 10 x 14 x 14"],
        ["M incep1.cat", "16 + 24 + 24 + 24 = 88 → 88 x 12 x 12", "≠ 16 + 24 + 24 + 24 = 88 → 88 x 14 x 14"],
        ["C conv2", "(12 - 5)/1 + 1 = 8 → 20 x 8 x 8", "≠ (14 - 5)/1 + 1 = 10 → 20 x 10 x 10"],
        ["P mp_2", "(8 - 2)/2 + 1 = 4 → 20 x 4 x 4", "≠ (10 - 2)/2 + 1 = 5 → 20 x 5 x 5"],
        ["M incep2.cat", "16 + 24 + 24 + 24 = 88 → 88 x 4 x 4", "≠ 16 + 24 + 24 + 24 = 88 → 88 x 5 x 5"],
        ["R flatten", "88 x 4 x 4 = 1408", "≠ 88 x 5 x 5 = 2200"],
        ["L fc", "✓ 10", "✗ 2200 ≠ 1408"],
    ]


def test_an_edit_that_breaks_a_network_is_marked_where_it_begins(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set="conv1.out_channels=12", view="why")
    table = rows(app)
    start = table.index(["Operation", "Works", "Fails"])
    assert table[start + 1] == [" input", "1 x 28 x 28", "1 x 28 x 28"]
    assert table[start + 2][2] == "≠ (28 - 5)/1 + 1 = 24 → 12 x 24 x 24"
    assert table[start + 5] == ["C conv2", "✓ 20 x 8 x 8", "✗ 12 ≠ 10"]


def test_why_of_a_network_that_works_has_nothing_beside_it(open_page: OpenPage) -> None:
    assert ["Operation", "Works", "Fails"] not in rows(open_page(PAGE, model="mlp", view="why"))


@pytest.mark.parametrize("size", ["1", "4", "512", "0", "-3", "many", "999999999999", "1e999", "9" * 5000])
def test_any_size_in_a_link_gives_a_page(open_page: OpenPage, size: str) -> None:
    app = open_page(PAGE, model="basic-cnn", size=size)
    assert app.metric
    assert all("Unexpected error" not in error.value for error in app.error)


def test_an_unknown_network_in_a_link_is_named(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inceptoin-mini")
    assert "did you mean 'inception-mini'" in app.warning[0].value
    assert app.metric


def test_the_fix_is_a_button_and_stays_in_the_link(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", size="32", view="why")
    app.button(key="apply-fix").click().run()
    assert not app.error
    assert app.query_params["set"] in ("fc.in_features=2200", ["fc.in_features=2200"])
    assert "Why fc is Linear(2200, 10)" in [heading.value for heading in app.subheader]
    assert metrics(app)["Output"] == "10"


def test_the_smallest_input_that_runs_is_a_button_beside_the_edit(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", size="8")
    labels = [button.label for button in app.button if (button.key or "").startswith("apply-")]
    assert labels == ["Use 1 x 28 x 28", "Change to Conv2d(88, 20, kernel_size=5, padding=2)"]
    app.button(key="apply-input").click().run()
    assert not app.error
    assert metrics(app)["Input"] == "1 x 28 x 28"
    assert app.number_input(key="size").value == 28


def test_what_if_a_kernel_were_smaller(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn")
    assert app.selectbox(key="edit-layer").value == "conv1"
    assert app.selectbox(key="edit-argument-conv1").value == "kernel_size"
    app.number_input(key="edit-conv1-kernel_size-5").set_value(9).run()
    app.button(key="edit-apply").click().run()
    assert "20 x 3 x 3 = 180" in app.error[0].value
    assert "≠ 10 x 20 x 20" in html(app)
    app.button(key="undo-conv1.kernel_size").click().run()
    assert not app.error
    assert "set" not in app.query_params


@pytest.mark.parametrize(
    ("edit", "sentence"),
    [
        ("fc.in_featurs=3", "did you mean 'in_features'"),
        ("fc", "must have the form PATH=VALUE"),
        ("conv1.kernel_size=nonsense", "where VALUE is a JSON literal"),
        ("conv2.groups=3", "cannot have groups = 3"),
        ("conv1.kernel_size=[]", "conv1"),
        ("fc.out_features=99999999999999999999", "fc"),
        (f"conv1.kernel_size={'[' * 3000}{']' * 3000}", "conv1.kernel_size="),
        (f"conv1.kernel_size={'[' * 80}{']' * 80}", "conv1"),
        (f"conv1.out_channels={'9' * 5000}", "must have the form PATH=VALUE"),
        (f"{'a' * 150}=3", f"{'a' * 39}…"),
    ],
)
def test_nonsense_edits_in_a_link_get_a_sentence(open_page: OpenPage, edit: str, sentence: str) -> None:
    app = open_page(PAGE, model="basic-cnn", set=edit)
    said = " ".join(element.value for element in [*app.error, *app.warning])
    assert sentence in said
    assert "Unexpected error" not in said
    assert all(len(element.value) < 250 for element in [*app.error, *app.warning])


def test_edits_in_a_link_put_no_markdown_on_the_page(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", set="![a](x)[b](y)=3", layer="[c](z)")
    texts = [element.value for element in [*app.error, *app.warning, *app.markdown]]
    labels = [button.label for button in app.button]
    assert sum("!\\[a\\](x)\\[b\\](y)" in text for text in texts) == 1
    assert sum("!\\[a\\](x)\\[b\\](y)" in label for label in labels) == 1
    assert not any("![" in text or "](" in text.replace("\\](", "") for text in [*texts, *labels])


def test_any_operation_tells_its_numbers(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="inception-mini", layer="conv2")
    told = " ".join(element.value for element in app.markdown)
    assert "(5 x 5 x 88 + 1) x 20 = 44,020" in told
    assert "5 x 5 x 88 x 20 x 8 x 8 = 2,816,000" in told
    assert "a patch of 22 x 22 pixels" in told
    app.selectbox(key="choice-layer").set_value("fc").run()
    assert "the whole image" in " ".join(element.value for element in app.markdown)


def test_an_unknown_layer_in_a_link_is_named(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="basic-cnn", layer="conv9")
    assert "Unknown layer 'conv9'" in app.warning[0].value
    assert not app.error
