from __future__ import annotations

from pathlib import Path

import pytest
import torch

from cnnviz.errors import CnnvizError, UnknownKeyError, UsageError
from cnnviz.models import resolve, torchvision_names
from cnnviz.tracing.trace import trace

NET = """
from __future__ import annotations
from dataclasses import dataclass
from torch import nn
class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(1, width, 5)
    def forward(self, x):
        return self.conv(x)
@dataclass
class Sizes:
    width: int = 4
class Chatty(nn.Module):
    def forward(self, x):
        print("a student's own print", x.shape)
        return x
class Exits(nn.Module):
    def __init__(self):
        raise SystemExit(0)
class Broken(nn.Module):
    def __init__(self):
        raise RuntimeError("no weights today")
"""


def test_torchvision_models_need_no_weights() -> None:
    model, shape = resolve("torchvision:resnet18", {})
    assert shape == (3, 224, 224)
    assert trace(model, shape).total_params == 11_689_512
    with pytest.raises(UnknownKeyError, match="did you mean 'resnet18'"):
        resolve("torchvision:resnet81", {})


def test_names_read_from_torchvisions_files_are_those_that_it_lists() -> None:
    from torchvision import models

    assert torchvision_names() == tuple(models.list_models(module=models))


def test_the_largest_torchvision_model_takes_no_memory() -> None:
    model, shape = resolve("torchvision:regnet_y_128gf", {})  # computes its widths with tensors
    assert all(parameter.is_meta for parameter in model.parameters())
    assert shape is not None
    traced = trace(model, shape)
    assert traced.total_params == 644_812_894
    assert traced.ops[-1].output_shape == (1000,)


def test_inception_v3_is_shown_at_its_own_size() -> None:
    assert resolve("torchvision:inception_v3", {})[1] == (3, 299, 299)


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mynet.py"
    path.write_text(NET)
    model, shape = resolve(f"{path}:Net", {"conv.out_channels": 8}, own_files=True)
    assert shape is None
    assert trace(model, (1, 28, 28)).ops[0].output_shape == (8, 24, 24)
    with pytest.raises(UnknownKeyError, match="did you mean 'Net'"):
        resolve(f"{path}:Nett", {}, own_files=True)
    with pytest.raises(CnnvizError, match="RuntimeError: no weights today"):
        resolve(f"{path}:Broken", {}, own_files=True)
    with pytest.raises(CnnvizError, match="SystemExit"):
        resolve(f"{path}:Exits", {}, own_files=True)
    with pytest.raises(UsageError, match="does not exist"):
        resolve(f"{tmp_path}/other.py:Net", {}, own_files=True)


def test_only_the_terminal_may_run_files(tmp_path: Path) -> None:
    path = tmp_path / "mynet.py"
    path.write_text("raise SystemExit('this file must not run')")
    with pytest.raises(UnknownKeyError):
        resolve(f"{path}:Net", {})


ON_A_GPU = """
import torch
from torch import nn

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        {lines}
        self.fc = self.fc if hasattr(self, "fc") else nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(x)
"""


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
@pytest.mark.parametrize(
    "lines",
    [
        "self.fc = nn.Linear(4, 3).cuda()",
        "self.fc = nn.Linear(4, 3).to('cuda:0')",
        "self.fc = nn.Linear(4, 3, device='cuda')",
        "self.fc = nn.Linear(4, 3).to(torch.device('cuda'), torch.float16)",
        "self.fc = nn.Linear(4, 3).type(torch.cuda.HalfTensor)",
        "self.register_buffer('mean', torch.zeros(3).pin_memory().cuda())",
        "self.cuda()",
    ],
)
def test_a_network_that_is_built_on_a_gpu_is_traced_without_one(tmp_path: Path, lines: str) -> None:
    file = tmp_path / "net.py"
    file.write_text(ON_A_GPU.format(lines=lines))
    model, _ = resolve(f"{file}:Net", {}, own_files=True)
    assert [op.output_shape for op in trace(model, (4,)).ops] == [(3,)]


@pytest.mark.skipif(torch.accelerator.is_available(), reason="there is a GPU")
def test_an_error_that_ends_a_file_is_told_in_plain_words(tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(ON_A_GPU.format(lines="self.gpu = torch.cuda.current_device()"))
    with pytest.raises(
        CnnvizError, match=r"net.py, line \d+, raises RuntimeError: The program requests a GPU"
    ):
        resolve(f"{file}:Net", {}, own_files=True)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (
            "nn.Sequential([nn.ReLU()])",
            "list is not a layer, so it cannot be in nn.Sequential or nn.ModuleList. Unpack the list with *. For "
            "example: nn.Sequential(*layers)",
        ),
        (
            "nn.Conv2d(3, 4, groups=2, kernel_size=1)",
            "in_channels is not",
        ),
    ],
)
def test_an_error_of_a_constructor_is_told_in_plain_words(line: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "net.py"
    file.write_text(
        "from torch import nn\n\n\nclass Net(nn.Module):\n    def __init__(self):\n"
        f"        super().__init__()\n        self.part = {line}\n"
    )
    with pytest.raises(CnnvizError) as raised:
        resolve(f"{file}:Net", {}, own_files=True)
    told = str(raised.value)
    assert told.startswith(f"{file}, line 7, raises ")
    assert message in told
