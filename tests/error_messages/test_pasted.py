"""A message is found however it was copied: out of a terminal, a notebook, a log, a chat."""

from __future__ import annotations

import pytest

from cnnviz.error_messages import decode

SAID = "mat1 and mat2 shapes cannot be multiplied (64x2200 and 1408x10)"

PASTED = {
    "message": f"RuntimeError: {SAID}",
    "other case": f"runtimeerror: {SAID.upper()}",
    "other spaces": "mat1  and mat2 shapes cannot be\tmultiplied ( 64 x 2200 and 1408 x 10 )",
    "no-break spaces": SAID.replace(" ", "\u00a0"),
    "a multiplication sign": SAID.replace("x", "\u00d7"),
    "Windows": 'Traceback (most recent call last):\r\n  File "C:\\Users\\me\\net.py", line 12, in <module>\r\n'
    f"    y = net(x)\r\nRuntimeError: {SAID}\r\n",
    "Jupyter": "-" * 75 + "\nRuntimeError                              Traceback (most recent call last)\n"
    "Cell In[3], line 2\n      1 x = torch.zeros(64, 1, 32, 32)\n----> 2 net(x)\n\n"
    "File ~/net.py:20, in Net.forward(self, x)\n     19 x = x.flatten(1)\n---> 20 return self.fc(x)\n\n"
    f"RuntimeError: {SAID}",
    "colours": "\x1b[0;31mRuntimeError\x1b[0m: mat1 and mat2 \x1b[1mshapes\x1b[0m cannot be multiplied (64x2200 and 1408x10)\x1b[K",
    "colours without their character": "[0;31mRuntimeError[0m: mat1 and mat2 [1mshapes[0m cannot be multiplied (64x2200 and 1408x10)",
    "pytest": "E       RuntimeError: mat1 and mat2 shapes cannot be\nE       multiplied (64x2200 and 1408x10)\n\nnet.py:20: RuntimeError",
    "several processes": "[rank0]: RuntimeError: mat1 and mat2 shapes cannot be\n[rank0]: multiplied (64x2200 and 1408x10)",
    "a box": "╭── Traceback ──╮\n│ ❱ 20 return self.fc(x)      │\n╰──╯\nRuntimeError: mat1 and mat2 shapes cannot be \n│ multiplied (64x2200 and 1408x10) │",
    "a quotation": "> RuntimeError: mat1 and mat2 shapes\n> cannot be multiplied (64x2200 and 1408x10)",
    "words broken by a terminal": "RuntimeError: mat1 and mat2 shapes cannot be multi\nplied (64x22\n00 and 1408x10)",
    "a worker": "RuntimeError: Caught RuntimeError in replica 0 on device 0.\nOriginal Traceback (most recent call last):\n"
    f'  File "worker.py", line 64, in _worker\nRuntimeError: {SAID}\n',
}  # fmt: skip


@pytest.mark.parametrize("text", PASTED.values(), ids=PASTED.keys())
def test_a_message_is_found_however_it_was_copied(text: str) -> None:
    found = decode(text)
    assert found is not None
    assert found.linear is not None
    assert (found.linear.received, found.linear.in_features, found.linear.out_features) == (2200, 1408, 10)


def test_quotation_marks_of_a_word_processor() -> None:
    found = decode("ValueError: shape \u2018[64, 1408]\u2019 is invalid for input of size 140800")
    assert found is not None
    assert "64 x 1408" in str(found.meaning) or "[64, 1408]" in str(found.meaning)
