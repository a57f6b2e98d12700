"""Recurrent layers: features that do not fit, sequences without a batch, states of another size."""

from __future__ import annotations

import re

from cnnviz import numbers
from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Reason, entry, one_remedy, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text


def _features(match: re.Match[str]) -> Decoded:
    return _other_features(int(match[1]), int(match[2]), "nn.LSTM / nn.GRU / nn.RNN")


def _features_of_cell(match: re.Match[str]) -> Decoded:
    return _other_features(int(match[2]), int(match[1]), "nn.LSTMCell / nn.GRUCell")


def _other_features(expected: int, received: int, layer: str) -> Decoded:
    return Decoded(
        meaning=Message(
            "The layer takes steps of {features}, the last size of a tensor; steps of {received} arrive.",
            features=numbers.features(expected),
            received=received,
        ),
        reasons=(
            Reason(
                Message("Give the layer the number that arrives as its input_size."),
                f"nn.LSTM(input_size={received}, hidden_size=...)",
            ),
            Reason(
                Message("Or the dimensions stand in another order: features come last."),
                "x = x.transpose(1, 2)",
            ),
        ),
        layer=layer,
    )


def _dimensions(match: re.Match[str]) -> Decoded:
    layer, single, batched, count = match[1], int(match[2]), int(match[3]), int(match[4])
    if count > batched:
        text = Message(
            "Of maps, make a sequence first: here each column of the maps becomes a step of channels x height features."
        )
        code = "x = x.flatten(1, 2).transpose(1, 2)"
    else:
        text, code = Message("Add the dimensions that are missing in front."), "x = x.unsqueeze(0)"
    return one_remedy(
        Message(
            "{layer} takes {single} dimensions without a batch, the last of them the features, or {batched} with one; a "
            "tensor with {count} arrives.",
            layer=layer,
            single=single,
            batched=batched,
            count=count,
        ),
        text,
        code,
        f"nn.{layer}",
    )


def _state(match: re.Match[str]) -> Decoded:
    wanted, given = sizes(match[1]), sizes(match[2])
    return one_remedy(
        Message(
            "The state to begin with must be {wanted} (layers and directions, batch, hidden_size); {given} was given.",
            wanted=shape_text(wanted),
            given=shape_text(given),
        ),
        Message("Make it for the batch at hand, or leave it out: the layer then begins with zeros."),
        f"h = torch.zeros({', '.join(map(str, wanted))}, device=x.device)",
        "nn.LSTM / nn.GRU / nn.RNN",
    )


def _state_dimensions(match: re.Match[str]) -> Decoded:
    return one_remedy(
        Message(
            "Input and state differ in whether there is a batch: with one the input and the state have 3 dimensions, "
            "without one both have 2."
        ),
        Message(
            "Add the batch to the one that lacks it, or leave the state out: the layer begins with zeros."
        ),
        "h = h.unsqueeze(1)",
        "nn.LSTM / nn.GRU / nn.RNN",
    )


def _cell_batch(match: re.Match[str]) -> Decoded:
    rows, states = int(match[1]), int(match[2])
    return one_remedy(
        Message(
            "The input has {rows} rows and the state {states}: each sequence of the batch has a state of its own.",
            rows=rows,
            states=states,
        ),
        Message("Make the state for the batch at hand: the last one of an epoch may be smaller."),
        "h = torch.zeros(x.size(0), hidden_size, device=x.device)",
        "nn.LSTMCell / nn.GRUCell",
    )


_TITLE = Message("A recurrent layer that receives other features")
_OF_STATE = Message("A recurrent layer's state of another shape")

ENTRIES = (
    entry(
        _TITLE,
        rf"input\.size\(-1\) must be equal to input_size\. Expected {NUMBER}, got {NUMBER}",
        _features,
    ),
    entry(_TITLE, rf"input has inconsistent input_size: got {NUMBER} expected {NUMBER}", _features_of_cell),
    entry(
        Message("A tensor with the wrong number of dimensions"),
        r"(LSTM|GRU|RNN|LSTMCell|GRUCell|RNNCell): Expected input to be (\d)D or (\d)D, got (\d{1,2})D",
        _dimensions,
    ),
    entry(_OF_STATE, rf"Expected hidden(?:\[\d\])? size \({SIZES}\), got \[{SIZES}\]", _state),
    entry(
        _OF_STATE,
        r"For (?:un)?batched \d-D input, hx (?:and cx )?should also be \d-D but got",
        _state_dimensions,
    ),
    entry(
        _OF_STATE,
        rf"Input batch size {NUMBER} doesn't match hidden\d? batch size {NUMBER}",
        _cell_batch,
    ),
)
