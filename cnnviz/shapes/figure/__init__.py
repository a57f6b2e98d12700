"""A network as a figure for a report: SVG, PDF or TikZ, in two styles."""
