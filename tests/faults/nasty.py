"""Values that nobody should send, and links that are made of them."""

from __future__ import annotations

import random

from cnnviz.settings import PROJECT_DIRECTORY

NASTY = (
    "", " ", "0", "-1", "1e999", "nan", "inf", "99999999999999999999", "1.5", "true", "null", "[]", "{}", '"', "'",
    "\0", "\ud7ff", "😀", "‮abc", "<script>alert(1)</script>", "../../etc/passwd", "/dev/zero", "%00", "%s%n", "a" * 5000,
    "basic-cnn", "densenet", "torchvision:resnet18", "own-0123456789abcdef", "mnist-sample", "cifar10", "=", "&", "growth=16",
    "conv1.kernel_size=0", "conv1.kernel_size=[1,2]", "__class__", "1,28,28", "3,-1,1", "999999,999999,999999",
)  # fmt: skip

PARAMETERS = (
    "model", "view", "size", "set", "layer", "why", "own", "inside", "dataset", "checkpoint", "digit", "image", "source", "step",
    "run", "epochs", "batch_size", "lr", "seed", "kernel", "stride", "padding", "dilation", "pen", "at", "group", "error",
    "experiment", "setting", "shuffle", "part", "page", "whose", "mix", "lang", "untrained", "op", "by", "classes", "why_layer",
)  # fmt: skip
VIEWS = (
    "why",
    "graph",
    "code",
    "what-if",
    "error",
    "maps",
    "value",
    "excite",
    "history",
    "recipe",
    "samples",
    "compare",
)


def link(chance: random.Random) -> tuple[str, dict[str, list[str]]]:
    """The file of a page, and the parameters of a link to it."""
    pages = [
        "app.py",
        *(f"pages/{path.name}" for path in sorted((PROJECT_DIRECTORY / "pages").glob("*.py"))),
    ]
    parameters = {
        chance.choice(PARAMETERS): [chance.choice(NASTY) for _ in range(chance.choice((1, 1, 1, 2)))]
        for _ in range(chance.randrange(1, 6))
    }
    if chance.random() < 0.5:
        parameters["view"] = [chance.choice(VIEWS)]
    return chance.choice(pages), parameters
