"""Functions that make every value of those at its own position, and functions that make constants."""

from __future__ import annotations

from typing import Final

_MODULES: Final = frozenset(
    "ReLU ReLU6 LeakyReLU PReLU RReLU ELU CELU SELU GELU SiLU Mish Sigmoid Tanh Softplus Softsign Hardtanh Hardswish "
    "Hardsigmoid Hardshrink Softshrink Tanhshrink LogSigmoid Threshold Identity Dropout Dropout1d Dropout2d Dropout3d "
    "AlphaDropout FeatureAlphaDropout StochasticDepth".split()
)
_FUNCTIONS: Final = frozenset(
    "relu relu6 leaky_relu prelu rrelu elu celu selu gelu silu mish sigmoid tanh softplus softsign hardtanh hardswish "
    "hardsigmoid hardshrink softshrink tanhshrink logsigmoid threshold exp exp2 expm1 log log2 log10 log1p sqrt rsqrt "
    "square abs absolute neg negative positive sign sgn sin cos tan asin acos atan sinh cosh asinh acosh atanh erf "
    "erfc erfinv expit logit reciprocal floor ceil round trunc frac clamp clamp_min clamp_max clip nan_to_num "
    "dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout stochastic_depth "
    "add sub rsub mul div floordiv floor_divide mod remainder fmod pow rpow rdiv rtruediv float_power maximum minimum "
    "fmax fmin atan2 hypot lerp addcmul addcdiv where masked_fill heaviside xlogy logaddexp "
    "eq ne lt le gt ge and or xor invert logical_and logical_or logical_not logical_xor isnan isinf isfinite "
    "contiguous clone detach to type type_as float double half bfloat16 int long bool cpu cuda".split()
)
CONSTANT: Final = frozenset(
    "zeros ones full empty rand randn arange linspace eye zeros_like ones_like full_like empty_like rand_like randn_like "
    "new_zeros new_ones new_full new_empty new_tensor tensor zero".split()
)
"""What comes out depends on no value that went in, at most on its shape."""


def is_pointwise(type_name: str) -> bool:
    """Whether each value that an op of this type gives depends only on those at its own position (in evaluation)."""
    return type_name in _MODULES or type_name in _FUNCTIONS
