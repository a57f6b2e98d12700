"""Cached calls about data, three lines each; keys are plain values, a data set's digest among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from cnnviz import datasets
from cnnviz.ui.evaluate import gallery

if TYPE_CHECKING:
    from cnnviz.datasets.statistics import Statistics
    from cnnviz.training.transforms.augmentation import Augmentation
    from cnnviz.training.transforms.stages import Stages

Source = tuple[int, str]
"""The place of an image in its part of the data set, and the address of its picture."""


@st.cache_resource(max_entries=8, show_spinner=False)
def statistics(dataset: str, digest: str) -> Statistics:
    """The figures of a data set; they are shared and must not be changed."""
    from cnnviz.datasets.statistics import statistics as compute

    return compute(datasets.load(dataset))


@st.cache_data(max_entries=64, show_spinner=False)
def samples(
    dataset: str, digest: str, part: str, label: int | None, count: int, seed: int
) -> tuple[Source, ...]:
    """``count`` images of a class (None: of any), drawn with ``seed``."""
    from cnnviz.datasets.statistics import pick

    data = datasets.load(dataset)
    images, labels = data.part(part)
    places = pick(labels.numpy(), label, count, seed).tolist()
    return tuple((place, gallery.source(images[place].numpy())) for place in places)


@st.cache_data(max_entries=8, show_spinner=False)
def class_means(dataset: str, digest: str) -> tuple[str, ...]:
    """The average image of each class."""
    return tuple(gallery.source(image) for image in statistics(dataset, digest).class_means)


@st.cache_resource(max_entries=32, show_spinner=False)
def stages(
    dataset: str,
    digest: str,
    place: int,
    augmentation: Augmentation,
    draws: int,
    seed: int,
    permutation_seed: int | None,
    resize: int | None,
    mean: tuple[float, ...],
    deviation: tuple[float, ...],
) -> Stages:
    """A training image on its way to a network; it is shared and must not be changed."""
    from cnnviz.training.transforms.stages import stages as compute

    return compute(
        datasets.load(dataset).train_images[place].numpy(),
        augmentation=augmentation,
        draws=draws,
        seed=seed,
        permutation_seed=permutation_seed,
        resize=resize,
        mean=mean,
        deviation=deviation,
    )
