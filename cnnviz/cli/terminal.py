"""What commands print: documents on standard output, progress on standard error."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from tqdm import tqdm

from cnnviz.language import LANGUAGES, language
from cnnviz.language import translate as _

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import nn

    from cnnviz.training.records.figures import EpochMetrics


def never_fail_for_an_encoding() -> None:
    """Let standard output and standard error take every character, whatever the locale.

    An encoding that cannot write the current language (a C or ISO locale's, for Chinese) gives way to UTF-8; one that
    can stays, and the single characters that it lacks are written as ``?``.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a test's or a notebook's own take everything
            stream.reconfigure(
                encoding=stream.encoding if _writes_the_language(stream.encoding) else "utf-8",
                errors="replace",
            )


def _writes_the_language(encoding: str) -> bool:
    try:
        LANGUAGES[language()].encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def print_json(document: object) -> None:
    """Print one JSON document, and nothing else, on standard output; whatever its encoding, no character is lost."""
    is_utf8 = (sys.stdout.encoding or "utf-8").lower().replace("-", "") == "utf8"
    print(json.dumps(document, ensure_ascii=not is_utf8, indent=2))


@contextmanager
def progress_bar(label: str) -> Iterator[Callable[[float], None]]:
    """A bar with time left; the function that comes with it takes the part that is done, 0 to 1."""
    form = "{desc} {percentage:3.0f} %|{bar}| {elapsed} < {remaining}"
    with tqdm(total=1.0, desc=label, file=sys.stderr, leave=False, disable=None, bar_format=form) as bar:

        def show(done: float) -> None:
            bar.update(done - bar.n)

        yield show


class TrainingProgress:
    """Shows a training run: a line for each epoch, and in a terminal a bar over all steps."""

    def __init__(self, epochs: int) -> None:
        self._epochs = epochs
        self._bar: tqdm[NoReturn] | None = None

    def on_start(self, model: nn.Module, steps_per_epoch: int) -> None:
        """Training begins."""
        self._bar = tqdm(
            total=self._epochs * steps_per_epoch,
            unit=_("batches"),
            file=sys.stderr,
            leave=False,
            disable=None,
        )

    def on_step(self, step: int, epoch: int, loss: float, accuracy: float, seconds: float) -> None:
        """A batch is done."""
        if self._bar is not None:
            self._bar.update()

    def on_epoch(self, metrics: EpochMetrics, model: nn.Module) -> None:
        """An epoch is done."""
        if self._bar is None:
            return
        self._bar.write(
            _(
                "epoch {epoch}/{epochs}: training loss {train_loss:.4f}, accuracy {train_accuracy:.2%}; test loss "
                "{test_loss:.4f}, accuracy {test_accuracy:.2%}; {rate:,.0f} images/s",
                epoch=metrics.epoch,
                epochs=self._epochs,
                train_loss=metrics.train_loss,
                train_accuracy=metrics.train_accuracy,
                test_loss=metrics.test_loss,
                test_accuracy=metrics.test_accuracy,
                rate=metrics.images_per_second,
            ),
            file=sys.stderr,
        )

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()
