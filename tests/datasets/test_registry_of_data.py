import pytest

from cnnviz import datasets
from cnnviz.errors import UnknownKeyError, UsageError


def test_a_network_trained_on_mnist_has_no_test_accuracy_on_the_sample() -> None:
    reason = datasets.overlap("mnist", "mnist-sample")
    assert reason is not None
    assert "training set of MNIST" in str(reason)


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
