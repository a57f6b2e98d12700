import pytest

from cnnviz import datasets
from cnnviz.architectures import Architecture
from cnnviz.datasets import DatasetInfo
from cnnviz.errors import UnknownKeyError, UsageError
from tests.networks import NETWORKS, each


def test_a_network_trained_on_mnist_has_no_test_accuracy_on_the_sample() -> None:
    reason = datasets.overlap("mnist", "mnist-sample")
    assert reason is not None
    assert "MNIST's training set" in str(reason)


@pytest.mark.parametrize(
    ("trained", "evaluated"),
    [("mnist", "mnist"), ("mnist-sample", "mnist-sample"), ("mnist-sample", "mnist")],
)
def test_other_pairs_are_honest(trained: str, evaluated: str) -> None:
    """MNIST's test set holds none of the sample, which comes out of its training set."""
    assert datasets.overlap(trained, evaluated) is None


def test_an_unknown_data_set_names_the_closest() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'mnist'"):
        datasets.load("minst")


def test_the_sample_is_not_downloaded() -> None:
    with pytest.raises(UsageError, match="installed with cnnviz"):
        datasets.download("mnist-sample")


@each(NETWORKS)
def test_every_network_has_a_data_set_with_its_channels_and_classes(architecture: Architecture) -> None:
    assert architecture.dataset is not None
    info = datasets.get(architecture.dataset)
    assert len(info.classes) == architecture.classes
    assert info.input_shape[0] == architecture.input_shape[0]


@pytest.mark.parametrize("info", datasets.registered(), ids=lambda info: info.key)
def test_facts_fit_each_other(info: DatasetInfo) -> None:
    assert len(info.mean) == len(info.deviation) == info.input_shape[0]
    assert [info.class_title(label) for label in range(len(info.classes))] == list(info.classes)
    assert (info.torchvision is None) == (info.folder is None) == (info.download_bytes == 0)
