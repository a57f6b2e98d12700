"""Data sets, DataLoaders and transforms: examples that do not make a batch, files that are missing, images of another kind."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import Decoded, Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_BATCH = Message("Examples that do not make a batch")
_LOADER = Message("A DataLoader or data set with impossible settings")
_FILES = Message("Data that cannot be found")
_IMAGE = Message("A transform gets another kind of image")

_TO_TENSOR = Reason(
    Message("Put ToTensor in the data set's transform, after transforms of images and before Normalize."),
    "transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), transforms.Normalize(mean, std)])",
)


@entry(
    _BATCH,
    r"(?:default_collate: )?batch must contain tensors,(?: numpy arrays,)? numbers, dicts or lists; found (?:<class ')?([\w.]{1,60})",
)
def _collate(match: re.Match[str]) -> Decoded:
    kind = match[1].rpartition(".")[2]
    meaning = Message("The DataLoader cannot make a batch of what the data set returns: {kind}.", kind=kind)
    if kind == "Image":
        return Decoded(meaning, (_TO_TENSOR,), "DataLoader")
    if kind == "NoneType":
        text = Message("__getitem__ returned None: does every path through it end with a return?")
        skipped = Message("To skip broken files, exclude them when the data set creates its list.")
        return Decoded(meaning, (Reason(text, "return image, label"), Reason(skipped)), "DataLoader")
    text = Message("Let __getitem__ return tensors and numbers, or write a function that makes a batch.")
    return Decoded(
        meaning, (Reason(text, "DataLoader(data, batch_size=64, collate_fn=my_collate)"),), "DataLoader"
    )


tell(
    _BATCH,
    r"each element in list of batch should be of equal size",
    r"Trying to resize storage that is not resizable",
    means=Message("The examples in a batch have different sizes or lengths, so they cannot be stacked."),
    fixes=(
        Reason(
            Message("Bring all images to one size and number of channels in the data set's transform."),
            "transforms.Resize((224, 224))",
        ),
        Reason(
            Message("Pad sequences of different lengths in a collate_fn."),
            "nn.utils.rnn.pad_sequence(batch, batch_first=True)",
        ),
    ),
    layer="DataLoader",
)
tell(
    _BATCH,
    r"must be real number, not (?P<kind>\w{1,30})",
    means=Message(
        "Numbers were expected, but there is a {kind} among them: all labels of a data set must be of "
        "one kind."
    ),
    fixes=(Reason(Message("Convert class names to numbers."), "label = classes.index(name)"),),
)
tell(
    _LOADER,
    r"num_samples should be a positive integer value, but got num_samples=(?P<number>-?\w{1,9})",
    means=Message("The data set is empty ({number} examples), so there is nothing to shuffle."),
    fixes=(Reason(Message("Check the path and what it contains."), "print(len(data), os.listdir(folder))"),),
)
tell(
    _LOADER,
    r"(?P<name>batch_size|num_workers|prefetch_factor)(?: option)? (?:should be (?:a positive integer value|non-negative)|could only be specified in multiprocessing)(?:, but got \w{1,20}=(?P<value>[\w.-]{1,20}))?",
    means=Message("{name} has an impossible value."),
    fixes=(
        Reason(
            Message(
                "batch_size must be an integer above 0, and num_workers 0 or more; prefetch_factor needs "
                "workers."
            ),
            "DataLoader(data, batch_size=64, num_workers=2)",
        ),
    ),
)
tell(
    _LOADER,
    r"(?:batch_)?sampler option is mutually exclusive with (?P<name>[\w, ]{1,60})",
    means=Message("A sampler decides the order itself, so {name} cannot be given too."),
    fixes=(Reason(Message("Omit shuffle."), "DataLoader(data, batch_size=64, sampler=sampler)"),),
)
tell(
    _LOADER,
    r"Subclasses of Dataset should implement __getitem__",
    means=Message(
        "The data set does not define how to get an example: __getitem__ is missing or misspelled."
    ),
    fixes=(
        Reason(
            Message("A data set needs __len__ and __getitem__."),
            "def __getitem__(self, index): return self.images[index], self.labels[index]",
        ),
    ),
)
tell(
    _LOADER,
    r"Sum of input lengths does not equal the length of the input dataset",
    r"Sum of (?:input )?(?:lengths|fractions)",
    means=Message("The parts of random_split do not add up to the data set."),
    fixes=(
        Reason(
            Message("Let the last part be the rest, or use fractions that add up to 1."),
            "random_split(data, [n_train, len(data) - n_train])",
        ),
    ),
)
tell(
    _LOADER,
    r"Size mismatch between tensors",
    means=Message("The tensors of a TensorDataset need the same first size: one label per image."),
    fixes=(Reason(Message("Compare both shapes."), "print(images.shape, labels.shape)"),),
)
tell(
    _FILES,
    r"Dataset not found(?: or corrupted)?\.? You can use download=True",
    means=Message("The data set is not in this folder."),
    fixes=(
        Reason(
            Message(
                "Have it downloaded once, or specify the folder that contains the data set's own folder."
            ),
            "datasets.MNIST('data', download=True)",
        ),
    ),
)
tell(
    _FILES,
    r"Couldn't find any class folder in (?P<path>\S{1,200})",
    r"Found no valid file for the classes (?P<path>.{1,200}?)\. Supported extensions",
    r"Found 0 files in subfolders of: (?P<path>\S{1,200})",
    means=Message(
        "ImageFolder finds no images ({path}): it expects one folder per class, with the images inside."
    ),
    fixes=(
        Reason(
            Message("Use the folder that contains the class folders."),
            "ImageFolder('data/train')  # data/train/cat/1.jpg",
        ),
    ),
)
tell(
    _FILES,
    r"cannot identify image file (?P<path>.{1,120})",
    r"image file is (?P<path>truncated)",
    means=Message("A file is not an image, or is damaged: {path}"),
    fixes=(
        Reason(
            Message("Open the files one by one, and remove those that fail."),
            "Image.open(path).verify()",
        ),
    ),
)
tell(
    _FILES,
    r"HTTP Error (?P<number>\d{3})",
    r"urlopen error (?P<number>[^>]{1,80})",
    r"(?P<number>File not found or corrupted)",
    means=Message("A download failed ({number})."),
    fixes=(
        Reason(
            Message(
                "Check the connection and try again after removing incomplete files, or download the files "
                "manually into the data set's raw folder."
            )
        ),
    ),
)

tell(
    _IMAGE,
    r"pic should be PIL Image or ndarray\. Got <class '(?P<kind>[\w.]{1,60})'>",
    means=Message("ToTensor needs an image or NumPy array, but got {kind}."),
    fixes=(
        Reason(
            Message(
                "A tensor does not need ToTensor: is it in the list twice, or are the data tensors already?"
            ),
            "transforms.ConvertImageDtype(torch.float32)",
        ),
        Reason(Message("Convert a list to an array first."), "np.array(x, dtype=np.float32)"),
    ),
)
tell(
    _IMAGE,
    r"img should be Tensor Image\. Got <class '(?P<kind>[\w.]{1,60})'>",
    r"tensor is not a torch image",
    r"Input tensor should be a float tensor\. Got (?P<kind>[\w.]{1,40})",
    means=Message("Normalize takes tensors of floats from 0 to 1."),
    fixes=(_TO_TENSOR,),
)
tell(
    _IMAGE,
    r"img should be PIL Image\. Got <class '(?P<kind>[\w.]{1,60})'>",
    r"Unexpected type <class '(?P<kind>[\w.]{1,60})'>",
    r"Cannot handle this data type: (?P<kind>.{1,40})",
    means=Message("This transform takes images, not {kind}."),
    fixes=(
        Reason(
            Message(
                "Convert it to an image first; arrays must be height x width x channels, with integers from 0 to "
                "255."
            ),
            "Image.fromarray((x * 255).astype('uint8'))",
        ),
        Reason(
            Message("A tensor with channels first becomes an image like this."), "transforms.ToPILImage()(x)"
        ),
    ),
)
tell(
    _IMAGE,
    r"pic should be 2/3 dimensional\. Got (?P<number>\d{1,2}) dimensions",
    r"pic should not have > 4 channels\. Got (?P<number>\d{1,9}) channels",
    r"Expected tensor to be a tensor image of size \(\.\.\., C, H, W\)\. Got tensor\.size\(\) = torch\.Size\(\[(?P<number>[\d, ]{1,60})\]\)",
    r"Input image tensor permitted channel values are [\[\]\d, ]{1,40}, but found (?P<number>\d{1,9})",
    means=Message(
        "This transform needs one image with 1, 3 or 4 channels first (C, H, W), but got {number}."
    ),
    fixes=(
        Reason(Message("Select one image from a batch."), "image = images[0]"),
        Reason(
            Message("Move channels that come last to the front; add one that is missing."),
            "x = x.permute(2, 0, 1) or x.unsqueeze(0)",
        ),
    ),
)
tell(
    _IMAGE,
    r"std evaluated to zero after conversion",
    means=Message("Normalize divides by the standard deviation, but one of the given values is 0."),
    fixes=(
        Reason(
            Message("Use those of the data set, one per channel."),
            "transforms.Normalize((0.1307,), (0.3081,))",
        ),
    ),
)
tell(
    _IMAGE,
    r"Required crop size \((?P<wanted>[\d, ]{1,30})\) is larger than input image size \((?P<given>[\d, ]{1,30})\)",
    means=Message("The crop ({wanted}) is larger than the image ({given})."),
    fixes=(Reason(Message("Enlarge or pad the image first."), "transforms.RandomCrop(32, padding=4)"),),
)
tell(
    _IMAGE,
    r"Invalid shape \((?P<shape>[\d, ]{1,40})\) for image data",
    means=Message("Matplotlib draws (height, width) or (height, width, channels), but got {shape}."),
    fixes=(
        Reason(
            Message("Move the channels to the end, and drop the batch and a single channel."),
            "plt.imshow(x[0].permute(1, 2, 0).squeeze().cpu())",
        ),
    ),
)
