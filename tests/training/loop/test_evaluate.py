import pytest
import torch
from torch import nn
from torch.nn import functional as F

from cnnviz.training.loop.batches import Batches
from cnnviz.training.loop.evaluate import evaluate
from cnnviz.training.transforms.batch_preparer import Normaliser


def batches(count: int = 10, batch_size: int = 4) -> Batches:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (count, 1, 4, 4), generator=generator, dtype=torch.uint8)
    labels = torch.randint(0, 3, (count,), generator=generator)
    return Batches(images, labels, Normaliser([0.2], [0.3], torch.device("cpu")), batch_size)


def model() -> nn.Module:
    torch.manual_seed(1)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, 3)).eval()


@pytest.mark.parametrize("batch_size", [1, 3, 4, 10, 99])
def test_figures_do_not_depend_on_the_batches(batch_size: int) -> None:
    network, data = model(), batches(batch_size=batch_size)
    x, labels = next(batches(batch_size=10).in_order())
    with torch.no_grad():
        scores = network(x)
    found = evaluate(network, data)
    assert found.images == 10
    assert found.accuracy == (scores.argmax(1) == labels).sum().item() / 10
    assert found.loss == pytest.approx(F.cross_entropy(scores, labels).item())


def test_progress_grows_to_one() -> None:
    seen: list[float] = []
    evaluate(model(), batches(), seen.append)
    assert seen == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="training mode"):
        evaluate(model().train(), batches())


def test_normaliser_is_the_formula_for_every_channel() -> None:
    images = torch.randint(0, 256, (5, 3, 6, 7), dtype=torch.uint8)
    mean, deviation = [0.4914, 0.4822, 0.4465], [0.2023, 0.1994, 0.2010]
    x = Normaliser(mean, deviation, torch.device("cpu"))(images)
    for channel in range(3):
        expected = (images[:, channel].double() / 255 - mean[channel]) / deviation[channel]
        torch.testing.assert_close(x[:, channel].double(), expected, rtol=1e-5, atol=1e-5)
    assert x.is_contiguous(memory_format=torch.channels_last)
