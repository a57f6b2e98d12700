"""What there is to see in pictures of filters and feature maps, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping

from cnnviz.language import Message


def filters_sentence(limit: float, trained: bool, untrained_limit: float | None = None) -> Message:
    """What there is to see in a filter figure, and in a second one beside it of untrained weights.

    The limits are the largest absolute weights.
    """
    if untrained_limit is not None and not trained:
        return Message(
            "Both show random weights from before training, up to {limit:.2f}: there is no pattern yet.",
            limit=limit,
        )
    if untrained_limit is not None:
        return Message(
            "Both use the same colour scale: training turns the random pattern into edges and strokes, "
            "and changes the largest weight from {untrained:.2f} to {limit:.2f}.",
            untrained=untrained_limit,
            limit=limit,
        )
    if not trained:
        return Message(
            "These weights are random, up to {limit:.2f}: there is no pattern yet. Compare them with "
            "those of a trained network.",
            limit=limit,
        )
    return Message(
        "A filter responds most strongly where the image is bright under its red weights and dark under "
        "its blue ones: look for edges and strokes in different directions. The largest weight is "
        "{limit:.2f}.",
        limit=limit,
    )


def colours_sentence(trained: bool) -> Message:
    """What there is to see in filters that are shown in red, green and blue."""
    if not trained:
        return Message(
            "Grey is zero. These weights are random: every pixel has a different colour, and there is "
            "no pattern yet."
        )
    return Message(
        "Grey is zero. A filter responds most strongly to a patch that looks like it: look for grey "
        "edges and stripes in different directions, and for coloured spots and edges."
    )


def norms_sentence(linear: bool, biased: bool) -> Message:
    """What norms and biases say: of the outputs of a Linear, or of the filters of a convolution."""
    if linear and biased:
        return Message(
            "The norm measures how strongly an output can respond; one near zero responds to nothing. "
            "The bias is the output when all inputs are zero."
        )
    if linear:
        return Message(
            "The norm measures how strongly an output can respond; one near zero responds to nothing. "
            "This layer has no bias."
        )
    if biased:
        return Message(
            "The norm measures how strongly a filter can respond; one near zero responds to nothing. "
            "The bias is added everywhere: if it is negative before a ReLU, the filter stays silent "
            "until its pattern is clear."
        )
    return Message(
        "The norm measures how strongly a filter can respond; one near zero responds to nothing. This "
        "layer has no bias."
    )


def slices_sentence(picture: tuple[int, int], reads_maps: bool) -> Message:
    """What there is to see in the slices of one filter, each of ``picture`` (h, w) weights.

    ``reads_maps`` says that the layer is a Linear and its slices are laid out as the maps that it reads.
    """
    if picture == (1, 1):
        return Message("One weight per input: the output is the weighted sum of the inputs, plus the bias.")
    if reads_maps:
        return Message(
            "This Linear receives flattened maps. Arranged as those maps again, its weights show which "
            "positions of which map count for this output (red) or against it (blue)."
        )
    return Message(
        "One slice per input channel: each slice slides over its own map, and the sum of all, plus the "
        "bias, is this filter's output. If only a few slices are strong, the filter relies on only a "
        "few maps."
    )


def rows_sentence(trained: bool) -> Message:
    """What there is to see in the rows of a first Linear, laid out as the images that it reads."""
    if not trained:
        return Message(
            "Each unit has a weight for every pixel, arranged here like the image. The weights are "
            "random: there is no pattern yet."
        )
    return Message(
        "Each unit has a weight for every pixel, arranged here like the image: red pixels count for it, "
        "blue ones against it. It does not know which pixels are neighbours; any smoothness comes from "
        "training."
    )


def maps_sentence(kind: str, type_name: str, zeros: float) -> Message:
    """What there is to see in the feature maps of an op of this ``kind`` and type.

    ``zeros`` (0..1) is the part of its values that are 0.
    """
    if kind == "activation" and zeros > 0:
        return Message(
            "Negative values are now 0 ({zeros:.0%} of all values): each map keeps only the places "
            "where its pattern was found.",
            zeros=zeros,
        )
    if kind == "activation":
        return Message(
            "{name} transforms each value separately: large values are squeezed together, but the same "
            "places stand out.",
            name=type_name,
        )
    return _OF_KIND.get(kind, Message("Each square is one value; zero has the colour of the page."))


_OF_KIND: Mapping[str, Message] = {
    "convolution": Message(
        "Each map is the response of one filter: red where its pattern occurs, blue where its opposite "
        "occurs."
    ),
    "pooling": Message("Pooling keeps how strongly a pattern was found nearby, but not exactly where."),
    "normalisation": Message(
        "Normalisation brings all maps to a similar scale: patterns stay, differences in strength are "
        "evened out."
    ),
    "merge": Message(
        "Several paths through the network meet here: added element by element, or concatenated."
    ),
    "linear": Message(
        "Each value is a weighted sum of all inputs. For the last Linear, these are the class scores; "
        "the class with the largest is the prediction."
    ),
}
