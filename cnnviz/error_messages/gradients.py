"""The backward pass: what was changed, freed, detached or never recorded, and gradients that do not fit."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import NUMBER, SIZES, Decoded, Entries, Reason, sizes
from cnnviz.language import Message
from cnnviz.operations.op import shape_text

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_IN_PLACE = Message("A value changed in place")
_NO_GRADIENT = Message("No gradient to compute")
_NUMPY = Message("A tensor with a gradient in NumPy")

_NEW_TENSOR = Reason(
    Message(
        "Create a new tensor instead of using x += y, x[...] = y or x.add_(y), and use nn.ReLU() without "
        "inplace=True."
    ),
    "x = x + y",
)
_FIND = Reason(
    Message("To see the responsible line of the forward pass, turn on anomaly detection for one run."),
    "torch.autograd.set_detect_anomaly(True)",
)
_CHANGED_WEIGHTS = Reason(
    Message(
        "Or it is a weight: optimizer.step() ran between the forward pass and backward(), as can happen "
        "with two losses of one network. Call backward() for all losses before step()."
    ),
    "(loss_a + loss_b).backward(); optimizer.step()",
)


@entry(
    _IN_PLACE,
    r"modified by an inplace operation: \[([\w.]{1,40}) \[ ?"
    + SIZES
    + rf"\]\](?:, which is output {NUMBER} of (\w{{1,60}}))?,? is at version {NUMBER}; expected version {NUMBER}",
)
def _modified(match: re.Match[str]) -> Decoded:
    shape, function = shape_text(sizes(match[2])), match[4]
    values = {"shape": shape, "present": match[5], "needed": match[6]}
    if function is None:
        meaning = Message(
            "The backward pass needs a {shape} tensor as it was in the forward pass, but it was changed in "
            "place afterwards (it is at version {present} instead of {needed}).",
            **values,
        )
    else:
        meaning = Message(
            "The backward pass needs a {shape} tensor, the output of {function}, as it was in the forward "
            "pass, but it was changed in place afterwards (it is at version {present} instead of {needed}).",
            function=function.removesuffix("Backward0").removesuffix("Backward"),
            **values,
        )
    return Decoded(meaning, (_NEW_TENSOR, _CHANGED_WEIGHTS, _FIND), "loss.backward()")


tell(
    _IN_PLACE,
    r"variables needed for gradient computation has been modified by an inplace operation",
    means=Message(
        "The backward pass needs a value from the forward pass, but it was changed in place afterwards."
    ),
    fixes=(_NEW_TENSOR, _CHANGED_WEIGHTS, _FIND),
    layer="loss.backward()",
)

_LEAF = (
    Reason(
        Message("To change a weight manually, as an optimizer does, turn off the recording of gradients."),
        "with torch.no_grad(): w -= learning_rate * w.grad",
    ),
    Reason(Message("Otherwise, make a copy and change that."), "y = x.clone(); y[0] = 1"),
)

tell(
    _IN_PLACE,
    r"a (?:view of a )?leaf Variable that requires grad (?:is being|has been) used in an in-?place operation",
    means=Message(
        "A leaf tensor with requires_grad=True, such as a parameter, is changed in place (+=, x[...] = "
        "y, add_, fill_), after which its gradient could not be computed."
    ),
    fixes=_LEAF,
)

tell(
    _IN_PLACE,
    r"leaf variable has been moved into the graph interior",
    means=Message(
        "A leaf tensor with requires_grad=True was changed in place, so it is no longer a leaf and gets "
        "no gradient."
    ),
    fixes=_LEAF,
)

tell(
    _IN_PLACE,
    r"Output (?P<number>\d{1,4}) of (?P<function>\w{1,60}) is a view and (?:is being|its base or another view of its base has been) modified in-?place",
    means=Message(
        "Part of a tensor (output {number} of {function}) is changed in place, but the other parts share "
        "its memory."
    ),
    fixes=(Reason(Message("Create a new tensor, or copy the part first."), "part = part.clone()"),),
)

tell(
    _IN_PLACE,
    r"Inplace update to inference tensor outside InferenceMode is not allowed",
    r"Inference tensors cannot be saved for backward",
    means=Message("A tensor created in torch.inference_mode() is used where gradients are recorded."),
    fixes=(
        Reason(
            Message("Copy it, or use torch.no_grad() in place of torch.inference_mode()."), "x = x.clone()"
        ),
    ),
)

tell(
    Message("backward called twice"),
    r"Trying to backward through the graph a second time",
    r"Saved intermediate values of the graph (?:are|have) (?:already been )?freed",
    means=Message(
        "backward() ran twice through the same forward pass, but the first run freed the saved values."
    ),
    fixes=(
        Reason(
            Message("Each step needs its own forward pass: compute the output and loss inside the loop."),
            "optimizer.zero_grad(); loss = criterion(model(x), labels); loss.backward(); optimizer.step()",
        ),
        Reason(
            Message(
                "A state or loss kept from the previous step (hidden state, running sum) still contains the old "
                "graph: detach it."
            ),
            "hidden = hidden.detach(); total += loss.item()",
        ),
        Reason(
            Message("With two losses from one forward pass, add them and call backward() once."),
            "(loss_a + loss_b).backward()",
        ),
    ),
    layer="loss.backward()",
)

tell(
    _NO_GRADIENT,
    r"element (?P<number>\d{1,4}) of tensors does not require grad and does not have a grad_fn",
    r"element (?P<number>\d{1,4}) of variables does not require grad and does not have a grad_fn",
    means=Message(
        "backward() was called on a value that does not depend on any parameter with requires_grad=True, "
        "so there is no gradient to compute."
    ),
    fixes=(
        Reason(
            Message(
                "Was the forward pass inside torch.no_grad(), or did detach(), item(), .data, argmax or NumPy "
                "interrupt the graph? Compute the loss from the network's own output."
            ),
            "loss = criterion(model(x), labels)",
        ),
        Reason(
            Message("Or all parameters are frozen: unfreeze those that should be trained."),
            "for p in model.fc.parameters(): p.requires_grad = True",
        ),
    ),
    layer="loss.backward()",
)

tell(
    Message("backward on a tensor with several values"),
    r"grad can be implicitly created only for scalar outputs",
    means=Message("backward() needs a single number, but the loss is a tensor with several values."),
    fixes=(
        Reason(Message("Average it, or remove reduction='none'."), "loss.mean().backward()"),
        Reason(
            Message("With nn.DataParallel, there is one loss per GPU: average them."), "loss = loss.mean()"
        ),
    ),
    layer="loss.backward()",
)

tell(
    _NO_GRADIENT,
    r"only Tensors of floating point (?:and complex )?dtype can require gradients",
    means=Message("Integers have no gradient: requires_grad=True and nn.Parameter need a tensor of floats."),
    fixes=(
        Reason(
            Message("Write the numbers with a decimal point, or convert them."),
            "torch.tensor([1.0, 2.0], requires_grad=True)",
        ),
    ),
)

tell(
    _NUMPY,
    r"Can't call numpy\(\) on (?:Tensor|Variable) that requires grad",
    means=Message(
        "NumPy does not track gradients, so it cannot take a tensor that requires grad; nor can Matplotlib "
        "or scikit-learn."
    ),
    fixes=(
        Reason(Message("Detach it first; cpu() is needed only on a GPU."), "x.detach().cpu().numpy()"),
        Reason(Message("For a single number, such as a loss, use item()."), "losses.append(loss.item())"),
    ),
)

tell(
    _NO_GRADIENT,
    r"differentiated Tensors?(?: at index \d{1,4})? appears to not have been used in the graph",
    means=Message(
        "torch.autograd.grad was asked for the gradient of a tensor that the result does not depend on."
    ),
    fixes=(
        Reason(Message("Compute the result from this tensor itself, not from a copy or a detached version.")),
        Reason(
            Message("If it may be unused, accept None as its gradient."),
            "torch.autograd.grad(y, x, allow_unused=True)",
        ),
    ),
)

tell(
    Message("A gradient of the wrong shape"),
    r"Mismatch in shape: grad_output\[\d{1,3}\] has a shape of torch\.Size\(\[(?P<shape>[\d, ]{0,60})\]\) and output\[\d{1,3}\] has a shape of torch\.Size\(\[(?P<shape_of_output>[\d, ]{0,60})\]\)",
    means=Message(
        "backward() was given a {shape} tensor as the gradient, but the output has shape {shape_of_output}."
    ),
    fixes=(Reason(Message("Both need the same shape."), "y.backward(torch.ones_like(y))"),),
)
tell(
    Message("A gradient of the wrong shape"),
    r"attempting to assign a gradient of size '\[(?P<shape>[\d, ]{0,60})\]' to a tensor of size '\[(?P<shape_of_output>[\d, ]{0,60})\]'",
    r"assigned grad has data of a different size",
    means=Message("A gradient must have the shape of its tensor."),
    fixes=(Reason(Message("Both need the same shape."), "w.grad = torch.zeros_like(w)"),),
)
tell(
    Message("A gradient of the wrong shape"),
    r"Function (?P<function>\w{1,60}) returned an invalid gradient at index (?P<number>\d{1,3}) - got \[(?P<shape>[\d, ]{0,60})\] but expected shape compatible with \[(?P<shape_of_output>[\d, ]{0,60})\]",
    means=Message(
        "The backward of {function} returned a {shape} gradient for an input of shape {shape_of_output}."
    ),
    fixes=(
        Reason(
            Message(
                "In a custom function, backward returns one gradient per input, with the input's shape. "
                "Otherwise, a shape was changed through .data or resize_."
            )
        ),
    ),
)

tell(
    _NO_GRADIENT,
    r"you can only change requires_grad flags of leaf variables",
    means=Message(
        "requires_grad was set on a computed tensor; it can be set only on parameters and tensors you "
        "create yourself."
    ),
    fixes=(
        Reason(
            Message("Freeze the layer's parameters."),
            "for p in model.conv1.parameters(): p.requires_grad = False",
        ),
        Reason(Message("To remove a computed tensor from the graph, detach it."), "x = x.detach()"),
    ),
)

tell(
    _NO_GRADIENT,
    r"Only Tensors created explicitly by the user \(graph leaves\) support the deepcopy protocol",
    means=Message(
        "copy.deepcopy found a computed tensor that is part of a graph; only leaf tensors such as "
        "parameters can be copied."
    ),
    fixes=(
        Reason(
            Message("Do not keep computed tensors as attributes of the model, or detach them first."),
            "self.last = x.detach()",
        ),
    ),
)

tell(
    _NO_GRADIENT,
    r"can't retain_grad on Tensor that has requires_grad=False",
    r"cannot register a hook on a tensor that doesn't require gradient",
    means=Message("The gradient of a tensor that has none (requires_grad=False) was requested."),
    fixes=(
        Reason(
            Message("Let it require a gradient before it is used, and do not use torch.no_grad()."),
            "x.requires_grad_()",
        ),
    ),
)

tell(
    _NO_GRADIENT,
    r"The \.grad attribute of a Tensor that is not a leaf Tensor is being accessed",
    means=Message(
        "Only parameters and other leaf tensors keep their gradient; that of a computed tensor is dropped."
    ),
    fixes=(Reason(Message("Request it before backward()."), "x.retain_grad()"),),
)

tell(
    Message("Gradients that are not finite"),
    r"Function '(?P<function>\w{1,60})' returned nan values in its (?P<number>\d{1,3})\w{2} output",
    means=Message("Anomaly detection found the first gradient that is not a number, in {function}."),
    fixes=(
        Reason(
            Message(
                "The usual cause is the logarithm or square root of 0, or a division by 0: add a small number, "
                "or use F.log_softmax or losses that take logits."
            ),
            "torch.log(x + 1e-8)",
        ),
        Reason(
            Message("Or the training diverged: lower the learning rate, or clip the gradients."),
            "nn.utils.clip_grad_norm_(model.parameters(), 1.0)",
        ),
    ),
)
tell(
    Message("Gradients that are not finite"),
    r"total norm of order (?P<number>[\d.]{1,8}) for gradients from `parameters` is non-finite",
    means=Message("The gradients contain inf or nan, so they cannot be clipped."),
    fixes=(
        Reason(
            Message(
                "Training diverged, or the loss is nan: lower the learning rate, and check inputs and labels for "
                "nan."
            ),
            "assert torch.isfinite(x).all()",
        ),
    ),
)

tell(
    _NO_GRADIENT,
    r"the derivative for '(?P<name>\w{1,40})' is not implemented",
    r"derivative for (?:aten::)?(?P<name>\w{1,60}) is not implemented",
    means=Message("PyTorch has no gradient with respect to {name}."),
    fixes=(
        Reason(
            Message("A target does not need one: were output and target swapped? Otherwise, detach it."),
            "loss = criterion(output, target.detach())",
        ),
    ),
)

tell(
    _NO_GRADIENT,
    r"Found dtype (?P<found>\w{1,20}) but expected (?P<wanted>\w{1,20})",
    means=Message("In the loss, one side is {found}, but {wanted} was expected."),
    fixes=(
        Reason(
            Message(
                "BCELoss, MSELoss and similar losses compare numbers of one type: convert the targets to the "
                "type of the output."
            ),
            "loss = criterion(output, target.float())",
        ),
    ),
    layer="nn.BCELoss / nn.MSELoss",
)

tell(
    Message("Mixed precision"),
    r"Attempting to unscale FP16 gradients",
    means=Message(
        "The weights are in float16, but GradScaler needs float32; autocast converts where useful."
    ),
    fixes=(
        Reason(
            Message("Do not call half() on the network."), "with torch.autocast('cuda'): output = model(x)"
        ),
    ),
)
tell(
    Message("Mixed precision"),
    r"No inf checks were recorded for this optimizer",
    r"unscale_\(\) has already been called on this optimizer",
    r"step\(\) has already been called since the last update\(\)",
    means=Message(
        "GradScaler's methods are called in the wrong order: there was no gradient, or one of them was "
        "called twice."
    ),
    fixes=(
        Reason(
            Message("In each step: scale the loss, backward, (unscale_ once, clip), step, update."),
            "scaler.scale(loss).backward(); scaler.step(optimizer); scaler.update()",
        ),
    ),
)

tell(
    Message("Training on several GPUs"),
    r"Expected to have finished reduction in the prior iteration before starting a new one",
    means=Message(
        "In DistributedDataParallel, some parameters were not used in the loss, so the processes wait "
        "for their gradients."
    ),
    fixes=(
        Reason(
            Message("Remove unused layers, or have DistributedDataParallel find them."),
            "DistributedDataParallel(model, find_unused_parameters=True)",
        ),
    ),
)
tell(
    Message("Training on several GPUs"),
    r"Default process group has not been initialized",
    r"NCCL error",
    means=Message("The processes for training on several GPUs are not connected to each other."),
    fixes=(
        Reason(
            Message(
                "On one GPU, leave out DistributedDataParallel and SyncBatchNorm; otherwise, start with torchrun "
                "and connect the processes first."
            ),
            "torch.distributed.init_process_group('nccl')",
        ),
    ),
)
tell(
    _NO_GRADIENT,
    r"cannot resize variables that require grad",
    means=Message("resize_ changes a tensor in place, which is not allowed for a tensor with a gradient."),
    fixes=(Reason(Message("Use view or reshape, or detach it first."), "x = x.reshape(2, -1)"),),
)
tell(
    _NO_GRADIENT,
    r"Legacy autograd function with non-static forward method is deprecated",
    means=Message("A torch.autograd.Function is written in the style of PyTorch before 1.5."),
    fixes=(
        Reason(
            Message("Make forward and backward static methods, and use the class's apply."),
            "@staticmethod\ndef forward(ctx, x): ...\ny = MyFunction.apply(x)",
        ),
    ),
)
