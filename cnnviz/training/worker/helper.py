"""One of the further processes of a training by several: ``python -m cnnviz.training.worker.helper``.

It reads from its standard input what :class:`cnnviz.training.worker.together.Helpers` writes there: one JSON document in a
line, then the state to resume from. It trains along with the process that leads, step by step, and ends when that one
closes its standard input, or dies. What goes wrong it says on standard output.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import Any, BinaryIO

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.training.parallel.part import Part
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.store.runs import message_to_json
from cnnviz.training.worker.failures import first_line, too_little_memory, with_line
from cnnviz.training.worker.together import READY, is_of_the_connection


def main() -> int:
    """Train along with the leader; returns the exit status."""
    # These may go to all; the leader decides, and then closes the pipe.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    leader = _own_output()
    request = json.loads(sys.stdin.buffer.readline())
    state = sys.stdin.buffer.read(request["state_bytes"])
    leaving = threading.Thread(target=_leave_with_the_leader, daemon=True)
    leaving.start()
    try:
        _train(request, state, leader)
    except CnnvizError as error:
        _say(leader, with_line(error, error.message))
        return 1
    except Exception as error:
        if is_of_the_connection(error):  # another process is lost, or the leader is about to end this one
            leaving.join()
        traceback.print_exc()
        told = too_little_memory(error, request["recipe"]) or Message("{error}", error=first_line(error))
        _say(leader, with_line(error, told))
        return 1
    leaving.join()  # whoever leaves before the others may take with them what these have not read yet
    return 0


def _train(request: dict[str, Any], state: bytes, leader: BinaryIO) -> None:
    from cnnviz import datasets
    from cnnviz.training.loop.loop import follow
    from cnnviz.training.parallel.group import meet
    from cnnviz.training.records.snapshots import State

    recipe, number = Recipe.from_dict(request["recipe"]), int(request["number"])
    dataset = datasets.load(recipe.dataset)
    if dataset.digest != request["digest"]:
        raise CnnvizError(
            Message(
                "The files of {dataset} changed while training began; start again.", dataset=recipe.dataset
            )
        )
    start = State.from_bytes(state) if state else None
    leader.write(READY)
    leader.flush()
    group = meet(Path(request["folder"]), Part(number, recipe.workers), recipe.device)
    follow(recipe, dataset, group, start)


def _own_output() -> BinaryIO:
    """Standard output as the leader reads it; what is printed from here on goes to standard error."""
    leader = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    return leader


def _leave_with_the_leader() -> None:
    sys.stdin.buffer.read()
    os._exit(0)


def _say(leader: BinaryIO, problem: Message) -> None:
    leader.write(json.dumps(message_to_json(problem)).encode())
    leader.flush()


if __name__ == "__main__":
    sys.exit(main())
