"""``pip install .``: a wheel is built, installed in a folder of its own, and used from another one."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from benchmarks.serving import serve
from cnnviz import __version__
from cnnviz.settings import PROJECT_DIRECTORY

PATIENCE_MS = 60_000
PAGES = ["", *sorted(path.stem for path in PROJECT_DIRECTORY.glob("pages/*.py"))]
SETTINGS = ".streamlit/config.toml"


@dataclass(frozen=True)
class Installed:
    """Where the package was installed, and an empty folder to use it from."""

    packages: Path
    elsewhere: Path

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "PYTHONPATH": str(self.packages),
            "CNNVIZ_RUNS_DIR": str(self.elsewhere / "runs"),
        }

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], cwd=self.elsewhere, env=self.environment, capture_output=True, text=True
        )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    wheels, packages = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("packages")
    # The requirements are here already, and so is what builds the wheel.
    offline = ("--quiet", "--no-deps", "--no-index", "--disable-pip-version-check")
    pip = [sys.executable, "-m", "pip"]
    build = [
        *pip,
        "wheel",
        *offline,
        "--no-build-isolation",
        "--wheel-dir",
        str(wheels),
        str(PROJECT_DIRECTORY),
    ]
    subprocess.run(build, check=True)
    (wheel,) = wheels.iterdir()
    assert wheel.name == f"cnnviz-{__version__}-py3-none-any.whl"
    subprocess.run([*pip, "install", *offline, "--target", str(packages), str(wheel)], check=True)
    return Installed(packages, tmp_path_factory.mktemp("elsewhere"))


def test_the_installed_command_is_the_package_and_not_the_checkout(installed: Installed) -> None:
    where = installed.run("-c", "import cnnviz; print(cnnviz.__file__)").stdout
    assert Path(where.strip()) == installed.packages / "cnnviz" / "__init__.py"
    command = str(installed.packages / "bin" / "cnnviz")
    assert installed.run(command, "--version").stdout == f"cnnviz {__version__}\n"
    assert installed.run(command, "--help").stdout.startswith("usage: cnnviz ")
    assert "inception-mini" in installed.run(command, "list").stdout


def test_the_shipped_checkpoints_and_the_catalogue_are_inside(installed: Installed) -> None:
    digit = Image.new("L", (40, 40), 255)
    digit.paste(0, (18, 6, 22, 34))  # a 1
    digit.save(installed.elsewhere / "digit.png")
    read = installed.run("-m", "cnnviz", "predict", "digit.png")
    assert (read.returncode, read.stderr) == (0, "")
    assert {line.split()[1] for line in read.stdout.splitlines()} == {"1"}
    why = installed.run("-m", "cnnviz", "why", "inception-mini", "--lang", "zh")
    assert "卷积核" in why.stdout


def test_every_page_of_the_installed_app_opens(installed: Installed, chromium: Browser) -> None:
    words = ("-m", "cnnviz", "app", "--no-browser", "--port")
    with serve(installed.elsewhere / "server", installed.environment, words, installed.elsewhere) as server:
        page = chromium.new_page()
        page.set_default_timeout(PATIENCE_MS)
        for name in PAGES:
            page.goto(f"{server.url}/{name}")
            page.locator("[data-testid=stApp] h1").first.wait_for()
            page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
            assert not page.locator("[data-testid=stException], [data-testid=stAlertContentError]").count(), (
                name
            )
        page.close()
        assert "Traceback" not in server.log.read_text(encoding="utf-8")


def test_streamlit_finds_the_settings_beside_the_installed_app(installed: Installed) -> None:
    there = installed.packages / "cnnviz" / "app" / SETTINGS
    assert there.read_bytes() == (PROJECT_DIRECTORY / SETTINGS).read_bytes()


def test_the_bundled_editor_is_inside_with_its_licences(installed: Installed) -> None:
    for name in ("editor.js", "editor.css", "editor.LICENSES.txt"):
        path = Path("cnnviz", "ui", "shared", name)
        assert (installed.packages / path).read_bytes() == (PROJECT_DIRECTORY / path).read_bytes()
    assert not (installed.packages / "frontend").exists()
