"""Receptive fields in words."""

from __future__ import annotations

from cnnviz.language import translate as _
from cnnviz.operations.op import Op, shape_text
from cnnviz.shapes.receptive_field import ReceptiveField


def extent(field: ReceptiveField) -> str:
    """A receptive field in a few words."""
    if not field.known:
        return _("not known")
    if field.nothing:
        return _("no pixel")
    if field.whole:
        return _("the whole image")
    if not field.regular:
        return _("at most {size}", size=shape_text(field.size))
    return shape_text(field.size)


def sentence(op: Op, field: ReceptiveField) -> str:
    """What one value of ``op`` depends on, in sentences."""
    size = shape_text(field.size)
    if not field.known:
        text = _(
            "Receptive field: not known. What is done with places on the way to {name} is not followed here; a value "
            "depends on nothing outside of a patch of {size} pixels.",
            name=op.title,
            size=size,
        )
    elif field.nothing:
        text = _("{name} depends on no pixel: it is the same for every image.", name=op.title)
    elif field.whole:
        text = _("Each value of {name} depends on the whole image.", name=op.title)
    elif field.same:
        text = _(
            "All values of {name} depend on the same patch of {size} pixels, which begins at row {row}, column "
            "{column}: what lies outside of it is never read.",
            name=op.title,
            size=size,
            **_corner(field),
        )
    elif not field.regular:
        text = _(
            "Receptive field: the values of {name} see patches of at most {size} pixels; their sizes, or the steps "
            "from one to the next, are not all the same.",
            name=op.title,
            size=size,
        )
    else:
        text = _regular(op, field)
    if field.known and not field.alike:
        text += " " + _("Some of its channels see less.")
    return text


def _corner(field: ReceptiveField) -> dict[str, int]:
    """Where the first patch begins, as sentences take it; a vector or a sequence has one row."""
    row, column = (0, *field.start)[-2:]
    return {"row": row, "column": column}


def _regular(op: Op, field: ReceptiveField) -> str:
    """Size, jump and start of patches that lie regularly."""
    text = _(
        "Receptive field: each value of {name} sees a patch of {size} pixels (size); from one value to the next the "
        "patch moves by {jump} pixels (jump), and the first begins at row {row}, column {column} (start).",
        name=op.title,
        size=shape_text(field.size),
        jump=field.jump[0] if len(set(field.jump)) == 1 else shape_text(field.jump),
        **_corner(field),
    )
    if min(field.start) < 0:
        text += " " + _("A start below 0 lies in the padding.")
    if not field.aligned:
        text += " " + _("The patches of the branches that meet here do not share a centre.")
    return text
