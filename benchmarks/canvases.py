"""How many simulated drawings the networks of the Draw page classify correctly.

Usage: python -m benchmarks.canvases [--images N] [--checkpoint ID]... [--seed N]

Each drawing is the skeleton of an MNIST test digit, redrawn on the canvas with a round pen: 30 % to 95 % of the
canvas high, anywhere on it, slanted by up to 15 degrees, with a pen 4 % to 12 % of the height wide. It is then
prepared like any other drawing. Requires MNIST in CNNVIZ_DATA_DIR, and scikit-image for the skeletons. Exit
status 1 if no network reaches the target.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cnnviz import datasets
from cnnviz.drawing import to_mnist
from cnnviz.interpret.answers import Answers, answer_all
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.checkpoints.checkpoints import Checkpoint

TARGET = 0.97
SIDE = 320  # as on the page
PAPER = (0, 0, 0, 255)
HEIGHTS = (0.30, 0.95)  # of the canvas
PENS = (0.04, 0.12)  # of the digit's height
SLANT = 15.0  # degrees
_ENLARGED = 4
_BATCH = 256
_GROUPS = (("height", HEIGHTS, ("small", "middle", "large")), ("pen", PENS, ("thin", "middle", "thick")))


@dataclass(frozen=True)
class Hand:
    """How a digit is drawn: ``height`` (fraction of the canvas, including the pen), ``pen`` (fraction of the height),
    ``slant`` (degrees), and its position (0 to 1 of the remaining space).
    """

    height: float
    pen: float
    slant: float
    place: tuple[float, float]


def some_hand(generator: np.random.Generator) -> Hand:
    """A random hand, uniformly distributed within the limits."""
    return Hand(
        height=generator.uniform(*HEIGHTS),
        pen=generator.uniform(*PENS),
        slant=generator.uniform(-SLANT, SLANT),
        place=(generator.uniform(), generator.uniform()),
    )


def skeleton(digit: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The centre lines of a digit's strokes: (28, 28) uint8 -> points (N, 2), row and column."""
    from PIL import Image
    from skimage.morphology import skeletonize

    size = (digit.shape[1] * _ENLARGED, digit.shape[0] * _ENLARGED)
    smooth = np.asarray(Image.fromarray(digit).resize(size, Image.Resampling.BICUBIC))
    pixels = np.argwhere(skeletonize(smooth > 127)).astype(np.float64)
    return _joined(pixels if len(pixels) else np.argwhere(smooth == smooth.max()).astype(np.float64))


def _joined(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    """``points`` with midpoints between neighbours, so that the pen leaves no gaps when the digit is enlarged."""
    known = {(row, column) for row, column in pixels.tolist()}
    between = [
        (row + part * down, column + part * across)
        for row, column in known
        for down, across in ((0, 1), (1, -1), (1, 0), (1, 1))
        if (row + down, column + across) in known
        for part in (0.25, 0.5, 0.75)
    ]
    return np.array([*known, *between])


def draw(points: NDArray[np.float64], hand: Hand, side: int = SIDE) -> NDArray[np.uint8]:
    """The canvas (side, side, 4) uint8 after ``hand`` has drawn the lines through ``points``."""
    from scipy.ndimage import distance_transform_edt

    slanted = points.copy()
    slanted[:, 1] -= math.tan(math.radians(hand.slant)) * (points[:, 0] - points[:, 0].mean())
    slanted -= slanted.min(axis=0)
    high, wide = slanted.max(axis=0)
    height = hand.height * side
    pen = hand.pen * height
    # A digit that is wider than high, or a mere dot, must find room as well.
    scale = (height - pen) / max(high, wide, 1.0) if wide > high else (height - pen) / max(high, 1.0)
    placed = slanted * scale + pen / 2 + 1
    room = side - 2 - pen - placed.max(axis=0) + placed.min(axis=0)
    placed += room * hand.place
    paper = np.ones((side, side), bool)
    paper[tuple(np.clip(np.rint(placed), 0, side - 1).astype(int).T)] = False
    distance = distance_transform_edt(paper)
    ink = np.clip(pen / 2 + 0.5 - distance, 0, 1)
    canvas = np.zeros((side, side, 4), np.uint8)
    canvas[..., :3] = np.rint(ink * 255).astype(np.uint8)[..., None]
    canvas[..., 3] = 255
    return canvas


def drawings(count: int, seed: int) -> tuple[NDArray[np.uint8], NDArray[np.int64], list[Hand]]:
    """The first ``count`` test digits, redrawn and prepared: images (N, 1, 28, 28), labels, hands."""
    data = datasets.load("mnist")
    generator = np.random.default_rng(seed)
    images, hands = [], []
    for digit in data.test_images[:count, 0].numpy():
        hand = some_hand(generator)
        prepared = to_mnist(draw(skeleton(digit), hand), PAPER)
        if prepared is None:
            raise RuntimeError("a digit left no ink on the canvas")
        images.append(prepared.image[None])
        hands.append(hand)
    return np.stack(images), data.test_labels[:count].numpy(), hands


def read(checkpoint: Checkpoint, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Answers:
    """The predictions of a checkpoint's network for prepared drawings."""
    import torch

    from cnnviz.training.loop.batches import Batches
    from cnnviz.training.transforms.batch_preparer import BatchPreparer

    prepare = BatchPreparer(checkpoint.recipe.preparation, (1, *images.shape[2:]))
    batches = Batches(torch.from_numpy(images), torch.from_numpy(labels), prepare.test, _BATCH)
    return answer_all(checkpoints.load_model(checkpoint), batches, 10)


def _parts(answers: Answers, hands: Sequence[Hand]) -> str:
    """The accuracy for each third of the heights and of the pen widths."""
    texts = []
    for name, (low, high), titles in _GROUPS:
        values = np.array([getattr(hand, name) for hand in hands])
        third = np.minimum(2, ((values - low) / (high - low) * 3).astype(int))
        for number, title in enumerate(titles):
            if (third == number).any():
                texts.append(f"{title} {name} {answers.right[third == number].mean():.1%}")
    return ", ".join(texts)


def main() -> int:
    """Measure and print; returns the exit status."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--checkpoint", action="append", help="an id; by default all that the page offers")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    images, labels, hands = drawings(options.images, options.seed)
    chosen = [checkpoints.get(id_) for id_ in options.checkpoint or ()] or [
        found for found in checkpoints.available() if found.dataset == "mnist"
    ]
    best = 0.0
    for checkpoint in chosen:
        answers = read(checkpoint, images, labels)
        print(f"{checkpoint.id}: {answers.accuracy:.2%} of {len(labels):,} drawings", flush=True)
        print(f"    {_parts(answers, hands)}")
        best = max(best, answers.accuracy)
    print(f"best: {best:.2%}, target {TARGET:.0%}")
    return int(best < TARGET)


if __name__ == "__main__":
    sys.exit(main())
