"""Batch normalisation over a whole batch of which each process has a part.

PyTorch's ``SyncBatchNorm`` is for GPUs alone. This one needs torch and the default process group, and nothing of cnnviz:
scripts have it, too.
"""

from __future__ import annotations

from typing import Any, ClassVar

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def share_batch_norm(network: nn.Module) -> None:
    """Let all batch normalisation of ``network`` be over the images of all processes, while it trains."""
    for layer in network.modules():
        if isinstance(layer, _BatchNorm):
            layer.__class__ = SharedBatchNorm  # whoever refers to the layer, or to its parameters, keeps them


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation (Ioffe and Szegedy 2015) with the mean and variance of all processes' images.

    ``counts`` says whether this process's images belong to the present batch: one that got no image computes along with
    one that counts nothing.
    """

    counts: ClassVar[bool] = True

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, C, ...), this process's part of the batch -> the same shape."""
        if not self.training:
            return super().forward(x)
        mean, variance, count = _statistics(x.detach(), self.counts)
        if self.running_mean is not None and self.running_var is not None:
            assert self.num_batches_tracked is not None
            self.num_batches_tracked.add_(1)
            factor = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
            self.running_mean.lerp_(mean.to(self.running_mean.dtype), factor)
            self.running_var.lerp_((variance * (count / (count - 1))).to(self.running_var.dtype), factor)
        normalised: Tensor = _Normalisation.apply(
            x, self.weight, self.bias, mean, variance, count, self.eps, self.counts
        )
        return normalised

    def _check_input_dim(self, x: Tensor) -> None:
        """Any number of dimensions: the layer that this one was has its own opinion in tests alone."""


def _statistics(x: Tensor, counts: bool) -> tuple[Tensor, Tensor, Tensor]:
    """Mean and (biased) variance of each channel (C,), and the count of numbers in it (), over all processes."""
    mean, variance = torch.batch_norm_update_stats(x, None, None, 0.0)
    count = x.numel() / x.shape[1] if counts else 0.0
    own = torch.cat([mean.double(), variance.double(), mean.new_full((1,), count, dtype=torch.float64)])
    found = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(found, own)
    table = torch.stack(found)
    means, variances = table[:, :-1].chunk(2, dim=1)
    weights = table[:, -1:]
    total = weights.sum()
    weights = weights / total
    mean = (weights * means).sum(0)
    variance = (weights * (variances + (means - mean).square())).sum(0)
    return mean.to(x.dtype), variance.to(x.dtype), total


class _Normalisation(torch.autograd.Function):
    """(x - mean) / deviation * weight + bias, whose mean and deviation depend on all processes' images."""

    @staticmethod
    def forward(
        context: Any,
        x: Tensor,
        weight: Tensor | None,
        bias: Tensor | None,
        mean: Tensor,
        variance: Tensor,
        count: Tensor,
        eps: float,
        counts: bool,
    ) -> Tensor:
        context.save_for_backward(x, weight, mean, variance, count)
        context.eps, context.counts = eps, counts
        return torch.batch_norm(x, weight, bias, mean, variance, False, 0.0, eps, False)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, mean, variance, count = context.saved_tensors
        # As though mean and variance were constants; the last two are this process's sums, over its own images.
        of_x, of_weight, of_bias = torch.ops.aten.native_batch_norm_backward(
            gradient, x, weight, mean, variance, None, None, False, context.eps, [True, True, True]
        )
        sums = torch.cat([of_weight, of_bias])
        dist.all_reduce(sums)
        scale = (variance + context.eps).rsqrt()
        scaled_sum, plain_sum = (sums / count).chunk(2)
        factor = scale if weight is None else scale * weight
        slope = factor * scale * scaled_sum
        offset = factor * plain_sum - slope * mean
        shape = [1, -1] + [1] * (x.dim() - 2)
        of_x.sub_(offset.view(shape)).addcmul_(x, slope.view(shape), value=-1)
        if not context.counts:
            of_x.zero_()
        learned = weight is not None
        return of_x, of_weight if learned else None, of_bias if learned else None, *[None] * 5
