from __future__ import annotations

import base64
import re

from cnnviz.ui.architecture.layers import Block, pipeline

BLOCKS = [
    Block("input", "other", (1, 28, 28), "1 x 28 x 28"),
    Block("conv1", "convolution", (16, 14, 14), "(28 - 2)/2 + 1 = 14"),
    Block("fc<1>", "linear", (10,), "Linear(3136, 10)"),
]


def pictures(html: str) -> list[str]:
    return [base64.b64decode(found).decode() for found in re.findall(r"base64,([^\"]+)", html)]


def sides(svg: str) -> tuple[float, float]:
    width, height = re.findall(r'<rect [^>]*width="([\d.]+)" height="([\d.]+)"', svg)[0]
    return float(width), float(height)


def test_maps_are_to_scale_and_a_sheet_more_for_each_doubling_of_the_channels() -> None:
    first, second, vector = pictures(pipeline(BLOCKS, None, dark=False))
    assert sides(first) == (84, 84)
    assert sides(second) == (42, 42)
    assert [svg.count("<rect") for svg in (first, second, vector)] == [1, 5, 1]
    assert sides(vector)[0] < sides(vector)[1]


def test_names_shapes_and_formulas_are_written_and_escaped() -> None:
    html = pipeline(BLOCKS, None, dark=True)
    assert "fc&lt;1&gt;" in html
    assert "16 x 14 x 14" in html
    assert "(28 - 2)/2 + 1 = 14" in html
    assert html.count("→") == 2


def test_where_it_breaks_the_picture_ends_with_a_sign() -> None:
    html = pipeline(BLOCKS[:2], "fc", dark=False)
    assert "✗ fc" in html
    assert html.count("→") == 2


def test_vectors_and_tokens_alone_can_be_drawn() -> None:
    assert (
        len(
            pictures(
                pipeline([Block("a", "other", (4096,), ""), Block("b", "merge", (197, 768), "")], None, False)
            )
        )
        == 2
    )
