"""Networks that torch.fx and torch.export made of others: traced as the originals are."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, fx, nn
from torch.nn import functional as F
from torchvision.models import resnet18
from torchvision.models.feature_extraction import create_feature_extractor

from cnnviz.tracing.copies import meta_copy
from cnnviz.tracing.trace import Trace, trace

SHAPE = (1, 8, 8)


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, stride=2, bias=False)
        self.bn = nn.BatchNorm2d(4)
        self.fc = nn.Linear(36, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn(self.conv(x)))
        return self.fc(F.dropout(x.flatten(1), training=self.training))


def figures(traced: Trace) -> list[tuple[str, tuple[int, ...], int, int]]:
    return [(op.kind, op.output_shape, op.macs, op.params) for op in traced.ops if op.kind != "dropout"]


def test_a_graph_module_is_traced_as_the_network_that_it_was_made_from() -> None:
    made = trace(fx.symbolic_trace(Small()), SHAPE)
    assert [op.name for op in made.ops] == ["conv", "bn", "relu", "flatten", "dropout", "fc"]
    assert figures(made) == figures(trace(Small(), SHAPE))


def test_a_feature_extractor_gives_each_of_its_maps_a_name() -> None:
    nodes = {"layer1": "low", "layer3": "high"}
    extractor = create_feature_extractor(resnet18(), return_nodes=nodes)
    traced, whole = trace(extractor, (3, 64, 64)), trace(resnet18(), (3, 64, 64))
    assert [(output.name, output.shape) for output in traced.outputs] == [
        ("low", (64, 16, 16)),
        ("high", (256, 4, 4)),
    ]
    assert traced.macs == sum(op.macs for op in whole.ops[: len(traced.ops)])
    assert traced.total_params == sum(p.numel() for p in extractor.parameters())


def test_the_copy_runs_the_graph_for_evaluation_and_the_original_keeps_its_own() -> None:
    extractor = create_feature_extractor(Small(), return_nodes={"fc": "fc"})
    forward, graph = type(extractor).forward, extractor.graph
    assert extractor.training
    copy = meta_copy(extractor)
    assert "training = False" in str(copy.code)
    copy.train()
    assert type(extractor).forward is forward
    assert extractor.graph is graph
    assert extractor.graph.owning_module is extractor
    assert "training = True" in str(extractor.code)


def exported(images: int) -> nn.Module:
    return torch.export.export(Small().eval(), (torch.zeros(images, *SHAPE),)).module()


def of_any_size() -> nn.Module:
    sizes = ({0: torch.export.Dim("images")},)
    return torch.export.export(Small().eval(), (torch.zeros(4, *SHAPE),), dynamic_shapes=sizes).module()


@pytest.mark.parametrize("make", [lambda: exported(1), lambda: exported(2), lambda: exported(5), of_any_size])
def test_an_exported_program_is_traced_with_the_batch_that_it_takes(
    make: Callable[[], nn.Module],
) -> None:
    traced = trace(make(), SHAPE)
    assert traced.failure is None
    assert [op.name for op in traced.ops if op.kind != "dropout"] == [
        "conv2d",
        "batch_norm",
        "relu",
        "flatten",
        "linear",
    ]
    assert figures(traced) == figures(trace(Small(), SHAPE))
    assert traced.unexecuted == ()


def test_the_core_operations_of_an_exported_program_have_their_multiply_adds() -> None:
    program = torch.export.export(Small().eval(), (torch.zeros(2, *SHAPE),)).run_decompositions()
    traced, original = trace(program.module(), SHAPE), trace(Small(), SHAPE)
    assert traced.op("convolution").macs == 4 * 9 * 9
    assert traced.op("native_batch_norm_legit_no_training").kind == "normalisation"
    assert traced.macs == original.macs
    assert sum(op.params for op in traced.ops) == original.total_params


class CopiesItself(nn.Module):
    """A container with rules of its own about how it is copied, which looks into its children."""

    def __init__(self, size: int = 4) -> None:
        super().__init__()
        self.fc = nn.Linear(8, size)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(x)  # type: ignore[no-any-return]

    def __deepcopy__(self, memo: dict[int, object]) -> CopiesItself:
        from copy import deepcopy

        new = CopiesItself(self.fc.out_features)
        new.fc = deepcopy(self.fc, memo)
        assert new.fc.out_features == self.fc.out_features
        return new


def test_a_module_that_copies_itself_finds_its_children_copied() -> None:
    traced = trace(nn.Sequential(CopiesItself(), nn.ReLU()), (8,))
    assert [op.name for op in traced.ops] == ["0.fc", "1"]
