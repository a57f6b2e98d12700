from __future__ import annotations

from cnnviz.plots.architecture import Bar, bars, percent

ENTRIES = [
    Bar("features.denseblock4.denselayer32.conv2", "Conv2d", {"convolution": 750}),
    Bar("layer1", "Sequential", {"convolution": 200, "normalisation": 49}),
    Bar("fc", "Linear", {"linear": 1}),
]


def test_one_trace_for_each_kind_in_the_tables_colours_and_each_bar_in_its_row() -> None:
    figure = bars(ENTRIES, 10_000, "Title", "parameters")
    assert [trace.name for trace in figure.data[:-1]] == ["Convolution", "Normalisation", "Linear"]
    assert list(figure.data[0].x) == [750, 200, 0]
    assert list(figure.data[1].x) == [0, 49, 0]
    assert len({trace.marker.color for trace in figure.data[:-1]}) == 3
    assert figure.layout.barmode == "stack"


def test_numbers_and_parts_of_the_total_stand_beside_the_bars() -> None:
    figure = bars(ENTRIES, 10_000, "Title", "parameters")
    beside = figure.data[-1]
    assert [text.strip() for text in beside.text] == ["750 · 8 %", "249 · 2 %", "1 · < 0.1 %"]
    assert list(beside.x) == [750, 249, 1]
    assert figure.layout.xaxis.range[1] > 750
    assert figure.layout.xaxis.title.text == "parameters"


def test_long_paths_keep_their_end() -> None:
    (name, *_others) = bars(ENTRIES, 1000, "Title", "parameters").layout.yaxis.ticktext
    assert name == "…denselayer32.conv2"
    assert bars([Bar("a" * 40, "", {})], 1, "", "").layout.yaxis.ticktext == ("…" + "a" * 25,)


def test_percent_tells_nearly_nothing_from_nothing_and_nearly_all_from_all() -> None:
    assert [percent(part, 1000) for part in (0, 1, 9, 560, 998, 1000)] == [
        "0 %",
        "0.1 %",
        "0.9 %",
        "56 %",
        "99.8 %",
        "100 %",
    ]
    assert percent(1, 10_000) == "< 0.1 %"
    assert percent(9_999, 10_000) == "> 99.9 %"
    assert percent(0, 0) == "0 %"
