"""All data sets that cnnviz knows. The list imports no torch and touches no file."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from cnnviz.errors import UnknownKeyError
from cnnviz.language import Message

Shows = Literal["digits", "clothing", "pictures"]
"""What images show, which decides how a person's own picture becomes one of them."""

_DIGITS = tuple(str(digit) for digit in range(10))
_CLOTHES = (
    Message("T-shirt/top"),
    Message("Trouser"),
    Message("Pullover"),
    Message("Dress"),
    Message("Coat"),
    Message("Sandal"),
    Message("Shirt"),
    Message("Sneaker"),
    Message("Bag"),
    Message("Ankle boot"),
)
_THINGS = (
    Message("airplane"),
    Message("automobile"),
    Message("bird"),
    Message("cat"),
    Message("deer"),
    Message("dog"),
    Message("frog"),
    Message("horse"),
    Message("ship"),
    Message("truck"),
)


@dataclass(frozen=True)
class DatasetInfo:
    """A named data set.

    ``input_shape`` is (C, H, W); ``mean`` and ``deviation``, one a channel, are what networks usually
    normalise its images with after these are scaled to 0..1. ``classes`` are their names in English, as
    links and files hold them; :meth:`class_title` is what a person reads. ``digest`` is the SHA-256 (hex) of all its
    images and labels, see :class:`cnnviz.datasets.loading.Dataset`. ``torchvision`` names the class in
    ``torchvision.datasets`` that downloads it, ``folder`` where that puts the files, ``file_format`` how
    :data:`cnnviz.datasets.reading.FORMATS` calls their format, ``download_bytes`` how much it fetches. ``part_of``
    names the data set from whose training images these ones were taken.
    """

    key: str
    title: str
    idea: Message
    input_shape: tuple[int, int, int]
    classes: tuple[str, ...]
    train_images: int
    test_images: int
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    digest: str
    torchvision: str | None = None
    folder: str | None = None
    file_format: str = ""
    download_bytes: int = 0
    part_of: str | None = None
    class_titles: tuple[Message, ...] = ()

    @property
    def shows(self) -> Shows:
        """What its images show: digits as MNIST's are, clothing as Fashion-MNIST's, or any pictures."""
        if "mnist" in (self.key, self.part_of):
            return "digits"
        return "clothing" if self.key == "fashion-mnist" else "pictures"

    def class_title(self, label: int) -> str:
        """The name of the class ``label`` (from 0) in the current language."""
        return str(self.class_titles[label]) if self.class_titles else self.classes[label]


_DATASETS = (
    DatasetInfo(
        key="mnist-sample",
        title="MNIST sample",
        idea=Message(
            "5,000 handwritten digits from MNIST's training set, 500 per class; every fifth is kept for "
            "testing. Installed with cnnviz."
        ),
        input_shape=(1, 28, 28),
        classes=_DIGITS,
        train_images=4_000,
        test_images=1_000,
        mean=(0.1307,),
        deviation=(0.3081,),
        digest="ec4bd5d3a9eab5585abf6094b0b6f9f5c827f73888e4af9be5e8b3540530169f",
        part_of="mnist",
    ),
    DatasetInfo(
        key="mnist",
        title="MNIST",
        idea=Message(
            "70,000 handwritten digits (LeCun, Cortes and Burges): 60,000 for training, 10,000 for testing."
        ),
        input_shape=(1, 28, 28),
        classes=_DIGITS,
        train_images=60_000,
        test_images=10_000,
        mean=(0.1307,),
        deviation=(0.3081,),
        digest="592cc3dfd12010e1780bf15de97185b42372bda3e511f1523c3af39f8b6df78b",
        file_format="idx",
        torchvision="MNIST",
        folder="MNIST/raw",
        download_bytes=11_594_722,
    ),
    DatasetInfo(
        key="fashion-mnist",
        title="Fashion-MNIST",
        idea=Message(
            "70,000 images of clothing from Zalando's shop (Xiao, Rasul and Vollgraf), the same number "
            "and size as MNIST but harder to classify: 60,000 for training, 10,000 for testing."
        ),
        input_shape=(1, 28, 28),
        classes=tuple(title.template for title in _CLOTHES),
        class_titles=_CLOTHES,
        train_images=60_000,
        test_images=10_000,
        mean=(0.2860,),
        deviation=(0.3530,),
        digest="0660bde77cbfdf34c87ca9fdf85f8717bc3e563821d8bfa4c96aa01b3ba24285",
        file_format="idx",
        torchvision="FashionMNIST",
        folder="FashionMNIST/raw",
        download_bytes=30_878_645,
    ),
    DatasetInfo(
        key="cifar10",
        title="CIFAR-10",
        idea=Message(
            "60,000 small colour photographs of animals and vehicles (Krizhevsky, Nair and Hinton): "
            "50,000 for training, 10,000 for testing."
        ),
        input_shape=(3, 32, 32),
        classes=tuple(title.template for title in _THINGS),
        class_titles=_THINGS,
        train_images=50_000,
        test_images=10_000,
        mean=(0.4914, 0.4822, 0.4465),
        deviation=(0.2470, 0.2435, 0.2616),
        digest="20ec2e2fcc4d2042e268071679229350a3ba532a0645fefc7ef36d5daabb6144",
        file_format="cifar",
        torchvision="CIFAR10",
        folder="cifar-10-batches-py",
        download_bytes=170_498_071,
    ),
)
_BY_KEY = MappingProxyType({info.key: info for info in _DATASETS})


def registered() -> tuple[DatasetInfo, ...]:
    """All data sets, the one that is always there first."""
    return _DATASETS


def keys() -> tuple[str, ...]:
    """The keys of all data sets, in the same order."""
    return tuple(_BY_KEY)


def get(key: str) -> DatasetInfo:
    """The data set registered under ``key``.

    Raises:
        UnknownKeyError: there is none; the message names the closest key.
    """
    try:
        return _BY_KEY[key]
    except KeyError:
        raise UnknownKeyError(Message("data set"), key, _BY_KEY) from None


def overlap(trained_on: str, evaluated_on: str) -> Message | None:
    """Why a network trained on one data set has no honest test accuracy on another; None where it has.

    Raises:
        UnknownKeyError: ``evaluated_on`` is no data set.
    """
    info = get(evaluated_on)
    if info.part_of is None or info.part_of != trained_on:
        return None
    return Message(
        "{evaluated} gives no test accuracy here: its images come from {trained}'s training set, so "
        "this network has already seen them.",
        evaluated=info.title,
        trained=get(trained_on).title,
    )
