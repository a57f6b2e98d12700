"""The figure of a question as an image, for the page and for paper. Imports no torch."""

from __future__ import annotations

from cnnviz.language import Message
from cnnviz.lessons.exercises.gallery import Curves, Figure, Filters
from cnnviz.plots import still


def address(figure: Figure, *, dark: bool = False) -> str:
    """The image as an address that an ``<img>`` takes."""
    if isinstance(figure, Curves):
        lines = {str(Message("training loss")): figure.train}
        return still.curves(lines | ({str(Message("test loss")): figure.test} if figure.test else {}), dark)
    if isinstance(figure, Filters):
        return still.tiles(figure.values, figure.shape, dark)
    return still.matrix(figure.rows, dark)


def alternative(figure: Figure) -> str:
    """What stands for the image where it cannot be seen; it gives no answer away."""
    if isinstance(figure, Curves):
        return str(Message("A line chart of the loss from the start to the end of a training."))
    if isinstance(figure, Filters):
        return str(
            Message("The filters of a layer as pictures: positive weights are red, negative ones blue.")
        )
    return str(
        Message("A confusion matrix: a row for each label, a column for each class that the network says.")
    )
