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
            "Both are weights from before the training, drawn at random, up to {limit:.2f}: there is no pattern yet.",
            limit=limit,
        )
    if untrained_limit is not None:
        return Message(
            "Both have the same colour scale: training turns the random pattern into edges and strokes, and "
            "takes the largest weight from {untrained:.2f} to {limit:.2f}.",
            untrained=untrained_limit,
            limit=limit,
        )
    if not trained:
        return Message(
            "These weights are drawn at random, up to {limit:.2f}: there is no pattern yet. Compare them with "
            "those of a trained network.",
            limit=limit,
        )
    return Message(
        "A filter answers most strongly where the image is bright under its red weights and dark under "
        "its blue ones: look for edges and strokes in different directions. The largest weight is {limit:.2f}.",
        limit=limit,
    )


def colours_sentence(trained: bool) -> Message:
    """What there is to see in filters that are shown in red, green and blue."""
    if not trained:
        return Message(
            "Grey is zero. These weights are drawn at random: every pixel has a colour of its own, and there "
            "is no pattern yet."
        )
    return Message(
        "Grey is zero. A filter answers most strongly to a patch that looks like its picture: look for grey "
        "edges and stripes in different directions, and for spots and edges of colour."
    )


def norms_sentence(linear: bool, biased: bool) -> Message:
    """What norms and biases say: of the outputs of a Linear, or of the filters of a convolution."""
    if linear and biased:
        return Message(
            "The norm says how strongly an output can answer at all; one near zero answers to nothing. The bias is "
            "what the output is where all inputs are zero."
        )
    if linear:
        return Message(
            "The norm says how strongly an output can answer at all; one near zero answers to nothing. This layer "
            "has no bias."
        )
    if biased:
        return Message(
            "The norm says how strongly a filter can answer at all; one near zero answers to nothing. The bias is "
            "added everywhere: with a negative one before a ReLU the filter stays silent until its pattern is clear."
        )
    return Message(
        "The norm says how strongly a filter can answer at all; one near zero answers to nothing. This layer "
        "has no bias."
    )


def slices_sentence(picture: tuple[int, int], reads_maps: bool) -> Message:
    """What there is to see in the slices of one filter, each of ``picture`` (h, w) weights.

    ``reads_maps`` says that the layer is a Linear and its slices are laid out as the maps that it reads.
    """
    if picture == (1, 1):
        return Message("One weight for each input: the output is their weighted sum, plus the bias.")
    if reads_maps:
        return Message(
            "A Linear reads maps that were flattened. Laid out as these maps again, its weights show which "
            "places of which map speak for this output (red) and against it (blue)."
        )
    return Message(
        "One slice for each input channel: every slice is moved over its own map, and the sum of all, plus "
        "the bias, is this filter's output. Few strong slices mean that it listens to few maps."
    )


def rows_sentence(trained: bool) -> Message:
    """What there is to see in the rows of a first Linear, laid out as the images that it reads."""
    if not trained:
        return Message(
            "Each unit has a weight for every pixel, laid out here as the image. They are drawn at random: there "
            "is no pattern yet."
        )
    return Message(
        "Each unit has a weight for every pixel, laid out here as the image: red pixels speak for it, blue "
        "ones against it. It knows no neighbours; what looks smooth, training has made so."
    )


def maps_sentence(kind: str, type_name: str, zeros: float) -> Message:
    """What there is to see in the feature maps of an op of this ``kind`` and type.

    ``zeros`` (0..1) is the part of its values that are 0.
    """
    if kind == "activation" and zeros > 0:
        return Message(
            "What was negative is 0 now, {zeros:.0%} of all values: each map keeps only the places where its "
            "pattern was found.",
            zeros=zeros,
        )
    if kind == "activation":
        return Message(
            "{name} bends every value by itself: large ones are squeezed together, and which places stand out "
            "stays the same.",
            name=type_name,
        )
    return _OF_KIND.get(kind, Message("Each square is one value; zero has the colour of the page."))


_OF_KIND: Mapping[str, Message] = {
    "convolution": Message(
        "Each map is the answer of one filter: red where its pattern is, blue where its opposite is."
    ),
    "pooling": Message("Pooling keeps how strongly a pattern was found nearby, and gives up where exactly."),
    "normalisation": Message(
        "Normalising brings every map to a like size: patterns stay, strengths are evened out."
    ),
    "merge": Message(
        "Here several ways through the network meet: added up value by value, or put side by side."
    ),
    "linear": Message(
        "Each value is a weighted sum of all inputs. Of the last Linear they are the scores of the classes, and "
        "the largest is the network's answer."
    ),
}
