"""Own networks on the command line, by their keys."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cnnviz.cli.main import main
from cnnviz.training.store import store as store_module
from tests.own.test_kept import STUDENTS


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path))
    monkeypatch.setenv("CNNVIZ_THREADS", "1")
    return tmp_path


def kept(name: str, capsys: pytest.CaptureFixture[str]) -> str:
    main(["own", str(STUDENTS / f"{name}.py"), "--keep"])
    return capsys.readouterr().err.splitlines()[0].removeprefix("kept as ")


def printed(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> Any:
    assert main([*arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_kept_network_is_known_by_its_key_everywhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from PIL import Image

    key = kept("plain", capsys)
    assert key == "own-23652b68f11de989"
    assert main(["summary", key, "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["total_params"] == 8_490
    assert printed(["why", key, "--layer", "fc"], capsys)["layer"] == "fc"
    assert main(["evaluate", key]) == 2
    assert f"Net has not been trained yet: cnnviz train {key}" in capsys.readouterr().err
    quick = ["--dataset", "mnist-sample", "--epochs", "1", "--train-images", "100"]
    run = printed(["train", key, *quick], capsys)
    assert printed(["evaluate", key], capsys)["checkpoint"] == run["run_id"]
    digit = Image.new("L", (28, 28), 0)
    digit.paste(255, (12, 6, 15, 22))
    digit.save(tmp_path / "one.png")
    (answer,) = printed(["predict", str(tmp_path / "one.png"), "--model", key], capsys)
    assert answer["model"] == run["run_id"]
    assert len(answer["probabilities"]) == 10
    exported = tmp_path / "exported"
    main(["train", key, *quick, "--export", str(exported)])
    assert "its network is not one of the course's" in capsys.readouterr().err
    (facts,) = exported.glob("*.json")
    assert facts.stem.startswith(f"{key}-mnist-sample-")
    store_module.open_store().close()


def test_a_broken_network_is_explained_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    key = kept("wrong_linear", capsys)
    assert main(["summary", key]) == 1
    assert "Fix: Linear(1440, 10)" in capsys.readouterr().err
    assert main(["train", key]) == 2
    assert "Line 16: fc receives" in capsys.readouterr().err
    assert main(["summary", key, "--set", "fc.in_features=1440"]) == 0
