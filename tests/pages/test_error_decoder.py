from __future__ import annotations

from collections.abc import Callable

from streamlit.testing.v1 import AppTest

from cnnviz.ui.architecture.decoder import EXAMPLES, LONGEST_IN_LINK

OpenPage = Callable[..., AppTest]
PAGE = "pages/architecture.py"
FIELD = "pasted-error"


def said(app: AppTest) -> str:
    return " ".join(element.value for element in [*app.markdown, *app.warning, *app.caption])


def test_a_pasted_error_is_explained_and_kept_in_the_link(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="error")
    app.text_area(key=FIELD).set_value(f"RuntimeError: {EXAMPLES[0]}").run()
    assert "2200 = 88 x 5 x 5, but 1408 = 88 x 4 x 4" in said(app)
    assert "nn.Linear(2200, 10)" in [code.value for code in app.code]
    assert "Inception mini raises exactly this error in fc for images from 32 x 32 to 35 x 35" in said(app)
    assert app.query_params["error"] in (f"RuntimeError: {EXAMPLES[0]}", [f"RuntimeError: {EXAMPLES[0]}"])
    assert not app.exception


def test_a_link_with_an_error_opens_the_decoder(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini", error=EXAMPLES[3])
    assert app.text_area(key=FIELD).value == EXAMPLES[3]
    assert "Class 10 needs a network with at least 11 outputs" in said(app)


def test_the_network_that_says_so_is_one_click_away(open_page: OpenPage) -> None:
    app = open_page(PAGE, error=EXAMPLES[0])
    (link,) = [link for link in app.get("page_link") if "Inception mini" in link.proto.label]
    assert "model=inception-mini" in link.proto.query_string
    assert "size=32" in link.proto.query_string


def test_a_whole_traceback_stays_out_of_the_link(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="error", error=EXAMPLES[0])
    traceback = "\n".join(['  File "a.py", line 3, in forward'] * 40 + [f"IndexError: {EXAMPLES[3]}"])
    assert len(traceback) > LONGEST_IN_LINK
    app.text_area(key=FIELD).set_value(traceback).run()
    assert "error" not in app.query_params
    assert EXAMPLES[3].rstrip(".") in [code.value for code in app.code]
    assert "Class 10" in said(app)


def test_an_example_is_one_click_away(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="error")
    app.button(key="example-error-2").click().run()
    assert "number 1 (counting from 0) has 8" in said(app)
    assert not app.exception


def test_the_decoder_is_a_page_of_its_own_and_leads_back(open_page: OpenPage) -> None:
    app = open_page(PAGE, model="resnet-mini", set="fc.out_features=7", error=EXAMPLES[3])
    assert [title.value for title in app.title] == ["I have an error message"]
    assert not [*app.selectbox, *app.metric, *app.number_input]
    app.button(key="leave-decoder").click().run()
    assert app.selectbox(key="choice-model").value == "resnet-mini"
    assert {*app.query_params} == {"model", "set"}
    app.button_group(key="choice-view").set_value("error").run()
    assert [title.value for title in app.title] == ["I have an error message"]
    assert not app.exception


def test_a_link_to_another_error_changes_the_field_and_one_to_the_same_leaves_it(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="error", error=EXAMPLES[3])
    app.text_area(key=FIELD).set_value(f"{EXAMPLES[0]}\n").run()
    assert app.query_params["error"] in (EXAMPLES[0], [EXAMPLES[0]])
    assert app.text_area(key=FIELD).value == f"{EXAMPLES[0]}\n"  # a line that is just begun is not taken away
    app.query_params["error"] = EXAMPLES[2]
    app.run()
    assert app.text_area(key=FIELD).value == EXAMPLES[2]


def test_a_view_in_the_link_wins_over_an_error(open_page: OpenPage) -> None:
    app = open_page(PAGE, view="bars", error=EXAMPLES[0])
    assert app.metric


def test_a_text_without_an_error_gets_an_honest_answer(open_page: OpenPage) -> None:
    app = open_page(PAGE, error="![a](x) KeyError: 'conv1'")
    assert "This text contains no error that cnnviz knows" in said(app)
    assert "Linear gets the wrong number of features" in said(app)
    assert "![a]" not in said(app)


def test_numbers_that_no_network_produces(open_page: OpenPage) -> None:
    app = open_page(PAGE, error="mat1 and mat2 shapes cannot be multiplied (1x7 and 5x3)")
    assert "In none of the networks does a Linear(5, 3)" in said(app)
