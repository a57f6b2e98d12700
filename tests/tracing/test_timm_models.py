"""Networks of timm, if it is installed: shapes, parameters and multiply-adds are PyTorch's own, family by family.

``pip install timm`` and ``pytest -m slow tests/tracing/test_timm_models.py``.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from cnnviz.tracing.tap import tensors_in
from cnnviz.tracing.trace import trace

NAMES = (
    """
    levit_128s convit_tiny cait_xxs24_224 coat_lite_tiny crossvit_9_240 botnet26t_256 halonet26t
    lambda_resnet26t bat_resnext26ts gcresnet33ts beit_base_patch16_224 convmixer_768_32 convnext_atto
    convnextv2_atto cs3darknet_s davit_tiny deit_tiny_patch16_224 densenet121 dla34 dpn48b
    edgenext_xx_small efficientformer_l1 efficientformerv2_s0 efficientnet_b0 efficientnet_b0_gn
    efficientvit_b0 efficientvit_m0 eva02_tiny_patch14_224 fasternet_t0 fastvit_t8 focalnet_tiny_srf
    gcvit_xxtiny ghostnet_050 hgnetv2_b0 hiera_tiny_224 hrnet_w18_small inception_next_atto inception_v4
    mambaout_femto maxvit_tiny_tf_224 coatnet_pico_rw_224 poolformer_s12 mixer_s32_224 gmlp_ti16_224
    resmlp_12_224 mobilenetv3_small_050 mobilevit_xxs mobilevitv2_050 mvitv2_tiny nest_tiny
    nextvit_small nfnet_f0 eca_nfnet_l0 pit_ti_224 pvt_v2_b0 pvt_v2_b2_li rdnet_tiny regnetx_002
    repghostnet_050 repvit_m0_9 res2net50_14w_8s resnest14d resnetv2_50 rexnet_100 selecsls42
    legacy_seresnet18 sequencer2d_s shvit_s1 skresnet18 starnet_s1 swiftformer_xs
    swin_tiny_patch4_window7_224 swinv2_tiny_window8_256 swinv2_cr_tiny_ns_224 tiny_vit_5m_224
    tnt_s_patch16_224 tresnet_m twins_svt_small twins_pcpvt_small visformer_tiny vit_tiny_patch16_224
    vit_relpos_small_patch16_224 vitamin_small_224 volo_d1_224 ese_vovnet19b_dw xception41
    xcit_nano_12_p16_224 resnet18 vgg11
    """
).split()
"""One small network of each family."""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", NAMES)
def test_a_family_of_timm(name: str) -> None:
    timm = pytest.importorskip("timm")
    model = timm.create_model(name, pretrained=False).eval().requires_grad_(False)
    shape = tuple(model.default_cfg.get("input_size", (3, 224, 224)))
    traced = trace(model, shape)
    assert traced.failure is None
    total = sum(parameter.numel() for parameter in model.parameters())
    assert traced.total_params == total
    assert sum(op.params for op in traced.ops) + sum(entry.params for entry in traced.unexecuted) == total

    expected, output, macs = run(model.to("meta"), shape)
    assert traced.macs == macs
    assert traced.output is not None
    assert traced.output.output_shape == output
    calls: Counter[str] = Counter()
    for op in traced.ops:
        if op.module is not None:
            assert op.layout.full(op.output_shape) == expected[op.module][calls[op.module]], op.name
            calls[op.module] += 1


def run(model: nn.Module, shape: tuple[int, ...]) -> tuple[dict[str, Any], tuple[int, ...], int]:
    """The shapes that every module gives, call by call; that of the output, without the batch; multiply-adds."""
    given: dict[str, list[tuple[int, ...]]] = defaultdict(list)

    def watch(path: str, module: nn.Module) -> None:
        def note(_module: nn.Module, _given: Any, output: Any) -> None:
            given[path] += [tuple(tensor.shape) for tensor in tensors_in(output)[:1]]

        module.register_forward_hook(note)

    for path, module in model.named_modules():
        watch(path, module)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        output = tensors_in(model(torch.empty(1, *shape, device="meta")))[0]
    return given, tuple(output.shape[1:]), counter.get_total_flops() // 2
