"""Ray's jobs, through its ``JobSubmissionClient``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cnnviz.errors import UsageError
from cnnviz.language import Message
from cnnviz.training.worker.cluster import Job, Needs, UnreachableError

_UNKNOWN = "does not exist"


class RayJobs:
    """The jobs of the Ray cluster at ``address``, that of its dashboard (``http://host:8265``).

    Where the cluster asks for a token, Ray finds it in ``RAY_AUTH_TOKEN``.

    Raises:
        UsageError: Ray is not installed.
    """

    name = "ray"

    def __init__(self, address: str) -> None:
        try:
            from ray.exceptions import RayError
            from ray.job_submission import JobSubmissionClient
        except ImportError as problem:
            raise UsageError(
                Message("CNNVIZ_EXECUTOR=ray needs Ray: pip install -r requirements-cluster.txt")
            ) from problem
        self._address, self._refusal = address, RayError  # a wrong or missing token
        self._connect = JobSubmissionClient
        self._connected: Any = None

    def submit(
        self, job_id: str, words: Sequence[str], variables: Mapping[str, str], needs: Needs, log: Path
    ) -> None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`; Ray keeps what a job prints itself, not in ``log``."""
        if self.look(job_id) is not None:
            return
        with self._answering() as client:
            client.submit_job(
                entrypoint=shlex.join(words),
                submission_id=job_id,
                runtime_env={"env_vars": dict(variables)},
                entrypoint_num_cpus=needs.cores,
                entrypoint_memory=needs.memory_bytes,
                entrypoint_num_gpus=needs.gpus,
            )

    def look(self, job_id: str) -> Job | None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`."""
        try:
            with self._answering() as client:
                found = client.get_job_info(job_id)
                is_over = bool(found.status.is_terminal())
                log = client.get_job_logs(job_id) if is_over else ""
        except UnreachableError as problem:
            if _UNKNOWN in str(problem):
                return None
            raise
        return Job(is_over, found.message or str(found.status), log)

    def cancel(self, job_id: str) -> None:
        """See :class:`cnnviz.training.worker.cluster.Scheduler`."""
        if (job := self.look(job_id)) is not None and not job.is_over:
            with self._answering() as client:
                client.stop_job(job_id)

    @contextmanager
    def _answering(self) -> Iterator[Any]:
        try:
            if self._connected is None:
                self._connected = self._connect(self._address)
            yield self._connected
        except (ConnectionError, RuntimeError, OSError, self._refusal) as problem:
            raise UnreachableError(
                Message(
                    "The Ray cluster at {address} does not answer: {problem}",
                    address=self._address,
                    problem=" ".join(str(problem).split())[:300],
                )
            ) from problem
