"""Why a network may not simply be made deeper (He et al. 2016, section 4.2)."""

from cnnviz.experiments.experiment import Experiment, Outcomes, Panel, Variant, Verdict
from cnnviz.language import Message

DEPTHS = (6, 14, 20, 32, 56)
_QUICK = (6, 20, 56)
_SERIES = {"none": Message("plain"), "identity": Message("with shortcuts")}
_KEYS = {"none": "plain", "identity": "residual"}
STALLED, LEARNED = 1.5, 0.6
"""Of the training loss: above the first a network has stalled (a guess costs 2.3), below the second it learns."""


def _judge(outcomes: Outcomes) -> Verdict:
    shallow, deep = (
        {key: outcomes[f"{key}-{depth}"] for key in _KEYS.values()} for depth in (DEPTHS[0], DEPTHS[-1])
    )
    losses = {key: outcome.loss or 0.0 for key, outcome in deep.items()}
    first = Message(
        "With {depth} layers, the training loss after {epochs} epochs is {plain:.2f} for the plain "
        "network and {residual:.2f} with shortcuts; with {few} layers, {plain_few:.2f} and "
        "{residual_few:.2f}.",
        depth=DEPTHS[-1],
        few=DEPTHS[0],
        epochs=len(deep["plain"].epochs),
        plain=losses["plain"],
        residual=losses["residual"],
        plain_few=shallow["plain"].loss or 0.0,
        residual_few=shallow["residual"].loss or 0.0,
    )
    second = Message(
        "In the deep plain network, the first layer's gradient is {start} times the last convolution's "
        "at the start and {later} times during training; with shortcuts, {start_residual} and "
        "{later_residual} times.",
        start=_first_to_last(deep["plain"].first_norms),
        later=_first_to_last(deep["plain"].later_norms),
        start_residual=_first_to_last(deep["residual"].first_norms),
        later_residual=_first_to_last(deep["residual"].later_norms),
    )
    return Verdict(losses["plain"] > STALLED and losses["residual"] < LEARNED, (first, second))


def _first_to_last(norms: tuple[float, ...]) -> str:
    """The first convolution's gradient as a multiple of the last one's, behind which only the Linear comes."""
    times = norms[0] / norms[-2] if len(norms) > 1 and norms[-2] else 0.0
    return f"{times:,.0f}" if times >= 10 else f"{times:.1g}"


_SHOWN = tuple(f"{key}-{depth}" for depth in (DEPTHS[0], 20, DEPTHS[-1]) for key in _KEYS.values())

EXPERIMENT = Experiment(
    key="depth-without-shortcuts",
    order=2,
    title=Message("Depth without shortcuts"),
    claim=Message(
        "A plain 56-layer network fails to learn where a 6-layer one succeeds; with a shortcut around "
        "every two layers, the same 56 layers learn."
    ),
    variants=tuple(
        Variant(
            key=f"{_KEYS[shortcut]}-{depth}",
            title=Message("{depth} layers, {kind}", depth=depth, kind=_SERIES[shortcut]),
            recipe={"options": {"depth": depth, "shortcut": shortcut}},
            series=_SERIES[shortcut],
            full_only=depth not in _QUICK,
        )
        for depth in DEPTHS
        for shortcut in _SERIES
    ),
    panels=(
        Panel(
            "sweep",
            Message("Training loss by depth"),
            Message(
                "Follow the plain networks to the right: the more layers, the higher the loss after the "
                "same training, up to 2.3, the loss of a random guess. With shortcuts it stays low."
            ),
            y=("loss",),
            x="options.depth",
        ),
        Panel(
            "curves",
            Message("Training loss"),
            Message("The deepest plain network hardly improves on its initial loss."),
            y=("loss",),
            variants=_SHOWN,
        ),
        Panel(
            "layers",
            Message("Gradient of each layer at the start"),
            Message(
                "First step: with shortcuts, a deep network's line is nearly level. Without them, the "
                "gradients of its layers differ by orders of magnitude."
            ),
            y=("first_norms",),
            variants=_SHOWN,
        ),
        Panel(
            "layers",
            Message("Gradient of each layer during training"),
            Message(
                "Median over the second half of training. Look at the left end of the deep plain "
                "network, which still has everything to learn: almost no gradient reaches its first "
                "layers."
            ),
            y=("later_norms",),
            variants=_SHOWN,
        ),
    ),
    judge=_judge,
    compared=("residual-56", "plain-56"),
    base={"architecture": "resnet-deep", "dataset": "mnist-sample"},
    quick={"epochs": 2},
    full={"epochs": 3},
)
