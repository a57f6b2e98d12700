"""The commands about trained networks: train (with an option for every field of a recipe), evaluate, predict, runs, worker."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz import datasets
from cnnviz.cli.terminal import TrainingProgress, print_json, progress_bar
from cnnviz.errors import CnnvizError, UsageError
from cnnviz.files import write_whole
from cnnviz.language import Message
from cnnviz.language import translate as _
from cnnviz.training.recipe.augmentation import PRESETS, Augmentation
from cnnviz.training.recipe.fields import CHOICES, RANGES
from cnnviz.training.recipe.recipe import Recipe, read_recipe

if TYPE_CHECKING:
    from cnnviz.training.checkpoints.checkpoints import Checkpoint, CheckpointError
    from cnnviz.training.store.runs import Run


def add_commands(add: Callable[..., argparse.ArgumentParser]) -> None:
    """Add the five commands; ``add(name, function, text)`` makes a command's parser."""
    train = add("train", _train, _("train an architecture"))
    _add_train(train)
    evaluate = add("evaluate", _evaluate, _("measure a checkpoint's accuracy and loss on test images"))
    evaluate.add_argument("name", metavar="KEY|CHECKPOINT")
    evaluate.add_argument("--dataset", help=_("default: the data set it was trained on"))
    predict = add("predict", _predict, _("classify the digit in an image"))
    predict.add_argument("image", type=Path, metavar="IMAGE")
    predict.add_argument(
        "--model",
        action="append",
        dest="models",
        metavar="KEY|CHECKPOINT",
        help=_("can be repeated (default: all included checkpoints for digits)"),
    )
    runs = add("runs", _runs, _("list the training runs, newest first"))
    for command in (train, evaluate):
        command.add_argument(
            "--download", action="store_true", help=_("download the data set first if it is missing")
        )
    for command in (evaluate, predict, runs):
        command.add_argument("--json", action="store_true", help=_("print JSON"))
    worker = add("worker", _worker, _("run a queued training run (cnnviz starts this itself)"))
    worker.add_argument("run_id", metavar="RUN_ID")


def _add_train(train: argparse.ArgumentParser) -> None:
    add_recipe_options(train)
    train.add_argument(
        "--export",
        type=Path,
        metavar="DIR",
        help=_(
            "also write the checkpoint to this folder, as <architecture>-<dataset> if the recipe is the "
            "course's"
        ),
    )
    train.add_argument(
        "--script",
        type=Path,
        metavar="FILE.py",
        help=_("do not train; write a plain PyTorch script that does, without cnnviz"),
    )
    train.add_argument("--json", action="store_true", help=_("print JSON"))


def _train(options: argparse.Namespace) -> int:
    from cnnviz.interpret.filter_history import keep
    from cnnviz.training.checkpoints.checkpoints import departure, export_checkpoint
    from cnnviz.training.store.store import open_store
    from cnnviz.training.worker.worker import run_in_foreground

    recipe = recipe_from(options)
    if options.script:
        return _write_script(recipe, options.script, options.json)
    _fetch(recipe.dataset, options.download)
    datasets.load(recipe.dataset)  # what is missing or damaged is said before there is a run
    watching = TrainingProgress(recipe.epochs)
    try:
        run = run_in_foreground(recipe, watching)
    finally:
        watching.close()
    _say_what_is_left(run)
    epochs = open_store().epochs(run.id)
    if options.export:
        exported = export_checkpoint(run.id, options.export)
        keep(exported, run.id)
        text, why = _("exported as {id}", id=exported.id), departure(exported)
        print(text if why is None else f"{text}: {why}", file=sys.stderr)
    document: dict[str, Any] = {
        "run_id": run.id,
        "epochs": [asdict(epoch) for epoch in epochs],
        "test_accuracy": run.test_accuracy,
        "best_test_accuracy": max((epoch.test_accuracy for epoch in epochs), default=run.test_accuracy),
    }
    if options.json:
        print_json(document)
    else:
        accuracy = "-" if run.test_accuracy is None else f"{run.test_accuracy:.2%}"
        print(_("run {run_id}: test accuracy {accuracy}", run_id=run.id, accuracy=accuracy))
    return 0


def _say_what_is_left(run: Run) -> None:
    """Say how a run ended that is not finished, and how to go on with it."""
    from cnnviz.training.store.runs import Status

    if run.status == Status.FINISHED:
        return
    facts = {"id": run.id, "step": run.step, "total": run.total_steps}
    if run.status == Status.STOPPED:
        text = _(
            "Run {id} was stopped after {step:,} of {total:,} steps. Press Resume on the Train page "
            "(`streamlit run app.py`) to continue it.",
            **facts,
        )
    elif run.status == Status.PAUSED:
        text = _(
            "Run {id} was paused after {step:,} of {total:,} steps for so long that it lost its place. "
            "Press Resume on the Train page (`streamlit run app.py`) to continue it.",
            **facts,
        )
    else:
        text = _(
            "Run {id} gave up its place after {step:,} of {total:,} steps; it continues in another "
            "process because someone pressed Resume on the Train page.",
            **facts,
        )
    print(text, file=sys.stderr)


def _write_script(recipe: Recipe, path: Path, as_json: bool) -> int:
    from cnnviz.training.scripts.scripts import recipe_script

    write_whole(path, recipe_script(recipe).encode())
    if as_json:
        print_json({"script": str(path)})
    else:
        start = "python" if recipe.workers == 1 else f"torchrun --nproc-per-node {recipe.workers}"
        print(_("wrote {path}; run `{start} {path}` to train", path=path, start=start))
    return 0


def _fetch(dataset: str, wanted: bool) -> None:
    """Download a data set that is not there, where the person asked for it."""
    if wanted and not datasets.is_available(dataset):
        with progress_bar(_("downloading {dataset}", dataset=dataset)) as progress:
            datasets.download(dataset, progress)


def _evaluate(options: argparse.Namespace) -> int:
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.checkpoints.checkpoints import evaluate_checkpoint

    checkpoint = checkpoints.find(options.name)
    dataset = options.dataset or checkpoint.dataset
    _fetch(dataset, options.download)
    with progress_bar(_("evaluating")) as progress:
        result = evaluate_checkpoint(checkpoint, dataset, progress)
    if options.json:
        print_json(
            {
                "checkpoint": checkpoint.id,
                "architecture": checkpoint.architecture,
                "dataset": dataset,
                "images": result.images,
                "accuracy": result.accuracy,
                "loss": result.loss,
            }
        )
    else:
        print(
            _(
                "{checkpoint} on {dataset}: accuracy {accuracy:.2%}, loss {loss:.4f} on {images:,} images",
                checkpoint=checkpoint.id,
                dataset=dataset,
                accuracy=result.accuracy,
                loss=result.loss,
                images=result.images,
            )
        )
    return 0


def _predict(options: argparse.Namespace) -> int:
    from cnnviz.drawing.pictures import digit_from_picture, load_drawing
    from cnnviz.interpret.answers import predict
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.checkpoints.checkpoints import CheckpointError

    prepared = digit_from_picture(load_drawing(options.image))
    if prepared is None:
        raise CnnvizError(
            Message("{path} is blank: all its pixels have about the same colour.", path=options.image)
        )
    chosen, problems = _chosen_checkpoints(options.models)
    document: list[dict[str, Any]] = []
    for checkpoint in chosen:
        try:
            model = checkpoints.load_model(checkpoint)
        except CheckpointError as error:
            problems.append(error)
            continue
        probabilities = predict(model, prepared.image, checkpoint.recipe.preparation)
        best = int(probabilities.argmax())
        document.append(
            {
                "model": checkpoint.id,
                "class": best,
                "label": datasets.get(checkpoint.dataset).classes[best],
                "probabilities": [float(p) for p in probabilities],
            }
        )
    _print_predictions(document, options.json)
    sys.stdout.flush()
    for problem in problems:
        print(" ".join(str(problem).split()), file=sys.stderr)
    return 1 if problems else 0


def _print_predictions(document: list[dict[str, Any]], as_json: bool) -> None:
    if as_json and document:
        print_json(document)
        return
    for entry in document:
        print(f"{entry['model']:<28}{entry['label']:>4}{max(entry['probabilities']):>10.2%}")


def _chosen_checkpoints(names: list[str] | None) -> tuple[list[Checkpoint], list[CheckpointError]]:
    """The checkpoints that are named, or all shipped ones for digits, and what is wrong with others of these."""
    from cnnviz.settings import settings
    from cnnviz.training.checkpoints import checkpoints

    shipped, listing = settings().checkpoints_dir, checkpoints.scan()
    mnist = datasets.get("mnist")
    digits = {info.key for info in datasets.registered() if info.classes == mnist.classes}
    for_digits = [checkpoint for checkpoint in listing.checkpoints if checkpoint.dataset in digits]
    if names:
        chosen = [checkpoints.find(name) for name in names]
        for checkpoint in chosen:
            info = datasets.get(checkpoint.dataset)
            if info.input_shape != mnist.input_shape:
                raise UsageError(
                    Message(
                        "{model} was trained on {dataset}, so it cannot read a digit. Networks that can: {networks}.",
                        model=checkpoint.id,
                        dataset=info.title,
                        networks=", ".join(known.id for known in for_digits) or "-",
                    )
                )
        return chosen, []
    found = [checkpoint for checkpoint in for_digits if checkpoint.weights.parent == shipped]
    problems = [problem for problem in listing.problems if (shipped / f"{problem.id}.json").exists()]
    if not found and not problems:
        raise CnnvizError(
            Message(
                "There is no checkpoint in {folder}. Train a network and choose its checkpoint with --model.",
                folder=shipped,
            )
        )
    return found, problems


def _runs(options: argparse.Namespace) -> int:
    from cnnviz.training.store.runs import Status, describe
    from cnnviz.training.store.store import open_store

    document: list[dict[str, Any]] = [
        {
            "run_id": run.id,
            "architecture": run.watched.network if run.watched else run.architecture,
            "dataset": run.dataset,
            "status": str(run.status),
            "epoch": run.epoch,
            "epochs": run.epochs,
            "test_accuracy": run.test_accuracy,
            "created_at": datetime.fromtimestamp(run.created_at, UTC).isoformat(timespec="seconds"),
        }
        for run in open_store().list()
    ]
    if options.json:
        print_json(document)
        return 0
    if not document:
        print(_("No runs yet."), file=sys.stderr)
    for entry in document:
        status = str(describe(Status(entry["status"])))
        accuracy = "" if entry["test_accuracy"] is None else f"{entry['test_accuracy']:.2%}"
        print(
            f"{entry['run_id']:<18}{entry['architecture']:<18}{entry['dataset']:<14}{status:<13}"
            f"{entry['epoch']:>4}/{entry['epochs']:<4}{accuracy:>8}  {entry['created_at']}"
        )
    return 0


def _worker(options: argparse.Namespace) -> int:
    from cnnviz.training.worker.worker import main

    return main(options.run_id)


_FLAGS = {"learning_rate": "--lr"}
"""Options that are not called like the field."""

_CHANNELS = ("mean", "deviation")
_OF_THE_DATA = (*_CHANNELS, "resize")


def add_recipe_options(parser: argparse.ArgumentParser) -> None:
    """Add ``KEY`` or ``--recipe``, and an option for every field; :func:`recipe_from` reads them."""
    start = parser.add_mutually_exclusive_group(required=True)
    start.add_argument("key", nargs="?", metavar="KEY", help=_("a key from `list`"))
    start.add_argument(
        "--recipe",
        type=Path,
        metavar="FILE",
        help=_("a recipe saved on the Train page, instead of KEY; other options override it"),
    )
    parser.add_argument("--dataset", help=" | ".join(datasets.keys()))
    for field, limits in RANGES.items():
        text = _("{label}, {low:,} to {high:,}", label=limits.label, low=limits.low, high=limits.high)
        kind: Callable[[str], float] = int if limits.whole else float
        parser.add_argument(
            _flag(field), dest=field, type=kind, help=text, metavar="N" if limits.whole else "X"
        )
    for field, choice in CHOICES.items():
        parser.add_argument(_flag(field), dest=field, metavar="NAME", help=" | ".join(choice.values))
    for field in _CHANNELS:
        parser.add_argument(
            _flag(field),
            type=_numbers,
            metavar="X,...",
            help=_(
                "mean or standard deviation for normalisation, one number per channel, such as 0.49,0.48,0.45"
            ),
        )
    parser.add_argument(
        "--option",
        type=_assignment,
        action="append",
        dest="options",
        metavar="NAME=VALUE",
        help=_("an option of the architecture, such as growth=16; can be repeated"),
    )
    parser.add_argument(
        "--augment",
        type=_change,
        action="append",
        dest="augmentation",
        metavar="NAME[=VALUE]",
        help=_(
            "{presets}, or a single change, such as rotation=15; can be repeated", presets=" | ".join(PRESETS)
        ),
    )


def recipe_from(options: argparse.Namespace) -> Recipe:
    """The course's recipe for ``KEY``, or that of ``--recipe``, changed by the options that are given; it is valid.

    ``--augment`` replaces all of a recipe's augmentation, ``--option`` only the options of the architecture that
    it names. Of a saved recipe that gets another data set, size and normalisation follow that one where they were
    the usual ones.

    Raises:
        UsageError: a value is not allowed, or the file has no recipe in it.
        UnknownKeyError: no such architecture, data set or option.
    """
    fields = ("dataset", *RANGES, *CHOICES, *_CHANNELS)
    changes: dict[str, Any] = {name: getattr(options, name) for name in fields}
    changes = {name: value for name, value in changes.items() if value is not None}
    if options.options:
        changes["options"] = dict(options.options)
    if options.augmentation is not None:
        changes["augmentation"] = _augmentation(options.augmentation)
    if options.recipe is None:
        recipe = Recipe.default(options.key, **changes)
    else:
        recipe = _changed(_saved(options.recipe), changes)
    recipe.validate()
    return recipe


_LARGEST_RECIPE = 16_000_000
"""Bytes; a file may have no end."""


def _saved(path: Path) -> Recipe:
    try:
        with path.open("rb") as file:
            return read_recipe(file.read(_LARGEST_RECIPE))
    except OSError as error:
        raise UsageError(
            Message(
                "Cannot read the recipe {path} ({reason}). Choose a file saved on the Train page.",
                path=path,
                reason=error.strerror,
            )
        ) from error


def _changed(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    dataset = changes.get("dataset", recipe.dataset)
    saved = recipe.values()
    before = Recipe.default(recipe.architecture, dataset=recipe.dataset).values()
    after = Recipe.default(recipe.architecture, dataset=dataset).values()
    following = {name: after[name] for name in _OF_THE_DATA if saved[name] == before[name]}
    options = {**recipe.options, **changes.get("options", {})}
    return recipe.changed(**{**following, **changes, "options": options})


def _flag(field: str) -> str:
    return _FLAGS.get(field, "--" + field.replace("_", "-"))


def _assignment(text: str) -> tuple[str, object]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(_("{text!r} must have the form NAME=VALUE", text=text))
    try:
        return name, json.loads(value)
    except ValueError:  # a word, which need not stand in quotes
        return name, value


def _numbers(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(
            _("{text!r} must have one number per channel, such as 0.49,0.48,0.45", text=text)
        ) from None


def _change(text: str) -> tuple[str, object]:
    return _assignment(text) if "=" in text else (text, True)


def _augmentation(changes: list[tuple[str, object]]) -> Augmentation:
    """Presets and single changes, the later ones on top of the earlier ones."""
    values: dict[str, object] = {}
    for name, value in changes:
        if name in PRESETS and value is True:
            values |= {k: v for k, v in PRESETS[name].augmentation.to_dict().items() if v}
        elif value is True and name != "flip":
            rule = Message("{name}=VALUE, flip, or one of {presets}", name=name, presets=" | ".join(PRESETS))
            raise UsageError(Message("--augment must be {rule}; got {value}.", value=name, rule=rule))
        else:
            values[name] = value
    return Augmentation.from_dict(values)
