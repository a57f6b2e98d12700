"""What batch normalisation allows, and what it needs (Ioffe and Szegedy 2015)."""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
_QUICK = (0.01, 0.1, 1.0, 3.0)
BATCHES = (1, 2, 4, 16, 64)
LEARNED = 0.5
"""Of the test accuracy, in ten classes: from here on a network counts as one that learns."""

_WITH = {True: Message("with batch normalisation"), False: Message("without it")}
_KEYS = {True: "with", False: "without"}
_FEW = {"learning_rate": 0.1, "train_images": 2_000, "epochs": 2}


def _judge(outcomes: Outcomes) -> Verdict:
    tried = [rate for rate in RATES if f"with-rate-{rate:g}" in outcomes]
    learned = {
        key: [rate for rate in tried if outcomes[f"{key}-rate-{rate:g}"].accuracy >= LEARNED]
        for key in _KEYS.values()
    }
    first = Message(
        "With batch normalisation, LeNet learns at {many} of {all} learning rates ({rates}); without "
        "it, at {few} ({others}).",
        many=len(learned["with"]),
        few=len(learned["without"]),
        all=len(tried),
        rates=_listed(learned["with"]),
        others=_listed(learned["without"]),
    )
    pair, many = outcomes["with-batch-2"].accuracy, outcomes["with-batch-16"].accuracy
    refused = outcomes["with-batch-1"].status == "refused"
    second = Message(
        "It cannot train on batches of one image, because a single value has standard deviation 0; with "
        "batches of two it reaches {pair:.1%}, with batches of sixteen {many:.1%}.",
        pair=pair,
        many=many,
    )
    return Verdict(len(learned["with"]) == len(tried) > len(learned["without"]) and refused, (first, second))


def _listed(rates: list[float]) -> str:
    return ", ".join(f"{rate:g}" for rate in rates) or "–"


def _variant(normalised: bool, what: str, value: float, title: Message, recipe: dict[str, object]) -> Variant:
    return Variant(
        key=f"{_KEYS[normalised]}-{what}-{value:g}",
        title=title,
        recipe={**recipe, "options": {"batch_norm": normalised}},
        series=_WITH[normalised],
        refused=normalised and value == 1 and what == "batch",
        full_only=what == "rate" and value not in _QUICK,
    )


_RATED = tuple(
    _variant(
        normalised,
        "rate",
        rate,
        Message("learning rate {rate:g}, {how}", rate=rate, how=_WITH[normalised]),
        {"learning_rate": rate},
    )
    for normalised in _WITH
    for rate in RATES
)
_BATCHED = tuple(
    _variant(
        True,
        "batch",
        size,
        Message("batch size {size}, {how}", size=size, how=_WITH[True]),
        {**_FEW, "batch_size": size},
    )
    for size in BATCHES
)

EXPERIMENT = Experiment(
    key="batch-normalisation",
    order=4,
    title=Message("Batch normalisation"),
    claim=Message(
        "With batch normalisation, LeNet learns at every learning rate from 0.01 to 3; without it, only "
        "at some of them. But batch normalisation cannot train on batches of a single image."
    ),
    variants=(*_RATED, *_BATCHED),
    panels=(
        Panel(
            "sweep",
            Message("Test accuracy by learning rate"),
            Message(
                "A line at 10 %, a random guess among ten classes, means that the network has not "
                "learned. Compare how wide the range is in which each line stays above that."
            ),
            x="learning_rate",
            log_x=True,
            variants=tuple(variant.key for variant in _RATED),
        ),
        Panel(
            "sweep",
            Message("Test accuracy by batch size"),
            Message(
                "2,000 images, two epochs, learning rate 0.1. Smaller batches mean more steps, which "
                "helps; but the mean and standard deviation of two images are poor estimates, and those "
                "of a single image are useless, so cnnviz refuses to train on it."
            ),
            x="batch_size",
            log_x=True,
            variants=tuple(variant.key for variant in _BATCHED),
        ),
    ),
    judge=_judge,
    compared=("with-rate-0.3", "without-rate-0.3"),
    base={"architecture": "lenet-bn", "batch_size": 64},
    quick={"dataset": "mnist-sample", "batch_size": 16, "epochs": 3},
    full={"dataset": "fashion-mnist", "epochs": 2},
)
