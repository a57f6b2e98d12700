import numpy as np
import pytest
import torch

from cnnviz import datasets
from cnnviz.datasets import Dataset
from cnnviz.datasets.loading import moments, pick, statistics, value_counts


def dataset(images: np.ndarray, labels: list[int], classes: int) -> Dataset:
    return Dataset(
        key="trial",
        classes=tuple(map(str, range(classes))),
        train_images=torch.from_numpy(images.astype(np.uint8)),
        train_labels=torch.tensor(labels),
        test_images=torch.from_numpy(images[:1].astype(np.uint8)),
        test_labels=torch.tensor(labels[:1]),
        digest="",
    )


def test_figures_are_those_of_all_training_images() -> None:
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (4500, 3, 5, 4))  # more than are counted at once
    labels = generator.integers(0, 3, 4500).tolist()
    found = statistics(dataset(images, labels, classes=4))
    scaled = images / 255
    np.testing.assert_allclose(found.mean, scaled.mean(axis=(0, 2, 3)))
    np.testing.assert_allclose(found.deviation, scaled.std(axis=(0, 2, 3)))
    assert found.train_counts.tolist() == [labels.count(label) for label in range(4)]
    assert found.test_counts.sum() == 1
    assert found.values.shape == (3, 256)
    assert found.values[1, 17] == (images[:, 1] == 17).sum()
    of_class = images[np.array(labels) == 2].mean(axis=0)
    np.testing.assert_allclose(found.class_means[2], of_class, atol=0.5)
    assert not found.class_means[3].any()  # there is none of it


def test_the_sample_has_the_mean_and_deviation_that_are_quoted() -> None:
    found = statistics(datasets.load("mnist-sample"))
    assert found.mean == pytest.approx([0.1307], abs=2e-3)
    assert found.deviation == pytest.approx([0.3081], abs=2e-3)
    assert found.train_counts.tolist() == [400] * 10
    assert found.test_counts.tolist() == [100] * 10


def test_one_value_has_no_deviation() -> None:
    mean, deviation = moments(value_counts(np.full((2, 1, 3, 3), 51, np.uint8)))
    assert mean == pytest.approx([0.2])
    assert deviation == pytest.approx([0.0])


def test_images_of_a_class_are_drawn_by_their_seed() -> None:
    labels = np.array([0, 1] * 50)
    assert pick(labels, 1, 3, seed=0).tolist() == [1, 3, 5]
    assert pick(labels, None, 3, seed=0).tolist() == [0, 1, 2]
    drawn = pick(labels, 1, 10, seed=5)
    assert drawn.tolist() == pick(labels, 1, 10, seed=5).tolist()
    assert drawn.tolist() != pick(labels, 1, 10, seed=6).tolist()
    assert set(labels[drawn]) == {1}
    assert len(set(drawn.tolist())) == 10
    assert sorted(pick(labels, 1, 500, seed=5).tolist()) == list(range(1, 100, 2))
