"""Slurm's jobs, through its own commands: ``sbatch``, ``squeue``, ``scancel``."""

from __future__ import annotations

import math
import os
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.training.worker.cluster import Job, Needs, UnreachableError

_ANSWER_SECONDS = 30.0
_MEGABYTE = 1e6
_ENDED = frozenset(
    (
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "TIMEOUT",
    )
)


class SlurmJobs:
    """The jobs of the Slurm cluster that this machine submits to.

    A job bears its id as its name, so that asking twice gives one job.

    Raises:
        UsageError: Slurm's commands are not there.
    """

    name = "slurm"

    def __init__(self) -> None:
        if shutil.which("sbatch") is None:
            raise UsageError(
                Message(
                    "CNNVIZ_EXECUTOR=slurm needs Slurm's commands (sbatch, squeue, scancel) on this machine."
                )
            )

    def submit(
        self, job_id: str, words: Sequence[str], variables: Mapping[str, str], needs: Needs, log: Path
    ) -> None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`; what the job prints is appended to ``log``."""
        if self.look(job_id) is not None:
            return
        wanted = [
            f"--cpus-per-task={needs.cores}",
            f"--mem={math.ceil(needs.memory_bytes / _MEGABYTE)}M",
            *([f"--gpus={needs.gpus}"] if needs.gpus else []),
        ]
        kept = [f"--output={log}", "--open-mode=append", "--no-requeue", "--export=ALL"]
        _ask(["sbatch", "--job-name", job_id, *wanted, *kept, "--wrap", shlex.join(words)], variables)

    def look(self, job_id: str) -> Job | None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`. Slurm forgets a job some minutes after its end."""
        told = _ask(["squeue", "--noheader", "--states=all", "--name", job_id, "--format=%T %r"])
        lines = told.splitlines()
        if not lines:
            return None
        state, _, why = lines[-1].strip().partition(" ")
        return Job(state in _ENDED, f"{state} ({why})" if why not in ("", "None") else state)

    def cancel(self, job_id: str) -> None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`."""
        _ask(["scancel", "--name", job_id])


def _ask(words: Sequence[str], variables: Mapping[str, str] | None = None) -> str:
    """What a command prints.

    Raises:
        UnreachableError: it failed.
    """
    try:
        done = subprocess.run(
            words,
            env={**os.environ, **(variables or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_ANSWER_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as problem:
        raise _unreachable(words[0], str(problem)) from problem
    if done.returncode != 0:
        raise _unreachable(words[0], done.stderr)
    return done.stdout


def _unreachable(program: str, said: str) -> UnreachableError:
    return UnreachableError(
        Message(
            "Slurm does not answer: {program}: {said}", program=program, said=" ".join(said.split())[:300]
        )
    )
