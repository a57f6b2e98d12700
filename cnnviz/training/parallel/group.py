"""What the processes that train one network tell each other at each step: gradients, losses, the learning rate."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from functools import reduce
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor, nn

from cnnviz.training.parallel.batch_norm import SharedBatchNorm, share_batch_norm
from cnnviz.training.parallel.part import Part

_RATE_BYTES = 8
_MEETING = timedelta(seconds=120)
_LONGEST_STEP = timedelta(minutes=30)  # a process that is silent for so long hangs
_LONGEST_WAIT = timedelta(days=3650)  # for the leader, who may pause

_PATIENCE_SECONDS, _PATIENCE = 120.0, 10

_broken_off = threading.Event()


class Group:
    """All processes that train one network, of which this one has a ``part``; the first leads.

    Each computes the gradient of its own images. A step takes the sum over all processes, weighted by their shares of
    the batch, which is the gradient of the whole batch; so all make the same step, and their weights stay equal.
    """

    def __init__(self, part: Part) -> None:
        self.part = part
        self.is_lost = False
        """Whether another process has ended, so that there will be no further step."""
        self._parameters: Sequence[nn.Parameter] = ()
        self._places: Sequence[Tensor] = ()
        self._numbers = self._told = torch.empty(0)
        self._begun: float | None = None
        self._longest = 0.0

    @property
    def leads(self) -> bool:
        """Whether this process's learning rate is that of all."""
        return self.part.number == 0

    @property
    def hangs(self) -> bool:
        """Whether the present step, or the wait for the others after a test pass, takes ten times as long as any step before,
        and two minutes at least; any thread may ask.
        """
        begun = self._begun
        patience = max(_PATIENCE_SECONDS, _PATIENCE * self._longest)
        return begun is not None and time.monotonic() - begun > patience

    def adopt(self, model: nn.Module) -> None:
        """Let ``model`` be trained by the group; it has its device and its order in memory already."""
        share_batch_norm(model)
        self._parameters = [parameter for parameter in model.parameters() if parameter.requires_grad]
        size = sum(parameter.numel() for parameter in self._parameters)
        told = 2 + _RATE_BYTES + len(self._parameters)
        kind = reduce(torch.promote_types, (each.dtype for each in self._parameters), torch.float32)
        device = next((each.device for each in self._parameters), None)
        self._numbers = torch.zeros(size + told, dtype=kind, device=device)
        self._told = self._numbers[size:]
        places, start = list[Tensor](), 0
        for parameter in self._parameters:
            # Each in its own order in memory, so that copying is one long row; one that has gaps there gets none here.
            order = torch.empty_like(parameter, device="meta").stride()
            places.append(self._numbers.as_strided(parameter.shape, order, start))
            start += parameter.numel()
        self._places = places

    def begin_step(self, share: float) -> None:
        """Say which part ``share`` (0 to 1) of the coming batch is this process's."""
        SharedBatchNorm.counts = share > 0
        self._begun = time.monotonic()

    def backward(self, loss: Tensor, correct: Tensor, share: float, rate: float) -> tuple[float, int, float]:
        """Compute the gradients of the whole batch.

        ``loss`` is the mean over this process's ``share`` of the batch, of which ``correct`` images are right; ``rate``
        is its learning rate.

        Returns:
            the mean loss of the whole batch, how many of its images are right, and the leader's learning rate.
        """
        torch.autograd.backward(loss * share)
        has = [parameter.grad is not None for parameter in self._parameters]
        for parameter, place in zip(self._parameters, self._places, strict=True):
            if parameter.grad is None:
                place.zero_()
            else:
                place.copy_(parameter.grad)
        rates = _as_bytes(rate) if self.leads else [0] * _RATE_BYTES
        figures = [loss.item() * share, float(correct)] if share > 0 else [0.0, 0.0]
        self._told.copy_(torch.tensor([*figures, *rates, *has]))
        dist.all_reduce(self._numbers)
        whole_loss, right, *told = _read(self._told)
        # A layer that no process used has no gradient, which is not the same as 0: weights do not decay then.
        for parameter, place, anywhere in zip(
            self._parameters, self._places, told[_RATE_BYTES:], strict=True
        ):
            parameter.grad = place.to(parameter.dtype) if anywhere else None
        if self._begun is not None:
            self._longest = max(self._longest, time.monotonic() - self._begun)
            self._begun = None
        return whole_loss, int(right), _from_bytes(told[:_RATE_BYTES])

    @torch.no_grad()
    def take_from_leader(self, model: nn.Module) -> None:
        """Give all processes the running figures of the leader's ``model``: those of instance normalisation, say, which each
        has of its own images.
        """
        buffers = [buffer for buffer in model.buffers() if buffer.is_floating_point()]
        if not buffers:
            return
        numbers = torch.cat([buffer.flatten().double() for buffer in buffers])
        with self._waiting():
            dist.broadcast(numbers, 0)
        parts = torch.split(numbers, [buffer.numel() for buffer in buffers])
        for buffer, told in zip(buffers, parts, strict=True):
            values = told.view(buffer.shape).to(buffer.dtype)
            if not torch.equal(buffer, values):
                buffer.copy_(values)

    def summed(self, values: Sequence[float]) -> Sequence[float]:
        """The sums of all processes' ``values``."""
        sums = torch.tensor(values, dtype=torch.float64, device=self._numbers.device)
        with self._waiting():
            dist.all_reduce(sums)
            return _read(sums)

    @contextlib.contextmanager
    def _waiting(self) -> Iterator[None]:
        """Inside of the block this process waits for the others; see :attr:`hangs`."""
        self._begun = time.monotonic()
        yield
        self._begun = None


def meet(folder: Path, part: Part, device: str) -> Group:
    """Form the group of processes that meet in ``folder``, of which this one has the ``part``; they compute on ``device``
    (``cpu``, or ``cuda``: each on the GPU of its number).

    Raises:
        RuntimeError: the others do not come; the leader waits two minutes for them.
    """
    if device == "cuda":
        torch.cuda.set_device(part.number)
    stay_on_this_machine()
    _broken_off.clear()
    leads = part.number == 0
    store = dist.FileStore(str(folder / "meeting"), part.count)  # type: ignore[attr-defined]
    store.set_timeout(_MEETING)
    dist.init_process_group(
        "nccl" if device == "cuda" else "gloo",
        store=store,
        rank=part.number,
        world_size=part.count,
        timeout=_MEETING if leads else _LONGEST_WAIT,  # the leader comes when all the others are about to
    )
    dist.set_timeout(_LONGEST_STEP if leads else _LONGEST_WAIT)
    return Group(part)


def part_company() -> None:
    """Leave the group, if there is one."""
    if dist.is_initialized():
        dist.destroy_process_group()


def break_off() -> None:
    """End what waits on a GPU for a process that is lost, so that it raises a RuntimeError; this itself raises nothing."""
    _broken_off.set()
    with contextlib.suppress(Exception):
        dist.distributed_c10d._abort_process_group()


def _read(sums: Tensor) -> list[float]:
    """The numbers of ``sums``, once they are there: what was broken off on a GPU leaves any numbers, without a word."""
    found = list(sums.tolist())
    if _broken_off.is_set():
        raise RuntimeError("NCCL was broken off, as a process is lost")
    return found


def stay_on_this_machine() -> None:
    """Let gloo talk over the loopback interface: nobody else may listen, and no name need be resolved."""
    for _index, name in socket.if_nameindex():
        if name.startswith("lo"):
            os.environ.setdefault("GLOO_SOCKET_IFNAME", name)


def _as_bytes(number: float) -> list[int]:
    """``number`` in whole numbers, which survive a sum with zeros in any floating-point type."""
    return list(torch.tensor([number], dtype=torch.float64).view(torch.uint8).tolist())


def _from_bytes(numbers: Sequence[float]) -> float:
    return float(torch.tensor(numbers).to(torch.uint8).view(torch.float64))
