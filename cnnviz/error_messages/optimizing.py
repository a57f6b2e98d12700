"""Optimizers and learning-rate schedules: what they are given, and in which order they are called."""

from __future__ import annotations

from cnnviz.error_messages.entry import Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
tell = ENTRIES.tell

_GIVEN = Message("An optimizer without valid parameters")
_SETTING = Message("A setting out of range")
_ORDER = Message("A learning-rate schedule out of step")
_STATE = Message("Saved state of another optimizer")

_PARAMETERS = Reason(
    Message("Pass the parameters of the network."), "torch.optim.SGD(model.parameters(), lr=0.1)"
)

tell(
    _GIVEN,
    r"optimizer got an empty parameter list",
    means=Message("The network has no registered parameters, so the optimizer has nothing to train."),
    fixes=(
        Reason(
            Message(
                "Layers in a plain list or dict are not registered: use nn.ModuleList, nn.ModuleDict or nn.Sequential."
            ),
            "self.layers = nn.ModuleList(layers)",
        ),
        Reason(
            Message(
                "Is the constructor spelled __init__, with two underscores on each side? Does it call "
                "super().__init__(), and set self.conv1 rather than conv1?"
            ),
            "def __init__(self):\n    super().__init__()\n    self.conv1 = nn.Conv2d(1, 8, 3)",
        ),
        Reason(
            Message(
                "Your own tensors are parameters only inside nn.Parameter; a generator of parameters is empty "
                "when used a second time."
            ),
            "self.scale = nn.Parameter(torch.ones(1))",
        ),
    ),
    layer="torch.optim",
)
tell(
    _GIVEN,
    r"params argument given to the optimizer should be an iterable of Tensors or dicts, but got (?P<kind>[\w.]{1,60})",
    means=Message("The optimizer needs a list of tensors, but got {kind}."),
    fixes=(_PARAMETERS, Reason(Message("Put a single tensor in a list."), "torch.optim.SGD([x], lr=0.1)")),
)
tell(
    _GIVEN,
    r"optimizer can only optimize Tensors, but one of the params is (?P<kind>[\w.]{1,60})",
    means=Message("The optimizer was given a value of type {kind}, but it accepts only tensors."),
    fixes=(
        _PARAMETERS,
        Reason(
            Message("named_parameters() and dictionaries also contain names: remove them."),
            "[p for name, p in model.named_parameters()]",
        ),
    ),
)
tell(
    _GIVEN,
    r"can't optimize a non-leaf Tensor",
    means=Message(
        "The optimizer was given a computed tensor; it can change only parameters and tensors you create "
        "yourself."
    ),
    fixes=(
        Reason(
            Message(
                "Moving or converting a tensor computes a new one: do that first, then require the gradient."
            ),
            "x = torch.rand(3, device=device).requires_grad_()",
        ),
        Reason(Message("In a network, wrap it in nn.Parameter."), "self.w = nn.Parameter(torch.zeros(3))"),
    ),
)
tell(
    _GIVEN,
    r"some parameters appear in more than one parameter group",
    r"optimizer contains a parameter group with duplicate parameters",
    means=Message("The same parameter is in two groups of the optimizer."),
    fixes=(
        Reason(
            Message("Exclude the parameters of one group from the other."),
            "base = [p for n, p in model.named_parameters() if not n.startswith('fc')]",
        ),
    ),
)
tell(
    _GIVEN,
    r"param_?group must be a dict",
    r"parameter group didn't specify a value of required optimization parameter (?P<name>\w{1,20})",
    means=Message(
        "Each group of an optimizer is a dictionary with params, and with lr if there is no default."
    ),
    fixes=(
        Reason(
            Message("Write the groups like this."),
            "torch.optim.SGD([{'params': model.fc.parameters(), 'lr': 0.01}], lr=0.1)",
        ),
    ),
)
tell(
    _SETTING,
    r"Invalid (?P<name>learning rate|momentum value|weight_decay value|epsilon value|beta parameter at index \d|betas?|alpha value|rho value): ?(?P<value>\(?[-\w.]{1,30})",
    means=Message("The optimizer does not accept {value} as its {name}."),
    fixes=(
        Reason(
            Message("Learning rate and weight decay are 0 or more; momentum and betas lie between 0 and 1."),
            "torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.999))",
        ),
    ),
)
tell(
    _SETTING,
    r"Nesterov momentum requires a momentum and zero dampening",
    means=Message("nesterov=True needs a momentum above 0."),
    fixes=(
        Reason(
            Message("Specify one."),
            "torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9, nesterov=True)",
        ),
    ),
)
tell(
    _STATE,
    r"loaded state dict has a different number of parameter groups",
    r"loaded state dict contains a parameter group that doesn't match the size of optimizer's group",
    r"KeyError: 'param_groups'",
    means=Message(
        "The saved state does not belong to this optimizer: it has different parameter groups, or "
        "belongs to a network."
    ),
    fixes=(
        Reason(
            Message(
                "Build the network and optimizer as they were, with the same layers frozen, and load each one's "
                "own state."
            ),
            "optimizer.load_state_dict(checkpoint['optimizer_state_dict'])",
        ),
    ),
)
tell(
    _ORDER,
    r"(?P<name>[\w.]{1,60}) is not an Optimizer",
    means=Message("A schedule was given {name}; it takes the optimizer whose learning rate it changes."),
    fixes=(
        Reason(
            Message("Create the optimizer first."), "torch.optim.lr_scheduler.StepLR(optimizer, step_size=10)"
        ),
    ),
)
tell(
    _ORDER,
    r"You must define either total_steps OR \(epochs AND steps_per_epoch\)",
    means=Message("OneCycleLR needs to know how many steps there will be."),
    fixes=(
        Reason(
            Message("Specify the total."),
            "OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))",
        ),
    ),
)
tell(
    _ORDER,
    r"Tried to step (?P<number>\d{1,9}) times\. The specified number of total steps is (?P<total>\d{1,9})",
    means=Message("The schedule was created for {total} steps, but step number {number} was requested."),
    fixes=(
        Reason(
            Message(
                "OneCycleLR steps after each batch, not after each epoch: multiply the two for the total."
            ),
            "OneCycleLR(optimizer, max_lr=0.1, total_steps=epochs * len(loader))",
        ),
    ),
)
tell(
    _ORDER,
    r"param 'initial_lr' is not specified in param_groups",
    means=Message(
        "A schedule with last_epoch resumes training, but the optimizer does not know its initial "
        "learning rate."
    ),
    fixes=(
        Reason(
            Message("Omit last_epoch, or load the optimizer's saved state first."),
            "StepLR(optimizer, step_size=10)",
        ),
    ),
)
tell(
    _ORDER,
    r"Detected call of `lr_scheduler\.step\(\)` before `optimizer\.step\(\)`",
    means=Message(
        "The schedule advanced before the optimizer's first step, so the first learning rate is skipped."
    ),
    fixes=(
        Reason(
            Message("Call scheduler.step() after optimizer.step(), usually once at the end of an epoch."),
            "optimizer.step(); ...; scheduler.step()",
        ),
    ),
)
tell(
    _ORDER,
    r"optimizer must support momentum (?:or beta1 )?with `cycle_momentum` option enabled",
    means=Message("CyclicLR varies the momentum too, but this optimizer has none."),
    fixes=(
        Reason(
            Message("Turn it off, or give SGD a momentum."),
            "CyclicLR(optimizer, 1e-4, 1e-2, cycle_momentum=False)",
        ),
    ),
)
