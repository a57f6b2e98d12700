"""Recurrent layers: features that do not fit, sequences without a batch, states of another size."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_TITLE = Message("Recurrent layer gets the wrong number of features")
_OF_STATE = Message("Recurrent layer with a state of the wrong shape")


@entry(_TITLE, rf"input\.size\(-1\) must be equal to input_size\. Expected {NUMBER}, got {NUMBER}")
def _features(match: re.Match[str]) -> Decoded:
    return _other_features(int(match[1]), int(match[2]), "nn.LSTM / nn.GRU / nn.RNN")


@entry(_TITLE, rf"input has inconsistent input_size: got {NUMBER} expected {NUMBER}")
def _features_of_cell(match: re.Match[str]) -> Decoded:
    return _other_features(int(match[2]), int(match[1]), "nn.LSTMCell / nn.GRUCell")


def _other_features(expected: int, received: int, layer: str) -> Decoded:
    return Decoded(
        meaning=Message(
            "The layer expects time steps of {features}, the last dimension of the tensor; it got "
            "{received}.",
            features=numbers.features(expected),
            received=received,
        ),
        reasons=(
            Reason(
                Message("Set the layer's input_size to the number it gets."),
                f"nn.LSTM(input_size={received}, hidden_size=...)",
            ),
            Reason(
                Message("Or the dimensions are in the wrong order: features come last."),
                "x = x.transpose(1, 2)",
            ),
        ),
        layer=layer,
    )


@entry(
    Message("Wrong number of dimensions"),
    r"(LSTM|GRU|RNN|LSTMCell|GRUCell|RNNCell): Expected input to be (\d)D or (\d)D, got (\d{1,2})D",
)
def _dimensions(match: re.Match[str]) -> Decoded:
    layer, single, batched, count = match[1], int(match[2]), int(match[3]), int(match[4])
    if count > batched:
        text = Message(
            "Turn maps into a sequence first: here each column becomes a time step with channels x "
            "height features. With a single channel, x.squeeze(1) makes each row a time step."
        )
        code = "x = x.flatten(1, 2).transpose(1, 2)"
    else:
        text, code = Message("Add the missing dimensions at the front."), "x = x.unsqueeze(0)"
    return one_remedy(
        Message(
            "{layer} expects {single} dimensions without a batch (features last) or {batched} with one; "
            "it got a tensor with {count}.",
            layer=layer,
            single=single,
            batched=batched,
            count=count,
        ),
        text,
        code,
        f"nn.{layer}",
    )


@entry(_OF_STATE, rf"Expected hidden(?:\[\d\])? size \({SIZES}\), got [\[(]{SIZES}[\])]")
def _state(match: re.Match[str]) -> Decoded:
    wanted, given = sizes(match[1]), sizes(match[2])
    return one_remedy(
        Message(
            "The initial state must be {wanted} (layers and directions, batch, hidden_size); got {given}.",
            wanted=shape_text(wanted),
            given=shape_text(given),
        ),
        Message("Create it for the current batch, or omit it: the layer then starts from zeros."),
        f"h = torch.zeros({', '.join(map(str, wanted))}, device=x.device)",
        "nn.LSTM / nn.GRU / nn.RNN",
    )


@entry(_OF_STATE, r"For (?:un)?batched \d-D input, hx (?:and cx )?should also be \d-D but got")
def _state_dimensions(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "Either both input and state have a batch dimension or neither: with one, both have 3 "
            "dimensions; without, both have 2."
        ),
        Message(
            "Add the batch dimension where it is missing, or omit the state: the layer then starts from "
            "zeros."
        ),
        "h = h.unsqueeze(1)",
        "nn.LSTM / nn.GRU / nn.RNN",
    )


@entry(_OF_STATE, rf"Input batch size {NUMBER} doesn't match hidden\d? batch size {NUMBER}")
def _cell_batch(match: re.Match[str]) -> Decoded:
    rows, states = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "The input has {rows} rows but the state has {states}: each sequence of the batch has its "
            "own state.",
            rows=rows,
            states=states,
        ),
        Message("Create the state for the current batch: the last one of an epoch may be smaller."),
        "h = torch.zeros(x.size(0), hidden_size, device=x.device)",
        "nn.LSTMCell / nn.GRUCell",
    )


tell(
    Message("Wrong number of dimensions"),
    r"input must have (?P<wanted>\d) dimensions, got (?P<given>\d)",
    means=Message(
        "The recurrent layer expects {wanted} dimensions (length, batch, features); it got {given}."
    ),
    fixes=(
        Reason(Message("Add the missing dimensions at the front."), "x = x.unsqueeze(0)"),
        Reason(Message("An embedding needs integers of shape (batch, length), not one-hot rows.")),
    ),
    layer="nn.LSTM / nn.GRU / nn.RNN",
)
tell(
    _OF_STATE,
    r"hidden\d? has inconsistent hidden_size: got (?P<given>\d{1,9}),? expected (?P<wanted>\d{1,9})",
    means=Message("The state has {given} features, but the cell has hidden_size {wanted}."),
    fixes=(
        Reason(
            Message("Create it with the cell's size, or omit it: it then starts from zeros."),
            "h = torch.zeros(x.size(0), {wanted}, device=x.device)",
        ),
    ),
    layer="nn.LSTMCell / nn.GRUCell",
)
_LENGTHS = Message("Sequences with lengths that do not match")
tell(
    _LENGTHS,
    r"`?lengths`? array (?:must|has to) be sorted in decreasing order",
    means=Message("pack_padded_sequence expects the longest sequence first."),
    fixes=(
        Reason(
            Message("Have it sort them."),
            "pack_padded_sequence(x, lengths, batch_first=True, enforce_sorted=False)",
        ),
    ),
)
tell(
    _LENGTHS,
    r"Length of all samples has to be greater than 0",
    r"Expected `?len\(lengths\)`? to be equal to batch_size, but got (?P<given>\d{1,9}) \(batch_size=(?P<wanted>\d{1,9})\)",
    r"'lengths' argument should be a 1D CPU int64 tensor",
    means=Message(
        "pack_padded_sequence needs one length per sequence, each at least 1, as integers on the CPU."
    ),
    fixes=(
        Reason(
            Message("Remove empty texts, and specify which dimension is the batch."),
            "pack_padded_sequence(x, lengths.cpu(), batch_first=True)",
        ),
    ),
)
