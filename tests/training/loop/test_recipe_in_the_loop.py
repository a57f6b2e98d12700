"""What the fields of a recipe do to a training."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.nn import functional as F
from torch.optim import lr_scheduler

from cnnviz import architectures, datasets
from cnnviz.datasets import Dataset
from cnnviz.training.loop.batches import Batches, balanced_subset
from cnnviz.training.loop.loop import train
from cnnviz.training.loop.optimisation import initial_network, loss_function, with_auxiliaries
from cnnviz.training.recipe.augmentation import NONE
from cnnviz.training.recipe.recipe import Recipe
from tests.training.watching import Losses


@pytest.fixture(scope="module")
def digits() -> Dataset:
    """129 digits to train on, 40 to test."""
    data = datasets.load("mnist-sample")
    return dataclasses.replace(
        data,
        train_images=data.train_images[::31][:129],
        train_labels=data.train_labels[::31][:129],
        test_images=data.test_images[::25],
        test_labels=data.test_labels[::25],
    )


@pytest.fixture(scope="module")
def photographs() -> Dataset:
    """Random colours, 20 images in all."""
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (20, 3, 32, 32), generator=generator, dtype=torch.uint8)
    labels = torch.arange(20) % 10
    return Dataset("cifar10", tuple("abcdefghij"), images, labels, images, labels, "d" * 64)


def small(key: str = "mlp", **changes: object) -> Recipe:
    return Recipe.default(key, **{"dataset": "mnist-sample", "threads": 1, "device": "cpu", **changes})


def losses(recipe: Recipe, data: Dataset) -> list[float]:
    watcher = Losses()
    train(recipe, data, watcher)
    return watcher.steps


OPTIMIZERS = {
    "sgd": lambda parameters: torch.optim.SGD(parameters, lr=0.02, momentum=0.9, weight_decay=0.1),
    "adam": lambda parameters: torch.optim.Adam(parameters, lr=0.02, weight_decay=0.1),
    "adamw": lambda parameters: torch.optim.AdamW(parameters, lr=0.02, weight_decay=0.1),
}
SCHEDULES = {
    "none": lambda optimizer: lr_scheduler.ConstantLR(optimizer, 1.0),
    "step": lambda optimizer: lr_scheduler.StepLR(optimizer, 1, 0.1),
    "cosine": lambda optimizer: lr_scheduler.CosineAnnealingLR(optimizer, 3),
}


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_optimizer_weight_decay_and_schedule_are_pytorchs(name: str, schedule: str, digits: Dataset) -> None:
    recipe = small(
        optimizer=name, learning_rate=0.02, momentum=0.9, weight_decay=0.1, schedule=schedule, epochs=3
    )
    model = architectures.get("mlp").build_seeded(1)
    optimizer = OPTIMIZERS[name](model.parameters())
    rates = SCHEDULES[schedule](optimizer)
    generator = torch.Generator().manual_seed(1)
    expected = []
    for _ in range(3):
        for chosen in torch.randperm(len(digits.train_labels), generator=generator).split(64):
            x = (digits.train_images[chosen].float() / 255 - 0.1307) / 0.3081
            loss = F.nll_loss(model(x), digits.train_labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            expected.append(loss.item())
        rates.step()
    assert losses(recipe, digits) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("key", ["mlp", "basic-cnn"])
def test_cross_entropy_of_logarithms_of_probabilities_is_the_negative_log_likelihood(key: str) -> None:
    recipe, scores, labels = small(key), torch.randn(7, 10), torch.arange(7)
    logarithms = scores.log_softmax(1)
    for outputs in (scores, logarithms):
        torch.testing.assert_close(loss_function(recipe)(outputs, labels), F.nll_loss(logarithms, labels))


def test_the_mean_squared_error_is_against_one_for_the_right_class_and_zero_else() -> None:
    scores, labels = torch.randn(7, 10), torch.arange(7)
    expected = (scores - torch.eye(10)[labels]).square().mean()
    torch.testing.assert_close(loss_function(small("basic-cnn", loss="mse"))(scores, labels), expected)
    probabilities = scores.softmax(1)
    expected = (probabilities - torch.eye(10)[labels]).square().mean()
    found = loss_function(small("mlp", loss="mse"))(probabilities.log(), labels)
    torch.testing.assert_close(found, expected)


def test_xavier_widens_with_the_number_of_connections() -> None:
    model = initial_network(small("basic-cnn", initialisation="xavier"))
    bound = (6 / ((10 + 20) * 25)) ** 0.5  # of conv2: (in + out channels) x 5 x 5
    assert bound * 0.95 < model.conv2.weight.abs().max() <= bound
    usual = initial_network(small("basic-cnn"))
    assert not model.conv2.weight.equal(usual.conv2.weight)
    again = initial_network(small("basic-cnn", initialisation="xavier"))
    assert model.conv2.weight.equal(again.conv2.weight)


@pytest.mark.parametrize("count", [1, 10, 57, 100, 119])
def test_a_subset_has_as_many_of_each_class(count: int) -> None:
    labels = torch.arange(1000).remainder(11).clamp(max=9).sort().values
    chosen = balanced_subset(labels, count, seed=3)
    assert len(set(chosen.tolist())) == count
    counts = labels[chosen].bincount(minlength=10)
    assert counts.max() - counts.min() <= 1
    assert not chosen.equal(balanced_subset(labels, count, seed=4))
    assert chosen.equal(balanced_subset(labels, count, seed=3))


def test_a_class_that_is_used_up_is_made_up_for_by_the_others() -> None:
    labels = torch.tensor([0] * 3 + [1] * 20)
    assert labels[balanced_subset(labels, 15, seed=1)].bincount().tolist() == [3, 12]


def test_train_on_fewer_images(digits: Dataset) -> None:
    watcher = Losses()
    train(small(train_images=50, batch_size=20), digits, watcher)
    assert (watcher.steps_per_epoch, len(watcher.steps)) == (3, 3)


def test_a_permutation_changes_the_pictures_of_training_and_test_alike(digits: Dataset) -> None:
    """To an MLP the order of the pixels means nothing: with its weights permuted, too, nothing changes."""
    recipe = small(permutation_seed=5, epochs=2, learning_rate=0.05)
    first, second = Losses(), Losses()
    result = train(recipe, digits, first)
    train(recipe.changed(permutation_seed=None), digits, second)
    assert first.steps != second.steps
    order = torch.randperm(784, generator=torch.Generator().manual_seed(5))
    permuted = ((digits.test_images / 255 - 0.1307) / 0.3081).flatten(2)[:, :, order].view(-1, 1, 28, 28)
    right = (result.model(permuted).argmax(1) == digits.test_labels).float().mean().item()
    assert result.test_accuracy == pytest.approx(right)


def test_augmentation_is_drawn_anew_in_every_epoch_and_spares_the_test_images(digits: Dataset) -> None:
    changed = small(augmentation={"shift": 0.2}, learning_rate=1e-6, epochs=2, batch_size=129)
    usual = changed.changed(augmentation=NONE)
    first, second = Losses(), Losses()
    train(changed, digits, first)
    train(usual, digits, second)
    assert second.steps[0] == pytest.approx(second.steps[1], rel=1e-4)  # the same images, in one batch
    assert first.steps[0] != pytest.approx(first.steps[1], rel=1e-4)
    assert first.epochs[0].test_loss == pytest.approx(second.epochs[0].test_loss, rel=1e-4)
    assert losses(changed, digits) == first.steps


def test_images_are_resized_for_training_and_test(digits: Dataset) -> None:
    recipe = small("densenet", resize=32, options={"layers": 1, "growth": 2, "blocks": 2}, batch_size=43)
    result = train(dataclasses.replace(recipe, epochs=1), digits, Losses())
    with torch.no_grad():
        x = (digits.test_images / 255 - 0.1307) / 0.3081
        scores = result.model(F.interpolate(x, (32, 32), mode="bilinear", align_corners=False))
    expected = (scores.argmax(1) == digits.test_labels).float().mean().item()
    assert result.test_accuracy == pytest.approx(expected)


def test_three_channels(photographs: Dataset) -> None:
    recipe = Recipe.default("lenet-cifar", threads=1, device="cpu", epochs=1, batch_size=8)
    assert len(losses(recipe, photographs)) == 3


@pytest.mark.parametrize(("batch_size", "expected"), [(64, 2), (43, 3), (2, 64)])
def test_a_last_batch_of_one_is_left_out_with_batch_norm(
    batch_size: int, expected: int, digits: Dataset
) -> None:
    recipe = small("lenet-bn", epochs=1, batch_size=batch_size)
    watcher = Losses()
    result = train(recipe, digits, watcher)
    assert len(watcher.steps) == watcher.steps_per_epoch == expected
    assert not result.stopped
    plain = dataclasses.replace(recipe, options={"batch_norm": False})
    assert len(losses(plain, digits)) == -(-129 // batch_size)


def test_batches_that_leave_one_out_have_the_rest() -> None:
    images, labels = torch.zeros(5, 1, 2, 2, dtype=torch.uint8), torch.arange(5)
    batches = Batches(images, labels, lambda x: x, 2, leave_single=True)
    assert (batches.images, len(batches)) == (4, 2)
    order = batches.order(torch.Generator().manual_seed(0))
    taken = torch.cat([batches.take(order, number)[1] for number in range(2)])
    assert taken.tolist() == order[:4].tolist()
    assert torch.cat([labels for _, labels in batches.in_order()]).tolist() == [0, 1, 2, 3]


def test_auxiliary_classifiers_count_three_tenths() -> None:
    labels, scores = torch.arange(4), [torch.randn(4, 10) for _ in range(3)]
    main, first, second = (F.cross_entropy(part, labels) for part in scores)
    found = with_auxiliaries(F.cross_entropy, tuple(scores), labels)
    torch.testing.assert_close(found, main + 0.3 * first + 0.3 * second)


def test_accuracy_by_a_second_pass_is_that_of_the_weights_at_the_epochs_end(digits: Dataset) -> None:
    running, second = Losses(), Losses()
    recipe = small("basic-cnn", epochs=1, learning_rate=0.1, batch_size=16)
    train(recipe, digits, running)
    result = train(dataclasses.replace(recipe, train_accuracy="second-pass"), digits, second)
    assert second.steps == running.steps
    with torch.no_grad():
        scores = result.model((digits.train_images / 255 - 0.1307) / 0.3081)
    right = (scores.argmax(1) == digits.train_labels).float().mean().item()
    assert second.epochs[0].train_accuracy == pytest.approx(right)
    assert running.epochs[0].train_accuracy != second.epochs[0].train_accuracy
    assert running.epochs[0].train_loss == second.epochs[0].train_loss
