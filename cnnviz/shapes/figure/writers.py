"""A figure as a file: SVG, PDF (by way of reportlab) and TikZ."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape, quoteattr

from cnnviz.shapes.figure.drawing import Circle, Curve, Drawing, Item, Point, Polygon, Text

if TYPE_CHECKING:
    from reportlab.pdfgen.canvas import Canvas

_FONTS = "Helvetica, Arial, 'Liberation Sans', 'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif"
_STROKE = 0.4
_DASHES = (3.0, 2.0)


def svg(drawing: Drawing) -> bytes:
    """The figure as a whole SVG file; its texts are texts, and its title is told to whoever cannot see it."""
    w, h = _number(drawing.width), _number(drawing.height)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{w}pt" height="{h}pt" viewBox="0 0 {w} {h}" role="img" '
        f'aria-label={_quoted(drawing.title)} font-family="{_FONTS}">',
        f"<title>{_escaped(drawing.title)}</title>",
        f'<rect width="{w}" height="{h}" fill="#ffffff"/>',
        *map(_svg_item, drawing.items),
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _svg_item(item: Item) -> str:
    if isinstance(item, Polygon):
        stroke = (
            f' stroke="{item.stroke}" stroke-width="{_STROKE}" stroke-linejoin="round"' if item.stroke else ""
        )
        return f'<polygon points="{" ".join(map(_svg_point, item.points))}" fill="{item.fill}"{stroke}/>'
    if isinstance(item, Circle):
        x, y = map(_number, item.centre)
        return (
            f'<circle cx="{x}" cy="{y}" r="{_number(item.radius)}" fill="{item.fill}" stroke="{item.stroke}" '
            f'stroke-width="{_STROKE}"/>'
        )
    if isinstance(item, Curve):
        first, *rest = map(_svg_point, item.points)
        dashes = f' stroke-dasharray="{" ".join(map(_number, _DASHES))}"' if item.dashed else ""
        return (
            f'<path d="M{first} C{" ".join(rest)}" fill="none" stroke="{item.stroke}" '
            f'stroke-width="{_number(item.width)}"{dashes}/>'
        )
    x, y = map(_number, item.at)
    weight = ' font-weight="bold"' if item.bold else ""
    return (
        f'<text x="{x}" y="{y}" font-size="{_number(item.size)}" fill="{item.colour}" '
        f'text-anchor="{item.anchor}"{weight}>{_escaped(item.text)}</text>'
    )


def _svg_point(point: Point) -> str:
    return f"{_number(point[0])},{_number(point[1])}"


def _escaped(text: str) -> str:
    return escape(_printable(text))


def _quoted(text: str) -> str:
    return quoteattr(_printable(text))


def _printable(text: str) -> str:
    """What XML and TeX can hold: control characters, which a name may have, are left out."""
    return "".join(letter for letter in text if letter.isprintable())


# -- PDF --------------------------------------------------------------------------------------------

_LATIN, _BOLD, _CHINESE = "Helvetica", "Helvetica-Bold", "STSong-Light"


def pdf(drawing: Drawing) -> bytes:
    """The figure as a PDF file of one page of its size; the same figure gives the same bytes."""
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont(_CHINESE))
    file = io.BytesIO()
    canvas = Canvas(file, pagesize=(drawing.width, drawing.height), invariant=1)
    canvas.setTitle(_printable(drawing.title))
    canvas.setLineJoin(1)
    for item in drawing.items:
        _pdf_item(canvas, item, drawing.height)
    canvas.save()
    return file.getvalue()


def _pdf_item(canvas: Canvas, item: Item, height: float) -> None:
    if isinstance(item, Text):
        _pdf_text(canvas, item, height)
        return
    stroke = item.stroke
    if stroke is not None:
        canvas.setStrokeColor(stroke)
    if isinstance(item, Curve):
        canvas.setLineWidth(item.width)
        canvas.setDash(*(_DASHES if item.dashed else ([], 0)))
        path = canvas.beginPath()
        flipped = [(x, height - y) for x, y in item.points]
        path.moveTo(*flipped[0])
        for at in range(1, len(flipped), 3):
            path.curveTo(*flipped[at], *flipped[at + 1], *flipped[at + 2])
        canvas.drawPath(path)
        return
    canvas.setDash([], 0)
    canvas.setLineWidth(_STROKE)
    canvas.setFillColor(item.fill)
    if isinstance(item, Circle):
        canvas.circle(item.centre[0], height - item.centre[1], item.radius, fill=1)
        return
    path = canvas.beginPath()
    (x, y), *others = item.points
    path.moveTo(x, height - y)
    for x, y in others:
        path.lineTo(x, height - y)
    path.close()
    canvas.drawPath(path, stroke=int(stroke is not None), fill=1)


def _pdf_text(canvas: Canvas, item: Text, height: float) -> None:
    """A line of text; letters that Helvetica has not are in a font that readers of PDF bring along."""
    text = _printable(item.text)
    pieces: list[tuple[str, str]] = []
    for letter in text:
        font = (_BOLD if item.bold else _LATIN) if _is_latin(letter) else _CHINESE
        if pieces and pieces[-1][0] == font:
            pieces[-1] = font, pieces[-1][1] + letter
        else:
            pieces.append((font, letter))
    width = sum(canvas.stringWidth(piece, font, item.size) for font, piece in pieces)
    x = item.at[0] - {"start": 0.0, "middle": width / 2, "end": width}[item.anchor]
    canvas.setFillColor(item.colour)
    for font, piece in pieces:
        canvas.setFont(font, item.size)
        canvas.drawString(x, height - item.at[1], piece)
        x += canvas.stringWidth(piece, font, item.size)


def _is_latin(letter: str) -> bool:
    try:
        letter.encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


# -- TikZ -------------------------------------------------------------------------------------------

_TEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "%": r"\%",
    "_": r"\_", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\char34{}", "×": r"$\times$", "−": r"$-$", "…": r"\ldots{}",
}  # fmt: skip
_TIKZ_ANCHORS = {"start": "base west", "middle": "base", "end": "base east"}


def tikz(drawing: Drawing) -> bytes:
    r"""The figure as a LaTeX file that compiles by itself, and whose ``tikzpicture`` can be copied into a report."""
    colours = _colours(drawing)
    w, h = _number(drawing.width), _number(drawing.height)
    lines = [
        rf"% {_printable(drawing.title)}",
        r"\documentclass{article}",
        rf"\usepackage[paperwidth={w}bp, paperheight={h}bp, margin=0bp]{{geometry}}",
        r"\usepackage{fix-cm} % its letters are of any size",
        *([] if _is_ascii(drawing) else [r"\usepackage{ctex} % compile this file with xelatex"]),
        r"\usepackage{tikz}",
        *(rf"\definecolor{{{name}}}{{HTML}}{{{colour[1:].upper()}}}" for colour, name in colours.items()),
        r"\begin{document}",
        r"\pagestyle{empty}\noindent",
        r"\begin{tikzpicture}[x=1bp, y=-1bp, line join=round, inner sep=0pt, outer sep=0pt, font=\sffamily]",
        rf"\path[use as bounding box] (0,0) rectangle ({w},{h});",
        *(_tikz_item(item, colours) for item in drawing.items),
        r"\end{tikzpicture}",
        r"\end{document}",
    ]
    return ("\n".join(lines) + "\n").encode()


def _tikz_item(item: Item, colours: Mapping[str, str]) -> str:
    if isinstance(item, Polygon):
        line = f", draw={colours[item.stroke]}, line width={_STROKE}bp" if item.stroke else ""
        corners = " -- ".join(map(_tikz_point, item.points))
        return rf"\path[fill={colours[item.fill]}{line}] {corners} -- cycle;"
    if isinstance(item, Circle):
        return (
            rf"\path[fill={colours[item.fill]}, draw={colours[item.stroke]}, line width={_STROKE}bp] "
            rf"{_tikz_point(item.centre)} circle[radius={_number(item.radius)}bp];"
        )
    if isinstance(item, Curve):
        points = list(map(_tikz_point, item.points))
        text = points[0] + "".join(
            f" .. controls {points[at]} and {points[at + 1]} .. {points[at + 2]}"
            for at in range(1, len(points), 3)
        )
        on, off = map(_number, _DASHES)
        dashes = f", dash pattern=on {on}bp off {off}bp" if item.dashed else ""
        return rf"\draw[{colours[item.stroke]}, line width={_number(item.width)}bp{dashes}] {text};"
    size = rf"\fontsize{{{_number(item.size)}bp}}{{{_number(1.2 * item.size)}bp}}\selectfont"
    bold = r"\bfseries" if item.bold else ""
    return (
        rf"\node[anchor={_TIKZ_ANCHORS[item.anchor]}, text={colours[item.colour]}] at {_tikz_point(item.at)} "
        rf"{{{size}{bold} {_tex(item.text)}}};"
    )


def _colours(drawing: Drawing) -> dict[str, str]:
    """A name for each colour of the figure."""
    found: dict[str, None] = {}
    for item in drawing.items:
        for colour in (getattr(item, name, None) for name in ("fill", "stroke", "colour")):
            if colour is not None:
                found.setdefault(colour)
    return {colour: f"cnnviz{_letters(number)}" for number, colour in enumerate(found)}


def _letters(number: int) -> str:
    return (_letters(number // 26 - 1) if number >= 26 else "") + chr(ord("A") + number % 26)


def _tikz_point(point: Point) -> str:
    return f"({_number(point[0])},{_number(point[1])})"


def _tex(text: str) -> str:
    return "".join(_TEX.get(letter, letter) for letter in _printable(text))


def _is_ascii(drawing: Drawing) -> bool:
    """Whether pdflatex can set all texts, as every TeX there is can."""
    return all(_tex(item.text).isascii() for item in drawing.items if isinstance(item, Text))


def _number(value: float) -> str:
    """A length, to a hundredth of a point."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


WRITERS: Mapping[str, Callable[[Drawing], bytes]] = MappingProxyType({".svg": svg, ".pdf": pdf, ".tex": tikz})
"""What writes a figure into a file with this suffix."""

MIME: Mapping[str, str] = MappingProxyType(
    {".svg": "image/svg+xml", ".pdf": "application/pdf", ".tex": "text/x-tex"}
)
