from __future__ import annotations

import pytest
import torch

from cnnviz import architectures
from cnnviz.architectures import Architecture
from cnnviz.errors import UnknownKeyError
from cnnviz.language import LANGUAGES
from tests.speaking import spoken


@pytest.mark.parametrize("architecture", architectures.registered(), ids=lambda a: a.key)
class TestEveryArchitecture:
    def test_gives_finite_class_scores_and_gradients(self, architecture: Architecture) -> None:
        model = architecture.build_seeded(0)
        scores = model(torch.rand(3, *architecture.input_shape, generator=torch.Generator().manual_seed(0)))
        assert scores.shape == (3, architecture.classes)
        assert scores.isfinite().all()
        scores.sum().backward()
        assert all(p.grad is not None and p.grad.isfinite().all() for p in model.parameters())

    def test_takes_channels_last(self, architecture: Architecture) -> None:
        model = architecture.build_seeded(0).eval()
        x = torch.rand(2, *architecture.input_shape, generator=torch.Generator().manual_seed(0))
        plain = model(x)
        model.to(memory_format=torch.channels_last)
        torch.testing.assert_close(
            model(x.to(memory_format=torch.channels_last)), plain, rtol=1e-4, atol=1e-5
        )

    def test_tells_its_idea_in_every_language(self, architecture: Architecture) -> None:
        told = set()
        for code in LANGUAGES:
            with spoken(code):
                told.add(str(architecture.idea))
        assert len(told) == len(LANGUAGES)

    def test_seeded_weights_leave_the_global_generator_alone(self, architecture: Architecture) -> None:
        before = torch.get_rng_state()
        one, other = architecture.build_seeded(7), architecture.build_seeded(7)
        assert torch.equal(torch.get_rng_state(), before)
        assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))
        different = architecture.build_seeded(8)
        assert not torch.equal(next(one.parameters()), next(different.parameters()))


def test_unknown_key_names_the_closest() -> None:
    with pytest.raises(UnknownKeyError, match="did you mean 'inception-mini'"):
        architectures.get("inceptoin-mini")


def test_unknown_option_is_refused() -> None:
    with pytest.raises(UnknownKeyError, match="option 'growth' is unknown"):
        architectures.get("basic-cnn").build(growth=32)
