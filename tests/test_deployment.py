"""The files of ``deploy``: everything that they name is there. Docker itself is not needed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from streamlit import config

from cnnviz import settings as settings_module
from cnnviz.cli.main import main
from cnnviz.settings import PROJECT_DIRECTORY, settings
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.store import RunStore
from tests.test_readme import BACKUP

DEPLOY = PROJECT_DIRECTORY / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text("utf-8")
CADDYFILE = (DEPLOY / "Caddyfile").read_text("utf-8")
EXAMPLE = dict(
    line.partition("=")[::2]
    for line in (DEPLOY / "example.env").read_text("utf-8").splitlines()
    if line and not line.startswith("#")
)
KNOWN = {"FORWARDED_ALLOW_IPS", "HOME", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
"""Variables of Python, the system, the C library and uvicorn."""


@pytest.fixture(scope="module")
def compose() -> Any:
    yaml = pytest.importorskip("yaml")
    return yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))


def steps(name: str) -> list[str]:
    """What follows the Dockerfile's instructions of this name, each in one line."""
    return re.findall(rf"^{name} (.*)$", DOCKERFILE.replace("\\\n", ""), re.MULTILINE)


def is_known(variable: str) -> bool:
    """Whether cnnviz, Streamlit or the system reads it."""
    streamlit = {option.env_var for option in config.get_config_options().values()}
    return variable in KNOWN | streamlit or f"\n{variable} " in str(settings_module.__doc__)


def test_the_image_has_all_that_the_app_needs_and_nothing_that_is_not_there() -> None:
    copied = [words.split() for words in steps("COPY")]
    sources = [source for *sources, _target in copied for source in sources]
    assert all((PROJECT_DIRECTORY / source).exists() for source in sources)
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    assert {f"!{source}" for source in sources} == {line for line in ignored if line.startswith("!")}
    wheel = (PROJECT_DIRECTORY / "pyproject.toml").read_text("utf-8").partition("force-include]")[2]
    needed = re.findall(r'^"([^"]+)" = "cnnviz/app/', wheel, re.MULTILINE)
    assert {*needed, "cnnviz", "requirements.txt"} <= set(sources)
    assert {
        name for line in steps("ENV") for name in re.findall(r"(\w+)=", line) if not is_known(name)
    } == set()


def test_the_image_runs_the_app_as_nobody() -> None:
    (user,) = steps("USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    assert f"chown {user} /runs /data" in DOCKERFILE
    words = json.loads(steps("CMD")[-1])
    assert words[:4] == ["python", "-m", "cnnviz", "app"]
    with pytest.raises(SystemExit) as end:
        main([*words[3:], "--help"])
    assert end.value.code == 0
    port = words[words.index("--port") + 1]
    assert steps("EXPOSE") == [port]
    assert f"port {port}" in CADDYFILE


def test_the_health_check_is_a_program_that_finds_the_app_under_its_path() -> None:
    (check,) = re.findall(r"CMD (\[.*_stcore/health.*\])", DOCKERFILE)
    python, flag, code = json.loads(check)
    assert (python, flag) == ("python", "-c")
    asked = "import urllib.request; urllib.request.urlopen = lambda url, timeout: print(url); " + code
    for path, url in (
        ("", "http://127.0.0.1:8501/_stcore/health"),
        ("/a/", "http://127.0.0.1:8501/a/_stcore/health"),
    ):
        done = subprocess.run(
            [sys.executable, "-c", asked],
            env={"STREAMLIT_SERVER_BASE_URL_PATH": path},
            capture_output=True,
            text=True,
            check=True,
        )
        assert done.stdout.strip() == url


def test_the_compose_file_names_what_is_there(compose: Any) -> None:
    app, caddy = compose["services"]["app"], compose["services"]["caddy"]
    assert (DEPLOY / app["build"]["context"] / app["build"]["dockerfile"]).resolve() == DEPLOY / "Dockerfile"
    assert [name for name in app["environment"] if not is_known(name)] == []
    text = (DEPLOY / "compose.yaml").read_text("utf-8")
    assert set(re.findall(r"\$\{(\w+)", text)) == set(EXAMPLE)
    for service in compose["services"].values():
        assert set(service.get("depends_on", ())) <= compose["services"].keys()
        for volume in service["volumes"]:
            source = volume.partition(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).exists()
    assert set(re.findall(r"\{\$(\w+)", CADDYFILE)) - caddy["environment"].keys() == {"APP"}
    assert "{$APP:app}" in CADDYFILE  # as the service is called
    assert app["environment"]["CNNVIZ_DATABASE_URL"].endswith("@database/cnnviz")
    database = compose["services"]["database"]["environment"]
    assert (database["POSTGRES_USER"], database["POSTGRES_DB"]) == ("cnnviz", "cnnviz")


def test_the_app_has_no_rights_and_can_write_to_its_folders_alone(compose: Any) -> None:
    app = compose["services"]["app"]
    assert app["read_only"] is True
    assert app["cap_drop"] == ["ALL"]
    assert [volume.partition(":")[2] for volume in app["volumes"]] == ["/runs", "/data", "/accounts:ro"]
    assert app["environment"]["STREAMLIT_SECRETS_FILES"] == "/accounts/secrets.toml"
    assert [mount.partition(":")[0] for mount in app["tmpfs"]] == ["/tmp"]
    assert "ports" not in app
    assert "ports" not in compose["services"]["database"]


def test_caddy_understands_its_settings() -> None:
    for header in (
        "Strict-Transport-Security",
        "X-Content-Type-Options",
        "frame-ancestors",
        "Referrer-Policy",
    ):
        assert header in CADDYFILE
    assert "lb_policy cookie" in CADDYFILE
    if shutil.which("caddy") is None:
        pytest.skip("Caddy is not installed")
    words = ["caddy", "adapt", "--config", str(DEPLOY / "Caddyfile"), "--validate"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_copy_of_a_database_that_is_in_use_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.delenv("CNNVIZ_DATABASE_URL", raising=False)
    store = RunStore(settings())
    run_id = store.create(Recipe.default("mlp", dataset="mnist-sample"))
    _python, *words = shlex.split(BACKUP)
    subprocess.run([sys.executable, *words], cwd=tmp_path, check=True)
    store.close()
    (tmp_path / "runs.backup.sqlite3").rename(tmp_path / "runs" / "runs.sqlite3")
    for rest in (tmp_path / "runs").glob("runs.sqlite3-*"):
        rest.unlink()
    store = RunStore(settings())
    assert [run.id for run in store.list()] == [run_id]
    store.close()
