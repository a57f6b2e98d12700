"""Live models: of a person's own file, run by Python in a process beside the app, and of a running program."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from cnnviz.errors import CnnvizError, UsageError
from cnnviz.hosted import client
from cnnviz.hosted import file as files
from cnnviz.hosted.file import FileModel
from cnnviz.hosted.host import Held, Host
from cnnviz.hosted.protocol import Facts
from cnnviz.hosted.starting import hold_file
from cnnviz.interpret.activations import feature_maps
from cnnviz.interpret.filters import layer_weights
from cnnviz.tracing.trace import trace

FILE = """
import torch.nn as nn
from sizes import CHANNELS

print("a line on standard output")

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, CHANNELS, 3)
        self.fc = nn.Linear(CHANNELS * 26 * 26, 10)

    def forward(self, x):
        return self.fc(self.conv(x).flatten(1))
"""
SIZES = "CHANNELS = {}\n"


class Small(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 2, 3)
        self.norm = nn.BatchNorm2d(2)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.norm(self.conv(x))
        return out


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[Small]:
    model = Small()
    held = Held(model)
    secret = b"secret"
    host = Host(lambda: Facts("Small", "explore(Small)", held.stamp(), (1, 8, 8)), lambda: held, secret)
    monkeypatch.setenv(client.ADDRESS, host.address)
    monkeypatch.setenv(client.SECRET, secret.hex())
    monkeypatch.setattr(client, "_connections", type("Nothing", (), {})())
    yield model
    host.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "net.py").write_text(FILE)
    (tmp_path / "sizes.py").write_text(SIZES.format(4))
    return tmp_path


def defined(folder: Path, weights: Path | None = None) -> FileModel:
    return FileModel(folder / "net.py", "Net", weights, None)


def changed(path: Path, text: str) -> None:
    path.write_text(text)
    later = time.time() + 5
    os.utime(path, (later, later))  # whatever the file system's clock can tell apart


def test_a_live_model_is_asked_what_any_network_is_asked(small: Small) -> None:
    traced = client.ask(trace, (1, 8, 8), original=True)
    assert traced == trace(small, (1, 8, 8))
    x = torch.rand(1, 1, 8, 8)
    told = client.ask(feature_maps, x, traced)
    with torch.no_grad():
        expected = small.eval()(x)[0]
    assert torch.equal(torch.from_numpy(told[-1].values), expected)


def test_the_weights_are_those_of_the_moment_and_the_model_stays_as_it_is(small: Small) -> None:
    small.train()
    stamp = client.facts().stamp
    before = client.ask(layer_weights, client.ask(trace, (1, 8, 8), original=True))[0].values
    assert client.facts().stamp == stamp
    with torch.no_grad():
        small.conv.weight += 1
    assert client.facts().stamp != stamp
    after = client.ask(layer_weights, client.ask(trace, (1, 8, 8), original=True))[0].values
    assert after == pytest.approx(before + 1)
    assert small.training
    assert small.conv.weight.requires_grad
    assert int(small.norm.num_batches_tracked or 0) == 0


def counted(model: nn.Module, progress: object) -> str:
    assert callable(progress)
    for part in (0.5, 1.0):
        progress(part)
    return type(model).__name__


def test_progress_is_told_and_may_end_the_work(small: Small) -> None:
    parts: list[float] = []
    assert client.ask(counted, progress=parts.append) == "Small"
    assert parts == [0.5, 1.0]

    def leave(_part: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.ask(counted, progress=leave)
    assert client.facts().title == "Small"  # not what was left over of the work before


def fail(_model: nn.Module) -> None:
    raise ZeroDivisionError("by zero")


def test_an_error_in_the_network_is_a_sentence(small: Small) -> None:
    with pytest.raises(CnnvizError, match="ZeroDivisionError: by zero"):
        client.ask(fail)


def test_nobody_asks_without_the_secret(small: Small, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(client.SECRET, b"another".hex())
    with pytest.raises(CnnvizError):
        client.facts()
    monkeypatch.setenv(client.SECRET, b"secret".hex())
    assert client.facts().title == "Small"


def test_a_file_is_run_in_another_process_and_again_when_its_module_changes(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client, "_connections", type("Nothing", (), {})())
    for name in (client.ADDRESS, client.SECRET):
        monkeypatch.setenv(name, "")  # to be taken back
    monkeypatch.delitem(sys.modules, "sizes", raising=False)  # of a test that runs the file in this process
    hold_file(folder / "net.py", "Net")
    while (first := client.facts()).running:  # PyTorch is imported
        pass
    assert (first.title, first.input_shape, first.problem) == ("Net", (1, 28, 28), None)
    assert first.source == FILE
    assert client.ask(trace, (1, 28, 28), original=True).total_params == 40 + 27050
    changed(folder / "sizes.py", SIZES.format(8))
    assert client.facts().stamp != first.stamp
    assert client.ask(trace, (1, 28, 28), original=True).total_params == 80 + 54090
    assert "sizes" not in sys.modules
    (folder / "net.py").write_text("import os\nos._exit(3)\n")
    assert "(exit 3)" in problem_after_a_while()
    (folder / "net.py").unlink()
    assert "net.py does not exist" in str(client.facts().problem)


def problem_after_a_while() -> str:
    """The problem with a file, once it is told."""
    for _ in range(600):
        with suppress(CnnvizError):  # nobody can be asked between two processes
            found = client.facts()
            if found.problem is not None and not found.running:
                return str(found.problem)
        time.sleep(0.05)
    raise AssertionError("there is none")


def test_an_error_in_the_file_is_told_and_mending_it_is_enough(folder: Path) -> None:
    network = defined(folder)
    assert network.facts().problem is None
    changed(folder / "net.py", FILE.replace("nn.Linear(", "nn.Liner("))
    told = str(network.facts().problem)
    assert "line 11" in told
    assert "Liner" in told
    with pytest.raises(CnnvizError, match="Liner"):
        network.held()
    (folder / "net.py").write_text(FILE)
    os.utime(folder / "net.py", (0, 0))
    assert network.facts().problem is None


def test_arguments_of_the_constructor_are_given_to_it(folder: Path) -> None:
    text = FILE.replace("__init__(self)", "__init__(self, classes)").replace("26, 10", "26, classes")
    (folder / "net.py").write_text(text.replace("super().__init__(classes)", "super().__init__()"))
    assert "needs a value for classes: add --set classes=VALUE" in str(defined(folder).facts().problem)
    network = FileModel(folder / "net.py", "Net", edits={"classes": 3, "conv.bias": False})
    assert network.facts().problem is None
    assert sum(p.numel() for p in network.held().original.parameters()) == 36 + 3 * 2705
    assert network.facts().arguments == (("classes", "3"),)  # the text, which is trained, needs them, too


def test_what_only_a_keyboard_raises_is_told_too(folder: Path) -> None:
    (folder / "net.py").write_text("raise KeyboardInterrupt")
    assert str(defined(folder).facts().problem).endswith("net.py raises KeyboardInterrupt.")


def test_a_file_that_does_not_come_to_its_end_is_left_when_it_is_saved_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "_PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(files, "_AGAIN_SECONDS", 0.01)
    begun, go_on, again = threading.Event(), threading.Event(), []
    monkeypatch.setattr(sys.modules[__name__], "BEGUN", begun, raising=False)
    monkeypatch.setattr(sys.modules[__name__], "GO_ON", go_on, raising=False)
    here = f"sys.modules[{__name__!r}]"
    (folder / "net.py").write_text(f"import sys\n{here}.BEGUN.set()\n{here}.GO_ON.wait()\n{FILE}")
    network = FileModel(folder / "net.py", "Net", start_again=lambda: again.append("again"))
    first = network.facts()
    assert first.running
    with pytest.raises(CnnvizError, match="is being run"):
        network.held()
    assert not again
    assert begun.wait(60)  # what is run has been read, before the file is written anew
    changed(folder / "net.py", FILE)
    network.facts()
    assert again
    go_on.set()
    while network.facts().running:
        pass
    assert network.facts().problem is None
    assert network.facts().stamp != first.stamp


def test_weights_of_both_kinds_of_files_are_read_without_running_code(folder: Path) -> None:
    from safetensors.torch import save_file

    model = nn.Sequential()
    model.conv, model.fc = nn.Conv2d(1, 4, 3), nn.Linear(4 * 26 * 26, 10)
    tensors = model.state_dict()
    save_file(tensors, folder / "w.safetensors")
    saved = {"epoch": 3, "model_state_dict": {f"module.{k}": v for k, v in tensors.items()}}
    torch.save(saved, folder / "w.pth")
    for name in ("w.safetensors", "w.pth"):
        network = defined(folder, folder / name)
        assert network.facts().problem is None
        assert torch.equal(network.held().copy().state_dict()["conv.weight"], tensors["conv.weight"])


def test_weights_that_do_not_fit_or_hold_code_get_a_sentence(folder: Path) -> None:
    torch.save(nn.Linear(3, 3).state_dict(), folder / "w.pth")
    network = defined(folder, folder / "w.pth")
    assert "do not fit" in str(network.facts().problem)
    torch.save(nn.Linear(3, 3), folder / "w.pth")
    os.utime(folder / "w.pth", (1, 1))
    assert "would run code" in str(network.facts().problem)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"nothing\.py does not exist"):
        hold_file(tmp_path / "nothing.py", "Net")
