"""What README and docs/ promise, as far as it can be checked: examples run, links lead somewhere, tables are true."""

from __future__ import annotations

import ast
import base64
import importlib.util
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from torch import nn

from benchmarks import class_proof
from cnnviz import architectures, settings
from cnnviz.cli.main import main
from cnnviz.operations import operation
from cnnviz.settings import PROJECT_DIRECTORY
from cnnviz.shapes.derivation import derive
from cnnviz.shapes.receptive_field import receptive_fields
from cnnviz.tracing.trace import trace
from cnnviz.training.checkpoints import checkpoints
from cnnviz.training.recipe.recipe import Recipe, recipe_text
from tests.datasets import idx_files
from tests.networks import NETWORKS, on_meta

DOCUMENTS = {
    path.relative_to(PROJECT_DIRECTORY).as_posix(): path.read_text(encoding="utf-8")
    for path in (PROJECT_DIRECTORY / "README.md", *sorted((PROJECT_DIRECTORY / "docs").glob("*.md")))
}
README = DOCUMENTS["README.md"]


@dataclass(frozen=True)
class Block:
    """A fenced block of code."""

    document: str
    language: str
    text: str


BLOCKS = [
    Block(name, language, text)
    for name, document in DOCUMENTS.items()
    for language, text in re.findall(r"^```(\w*)\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
]
COMMANDS = sorted(
    {line for block in BLOCKS if not block.language for line in block.text.splitlines() if line}
)
"""The lines to type in a terminal."""
BACKUP = next(line for line in COMMANDS if "VACUUM INTO" in line)
EXAMPLES = [
    line.removeprefix("python -m cnnviz ") for line in COMMANDS if line.startswith("python -m cnnviz ")
]
PYTHON = [block for block in BLOCKS if block.language == "python"]


def command(example: str) -> str:
    return example.split()[0]


def test_there_is_something_to_check() -> None:
    assert {"README.md", "docs/adding.md", "docs/pages.md", "docs/settings.md"} <= DOCUMENTS.keys()
    assert {command(example) for example in EXAMPLES} == {
        *("list", "summary", "own", "why", "train", "evaluate", "predict"),
        *("page", "figure", "notebook", "runs", "app"),
    }
    assert len(PYTHON) >= 3
    assert len(LINKS) > 20


def test_readme_is_short() -> None:
    assert len(README.splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS)
def test_nothing_is_left_to_fill_in(document: str) -> None:
    assert not re.findall(r"@\w+@|\bTODO\b|\bTBD\b", DOCUMENTS[document])


# Code


def prepared(folder: Path) -> None:
    """The files that the examples name."""
    (folder / "mynet.py").write_text(
        "from torch import nn\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 5, 5, stride=2)\n"
        "        self.fc = nn.Linear(720, 10)\n"
        "    def forward(self, x):\n"
        "        return self.fc(self.conv(x).flatten(1))\n"
    )
    digit = Image.new("L", (40, 40), 255)
    digit.paste(0, (18, 6, 22, 34))  # a 1
    digit.save(folder / "digit.png")
    idx_files.write(folder / "data")
    recipe = Recipe.default("mlp", dataset="mnist-sample", epochs=1, train_images=200)
    (folder / "mine.recipe.json").write_text(recipe_text(recipe), encoding="utf-8")


TRAINING = ("train", "evaluate")


@pytest.mark.parametrize(
    "example",
    [
        pytest.param(example, marks=pytest.mark.slow if command(example) in TRAINING else ())
        for example in EXAMPLES
        if command(example) != "app"
    ],
)
def test_examples_run(
    example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CNNVIZ_RUNS_DIR", str(tmp_path / "runs"))
    monkeypatch.setenv("CNNVIZ_DATA_DIR", str(tmp_path / "data"))
    prepared(tmp_path)
    words = shlex.split(example)
    if command(example) == "train" and "--epochs" in words:
        words += ["--train-images", "200"]  # who types it waits for 5,000
    status = main(words)
    broken = "1,32,32" in example or "in_features=500" in example
    printed = capsys.readouterr()
    assert status == (1 if broken else 0), printed.err
    assert printed.out or "No runs yet" in printed.err or " kB" in printed.err


def test_every_line_to_type_is_run_by_a_test() -> None:
    """The others by the tests named here: they need a process of their own."""
    examples = {f"python -m cnnviz {example}" for example in EXAMPLES if command(example) != "app"}
    assert set(COMMANDS) - examples == {
        "pip install -r requirements.txt",  # .ci/run, as requirements-dev.txt includes it
        "pip install -r requirements.txt && streamlit run app.py",  # tests/browser starts the app this way
        "CNNVIZ_PUBLIC=1 python -m cnnviz app --port 8501 --no-browser",  # tests/test_serving.py
        "CNNVIZ_PUBLIC=1 CNNVIZ_TEACHER_PASSWORD='...' python -m cnnviz app --port 8501 --no-browser",
        "pip install -r requirements-dev.txt && pytest",  # .ci/run
        # tests/test_deployment.py holds what they start against the files and variables of the repository.
        "cp deploy/example.env deploy/.env",
        "docker build --file deploy/Dockerfile --tag cnnviz .",
        "docker run --read-only --tmpfs /tmp --cap-drop ALL --volume runs:/runs --publish 8501:8501 cnnviz",
        "docker compose --file deploy/compose.yaml up --build --detach",
        "docker compose --file deploy/compose.yaml up --detach --scale app=2",
        "docker compose --file deploy/compose.yaml exec database pg_dump --username cnnviz cnnviz > runs.sql",
        "docker compose --file deploy/compose.yaml cp app:/runs runs-copy",
        BACKUP,  # tests/test_deployment.py
        "git pull",
        "pip install -r requirements-class.txt",  # as requirements-dev.txt includes it
        "CNNVIZ_TEACHERS='teacher@school.example' CNNVIZ_PUBLIC=1 python -m cnnviz app --port 8501 --no-browser",
        "pip install .",  # tests/browser/test_installed_package.py
        "cnnviz app",
        "python -m cnnviz app --port 8501",
        "python -m cnnviz app mynet.py:Net",  # tests/browser/test_hosted.py
        "python -m cnnviz.locale",  # test_language.py runs it with --check
    }


def test_other_commands_name_files_and_modules_that_exist() -> None:
    inline = [text for document in DOCUMENTS.values() for text in re.findall(r"`([^`\n]+)`", document)]
    modules = [module for text in (*COMMANDS, *inline) for module in re.findall(r"python -m ([\w.]+)", text)]
    assert {
        "cnnviz",
        "cnnviz.locale",
        "cnnviz.experiments",
        "benchmarks.sessions",
        "docs.screenshots",
    } <= set(modules)
    assert not [module for module in set(modules) if importlib.util.find_spec(module) is None]
    files = [
        word
        for text in COMMANDS
        for word in text.split()
        if word.startswith("requirements") or word == "app.py"
    ]
    assert {"requirements.txt", "requirements-class.txt", "requirements-dev.txt", "app.py"} == set(files)
    assert not [file for file in files if not (PROJECT_DIRECTORY / file).exists()]


@pytest.mark.parametrize("number", range(len(PYTHON)))
def test_python_code_is_python(number: int) -> None:
    ast.parse(PYTHON[number].text)


TRACING = [block for block in PYTHON if "cnnviz.trace(" in block.text]


@pytest.mark.parametrize("number", range(len(TRACING)))
def test_the_example_of_a_trace_runs(number: int, capsys: pytest.CaptureFixture[str]) -> None:
    values: dict[str, object] = {"model": architectures.get("inception-mini").build()}
    exec(compile(TRACING[number].text, TRACING[number].document, "exec"), values)
    assert "97,298" in capsys.readouterr().out
    assert values["trace"].total_params == 97_298  # type: ignore[attr-defined]


def test_the_example_of_a_live_model_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (block,) = [block for block in PYTHON if "cnnviz.live(" in block.text]
    exec(compile(block.text, block.document, "exec"), {"model": architectures.get("basic-cnn").build()})
    page = (tmp_path / "mine.html").read_text(encoding="utf-8")
    (network,) = re.findall(r'"network": ?"([\w+/=]+)"', page)
    assert b"conv1.weight" in base64.b64decode(network)


def test_the_trace_is_shown_in_both_places() -> None:
    assert {block.document for block in TRACING} == {"README.md", "docs/command-line.md"}


def test_the_example_of_an_operation_is_known_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operation, "_ENTRIES", list(operation._ENTRIES))
    monkeypatch.setattr(operation, "_BY_NAME", dict(operation._BY_NAME))
    (block,) = [block for block in PYTHON if "\ndefine(" in block.text]
    values: dict[str, Any] = {}
    exec(compile(block.text, block.document, "exec"), values)
    scale, before, after = values["Scale"](4), nn.Conv2d(1, 4, 3), nn.Conv2d(4, 2, 3)
    traced = trace(nn.Sequential(before, scale, after), (1, 8, 8))
    (op,) = [op for op in traced.ops if op.type == "Scale"]
    assert (op.params, op.macs, op.output_shape) == (4, 4 * 6 * 6, (4, 6, 6))
    step = derive(traced, op.index).steps[-1]
    assert (step.rule, step.substituted) == ("y = s_c * x", "4 x 6 x 6")
    assert receptive_fields(traced)[op.index].size == (3, 3)
    failure = trace(nn.Sequential(before, values["Scale"](5)), (1, 8, 8)).failure
    assert failure is not None
    assert failure.message == "Scale 1 expects 5 channels, and 4 arrive."


def test_the_example_of_an_activation_stands_in_its_file() -> None:
    (block,) = [block for block in PYTHON if block.text.startswith("activation(")]
    assert block.text in (PROJECT_DIRECTORY / "cnnviz/operations/elementwise.py").read_text(encoding="utf-8")


# Links


def anchors(document: str) -> set[str]:
    """The anchors that GitHub gives to the headings."""
    headings = re.findall(
        r"^#+ (.+)$", re.sub(r"^```.*?^```$", "", document, flags=re.MULTILINE | re.DOTALL), re.MULTILINE
    )
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


LINKS = [
    (name, target)
    for name, document in DOCUMENTS.items()
    for target in re.findall(r"\]\(([^)]+)\)", document)
    if "://" not in target
]


@pytest.mark.parametrize(("document", "target"), LINKS)
def test_links_lead_somewhere(document: str, target: str) -> None:
    path, _, anchor = target.partition("#")
    there = (PROJECT_DIRECTORY / document).parent / path if path else PROJECT_DIRECTORY / document
    assert there.is_file()
    if anchor:
        assert anchor in anchors(there.read_text(encoding="utf-8"))


def test_every_document_and_picture_is_linked() -> None:
    linked = {
        ((PROJECT_DIRECTORY / document).parent / target.partition("#")[0]).resolve()
        for document, target in LINKS
    }
    there = [path for path in (PROJECT_DIRECTORY / "docs").iterdir() if path.suffix in (".md", ".png")]
    assert len(there) > 10
    assert not [path.name for path in there if path.resolve() not in linked]
    assert "docs/pages.md" in README


INVENTED = {
    "pages/name.py",
    "cnnviz/ui/name/",
    "cnnviz/experiments/catalogue/batch_size.py",
    "cnnviz/experiments/results/batch-size.json",
}
"""What the documents tell a person to write."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_paths_in_the_text_exist(document: str) -> None:
    named = re.findall(
        r"`((?:cnnviz|pages|tests|docs|benchmarks|checkpoints|\.streamlit|\.ci)/[\w./-]*)`",
        DOCUMENTS[document],
    )
    assert not [path for path in named if path not in INVENTED and not (PROJECT_DIRECTORY / path).exists()]


# Tables and lists


def test_the_table_of_networks() -> None:
    assert len(NETWORKS) > 20
    for architecture in NETWORKS:
        traced = trace(on_meta(architecture), architecture.input_shape)
        sizes = " x ".join(map(str, architecture.input_shape))
        row = f"| `{architecture.key}` | {sizes} | {traced.total_params:,} | {traced.macs:,} |"
        assert row in DOCUMENTS["docs/networks.md"]


def test_the_table_of_checkpoints() -> None:
    shipped = checkpoints.scan().checkpoints
    assert len(shipped) == 9
    assert "nine trained networks" in README
    for checkpoint in shipped:
        accuracies = f"{checkpoint.test_accuracy:.2%} | {checkpoint.best_test_accuracy:.2%}".replace(
            "%", " %"
        )
        row = f"| `{checkpoint.id}` | {len(checkpoint.epochs)} | {accuracies} |"
        assert row in DOCUMENTS["docs/networks.md"]


def test_every_setting_is_in_both_tables() -> None:
    documented = set(re.findall(r"\| `(CNNVIZ_\w+)`", DOCUMENTS["docs/settings.md"]))
    assert documented == set(re.findall(r"^(CNNVIZ_\w+)", settings.__doc__ or "", re.MULTILINE))
    assert "CNNVIZ_RUNS_DIR" in documented
    elsewhere = set(re.findall(r"CNNVIZ_\w+", "".join(DOCUMENTS.values())))
    assert elsewhere == documented


def test_every_page_has_a_section_with_its_picture() -> None:
    pages = {path.stem for path in (PROJECT_DIRECTORY / "pages").glob("*.py")}
    assert len(pages) >= 8
    for page in pages:
        assert re.search(
            rf"^## {page}\n\n!\[.+\]\({page}\.png\)$", DOCUMENTS["docs/pages.md"], re.M | re.I
        ), page


def test_every_benchmark_is_described() -> None:
    scripts = {
        path.stem
        for path in (PROJECT_DIRECTORY / "benchmarks").glob("*.py")
        if "__main__" in path.read_text(encoding="utf-8")
    }
    assert len(scripts) >= 8
    for script in scripts:
        assert f"`python -m benchmarks.{script}`" in DOCUMENTS["docs/benchmarks.md"]


def test_the_checks_of_a_class_s_server_are_there() -> None:
    for check in class_proof.CHECKS.values():
        program, *words = check.words
        assert program == "pytest" or f"`python -m {program}`" in DOCUMENTS["docs/benchmarks.md"]
        for path, _, name in (word.partition("::") for word in words if word.startswith("tests/")):
            assert f"def {name}" in (PROJECT_DIRECTORY / path).read_text(encoding="utf-8")
