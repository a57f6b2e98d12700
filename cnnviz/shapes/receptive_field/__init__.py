"""Receptive fields: which part of the input one value of an op depends on.

After Araujo, Norris and Sim 2019, "Computing Receptive Fields of Convolutional Neural Networks" (Distill), where
patches lie regularly; beside it the box around the pixels of every single value is followed through whatever
the ops do with places: branches, slices, enlarging, views and permutes, attention.
"""

from __future__ import annotations

from cnnviz.shapes.receptive_field.field import Box, ReceptiveField
from cnnviz.shapes.receptive_field.fields import receptive_fields

__all__ = ["Box", "ReceptiveField", "receptive_fields"]
