"""Graphics processors and memory: assertions on the GPU, no memory left, devices that are not there."""

from __future__ import annotations

import re

from cnnviz.error_messages.entry import Decoded, Entries, Reason
from cnnviz.language import Message

ENTRIES = Entries()
entry = ENTRIES.add
tell = ENTRIES.tell

_ASSERT = Message("An assertion failed on the GPU")
_MEMORY = Message("Out of memory")
_MISSING = Message("A device that is not there")

_ON_CPU = Reason(
    Message(
        "Run one batch on the CPU, which reports the line and the value; the GPU reports late, at "
        "another line."
    ),
    "CUDA_VISIBLE_DEVICES='' python train.py",
)
_LABELS = Reason(
    Message("Usually a label is negative, or too large for the number of outputs: classes count from 0."),
    "assert 0 <= labels.min() and labels.max() < outputs.size(1)",
)
_INDICES = Reason(
    Message("Or an index is too large for an nn.Embedding (num_embeddings) or a tensor."),
    "assert ids.max() < embedding.num_embeddings",
)


@entry(
    _ASSERT,
    r"device-side assert triggered",
    r"Assertion [`'][^`']{1,200}[`'] failed",
    r"cuda runtime error \(\d{1,4}\) : device-side assert",
)
def _assertion(match: re.Match[str]) -> Decoded:
    told = match[0]
    if "srcindex" in told.lower() or "out of bounds" in told.lower():
        reasons = (_INDICES, _LABELS, _ON_CPU)
    elif "input_val" in told:
        inside = Reason(
            Message(
                "nn.BCELoss needs outputs from 0 to 1: end with a sigmoid, or use the loss that takes logits."
            ),
            "nn.BCEWithLogitsLoss()",
        )
        reasons = (inside, _LABELS, _ON_CPU)
    else:
        reasons = (_LABELS, _INDICES, _ON_CPU)
    return Decoded(
        Message(
            "A check in the code on the GPU failed, nearly always because a label or index is out of range. "
            "Every later call fails too: restart the process (or notebook)."
        ),
        reasons,
        "CUDA",
    )


_LESS = (
    Reason(Message("Halve the batch size, or use smaller images."), "DataLoader(data, batch_size=16)"),
    Reason(
        Message("For evaluation, turn off gradients, which keep all feature maps in memory."),
        "with torch.no_grad(): output = model(x)",
    ),
    Reason(Message("Do not collect losses together with their graphs."), "total += loss.item()"),
    Reason(
        Message(
            "Other programs and earlier notebook cells may occupy memory: list them with nvidia-smi, or "
            "restart the kernel."
        ),
        "nvidia-smi",
    ),
)


@entry(
    _MEMORY,
    r"(CUDA|MPS backend|HIP|XPU) out of memory\.?(?: Tried to allocate ([\d.]{1,12} [KMG]i?B))?",
    r"(CUDA|cuda runtime) error(?: \(2\) ?)?: out of memory()",
    r"(CUDNN_STATUS_ALLOC_FAILED|CUBLAS_STATUS_ALLOC_FAILED)()",
)
def _no_memory(match: re.Match[str]) -> Decoded:
    wanted = match[2]
    meaning = (
        Message("The GPU's memory is full: there is no room for {size} more.", size=wanted)
        if wanted
        else Message("The GPU's memory is full.")
    )
    return Decoded(meaning, _LESS)


@entry(
    _MEMORY,
    r"DefaultCPUAllocator: (?:can't allocate memory|not enough memory)(?:: you tried to allocate (\d{1,20}) bytes)?",
    r"Storage size calculation overflowed(?: with sizes)?()",
    r"Unable to allocate ([\d.]{1,12} [KMGTP]i?B) for an array",
)
def _no_main_memory(match: re.Match[str]) -> Decoded:
    told = match[1] or ""
    size = f"{int(told) / 1e9:,.1f} GB" if told.isdigit() else told
    meaning = (
        Message("A tensor of {size} does not fit in the computer's memory.", size=size)
        if size
        else Message("A tensor does not fit in the computer's memory.")
    )
    return Decoded(
        meaning,
        (
            Reason(
                Message("Check its shape: a Linear directly after large maps becomes huge. Pool first."),
                "nn.AdaptiveAvgPool2d(7)",
            ),
            *_LESS[:2],
        ),
    )


tell(
    _MEMORY,
    r"DataLoader worker \(pid(?:\(s\))?:? ?[\d, ]{1,60}\) (?:is killed by signal|exited unexpectedly)",
    r"unable to (?:open|write to) (?:shared memory object|file) </torch_",
    r"Too many open files",
    r"insufficient shared memory \(shm\)",
    r"The paging file is too small",
    r"BrokenPipeError",
    means=Message(
        "A DataLoader worker ended, usually because memory, or shared memory (as in Docker), ran out."
    ),
    fixes=(
        Reason(
            Message("Use fewer workers; with 0, the worker's own error is shown."),
            "DataLoader(data, num_workers=0)",
        ),
        Reason(Message("In Docker, give the container more shared memory."), "docker run --shm-size=8g ..."),
        Reason(
            Message("On Windows, start the program under if __name__ == '__main__'."),
            "if __name__ == '__main__': main()",
        ),
    ),
)
tell(
    Message("Processes that start one another"),
    r"An attempt has been made to start a new process before the current process has finished its bootstrapping phase",
    r"Cannot re-initialize CUDA in forked subprocess",
    means=Message(
        "DataLoader workers run the program again, but it starts workers at its top level, or the "
        "workers use the GPU."
    ),
    fixes=(
        Reason(
            Message("Put the code that starts the program under this if."),
            "if __name__ == '__main__': main()",
        ),
        Reason(
            Message("Move batches to the GPU in the training loop, not in the data set."),
            "DataLoader(data, num_workers=0)",
        ),
    ),
)
tell(
    _MISSING,
    r"Found no NVIDIA driver on your system",
    r"Torch not compiled with CUDA enabled",
    r"No CUDA GPUs are available",
    r"(?:PyTorch is not linked with support for (?:mps|cuda|xpu) devices)",
    r"no CUDA-capable device is detected",
    r"Cannot initialize CUDA without (?:ATen_cuda|\w{1,20}) library",
    r"The NVIDIA driver on your system is too old",
    r"CUDA driver version is insufficient",
    r"CUDA driver initialization failed",
    means=Message(
        "The program requests a GPU, but PyTorch finds none: there is none, its driver is missing, or "
        "PyTorch was installed for the CPU only."
    ),
    fixes=(
        Reason(
            Message("Let the program choose the device, so that it runs everywhere."),
            "device = torch.device('cuda' if torch.cuda.is_available() else 'cpu')",
        ),
        Reason(
            Message(
                "In Colab, select a GPU under Runtime; elsewhere, install the driver and a PyTorch with CUDA "
                "(pytorch.org)."
            ),
            'python -c "import torch; print(torch.version.cuda, torch.cuda.is_available())"',
        ),
    ),
)
tell(
    _MISSING,
    r"device type at start of device string: (?P<name>\S{1,40})",
    r"Invalid device string: '(?P<name>[^']{1,40})'",
    means=Message("There is no device called {name}."),
    fixes=(Reason(Message("Devices are called cpu, cuda, cuda:0 and mps."), "model.to('cuda')"),),
)
tell(
    _MISSING,
    r"invalid device ordinal",
    r"Invalid device id",
    means=Message("The program requests a GPU with a number that does not exist; the first one is cuda:0."),
    fixes=(Reason(Message("Count the available ones."), "print(torch.cuda.device_count())"),),
)
tell(
    Message("A GPU that PyTorch does not support"),
    r"no kernel image is available for execution on the device",
    r"CUDA capability sm_\w{1,8} is not compatible with the current PyTorch installation",
    means=Message("This PyTorch was not built for this GPU: the card is too new or too old for it."),
    fixes=(
        Reason(
            Message("Install a PyTorch built for its CUDA version (see pytorch.org)."),
            "python -m pip install --upgrade torch",
        ),
    ),
)
tell(
    Message("An error inside a GPU library"),
    r"CUDNN_STATUS_(?P<name>\w{1,40})",
    r"CUBLAS_STATUS_(?P<name>\w{1,40})",
    r"cuDNN error: (?P<name>\w{1,60})",
    r"CUDA error: (?P<name>an illegal memory access was encountered|unspecified launch failure|misaligned address|unknown error|initialization error|invalid argument|launch timed out)",
    r"(?P<name>Unable to find a valid cuDNN algorithm)",
    r"GET was (?P<name>unable to find an engine)",
    means=Message(
        "A GPU library failed ({name}), usually because of too little memory, an index or label out of "
        "range, or versions that do not match."
    ),
    fixes=(
        _ON_CPU,
        Reason(Message("Halve the batch size, or use smaller images."), "DataLoader(data, batch_size=16)"),
        Reason(
            Message("Restart the process, and check the versions of the driver and PyTorch."),
            "CUDA_LAUNCH_BLOCKING=1 python train.py",
        ),
    ),
    layer="CUDA",
)
tell(
    Message("Installed versions that do not match"),
    r"operator torchvision::nms does not exist",
    r"Couldn't load custom C\+\+ ops",
    r"Numpy is not available",
    r"A module that was compiled using NumPy 1\.x cannot be run in NumPy 2",
    r"undefined symbol: \S{1,80}",
    r"Error loading \"[^\"]{1,200}\" or one of its dependencies",
    r"OMP: Error #15",
    r"libcudart\S{0,20}: cannot open shared object file",
    means=Message(
        "The installed packages do not match (PyTorch, torchvision, NumPy or CUDA), or there are two "
        "copies of a library."
    ),
    fixes=(
        Reason(
            Message("Install them together, in a fresh environment."),
            "python -m pip install --upgrade torch torchvision numpy",
        ),
        Reason(
            Message("OMP: Error #15 means that two copies of OpenMP are loaded: do not mix conda and pip.")
        ),
    ),
)
tell(
    Message("Tensors without values"),
    r"Tensor\.item\(\) cannot be called on meta tensors",
    r"can't convert meta device type tensor to numpy",
    r"Cannot copy out of meta tensor; no data",
    means=Message("A tensor on the meta device has a shape but no values, so nothing can be read from it."),
    fixes=(
        Reason(
            Message("Allocate memory for the network, then load its weights."),
            "model.to_empty(device='cpu'); model.load_state_dict(state)",
        ),
        Reason(Message("Or build it without torch.device('meta').")),
    ),
)
tell(
    Message("A GPU tensor in NumPy"),
    r"can't convert (?P<device>cuda:?\d{0,2}|mps:?\d{0,2}|CUDA) (?:device type )?tensor to numpy",
    means=Message(
        "NumPy and Matplotlib can read only the computer's main memory, but the tensor is on {device}."
    ),
    fixes=(Reason(Message("Copy it to the CPU first."), "x.detach().cpu().numpy()"),),
)
