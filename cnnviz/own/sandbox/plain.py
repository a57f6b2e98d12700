"""Frozen dataclasses as plain data and back: what a process that may be in a stranger's hands is allowed to say.

What comes back is read by the annotations of the class that is expected, and of nothing else: no name in the data
chooses a class or a function. Every field is checked against its annotation. A field that takes no part in comparisons,
as the exception behind a trace, does not travel.

As JSON a dataclass is the list of its fields, a tuple and a frozenset a list, a mapping an object. A value that is
annotated as ``object`` says what it is: the plain ones as in JSON, others as a list that begins with a tag.
"""

from __future__ import annotations

import json
import re
import types
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from functools import lru_cache
from operator import attrgetter
from string import Formatter
from typing import Any, Literal, NoReturn, Union, get_args, get_origin, get_type_hints

import torch

from cnnviz.errors import CnnvizError
from cnnviz.language import Message
from cnnviz.tracing.trace import Trace

MOST_BYTES = 32_000_000
"""Of an answer; the trace with the most operations takes some ten million."""

_LARGEST = 10**60
"""Whole numbers are smaller: multiply-adds multiply sizes, and sentences write them out."""
_MOST_TEXT = 200
"""Characters of a value that is told by its text alone."""
_LONGEST_TEMPLATE = 5_000
_LONGEST_SENTENCE = 100_000
_MOST_SENTENCES = 1_000
"""That one message may be made of: sentences that repeat sentences grow without end."""
_FORMAT = re.compile(r",?(\.\d{1,2})?[defg%s]?")
_SURROGATE = re.compile(rb"\\u[dD][89abAB]|\\u[dD][c-fC-F]")

Encode = Callable[[Any], Any]
Decode = Callable[[Any], Any]


class UnusableAnswerError(CnnvizError):
    """Data that is not what was expected; ``where`` tells the field."""

    def __init__(self, where: str) -> None:
        super().__init__(
            Message(
                "The answer about this network cannot be used ({where}). Undo the last change and try again.",
                where=where,
            )
        )
        self.where = where


@dataclass(frozen=True)
class Codec:
    """How a value is written as JSON's values, and read from them; None: it is the same."""

    encode: Encode | None
    decode: Decode


def encoded(value: object, kind: object) -> bytes:
    """``value``, whose annotation would be ``kind``, as JSON in UTF-8.

    Raises:
        UnusableAnswerError: it is nested too deeply, or is no such value.
    """
    encode = codec(kind).encode
    try:
        plain = value if encode is None else encode(value)
        text = json.dumps(plain, ensure_ascii=False, check_circular=False, separators=(",", ":"))
    except (RecursionError, TypeError, ValueError, AttributeError):
        raise UnusableAnswerError(_name(kind)) from None
    return text.encode("utf-8", "replace")


def decoded(data: bytes, kind: object) -> Any:
    """The value whose annotation would be ``kind`` that :func:`encoded` wrote; ``data`` may be anything.

    Raises:
        UnusableAnswerError: it is too long, too deep, no JSON, or a field does not fit its annotation.
    """
    if len(data) > MOST_BYTES:
        _wrong("bytes")
    try:
        plain = json.loads(data.decode("utf-8"))
        if _SURROGATE.search(data):  # half a character would break whoever writes it
            json.dumps(plain, ensure_ascii=False).encode("utf-8")
        return codec(kind).decode(plain)
    except (ValueError, RecursionError):
        raise UnusableAnswerError("JSON") from None


def _wrong(where: object) -> NoReturn:
    raise UnusableAnswerError(_name(where))


def _name(kind: object) -> str:
    return kind if isinstance(kind, str) else getattr(kind, "__name__", str(kind))


@lru_cache(maxsize=256)
def codec(kind: Any) -> Codec:
    """The codec of an annotation.

    Raises:
        TypeError: there is none for such an annotation; a mistake in cnnviz.
    """
    if kind in _PLAIN:
        return Codec(None, _PLAIN[kind])
    if kind is object:
        return Codec(_encode_any, _decode_any)
    if kind is Message:
        return Codec(_encode_message, _decode_message)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_codec(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is Literal:
        return Codec(None, _literal(arguments))
    if origin in (Union, types.UnionType):
        return _union_codec(arguments)
    if origin is tuple and arguments == (int, ...):
        return Codec(list, _integers)
    if origin is tuple and arguments[-1] is not ...:
        return _fixed_codec(arguments)
    if origin in (tuple, frozenset):
        return _sequence_codec(origin, arguments[0])
    if origin in (dict, Mapping) and arguments[0] is str:
        return _mapping_codec(arguments[1])
    raise TypeError(f"there is no codec for {kind}")


# -- one value ------------------------------------------------------------------------------------


def _integer(value: Any) -> int:
    if type(value) is int and -_LARGEST < value < _LARGEST:
        return value
    _wrong("int")


def _exactly(kind: type) -> Decode:
    def decode(value: Any) -> Any:
        if type(value) is kind:
            return value
        _wrong(kind)

    return decode


def _literal(allowed: tuple[Any, ...]) -> Decode:
    known = frozenset(allowed)

    def decode(value: Any) -> Any:
        if type(value) is str and value in known:
            return value
        _wrong("Literal")

    return decode


_PLAIN: Mapping[Any, Decode] = {
    int: _integer,
    **{kind: _exactly(kind) for kind in (str, bool, float, type(None))},
}


def _union_codec(kinds: tuple[Any, ...]) -> Codec:
    """Of alternatives that differ in the JSON that they are written as."""
    codecs = {_json_type(kind): codec(kind) for kind in kinds}
    if len(codecs) != len(kinds):
        raise TypeError(f"alternatives that are written alike: {kinds}")
    decoders = {kind: known.decode for kind, known in codecs.items()}
    encoders = {kind: known.encode for kind, known in codecs.items()}
    of_list = encoders.get(list)

    def encode(value: Any) -> Any:
        # What is no plain value is the one alternative that is written as a list.
        return value if of_list is None or type(value) in encoders else of_list(value)

    def decode(value: Any) -> Any:
        known = decoders.get(type(value))
        return known(value) if known is not None else _wrong(type(value))

    return Codec(encode, decode)


def _json_type(kind: Any) -> type:
    if kind in _PLAIN:
        return type(None) if kind is None else kind
    return str if get_origin(kind) is Literal else list


# -- several values ---------------------------------------------------------------------------------


def _integers(value: Any) -> tuple[int, ...]:
    if type(value) is not list:
        _wrong("tuple")
    for part in value:
        if type(part) is not int or not -_LARGEST < part < _LARGEST:
            _wrong("int")
    return tuple(value)


def _sequence_codec(made: type, kind: Any) -> Codec:
    inner = codec(kind)

    def encode(value: Any) -> list[Any]:
        return list(value) if inner.encode is None else [inner.encode(part) for part in value]

    def decode(value: Any) -> Any:
        if type(value) is not list:
            _wrong(made)
        return made([inner.decode(part) for part in value])

    return Codec(encode, decode)


def _fixed_codec(kinds: tuple[Any, ...]) -> Codec:
    codecs = [codec(kind) for kind in kinds]

    def encode(value: Any) -> list[Any]:
        return [
            part if known.encode is None else known.encode(part)
            for known, part in zip(codecs, value, strict=True)
        ]

    def decode(value: Any) -> tuple[Any, ...]:
        if type(value) is not list or len(value) != len(codecs):
            _wrong("tuple")
        return tuple(known.decode(part) for known, part in zip(codecs, value, strict=True))

    return Codec(encode, decode)


def _mapping_codec(kind: Any) -> Codec:
    inner = codec(kind)

    def encode(value: Any) -> dict[str, Any]:
        if inner.encode is None:
            return dict(value)
        return {key: inner.encode(part) for key, part in value.items()}

    def decode(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            _wrong("Mapping")
        return {key: inner.decode(part) for key, part in value.items()}

    return Codec(encode, decode)


def _dataclass_codec(cls: type) -> Codec:
    hints = get_type_hints(cls)
    travelling = [field for field in fields(cls) if field.compare]
    staying = [field for field in fields(cls) if not field.compare]
    if any(field.default is MISSING for field in staying) or len(travelling) < 2:
        raise TypeError(f"{cls.__name__} cannot travel")
    names = [field.name for field in travelling]
    codecs = [codec(hints[name]) for name in names]
    encoders = [(place, known.encode) for place, known in enumerate(codecs) if known.encode is not None]
    decoders = [known.decode for known in codecs]
    read, count, check = attrgetter(*names), len(names), _CHECKS.get(cls)

    def encode(value: Any) -> list[Any]:
        if type(value) is not cls:
            _wrong(cls)
        parts = list(read(value))
        for place, write in encoders:
            parts[place] = write(parts[place])
        return parts

    def decode(value: Any) -> Any:
        if type(value) is not list or len(value) != count:
            _wrong(cls)
        parts = []
        for known, part in zip(decoders, value, strict=True):
            try:
                parts.append(known(part))
            except UnusableAnswerError as error:
                _wrong(f"{cls.__name__}.{names[len(parts)]}: {error.where}"[:_MOST_TEXT])
        made = cls(**dict(zip(names, parts, strict=True)))
        if check is not None and not check(made):
            _wrong(cls)
        return made

    return Codec(encode, decode)


# -- any value ----------------------------------------------------------------------------------------

_AS_IN_JSON = frozenset((type(None), bool, int, float, str))
_DTYPES = {str(value): value for value in vars(torch).values() if isinstance(value, torch.dtype)}


def _encode_any(value: Any) -> Any:
    kind = type(value)
    if kind in _AS_IN_JSON:
        return value
    if isinstance(value, tuple):
        return ["tuple", *map(_encode_any, value)]
    if isinstance(value, list):
        return ["list", *map(_encode_any, value)]
    if isinstance(value, (set, frozenset)):
        return ["set", *map(_encode_any, value)]
    if isinstance(value, Mapping):
        return ["dict", *([_encode_any(key), _encode_any(part)] for key, part in value.items())]
    if kind is Message:
        return ["message", *_encode_message(value)]
    if kind is slice:
        return ["slice", *map(_encode_any, (value.start, value.stop, value.step))]
    if value is ...:
        return ["dots"]
    if kind is torch.dtype:
        return ["dtype", str(value)]
    return str(value)[:_MOST_TEXT]  # of a device, say, the text is all that anybody reads


def _decode_any(value: Any) -> Any:
    kind = type(value)
    if kind is int:
        return _integer(value)
    if kind in _AS_IN_JSON:
        return value
    if kind is not list or not value or type(value[0]) is not str:
        _wrong("object")
    known = _TAGS.get(value[0])
    try:
        return known(value[1:]) if known is not None else _wrong("tag")
    except TypeError:  # a list as a key, say
        _wrong("object")


def _all(values: list[Any]) -> list[Any]:
    return [_decode_any(value) for value in values]


def _slice(values: list[Any]) -> slice:
    if len(values) != 3 or any(type(value) not in (int, type(None)) for value in values):
        _wrong("slice")
    return slice(*values)


def _dict(values: list[Any]) -> dict[Any, Any]:
    if any(type(pair) is not list or len(pair) != 2 for pair in values):
        _wrong("dict")
    return {_decode_any(key): _decode_any(value) for key, value in values}


def _dtype(values: list[Any]) -> Any:
    if len(values) != 1 or type(values[0]) is not str or values[0] not in _DTYPES:
        _wrong("dtype")
    return _DTYPES[values[0]]


def _dots(values: list[Any]) -> Any:
    return _wrong("dots") if values else ...


# -- sentences ----------------------------------------------------------------------------------------


def _encode_message(message: Message) -> list[Any]:
    if type(message) is not Message:
        _wrong(Message)
    return [message.template, {name: _encode_any(value) for name, value in message.values.items()}]


def _decode_message(value: Any) -> Message:
    if type(value) is not list or len(value) != 2:
        _wrong(Message)
    template, values = value
    if type(template) is not str or type(values) is not dict or len(template) > _LONGEST_TEMPLATE:
        _wrong(Message)
    if values.keys() & {"self", "template"}:
        _wrong(Message)
    message = Message(template, **{name: _decode_any(part) for name, part in values.items()})
    if _sentences(message) > _MOST_SENTENCES:
        _wrong(Message)
    try:
        if len(str(message)) > _LONGEST_SENTENCE:
            _wrong(Message)
    except (ValueError, TypeError, LookupError, OverflowError):
        _wrong(Message)
    return message


def _sentences(message: Message) -> int:
    """How many sentences are written for ``message``: one that stands in another twice is written twice."""
    inner = (message.values.get(name) for name in _names(message.template))
    return 1 + sum(_sentences(value) for value in inner if type(value) is Message)


@lru_cache(maxsize=1024)
def _names(template: str) -> tuple[str, ...]:
    """The names in a template that does nothing but write values: no attributes, no widths."""
    try:
        parts = [part[1:] for part in Formatter().parse(template) if part[1] is not None]
    except ValueError:
        _wrong(Message)
    for name, form, conversion in parts:
        if not str(name).isidentifier() or conversion not in (None, "r", "s"):
            _wrong(Message)
        if not _FORMAT.fullmatch(form or ""):
            _wrong(Message)
    return tuple(str(name) for name, _, _ in parts)


_TAGS: Mapping[str, Callable[[list[Any]], Any]] = {
    "tuple": lambda values: tuple(_all(values)),
    "list": _all,
    "set": lambda values: frozenset(_all(values)),
    "dict": _dict,
    "message": _decode_message,
    "slice": _slice,
    "dots": _dots,
    "dtype": _dtype,
}


# -- what annotations do not say ----------------------------------------------------------------------


def _consistent(trace: Trace) -> bool:
    """Whether ops are numbered in order, and whatever is the index of an op is one."""
    count = len(trace.ops)
    indices = [
        *(index for op in trace.ops for index in op.inputs),
        *(output.op for output in trace.outputs if output.op is not None),
        *trace.used_directly.values(),
        *([] if trace.failure is None else trace.failure.inputs),
        *([] if trace.subtracted is None else [trace.subtracted.op]),
    ]
    return (
        all(op.index == place for place, op in enumerate(trace.ops))
        and all(-1 <= index < count for index in indices)
        and all(0 <= call.ops_before <= count for call in trace.modules)
        and len(trace.lines) == count
    )


_CHECKS: Mapping[type, Callable[[Any], bool]] = {Trace: _consistent}
