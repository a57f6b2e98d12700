"""The commands about trained networks: train, evaluate, predict, runs, worker."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cnnviz import datasets
from cnnviz.cli.recipe_options import add_recipe_options, recipe_from
from cnnviz.cli.terminal import TrainingProgress, print_json, progress_bar
from cnnviz.errors import CnnvizError
from cnnviz.files import write_whole
from cnnviz.language import Message
from cnnviz.language import translate as _

if TYPE_CHECKING:
    from cnnviz.training.checkpoints.checkpoint_facts import Checkpoint, CheckpointError
    from cnnviz.training.recipe.recipe import Recipe
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
    from cnnviz.training.scripts.recipe_script import recipe_script

    write_whole(path, recipe_script(recipe).encode())
    if as_json:
        print_json({"script": str(path)})
    else:
        print(_("wrote {path}; run `python {path}` to train", path=path))
    return 0


def _fetch(dataset: str, wanted: bool) -> None:
    """Download a data set that is not there, where the person asked for it."""
    if wanted and not datasets.is_available(dataset):
        with progress_bar(_("downloading {dataset}", dataset=dataset)) as progress:
            datasets.download(dataset, progress)


def _evaluate(options: argparse.Namespace) -> int:
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.loop.evaluate import evaluate_checkpoint

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
    from cnnviz.training.checkpoints.checkpoint_facts import CheckpointError

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
        probabilities = predict(
            model,
            prepared.image,
            checkpoint.recipe.preparation,
        )
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

    if names:
        return [checkpoints.find(name) for name in names], []
    shipped, listing = settings().checkpoints_dir, checkpoints.scan()
    digits = {info.key for info in datasets.registered() if info.classes == datasets.get("mnist").classes}
    found = [
        checkpoint
        for checkpoint in listing.checkpoints
        if checkpoint.weights.parent == shipped and checkpoint.dataset in digits
    ]
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
            "architecture": run.architecture,
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
