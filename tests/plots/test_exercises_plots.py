"""The class board's figure."""

from __future__ import annotations

from cnnviz.plots.exercises import board


def test_parts_stand_on_each_other_and_the_last_is_pale() -> None:
    figure = board("Solved", {"first": [2, 0], "later": [1, 1], "not yet": [0, 2]}, 3)
    assert figure.layout.barmode == "stack"
    assert [bar.name for bar in figure.data] == ["first", "later", "not yet"]
    assert [list(bar.x) for bar in figure.data] == [["1", "2"]] * 3
    assert [list(bar.text) for bar in figure.data] == [["2", ""], ["1", "1"], ["", "2"]]
    assert [bar.marker.color is None for bar in figure.data] == [True, True, False]
    assert list(figure.layout.yaxis.range) == [0, 3]
