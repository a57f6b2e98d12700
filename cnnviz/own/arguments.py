"""How the arguments of a call find their names, with Python's own words where they do not fit."""

from __future__ import annotations

from collections.abc import Sequence

from cnnviz.own.values import (
    Function,
    Value,
)


def bound(function: Function, arguments: tuple[Value, ...], keywords: dict[str, Value]) -> dict[str, Value]:
    """The names of the arguments of a call, with Python's own words where they do not fit.

    Raises:
        TypeError: too many, too few or unknown arguments.
    """
    spec, called = function.arguments, _qualified(function)
    names = [argument.arg for argument in (*spec.posonlyargs, *spec.args)]
    positional_only = {argument.arg for argument in spec.posonlyargs}
    keyword_only = [argument.arg for argument in spec.kwonlyargs]
    found: dict[str, Value] = dict(zip(names, arguments, strict=False))
    extra: dict[str, Value] = {}
    for name, value in keywords.items():
        if (name in names and name not in positional_only) or name in keyword_only:
            if name in found:
                raise TypeError(f"{called}() got multiple values for argument '{name}'")
            found[name] = value
        elif spec.kwarg is not None:
            extra[name] = value
        else:
            raise TypeError(f"{called}() got an unexpected keyword argument '{name}'")
    if len(arguments) > len(names) and spec.vararg is None:
        raise TypeError(_too_many(called, len(names), len(function.defaults), len(arguments)))
    for name, default in zip(names[len(names) - len(function.defaults) :], function.defaults, strict=True):
        found.setdefault(name, default)
    for name, default in function.keyword_defaults.items():
        found.setdefault(name, default)
    missing = [name for name in names if name not in found]
    if missing:
        raise TypeError(_missing(called, missing, "positional"))
    missing = [name for name in keyword_only if name not in found]
    if missing:
        raise TypeError(_missing(called, missing, "keyword-only"))
    if spec.vararg is not None:
        found[spec.vararg.arg] = tuple(arguments[len(names) :])
    if spec.kwarg is not None:
        found[spec.kwarg.arg] = extra
    return found


def _qualified(function: Function) -> str:
    return (
        f"{function.owner.name}.{function.name}"
        if function.owner and function.name != "<lambda>"
        else function.name
    )


def _too_many(called: str, most: int, defaults: int, given_count: int) -> str:
    takes = f"from {most - defaults} to {most}" if defaults else str(most)
    plural = "" if most == 1 and not defaults else "s"
    were = "was" if given_count == 1 else "were"
    return f"{called}() takes {takes} positional argument{plural} but {given_count} {were} given"


def _missing(called: str, names: Sequence[str], kind: str) -> str:
    quoted = [f"'{name}'" for name in names]
    if len(quoted) == 1:
        listed = quoted[0]
    elif len(quoted) == 2:
        listed = " and ".join(quoted)
    else:
        listed = ", ".join(quoted[:-1]) + f", and {quoted[-1]}"
    plural = "" if len(names) == 1 else "s"
    return f"{called}() missing {len(names)} required {kind} argument{plural}: {listed}"
