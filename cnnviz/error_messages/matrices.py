"""Products of matrices, einsum, and attention: sizes and numbers of dimensions that do not go together."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, Decoded, Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_PRODUCT = Message("Matrix product with mismatched sizes")
_EINSUM = Message("einsum with an equation that does not match")
_ATTENTION = Message("Attention with sizes that do not fit")
_RULE = Reason(
    Message(
        "Row times column: the last size of the first tensor must equal the second-to-last size of the "
        "second. Is a transpose missing?"
    ),
    "x @ y.transpose(-2, -1)",
)


@entry(
    _PRODUCT,
    rf"size mismatch, got input \({NUMBER}\), mat \({NUMBER} x {NUMBER}\), vec \({NUMBER}\)",
)
def _vector(match: re.Match[str]) -> Decoded:
    rows, columns, values = match[2], match[3], match[4]
    return Decoded(
        Message(
            "A {rows} x {columns} matrix needs a vector of {columns} values, but got {values}.",
            rows=rows,
            columns=columns,
            values=values,
        ),
        (
            _RULE,
            Reason(Message("To use a vector as a matrix, give it one column or one row."), "x.unsqueeze(1)"),
        ),
        "torch.mv",
    )


tell(
    _PRODUCT,
    r"inconsistent tensor size, expected tensor \[(?P<first>\d{1,9})\] and src \[(?P<second>\d{1,9})\] to have the same number of elements",
    means=Message("A dot product needs two vectors of one length; these have {first} and {second} values."),
    fixes=(Reason(Message("Cut or pad one of them, or check where they come from.")),),
    layer="torch.dot",
)
tell(
    _PRODUCT,
    r"(?P<name>self|mat2|batch1|batch2|vec|input|mat1|tensor) must be a (?P<kind>matrix|3D tensor|vector|2D tensor)",
    r"(?P<name>1D tensors) expected, but got (?P<kind>\d{1,2}D and \d{1,2}D) tensors",
    r"(?P<name>outer|dot|mv|addmm|addmv|ger): Expected (?P<kind>\d-D) argument",
    r"(?P<name>both arguments) to matmul need to be at least 1D, but they are (?P<kind>\d{1,2}D and \d{1,2}D)",
    r"(?P<name>batch[12])' \(while checking arguments for (?P<kind>bmm)",
    r"(?P<name>wrong) matrix (?P<kind>size)",
    r"vector \+ matrix @ (?P<name>vector) expected, got (?P<kind>[\d, ]{1,20})",
    r"matrices expected, got (?P<kind>[\dD, ]{1,20}) tensors(?P<name>)",
    means=Message(
        "A matrix product got a tensor of the wrong size or number of dimensions ({name}: {kind})."
    ),
    fixes=(
        Reason(
            Message(
                "mm multiplies matrices, bmm batches of matrices, and dot vectors; @ works for all of them."
            ),
            "x @ y",
        ),
        Reason(Message("Add the missing dimensions at the front."), "x = x.unsqueeze(0)"),
    ),
)
tell(
    _PRODUCT,
    r"bilinear\(\): input(?P<number>\d) size does not match weight size: got (?P<given>\d{1,9}) but expected (?P<wanted>\d{1,9})",
    means=Message("nn.Bilinear expects {wanted} features in input {number}, but got {given}."),
    fixes=(
        Reason(
            Message("Set in{number}_features to the number it gets."),
            "nn.Bilinear(in1_features=..., in2_features={given}, out_features=...)",
        ),
    ),
    layer="nn.Bilinear",
)
tell(
    _PRODUCT,
    r"X1 and X2 must have the same number of columns\. X1: (?P<first>\d{1,9}) X2: (?P<second>\d{1,9})",
    means=Message(
        "cdist needs points with the same number of coordinates, but these have {first} and {second}."
    ),
    fixes=(_RULE,),
    layer="torch.cdist",
)
tell(
    Message("A matrix without an inverse"),
    r"(?P<function>linalg\.\w{1,30}): (?:\(Batch element \d{1,6}\): )?The (?:diagonal element|factorization|solver|algorithm|least squares) .{0,80}?(?:singular|could not be completed|failed)",
    r"(?P<function>\w{1,20}):? U\(\d{1,6},\d{1,6}\) is zero, singular U",
    r"(?P<function>linalg\.\w{1,30}): A must be batches of square matrices",
    means=Message(
        "{function} does not exist for this matrix: it must be square and not singular (for Cholesky, "
        "positive definite)."
    ),
    fixes=(
        Reason(
            Message("Add a small number to the diagonal, or use the pseudo-inverse."),
            "torch.linalg.pinv(a) or a + 1e-6 * torch.eye(n)",
        ),
    ),
)

tell(
    _EINSUM,
    r"einsum\(\): the number of subscripts in the equation \((?P<letters>\d{1,3})\) does not match the number of dimensions \((?P<count>\d{1,3})\) for operand (?P<number>\d{1,3})",
    means=Message(
        "einsum: the equation has {letters} letters for tensor number {number} (counting from 0), but it has {count} dimensions."
    ),
    fixes=(
        Reason(
            Message("Use one letter per dimension, including the batch, or ... for the rest."),
            "torch.einsum('...ij,...jk->...ik', x, y)",
        ),
    ),
    layer="torch.einsum",
)
tell(
    _EINSUM,
    r"einsum\(\): subscript (?P<letter>\w) has size (?P<size>\d{1,9}) for operand (?P<number>\d{1,3}) which does not broadcast with previously seen size (?P<other>\d{1,9})",
    r"einsum\(\): operands do not broadcast with remapped shapes \[original->remapped\]: (?P<letter>\S{1,40})(?P<size>)(?P<number>)(?P<other>)",
    means=Message(
        "einsum: the letter {letter} stands for {other} in one tensor, but for {size} in tensor number {number} (counting from 0)."
    ),
    fixes=(
        Reason(
            Message(
                "A letter stands for one size: is a tensor transposed, or a letter in the wrong place? For "
                "attention, use 'bid,bjd->bij'."
            ),
            "torch.einsum('bij,bjk->bik', x, y)",
        ),
    ),
    layer="torch.einsum",
)
tell(
    _EINSUM,
    r"einsum\(\): subscript (?P<letter>\w) is repeated for operand (?P<number>\d{1,3}) but the sizes don't match, (?P<first>\d{1,9}) != (?P<second>\d{1,9})",
    means=Message(
        "einsum: the letter {letter} appears twice for tensor number {number}, which selects its "
        "diagonal, but the sizes are {first} and {second}."
    ),
    fixes=(Reason(Message("Use two letters for two sizes.")),),
    layer="torch.einsum",
)
tell(
    _EINSUM,
    r"einsum\(\): (?P<rule>output subscript \w (?:does not appear in the equation for any input operand|appears more than once in the output)|(?:fewer|more) operands were provided than specified in the equation|invalid subscript given at index \d{1,3}|.{1,80}?equation)",
    means=Message("einsum does not accept this equation: {rule}."),
    fixes=(
        Reason(
            Message(
                "Write one group of letters per tensor, separated by commas; after the arrow, use each letter "
                "once, and only letters from before it."
            ),
            "torch.einsum('bij,bjk->bik', x, y)",
        ),
    ),
    layer="torch.einsum",
)

tell(
    _ATTENTION,
    r"embed_dim must be divisible by num_heads",
    means=Message("The features are divided among the heads, so embed_dim must be a multiple of num_heads."),
    fixes=(
        Reason(
            Message("Choose a number of heads that divides it."),
            "nn.MultiheadAttention(embed_dim=64, num_heads=8)",
        ),
    ),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"was expecting embedding dimension of (?P<wanted>\d{1,9}), but got (?P<given>\d{1,9})",
    means=Message("Attention expects tokens with {wanted} features, the last dimension; they have {given}."),
    fixes=(
        Reason(
            Message("Set embed_dim (d_model) to the number it gets, or put a Linear before it."),
            "nn.Linear({given}, {wanted})",
        ),
        Reason(
            Message("Turn maps into a sequence first: positions become tokens, channels become features."),
            "x = x.flatten(2).transpose(1, 2)",
        ),
    ),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"the feature number of src and tgt must be equal to d_model",
    r"the batch number of src and tgt must be equal",
    means=Message("nn.Transformer: source and target need the same batch size, and d_model features each."),
    fixes=(
        Reason(
            Message("Without batch_first=True, the order is (length, batch, features)."),
            "nn.Transformer(d_model=64, batch_first=True)",
        ),
    ),
    layer="nn.Transformer",
)
tell(
    _ATTENTION,
    r"The shape of the (?P<count>\d)D attn_mask is torch\.Size\(\[(?P<shape>[\d, ]{1,40})\]\), but should be \((?P<shape_wanted>[\d, ]{1,40})\)",
    means=Message("The attention mask must be {shape_wanted} (queries x keys), but it is {shape}."),
    fixes=(
        Reason(
            Message("Create it for the current length."),
            "nn.Transformer.generate_square_subsequent_mask(x.size(1))",
        ),
    ),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"Expected key_padded?_?(?:padding_)?mask\.shape\[(?P<dimension>\d)\] to be (?P<wanted>\d{1,9}), but got (?P<given>\d{1,9})",
    means=Message(
        "key_padding_mask must be (batch, keys): its dimension {dimension} should be {wanted}, but is {given}."
    ),
    fixes=(
        Reason(
            Message("Is it transposed, or is the order of batch and length different (batch_first)?"),
            "mask = mask.transpose(0, 1)",
        ),
    ),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"query should be unbatched 2D or batched 3D tensor but received (?P<count>\d{1,2})-D query tensor",
    means=Message(
        "Attention takes a sequence (length, features), or a batch of them, but got {count} dimensions."
    ),
    fixes=(
        Reason(
            Message("Turn maps into a sequence first: positions become tokens, channels become features."),
            "x = x.flatten(2).transpose(1, 2)",
        ),
    ),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"key shape torch\.Size\(\[(?P<shape>[\d, ]{1,40})\]\) does not match value shape torch\.Size\(\[(?P<shape_of_value>[\d, ]{1,40})\]\)",
    r"key's sequence and batch dims torch\.Size\(\[(?P<shape>[\d, ]{1,40})\]\) do not match value's torch\.Size\(\[(?P<shape_of_value>[\d, ]{1,40})\]\)",
    means=Message("Each key has one value, but the keys are {shape} and the values {shape_of_value}."),
    fixes=(Reason(Message("Take both from the same sequence."), "attention(query, memory, memory)"),),
    layer="nn.MultiheadAttention",
)
tell(
    _ATTENTION,
    r"Wrong image (?P<side>height|width)! Expected (?P<wanted>\d{1,9}) but got (?P<given>\d{1,9})",
    means=Message(
        "The vision transformer was made for images of {wanted} pixels ({side}), but got {given}: it has "
        "one position embedding per patch."
    ),
    fixes=(
        Reason(
            Message("Resize the images, or build the network for their size."),
            "transforms.Resize(({wanted}, {wanted}))",
        ),
    ),
    layer="VisionTransformer",
)
tell(
    Message("An embedding bag without offsets"),
    r"offsets has to be a 1D Tensor but got",
    r"offsets\[0\] has to be 0",
    r"if input is 2D, then offsets has to be None",
    means=Message(
        "nn.EmbeddingBag needs all words in one row, and the position at which each text begins "
        "(offsets, of which the first is 0)."
    ),
    fixes=(
        Reason(
            Message("Or pass a matrix with one text per row."),
            "bag(ids.unsqueeze(0)) or bag(ids, offsets=torch.tensor([0]))",
        ),
    ),
    layer="nn.EmbeddingBag",
)
