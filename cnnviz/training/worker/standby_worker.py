"""The process that has imported all that is slow, and waits for work: ``python -m cnnviz.training.worker.standby_worker``.

It reads one JSON document a line from its standard input: ``{"run": ID}``, which it carries out as
``python -m cnnviz worker ID`` does, and then ends; or ``{"estimate": RECIPE}``, which it answers with a line.
It ends when its parent does, or when nobody has wanted anything of it for a while. Its parent's side stands in
:mod:`cnnviz.training.worker.processes`.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict
from queue import Queue
from typing import Any

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.settings import settings
from cnnviz.training.store.runs import message_to_json
from cnnviz.training.worker.processes import CUT_SHORT, LOG_NAME

IDLE_SECONDS = 900.0


def main() -> int:
    """Wait for work on standard input; returns the exit status."""
    from cnnviz.training.worker import worker

    leaving = _leave_later()
    worker.wait_without_spinning()
    _import_what_is_slow()
    requests = _incoming()
    while (request := requests.get()) is not None:
        leaving.cancel()
        if "run" in request:
            _write_into_log(request["run"])
            return worker.main(request["run"])
        answer = _answer(request, lambda: not requests.empty())
        print(json.dumps(answer), flush=True)
        leaving = _leave_later()
    return 0


def _incoming() -> Queue[dict[str, Any] | None]:
    """What comes in, None at its end; whoever is at work sees that somebody waits."""
    requests: Queue[dict[str, Any] | None] = Queue()

    def read() -> None:
        """Put in what comes, up to the run, after which nothing is asked any more."""
        for line in sys.stdin:
            requests.put(request := json.loads(line))
            if "run" in request:
                return
        requests.put(None)

    threading.Thread(target=read, daemon=True).start()
    return requests


def _leave_later() -> threading.Timer:
    timer = threading.Timer(IDLE_SECONDS, os._exit, (0,))
    timer.daemon = True
    timer.start()
    return timer


def _import_what_is_slow() -> None:
    from cnnviz import datasets
    from cnnviz.training.checkpoints import checkpoints
    from cnnviz.training.loop import estimating, loop, measuring, memory
    from cnnviz.training.store import store

    store.open_store()
    measuring.prepare_event_files()
    del datasets, checkpoints, estimating, loop, memory


def _write_into_log(run_id: str) -> None:
    """From here on what is printed goes into the run's log, and nothing is read any more."""
    log = settings().runs_dir / run_id / LOG_NAME
    log.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    with log.open("ab") as output, open(os.devnull, "rb") as nothing:  # noqa: PTH123  no path, a device
        for stream in (1, 2):
            os.dup2(output.fileno(), stream)
        os.dup2(nothing.fileno(), 0)


def _answer(request: Mapping[str, Any], somebody_waits: Callable[[], bool]) -> dict[str, Any]:
    from cnnviz.training.loop.estimating import CutShortError, measure
    from cnnviz.training.recipe.recipe import Recipe

    try:
        return asdict(measure(Recipe.from_dict(request["estimate"]), somebody_waits))
    except CutShortError:
        return {CUT_SHORT: True}
    except CnnvizError as error:
        return {"error": message_to_json(error.message)}
    except Exception as error:  # of PyTorch: too little memory, say
        reason = Message("The trial run of this training failed: {error}.", error=str(error).splitlines()[0])
        return {"error": message_to_json(reason)}


if __name__ == "__main__":
    sys.exit(main())
