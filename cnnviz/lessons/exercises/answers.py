"""What a person answers, read in every form in which it can be written. Imports no torch."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal

from cnnviz.operations.op import Shape, product

_LONGEST = 200
"""Characters of an answer; whatever is longer is none."""
_LARGEST = 10**15
_THOUSANDS = re.compile(r"\d{1,3}(?:[ ,'_]\d{3})+")
_WHOLE = re.compile(r"(\d+)(?:\.0*)?")
_SIGNED = re.compile(r"([+-])\s*(.*)")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,15}\.?[0-9]{0,15}|\.[0-9]{1,15})(?:e[+-]?[0-9]{1,2})?")
_UNIT = re.compile(r"(?<=\d)\s+[^\W\d][^\d]*$")
"""What follows a number: ``260 parameters``."""
_NAMED = re.compile(r"^(?:torch\.size|size|shape)\b")
_BRACKETS = re.compile(r"[()\[\]{}]")
_BETWEEN = re.compile(r"[x*,;\s]+")
_BATCH = ("n", "b", "batch", "batch_size", "none", "-1", "?")
"""What people write in the place of the batch."""


def read_number(text: str) -> int | None:
    """The number that ``text`` is: ``-3``, ``1408``, ``1,408``, ``1408.0``, ``1408 features``, ``88 x 4 x 4``, ``88*4*4 = 1408``.

    None where it is no whole number.
    """
    written = _plain(text).rpartition("=")[2].strip()
    written = _UNIT.sub("", written)
    if signed := _SIGNED.fullmatch(written):
        number = read_number(signed[2]) if signed[2][:1].isdigit() else None
        return number if number is None or signed[1] == "+" else -number
    if _THOUSANDS.fullmatch(written):
        return _bounded(int(re.sub(r"\D", "", written)))
    if whole := _WHOLE.fullmatch(written):
        return _bounded(int(whole[1]))
    sizes = read_sizes(written)
    return None if sizes is None else _bounded(product(sizes))


def read_decimal(text: str) -> Decimal | None:
    """The number that ``text`` is: ``0.42``, ``.42``, ``0.420``, ``0,42``, ``4.2e-1``, ``0.5 - 0.1 x 0.8 = 0.42``.

    A single comma stands before the decimals, as no answer here is in the thousands. None where it is no number.
    """
    written = _plain(text).rpartition("=")[2].replace(" ", "")
    if written.count(",") == 1 and "." not in written:
        written = written.replace(",", ".")
    found = _DECIMAL.fullmatch(written.replace(",", ""))
    return Decimal(found[0]) if found else None


def read_sizes(text: str) -> Shape | None:
    """The sizes that ``text`` lists: ``88x4x4``, ``88 x 4 x 4``, ``(88, 4, 4)``, ``torch.Size([88, 4, 4])``, ``N, 88, 4, 4``.

    A letter in the place of the batch is left out. None where it is no list of whole numbers.
    """
    listed = _BRACKETS.sub(" ", _NAMED.sub("", _plain(text)))
    parts = [part for part in _BETWEEN.split(listed) if part]
    if len(parts) > 1 and parts[0] in _BATCH:
        parts = parts[1:]
    if not parts or not all(_WHOLE.fullmatch(part) for part in parts):
        return None
    sizes = tuple(int(part.partition(".")[0]) for part in parts)
    return sizes if max(sizes) <= _LARGEST else None


def read_length(text: str) -> Shape | None:
    """The shape of a vector: as :func:`read_sizes`, but ``1,408`` is one number and not two sizes."""
    if _THOUSANDS.fullmatch(_plain(text)):
        number = read_number(text)
        return None if number is None else (number,)
    return read_sizes(text)


def _plain(text: str) -> str:
    """``text`` in small letters of the keyboard: a Chinese one has wide digits, brackets and commas of its own."""
    if len(text) > _LONGEST:
        return ""
    plain = unicodedata.normalize("NFKC", text).strip().lower()
    return plain.translate(str.maketrans("×·∗、。−", "xx*,.-"))


def _bounded(number: int) -> int | None:
    return number if number <= _LARGEST else None
