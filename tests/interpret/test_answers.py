from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from cnnviz import architectures, datasets
from cnnviz.errors import CnnvizError
from cnnviz.interpret.answers import answer_all, answers_of, predict
from cnnviz.training.checkpoints.checkpoints import evaluate_checkpoint
from cnnviz.training.loop.batches import Batches
from cnnviz.training.recipe.image_preparation import ImagePreparation
from cnnviz.training.transforms.batch_preparer import Normaliser
from tests.constant_networks import save_constant
from tests.networks import MNIST

PLAIN = Normaliser((0.0,), (1.0,), torch.device("cpu"))


def batches(images: int = 10, size: int = 4) -> Batches:
    generator = torch.Generator().manual_seed(3)
    pixels = torch.randint(0, 256, (images, 1, 4, 4), dtype=torch.uint8, generator=generator)
    return Batches(pixels, torch.arange(images) % 3, PLAIN, size)


def network(outputs: int = 3) -> nn.Module:
    torch.manual_seed(5)
    return nn.Sequential(nn.Flatten(), nn.Linear(16, outputs)).eval()


def test_every_image_is_answered_in_order() -> None:
    model, given, parts = network(), batches(), []
    found = answer_all(model, given, 3, parts.append)
    x = torch.cat([images for images, _ in given.in_order()])
    with torch.no_grad():
        scores = model(x)
    np.testing.assert_allclose(found.probabilities, scores.softmax(1), rtol=1e-6)
    np.testing.assert_array_equal(found.labels, np.arange(10) % 3)
    assert found.loss == pytest.approx(float(nn.functional.cross_entropy(scores, torch.arange(10) % 3)))
    assert found.accuracy == float((scores.argmax(1) == torch.arange(10) % 3).double().mean())
    assert parts == [pytest.approx(1 / 3), pytest.approx(2 / 3), 1.0]


def test_the_figures_are_those_of_the_command_line(tmp_path: Path) -> None:
    checkpoint = save_constant(tmp_path, "mlp", 4, dataset="mnist-sample")
    found, known = answers_of(checkpoint, "mnist-sample"), evaluate_checkpoint(checkpoint, "mnist-sample")
    assert (len(found.labels), found.accuracy) == (known.images, known.accuracy) == (1000, 0.1)
    assert found.loss == pytest.approx(known.loss, rel=1e-5)
    np.testing.assert_array_equal(found.labels, datasets.load("mnist-sample").test_labels)


def test_output_that_is_no_class_vector_gets_a_sentence() -> None:
    with pytest.raises(CnnvizError, match="outputs 5 values per image; 3 are needed"):
        answer_all(network(5), batches(), 3)


def test_no_images_get_a_sentence() -> None:
    with pytest.raises(CnnvizError, match="no images"):
        answer_all(network(), batches(0), 3)


def test_a_model_in_training_mode_is_refused() -> None:
    with pytest.raises(ValueError, match="training mode"):
        answer_all(network().train(), batches(), 3)


def test_what_progress_raises_ends_the_work() -> None:
    seen: list[float] = []

    def stop(part: float) -> None:
        seen.append(part)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        answer_all(network(), batches(), 3, stop)
    assert len(seen) == 1


def test_classes_of_the_data_are_asked_for(tmp_path: Path) -> None:
    checkpoint = save_constant(tmp_path, "basic-cnn", 7, dataset="mnist-sample")
    found = answers_of(checkpoint, "mnist-sample")
    said: Sequence[int] = found.predicted.tolist()
    assert set(said) == {7}
    assert found.confidence.min() > 0.99


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
