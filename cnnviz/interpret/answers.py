"""A network's answer, one probability per class: for one image, and for every image of a test set."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from cnnviz import datasets
from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.operations.op import Op, shape_text
from cnnviz.operations.operation import operation_of
from cnnviz.tracing.inputs import as_taken
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.loop.batches import Batches, memory_order, test_batch_size
from cnnviz.training.loop.evaluate import test_batches
from cnnviz.training.loop.optimisation import loss_function
from cnnviz.training.transforms.batch_preparer import as_input

if TYPE_CHECKING:
    from cnnviz.interpret.activations import FeatureMaps
    from cnnviz.interpret.inputs import Preparing
    from cnnviz.training.checkpoints.checkpoints import Checkpoint
    from cnnviz.training.recipe.image_preparation import ImagePreparation


def check_output(op: Op, classes: int) -> None:
    """Check that ``op``, the last op of a network, gives one score per class.

    Raises:
        CnnvizError: it does not; the message gives its shape.
    """
    if not classes:
        raise CnnvizError(
            Message(
                "This network outputs {shape} values ({name}) instead of one score for each class, so there is no "
                "class to explain.",
                shape=shape_text(op.output_shape),
                name=op.name,
            )
        )
    if op.output_shape != (classes,):
        raise CnnvizError(
            Message(
                "This network outputs {shape} values ({name}) instead of one score for each of "
                "{classes} classes, so there is no class to explain.",
                shape=shape_text(op.output_shape),
                name=op.name,
                classes=classes,
            )
        )


def probabilities(output: FeatureMaps, classes: int) -> NDArray[np.float32]:
    """The probability of each class, (classes,) from 0 to 1, from what the last op returned.

    Scores and log-probabilities go through a softmax; the output of a softmax is left as it is.

    Raises:
        CnnvizError: the output is not one score per class.
    """
    check_output(output.op, classes)
    values = output.values.astype(np.float64)
    if operation_of(output.op).gives != "probabilities":
        values = np.exp(values - values.max())
        values /= values.sum()
    return values.astype(np.float32)


Numbers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers to N images, in the order of the data; shared, so it must not be changed.

    ``probabilities``: (N, classes) float32 from 0 to 1, each row sums to 1. ``labels``: (N,) int64, the true
    classes. ``loss``: the mean of the loss that the network's recipe defines.
    """

    probabilities: NDArray[np.float32]
    labels: Numbers
    loss: float

    @property
    def predicted(self) -> Numbers:
        """The predicted class of each image, (N,)."""
        return np.asarray(self.probabilities.argmax(axis=1))

    @property
    def confidence(self) -> NDArray[np.float32]:
        """The probability of the predicted class, (N,) from 0 to 1."""
        return np.asarray(self.probabilities.max(axis=1))

    @property
    def right(self) -> NDArray[np.bool_]:
        """Whether each prediction is correct, (N,)."""
        return np.asarray(self.predicted == self.labels)

    @property
    def accuracy(self) -> float:
        """The fraction (0..1) of images that are classified correctly."""
        return float(self.right.mean())

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.probabilities.nbytes + self.labels.nbytes


def answers_of(
    checkpoint: Checkpoint, dataset: str, progress: Callable[[float], None] | None = None
) -> Answers:
    """The answers of a checkpoint's network to the test images of ``dataset``, prepared as in its recipe.

    Raises:
        CnnvizError: the checkpoint or the data set is missing or damaged, or they do not match.
    """
    data = datasets.load(dataset)
    recipe = checkpoint.recipe
    model = checkpoints.load_model(checkpoint).to(memory_format=memory_order(recipe))
    batches = test_batches(recipe, data.test_images, data.test_labels)
    return answer_all(model, batches, len(data.classes), progress, loss_function(recipe))


def answers_to(
    model: nn.Module,
    preparing: Preparing,
    images: Tensor,
    labels: Tensor,
    classes: int,
    progress: Callable[[float], None] | None = None,
) -> Answers:
    """The answers of ``model`` to ``images`` (N, C, H, W) uint8 with their ``labels`` (N,), prepared as ``preparing`` says.

    Raises:
        CnnvizError: the network does not give one score for each of ``classes``.
    """
    at_once = test_batch_size(*preparing.input_shape[1:])
    in_order = torch.contiguous_format  # a person's own code may view the maps of a network as rows
    batches = Batches(images, labels, preparing.batch, at_once, memory_format=in_order)
    return answer_all(model, batches, classes, progress)


@torch.inference_mode()
def answer_all(
    model: nn.Module,
    batches: Batches,
    classes: int,
    progress: Callable[[float], None] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] = F.cross_entropy,
) -> Answers:
    """Let ``model``, in eval mode, classify all images of ``batches``.

    ``progress`` is called with 0..1 after each batch; an exception that it raises ends the work. ``loss`` takes scores (B,
    classes) and labels (B,) and averages over the batch.

    Raises:
        CnnvizError: there are no images, or the network does not give one score for each of ``classes``.
        ValueError: the model is in training mode, in which dropout and batch statistics falsify the results.
    """
    if model.training:
        raise ValueError("the model is in training mode; evaluate a copy in eval mode")
    if not batches.images:
        raise CnnvizError(Message("There are no images to evaluate on."))
    probabilities: list[Tensor] = []
    labels: list[Tensor] = []
    total = 0.0
    for number, (x, truth) in enumerate(batches.in_order(), start=1):
        scores = model(as_taken(model, x))
        check_scores(scores, len(truth), classes)
        probabilities.append(scores.float().softmax(1))
        labels.append(truth)
        total += float(loss(scores, truth)) * len(truth)
        if progress is not None:
            progress(number / len(batches))
    return Answers(
        torch.cat(probabilities).numpy(), torch.cat(labels).clone().numpy(), total / batches.images
    )


@torch.inference_mode()
def answer(model: nn.Module, x: Tensor, classes: int | None = None) -> NDArray[np.float32]:
    """The probability of each class for one image ``x`` (1, C, H, W), prepared: (classes,) from 0 to 1.

    ``model`` is in eval mode; it is not changed, and may be shared between threads.

    Raises:
        CnnvizError: the network's output is not one score for each of ``classes``, where that is told.
    """
    scores = model(as_taken(model, x))
    if classes is not None:
        check_scores(scores, 1, classes)
    probabilities: NDArray[np.float32] = scores[0].float().softmax(0).numpy()
    return probabilities


def predict(model: nn.Module, image: NDArray[np.uint8], preparation: ImagePreparation) -> NDArray[np.float32]:
    """The probability of each class for one image, from 0 to 1, summing to 1: (classes,) float32.

    Args:
        model: in eval mode; it is not changed, and may be shared between threads.
        image: (H, W) uint8, 255 is ink, as :func:`cnnviz.drawing.to_mnist` gives it; a network for
            colours gets it in each channel.
        preparation: of the images with which the model was trained.
    """
    height, width = image.shape
    shape = (len(preparation.mean), height, width)
    return answer(model, as_input(np.broadcast_to(image, shape).tobytes(), shape, preparation))


def check_scores(scores: object, images: int, classes: int) -> None:
    """Check that a network gave one score per class for each image.

    Raises:
        CnnvizError: it gave something else; the message gives its shape.
    """
    if isinstance(scores, Tensor) and scores.shape == (images, classes):
        return
    shape = tuple(scores.shape[1:]) if isinstance(scores, Tensor) else ()
    raise CnnvizError(
        Message(
            "The network outputs {shape} values per image; {classes} are needed, one score per class.",
            shape=shape_text(shape),
            classes=classes,
        )
    )
