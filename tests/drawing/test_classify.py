from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz import architectures
from cnnviz.drawing.classify import predict
from cnnviz.training.transforms.image_preparation import ImagePreparation
from tests.networks import MNIST


class Probe(nn.Module):
    """Remembers its input and says that all classes are alike."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = x
        return torch.zeros(1, 10)


def test_input_is_normalised_as_in_training() -> None:
    image = np.zeros((28, 28), np.uint8)
    image[3, 4] = 255
    probe = Probe()
    predict(probe, image, ImagePreparation((0.1307,), (0.3081,)))
    assert probe.seen.shape == (1, 1, 28, 28)
    assert probe.seen.dtype == torch.float32
    assert probe.seen[0, 0, 0, 0].item() == pytest.approx(-0.1307 / 0.3081)
    assert probe.seen[0, 0, 3, 4].item() == pytest.approx((1 - 0.1307) / 0.3081)


def test_grey_image_is_repeated_for_three_channels() -> None:
    probe = Probe()
    predict(probe, np.full((32, 32), 255, np.uint8), ImagePreparation((0.5, 0.4, 0.3), (0.5, 0.5, 0.5)))
    assert probe.seen.shape == (1, 3, 32, 32)
    assert probe.seen[0, :, 0, 0].tolist() == pytest.approx([1.0, 1.2, 1.4])


@pytest.mark.parametrize("key", [known.key for known in MNIST])
def test_probabilities_of_every_architecture(key: str) -> None:
    model = architectures.get(key).build_seeded(1).eval()
    image = np.random.default_rng(0).integers(0, 256, (28, 28)).astype(np.uint8)
    probabilities = predict(model, image, ImagePreparation((0.1307,), (0.3081,)))
    x = (torch.from_numpy(image).float() / 255 - 0.1307) / 0.3081
    expected = torch.softmax(model(x.view(1, 1, 28, 28)), dim=1)[0]
    assert probabilities.shape == (10,)
    assert probabilities.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(probabilities, expected.detach().numpy(), rtol=1e-4)
    assert not model.training
    assert all(parameter.grad is None for parameter in model.parameters())


def test_likelier_class_has_the_greater_probability() -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 3, bias=True))
    with torch.no_grad():
        model[1].weight.zero_()
        model[1].bias.copy_(torch.tensor([0.0, np.log(3.0), 0.0]))
    assert predict(model, np.zeros((28, 28), np.uint8), ImagePreparation((0.0,), (1.0,))) == pytest.approx(
        [0.2, 0.6, 0.2]
    )


def test_a_drawing_is_permuted_and_resized_as_the_images_were() -> None:
    seen: list[torch.Tensor] = []

    class Probe(torch.nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return torch.zeros(1, 3)

    image = np.arange(16, dtype=np.uint8).reshape(4, 4)
    predict(Probe(), image, ImagePreparation((0.0,), (1.0,), permutation_seed=7))
    order = torch.randperm(16, generator=torch.Generator().manual_seed(7))
    assert seen[0].flatten().mul(255).round().tolist() == order.tolist()
    predict(Probe(), image, ImagePreparation((0.0,), (1.0,), resize=8))
    assert seen[1].shape == (1, 1, 8, 8)
