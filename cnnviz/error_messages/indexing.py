"""Indices, slices, masks and sizes: rows that are not there, dimensions that do not match, empty lists."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, Decoded, Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_INDEX = Message("An index out of range")
_SHAPE = Message("An index or mask of the wrong shape")
_SINGLE = Message("A tensor without dimensions")
_LIST = Message("A list of tensors is expected")
_RESHAPE = Message("A shape that cannot be made")


@entry(
    _INDEX,
    rf"index (-?\d{{1,12}}) is out of (?:bounds|range) for dimension (\d{{1,3}}) with size {NUMBER}",
    rf"index (-?\d{{1,12}}) is out of bounds for axis (\d{{1,3}}) with size {NUMBER}",
)
def _out_of_bounds(match: re.Match[str]) -> Decoded:
    index, dimension, size = int(match[1]), int(match[2]), int(match[3])
    if size == 0:
        meaning = Message(
            "Dimension {dimension} is empty, so it has no index {index}.", dimension=dimension, index=index
        )
    else:
        meaning = Message(
            "Index {index} was requested, but dimension {dimension} has size {size}: indices go from 0 to "
            "{last}.",
            index=index,
            dimension=dimension,
            size=size,
            last=size - 1,
        )
    reasons = [
        Reason(Message("Counting starts at 0: the last entry is size - 1, or -1 from the end."), "x[:, -1]")
    ]
    if size == 1:
        reasons.append(
            Reason(
                Message(
                    "A dimension of size 1 may be the batch, or one state of an LSTM was passed instead of the pair "
                    "(h, c)."
                ),
                "lstm(x, (h, c))",
            )
        )
    reasons.append(
        Reason(
            Message("If the indices are labels: are there more classes than outputs?"),
            "assert labels.max() < output.size(1)",
        )
    )
    return Decoded(meaning, tuple(reasons))


tell(
    _INDEX,
    r"index out of range in self",
    r"index out of range: Tried to access index (?P<number>\d{1,12}) out of table with (?P<rows>\d{1,12}) rows",
    means=Message(
        "nn.Embedding (or index_select) does not have the requested row: an index is negative, or not "
        "below num_embeddings."
    ),
    fixes=(
        Reason(
            Message("Make the table as large as the vocabulary, including padding and unknown words."),
            "nn.Embedding(num_embeddings=ids.max().item() + 1, embedding_dim=64)",
        ),
        Reason(Message("Check the indices."), "print(ids.min(), ids.max())"),
    ),
    layer="nn.Embedding",
)
tell(
    _INDEX,
    r"Padding_idx must be within num_embeddings",
    means=Message("padding_idx must be one of the rows of the embedding, 0 to num_embeddings - 1."),
    fixes=(Reason(Message("Add a row for the padding."), "nn.Embedding(len(words) + 1, 64, padding_idx=0)"),),
    layer="nn.Embedding",
)
tell(
    _INDEX,
    r"too many indices for tensor of dimension (?P<count>\d{1,3})",
    r"too many indices for array: array is (?P<count>\d{1,3})-dimensional",
    means=Message("There are more indices than dimensions; the tensor's number of dimensions is {count}."),
    fixes=(
        Reason(
            Message("Was it flattened, or reduced by mean, sum or argmax? Print its shape."),
            "print(x.shape)",
        ),
    ),
)
tell(
    _INDEX,
    r"selected index k out of range",
    means=Message("topk was asked for more values than the dimension has."),
    fixes=(
        Reason(
            Message("Request at most that many (top 5 needs at least 5 classes)."),
            "output.topk(min(5, output.size(1)))",
        ),
    ),
    layer="topk",
)
tell(
    _INDEX,
    r"start \((?P<start>-?\d{1,12})\) \+ length \((?P<length>-?\d{1,12})\) exceeds dimension size \((?P<size>\d{1,12})\)",
    r"narrow\(\): length must be non-negative(?P<start>)(?P<length>)(?P<size>)",
    means=Message("The requested part goes beyond the end of the tensor, or has a negative length."),
    fixes=(Reason(Message("A negative padding removes cells: remove fewer than there are.")),),
)
tell(
    _INDEX,
    r"(?:list|tuple|string) (?:assignment )?index out of range",
    r"pop from empty list",
    r"index (?P<number>-?\d{1,9}) is out of range",
    means=Message("A list has fewer entries than the index asks for."),
    fixes=(
        Reason(
            Message("Counting starts at 0: the last entry is len - 1. Print the length."), "print(len(items))"
        ),
        Reason(
            Message("In a data set, __len__ must be the number of examples that __getitem__ can return."),
            "def __len__(self): return len(self.images)",
        ),
    ),
)
tell(
    _SHAPE,
    r"The shape of the mask \[(?P<shape_of_mask>[\d, ]{0,60})\] at index \d{1,3} does not match the shape of the indexed tensor \[(?P<shape>[\d, ]{0,60})\]",
    means=Message(
        "A mask of shape {shape_of_mask} chooses from a tensor of shape {shape}; its sizes must be the first ones of the tensor."
    ),
    fixes=(
        Reason(
            Message("Compute the mask from the same tensor, before slicing or shuffling it."),
            "x[labels == 3]",
        ),
    ),
)
tell(
    _SHAPE,
    r"shape mismatch: indexing tensors could not be broadcast together with shapes (?P<shapes>[\[\]\d, ]{1,100})",
    r"shape mismatch: value tensor of shape (?P<shapes>[\[\]\d, ]{1,60}) cannot be broadcast to indexing result",
    means=Message("Tensors used together as indices need the same shape, one entry per value: {shapes}"),
    fixes=(
        Reason(
            Message("To combine every row with every column, give one of them another dimension."),
            "x[rows[:, None], columns]",
        ),
    ),
)
tell(
    _SHAPE,
    r"Index tensor must have the same number of dimensions as (?:input|self) tensor",
    r"Expected index \[(?P<shape>[\d, ]{0,60})\] to be (?:no larger|smaller) than self \[(?P<shape_of_self>[\d, ]{0,60})\] apart from dimension (?P<dimension>\d{1,2})",
    r"Size does not match at dimension \d{1,2} expected index",
    means=Message(
        "gather and scatter need an index with as many dimensions as the tensor, and no larger than it."
    ),
    fixes=(Reason(Message("Give the labels another dimension."), "output.gather(1, labels.unsqueeze(1))"),),
    layer="gather / scatter_",
)
tell(
    _INDEX,
    r"only integers, slices \(`:`\), ellipsis \(`\.\.\.`\), (?:numpy\.newaxis \(`None`\)|None) and",
    means=Message("A tensor was indexed with something other than an integer, slice or mask."),
    fixes=(
        Reason(Message("Division with / always gives a float; // gives an integer."), "x[:, n // 2]"),
        Reason(Message("Names are dictionary keys: is a batch a tensor where a dictionary is expected?")),
    ),
)
tell(
    _SINGLE,
    r"invalid index of a 0-dim tensor",
    r"iteration over a 0-d tensor",
    r"len\(\) of a 0-d tensor",
    r"dimension specified as -?\d{1,2} but tensor has no dimensions",
    r"slice\(\) cannot be applied to a 0-dim tensor",
    means=Message("The tensor is a single number, such as a loss, so it cannot be indexed or iterated over."),
    fixes=(
        Reason(Message("Use item() to get the number."), "loss.item()"),
        Reason(
            Message(
                "squeeze() also removed the batch dimension when there was only one image: specify the "
                "dimension."
            ),
            "x.squeeze(1)",
        ),
    ),
)
tell(
    _SINGLE,
    r"zero-dimensional tensor \(at position (?P<number>\d{1,6})\) cannot be concatenated",
    means=Message("Tensor number {number} is a single number, but cat joins along an existing dimension."),
    fixes=(Reason(Message("stack creates a new dimension."), "torch.stack(losses)"),),
    layer="torch.cat",
)
tell(
    _LIST,
    r"(?:expected a non-empty list of Tensors|stack expects a non-empty TensorList|received an empty list of sequences|need at least one array to)",
    means=Message("The list of tensors to join is empty."),
    fixes=(
        Reason(
            Message("Did the loop that fills it run? With an empty loader or filter, nothing is left."),
            "print(len(outputs))",
        ),
    ),
    layer="torch.cat / torch.stack",
)
tell(
    _LIST,
    r"(?P<function>cat|stack|concat|hstack|vstack|chunk_cat)\(\): argument 'tensors' \(position 1\) must be tuple of Tensors, not (?P<kind>\w{1,40})",
    r"expected Tensor as element (?P<function>\d{1,6}) in argument \d{1,3}, but got (?P<kind>\w{1,40})",
    means=Message("The tensors to join must be passed as one list of tensors ({kind} was given)."),
    fixes=(Reason(Message("Put them in a list."), "torch.cat([x, y], dim=1)"),),
    layer="torch.cat / torch.stack",
)
tell(
    _INDEX,
    r"(?P<function>\w{1,30})\(\): Expected reduction dim (?P<dimension>\d{0,3}) ?to (?:be specified|have non-zero size)(?: for input\.numel\(\) == 0)?",
    r"cannot perform reduction function (?P<function>\w{1,30}) on a tensor with no elements(?P<dimension>)",
    means=Message("{function} of an empty tensor does not exist."),
    fixes=(
        Reason(
            Message("A mask or filter left nothing: check the number of values first."),
            "if x.numel() > 0:",
        ),
    ),
)
tell(
    _RESHAPE,
    r"Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor",
    r"the number of sizes provided \((?P<count>\d{1,3})\) must be greater or equal to the number of dimensions in the tensor \((?P<present>\d{1,3})\)",
    means=Message("repeat and expand need a number for every dimension of the tensor."),
    fixes=(
        Reason(
            Message("Use 1 (repeat) or -1 (expand) for dimensions that stay the same."),
            "x.repeat(1, 3, 1, 1) or x.expand(-1, 3, -1, -1)",
        ),
    ),
)
tell(
    _RESHAPE,
    r"flatten\(\) has invalid args: start_dim cannot come after end_dim",
    means=Message("flatten merges dimensions from start to end, but here the start comes after the end."),
    fixes=(Reason(Message("To make one row per image, start at 1."), "x = x.flatten(1)"),),
    layer="flatten",
)
tell(
    _RESHAPE,
    r"only one dimension can be inferred",
    means=Message("The shape contains -1 twice, but only one size can be computed from the others."),
    fixes=(Reason(Message("Keep the batch, and compute the rest."), "x = x.view(x.size(0), -1)"),),
    layer="x.view(...)",
)
tell(
    _RESHAPE,
    r"invalid shape dimension (?P<size>-\d{1,9})",
    r"Trying to create tensor with negative dimension (?P<size>-\d{1,9})",
    r"\w{1,20}: Dimension size must be non-negative(?P<size>)",
    means=Message("A size is negative ({size})."),
    fixes=(
        Reason(
            Message(
                "Only view and reshape accept -1, once; was a number of channels or a size computed incorrectly?"
            ),
            "x = x.view(x.size(0), -1)",
        ),
    ),
)
tell(
    _RESHAPE,
    r"cannot reshape tensor of 0 elements into shape \[(?P<shape>[-\d, ]{1,60})\]",
    means=Message("The tensor is empty, so the size for -1 cannot be computed."),
    fixes=(Reason(Message("An earlier step left nothing: print the shapes before it."), "print(x.shape)"),),
)
tell(
    _RESHAPE,
    r"t\(\) expects a tensor with <= 2 dimensions, but self is (?P<count>\d{1,2})D",
    means=Message("t() transposes a matrix, but this tensor has {count} dimensions."),
    fixes=(Reason(Message("Specify the two dimensions to swap."), "x.transpose(-2, -1)"),),
)
tell(
    _RESHAPE,
    r"(?P<function>chunk|split)(?: expects|_with_sizes expects) (?P<rule>.{1,120}?)(?:, got:? (?P<value>-?\d{1,9}))",
    r"(?P<function>split)_with_sizes expects split_sizes to sum exactly to (?P<rule>\d{1,9}) \(input tensor's size at dimension -?\d{1,2}\), but got split_sizes=(?P<value>[\[\]\d, ]{1,60})",
    means=Message("{function} cannot divide the dimension like this: the sizes must add up to it."),
    fixes=(Reason(Message("Use sizes that add up, or a number of equal parts."), "x.chunk(2, dim=1)"),),
)
tell(
    _INDEX,
    r"step must be greater than zero",
    means=Message("Tensors cannot be sliced with a negative step."),
    fixes=(Reason(Message("Use flip."), "x.flip(0)"),),
)
tell(
    _INDEX,
    r"maximum size for tensor at dimension (?P<dimension>\d{1,3}) is (?P<present>\d{1,9}) but size is (?P<size>\d{1,9})",
    means=Message("unfold asks for windows of {size} in dimension {dimension}, which has {present} values."),
    fixes=(Reason(Message("Use smaller windows, or pad first.")),),
)
tell(
    Message("Wrong number of dimensions"),
    r"Tensor\.__contains__ only supports Tensor or scalar",
    means=Message("The code checks whether a tensor contains something that is not a number."),
    fixes=(Reason(Message("Compare numbers, or use a list."), "(x == 3).any()"),),
)
tell(
    Message("Random numbers that cannot be drawn"),
    r"cannot sample n_sample > prob_dist\.size\(-1\) samples without replacement",
    r"probability tensor contains either `inf`, `nan` or element < 0",
    r"Expected p_in >= 0 && p_in <= 1 to be true",
    r"normal expects std >= 0\.0, but found std (?P<value>-?[\d.]{1,12})",
    r"to satisfy the constraint (?P<rule>[\w(), .=]{1,60}), but found invalid values",
    r"random_ expects 'from' to be less than 'to', but got from=-?\d{1,12} >= to=-?\d{1,12}",
    means=Message(
        "The distribution's parameters are impossible: a negative or nan probability or deviation, or an "
        "empty range."
    ),
    fixes=(
        Reason(
            Message(
                "nan means that training diverged, or that there was a log(0) or a division by 0 before."
            ),
            "assert torch.isfinite(x).all()",
        ),
        Reason(
            Message("Use a softmax to turn scores into probabilities."),
            "probabilities = scores.softmax(dim=-1)",
        ),
    ),
)
tell(
    _SHAPE,
    r"(?P<function>\w{1,40})\(\): argument '(?P<name>\w{1,30})' \(position \d{1,3}\) must be tuple of ints, not int",
    r"(?P<function>\w{1,40})\(\) missing \d{1,2} required positional arguments?: \"(?P<name>\w{1,30})\"",
    means=Message("{function} needs {name}: a shape or a number is missing, or is not a tuple."),
    fixes=(
        Reason(
            Message("Write a shape in parentheses; a single size needs a comma."),
            "torch.randint(0, 10, (64,))",
        ),
    ),
)
