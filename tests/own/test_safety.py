"""What a text must never reach: no code of it runs as Python, no attribute of a real object is read, nothing leaks.

Every class of attack on public sandboxes of Python stands here as a text. An audit hook is the tripwire: Python itself
reports what is executed, opened, started or looked into.
"""

from __future__ import annotations

import ast
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import nn

from cnnviz.errors import CnnvizError
from cnnviz.own.changes import changes
from cnnviz.own.definition import Definition
from cnnviz.own.expressions import evaluate
from cnnviz.own.library import MODULES
from cnnviz.own.program import build, load
from cnnviz.own.runs import Run, running
from cnnviz.own.torchvision_models import MODELS
from cnnviz.own.values import Refused, Scope

FORBIDDEN = (
    "os.",
    "subprocess.",
    "socket.",
    "shutil.",
    "ctypes.",
    "pickle.",
    "tempfile.",
    "urllib.",
    "object.__getattr__",
    "object.__setattr__",
    "code.__new__",
    "function.__new__",
    "builtins.input",
    "builtins.breakpoint",
)
OWN = str(Path("cnnviz", "own"))

_tripped: list[str] | None = None


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    if _tripped is None:
        return
    own = event == "exec" and getattr(arguments[0], "co_filename", "") == "<own>"
    written = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
    if event == "object.__getattr__" and arguments[1] == "f_code":
        return  # hypothesis follows what is executed
    if (own or written or event.startswith(FORBIDDEN)) and not _importing():
        _tripped.append(f"{event} {arguments!r}"[:300])


def _importing() -> bool:
    """Whether PyTorch is importing a part of itself, as it does when something is used for the first time."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if "importlib" in file:
            return True
        if OWN in file:
            return False
        frame = frame.f_back  # type: ignore[assignment]
    return False


sys.addaudithook(_watch)


@contextmanager
def tripwire(but: str = "nothing") -> Iterator[None]:
    """Fails where Python was made to do something within the block that no network needs, ``but`` for one event."""
    global _tripped
    _tripped = found = []
    try:
        yield
    finally:
        _tripped = None
    assert not [event for event in found if not event.startswith(but)]


def network(expression: str, before: str = "") -> str:
    """A text whose forward pass evaluates ``expression``."""
    return (
        "import torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"
        f"{before}\n"
        "class Net(nn.Module):\n"
        "    def __init__(self):\n"
        "        super().__init__()\n"
        "        self.conv = nn.Conv2d(1, 4, 3)\n"
        "        self.names = ['a', 'b']\n"
        "    def forward(self, x):\n"
        f"        {expression}\n"
        "        return self.conv(x)\n"
    )


def tried(text: str) -> Exception | None:
    """What reading, building and running a text ended with; None where it went through."""
    with tripwire():
        try:
            program = load(text)
            with torch.device("meta"):
                model = build(program.main_class())
                model.eval()(torch.zeros(2, 1, 8, 8))
        except Exception as error:
            return error
    return None


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    """PyTorch imports parts of itself when they are first used; that is nothing a text does."""
    program = load(network("pass"))
    with torch.device("meta"):
        build(program.main_class()).eval()(torch.zeros(2, 1, 8, 8))
    for seed in range(200):
        outcome_of(seed, 3)


ATTACKS = {
    # walks along the attributes that lead from any object to the interpreter
    "class walk": "x.__class__.__mro__[1].__subclasses__()",
    "class walk of a tuple": "().__class__.__base__.__subclasses__()",
    "class walk of a text": "''.__class__.__mro__",
    "class walk of a number": "(1).__class__",
    "class of a class": "nn.Conv2d.__class__.__call__",
    "bases": "nn.Module.__bases__",
    "dict of self": "self.__dict__",
    "dict of a layer": "self.conv.__dict__['_parameters']",
    "globals of a method": "self.forward.__globals__",
    "globals of a function": "F.relu.__globals__['__builtins__']",
    "code of a method": "self.forward.__code__",
    "code of a lambda": "(lambda: 0).__code__",
    "function of a method": "self.forward.__func__",
    "self of a method": "x.view.__self__",
    "closure": "(lambda: x).__closure__[0].cell_contents",
    "module of a class": "nn.Conv2d.__module__",
    "init's globals": "nn.Conv2d.__init__.__globals__",
    "reduce": "x.__reduce__()",
    "reduce_ex": "x.__reduce_ex__(2)",
    "getattribute": "x.__getattribute__('data')",
    "torch function": "x.__torch_function__",
    "wrapped": "torch.no_grad.__wrapped__",
    "frame": "(i for i in [1]).gi_frame.f_back.f_globals",
    "traceback": "x.__traceback__.tb_frame",
    "generator's code": "(i for i in [1]).gi_code",
    "private call": "self._call_impl",
    "private parameters": "self._parameters",
    "private hooks": "self._forward_hooks",
    "hooks of a layer": "self.conv._forward_pre_hooks",
    "getattr with a built name": "getattr(x, '_' + '_class_' + '_')",
    "getattr with a default": "getattr(x, '__class__', None).__mro__",
    "setattr of a dunder": "setattr(self, '__class__', nn.Linear)",
    "hasattr": "hasattr(x, '__class__') and x.__class__.__mro__",
    "vars": "vars(self)",
    "dir": "dir(self)",
    "type": "type(x).__mro__",
    "type with three arguments": "type('X', (), {})",
    "object": "object().__class__",
    "globals()": "globals()['os']",
    "locals()": "locals()",
    "builtins": "__builtins__['eval']('1')",
    "import": "__import__('os').system('true')",
    "eval": "eval('1 + 1')",
    "exec": "exec('import os')",
    "compile": "compile('1', 'x', 'eval')",
    "open": "open('/etc/passwd').read()",
    "input": "input()",
    "breakpoint": "breakpoint()",
    "help": "help()",
    "exit": "exit()",
    "memoryview": "memoryview(b'x')",
    "bytes": "b'abc'.decode()",
    "loader": "__loader__.load_module('os')",
    "spec": "__spec__.loader",
    # text
    "format walk": "'{0.__class__}'.format(x)",
    "format of self": "'{0.conv.weight}'.format(self)",
    "format_map": "'{x.__class__}'.format_map({'x': x})",
    "f-string of a tensor": "f'{x}'",
    "f-string walk": "f'{x.__class__}'",
    "f-string with !r": "f'{self!r}'",
    "f-string with a huge width": "f'{1:>999999999}'",
    "percent with a width": "'%999999999d' % 1",
    "percent with a mapping": "'%(a)s' % {'a': x}",
    "a huge text": "'a' * 10**9",
    "a text that doubles": "s = 'a' * 99999\n        s = s.replace('a', s)",
    "str of a tensor": "str(x)",
    "repr": "repr(self)",
    "encode": "'a'.encode('idna')",
    # syntax
    "walrus": "(y := 1)",
    "match": "match x:\n            case nn.Module(conv=y): pass",
    "try": "try:\n            1/0\n        except Exception as e:\n            e.__traceback__",
    "finally": "try:\n            pass\n        finally:\n            x.__class__",
    "with": "with open('/tmp/x', 'w') as f: pass",
    "import in forward": "import os",
    "from import in forward": "from os import system",
    "star import in forward": "import torch.utils.cpp_extension",
    "class in forward": "class A(nn.Module): pass",
    "decorator in forward": "@(lambda f: f)\n        def f(): pass",
    "decorator in forward, with arguments": "@torch.no_grad(x.__class__)\n        def f(): pass",
    "async": "[i async for i in x]",
    "yield": "(yield x)",
    "global": "global nn\n        nn = 5",
    "del": "del self.conv",
    "set": "{1, 2}",
    "star": "self.conv(*self.names, **{'file': x})",
    "lambda default": "(lambda a=x.__class__: a)()",
    "comprehension scope": "[a.__class__ for a in [x]]",
    "nested comprehension": "[[b.__class__ for b in a] for a in [[x]]]",
    "condition of a comprehension": "[a for a in [x] if a.__class__]",
    "conditional": "x.__class__ if True else 0",
    "slice": "self.names[x.__class__]",
    "keyword": "F.relu(x, inplace=x.__class__)",
    "keyword with a dunder": "F.relu(x, **{'__class__': 1})",
    "unpacked": "a, *b = x.__class__",
    "augmented": "self.__class__ += 1",
    "subscript of a class": "list[int].__origin__",
    "matmul": "x.__class__ @ 1",
    "complex": "a = 1j",
    "dots": "....__class__",
    "a full-width self": "ｓｅｌｆ.__class__.__mro__",
    "a full-width underscore": "x.＿＿class＿＿",
    "a letter that looks alike": "sеlf.conv",
    # budgets
    "endless loop": "while True:\n            pass",
    "long loop": "for i in range(10**9):\n            pass",
    "nested loops": "for i in range(99999):\n            for j in range(99999):\n                pass",
    "huge power": "10 ** 10 ** 10",
    "power in steps": "a = 2 ** 62\n        a = a * a",
    "shift": "1 << 10**9",
    "huge list": "[0] * 10**10",
    "a list that doubles": "a = [0]\n        while True:\n            a = a + a",
    "a list in itself": "a = []\n        a.append(a)\n        a == a",
    "recursion": "self.forward(x)",
    "recursive lambda": "f = lambda g: g(g)\n        f(f)",
    "a huge range": "list(range(10**12))",
    "a huge tensor's rows": "for row in torch.zeros(10**9):\n            pass",
    "a huge integer in a layer": "nn.Linear(10**12, 10**12)",
    "negative zero power": "0 ** -1",
    "a part of itself": "self.me = self",
    # PyTorch's own doors
    "torch.load": "torch.load('x.pt')",
    "torch.save": "torch.save(x, '/tmp/x')",
    "torch.ops": "torch.ops.aten.relu(x)",
    "torch.hub": "torch.hub.load('a/b', 'c')",
    "torch.jit": "torch.jit.script(self)",
    "torch.classes": "torch.classes.load_library('x')",
    "torch.utils": "torch.utils.cpp_extension.load_inline('x', '')",
    "torch.os": "torch.os.system('true')",
    "torch.sys": "torch.sys.modules",
    "torch._C": "torch._C._jit_init()",
    "torch.from_file": "torch.from_file('/etc/passwd')",
    "torch.frombuffer": "torch.frombuffer(b'x', dtype=torch.uint8)",
    "torch.compile": "torch.compile(self)",
    "torch.set_default_device": "torch.set_default_device('cuda')",
    "torch.nn.modules": "nn.modules.module.torch",
    "functional's globals": "F.torch.os",
    "init's globals of a module": "nn.init.warnings.sys",
    "data_ptr": "x.data_ptr()",
    "storage": "x.untyped_storage()",
    "numpy": "x.numpy()",
    "apply with a function": "x.apply_(lambda v: v)",
    "map_": "x.map_(x, lambda a, b: a)",
    "register_hook": "x.register_hook(lambda g: g)",
    "forward hook": "self.conv.register_forward_hook(lambda *a: 1)",
    "grad_fn": "x.grad_fn.next_functions",
    "backward": "x.sum().backward(gradient=self)",
    "set_": "x.set_(x)",
    "out argument": "torch.add(x, x, out=x)",
    "state_dict": "self.state_dict().__class__",
    "load_state_dict": "self.load_state_dict({})",
    "share_memory": "self.share_memory()",
    "a function as an argument": "F.relu(lambda: 1)",
    "a layer as an argument": "F.relu(self.conv)",
    "dtype's attributes": "x.dtype.to_complex()",
    "device's attributes": "x.device.__reduce__()",
    "math's attributes": "nn.Conv2d.weight",
    # classes, records, networks of torchvision
    "class of a layer": "self.conv.__class__.__mro__",
    "type's attributes": "type(self.conv).__init__.__globals__",
    "type of a function": "type(F.relu)",
    "type of a class": "type(nn.Conv2d)",
    "type of a namespace": "type(torch)",
    "another layer's constructor": "nn.Linear.__init__(self, 3, 4)",
    "another layer's constructor, by its class": "self.conv.__class__.__init__(self, 3, 4, 5)",
    "next of a kept iterator": "a = [1, 2]\n        next(a)",
    "next of nothing": "next(i for i in [])",
    "apply with a layer": "self.apply(self.conv)",
    "apply with itself": "f = self.apply\n        f(f)",
    "apply with a class": "self.apply(nn.Conv2d)",
    "apply without an end": "g = lambda m: self.apply(g)\n        self.apply(g)",
    "find": "'a'.find(x)",
    "record's dict": "Settings().__dict__",
    "record's class": "Settings().__class__.__init__",
    "record's own": "Settings().held",
    "record's kind": "Settings().kind",
    "setting of a class": "Settings.width = 5",
    "namespace's": "SimpleNamespace(a=1).__class__",
    "namespace as an argument": "F.relu(SimpleNamespace(a=1))",
    "torchvision's os": "models.resnet18.__globals__",
    "torchvision's modules": "models.resnet.os",
    "torchvision's utils": "models.utils.load_state_dict_from_url('http://a')",
    "torchvision's file": "torchvision.io.read_file('/etc/passwd')",
    "weights' address": "models.ResNet18_Weights.DEFAULT.url",
    "weights' function": "models.ResNet18_Weights.DEFAULT.get_state_dict()",
    "get_model of anything": "models.get_model('os.system')",
    "get_model of a tensor": "models.get_model(x)",
    "list_models": "models.list_models()",
    "a torchvision network's class": "models.squeezenet1_1().__class__.__mro__",
    "a torchvision network's globals": "models.squeezenet1_1().forward.__globals__",
    "a torchvision network's private parts": "models.squeezenet1_1()._modules",
    "a norm layer that is a function": "models.resnet18(norm_layer=lambda n: n)",
    "a norm layer that is a class": "models.resnet18(norm_layer=Inner)",
    "a huge torchvision network": "models.resnet18(num_classes=2**31 - 1, width_per_group=2**20)",
}
BEFORE = """import torchvision
from dataclasses import dataclass
from types import SimpleNamespace
from torchvision import models

@dataclass
class Settings:
    width: int = 3

class Inner(nn.Conv2d):
    def forward(self, x):
        return x
"""


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_gets_a_sentence_and_nothing_else(attack: str) -> None:
    error = tried(network(attack, BEFORE))
    assert error is not None
    assert str(error).strip() or isinstance(error, StopIteration)
    assert isinstance(
        error,
        (
            CnnvizError,
            TypeError,
            AttributeError,
            NameError,
            ValueError,
            ZeroDivisionError,
            RecursionError,
            StopIteration,
        ),
    )


@pytest.mark.parametrize(
    "name", ["star", "endless loop", "class walk", "torch.load", "match", "a full-width self"]
)
def test_mending_runs_nothing(name: str) -> None:
    with tripwire(
        but="object.__getattr__"
    ):  # tracing looks at cnnviz's own functions when it copies a network
        found = changes(Definition(network(ATTACKS[name], BEFORE), "Net", (), (1, 8, 8)))
    assert found == ()


DERIVED = {
    "a method that PyTorch's class needs": "class A(nn.LSTM):\n    def flatten_parameters(self): pass",
    "a lazy layer": "class A(nn.LazyLinear):\n    pass",
    "a layer's private attribute": "class A(nn.Conv2d):\n    def forward(self, x):\n        return self._reversed_padding_repeated_twice",
    "a layer's private attribute, set": (
        "class A(nn.LSTM):\n    def forward(self, x):\n        self._flat_weights = [x]\n        return x"
    ),
    "a layer's dict": "class A(nn.Linear):\n    def forward(self, x):\n        return self.__dict__",
    "super's class": "class A(nn.Linear):\n    def forward(self, x):\n        return super().__class__",
    "super's private parts": "class A(nn.Linear):\n    def forward(self, x):\n        return super()._call_impl(x)",
    "an endless reset": "class A(nn.Linear):\n    def reset_parameters(self):\n        while True: pass",
    "a huge one": "class A(nn.Linear):\n    def __init__(self, a, b):\n        super().__init__(10**12, 10**12)",
    "many parameters": "class A(nn.Linear):\n    def __init__(self, a, b):\n        super().__init__(2**30, 2**30)",
    "a constructor's tensor": "class A(nn.Linear):\n    def __init__(self, a, b):\n        super().__init__(lambda: 1, nn)",
    "no constructor": "class A(nn.Linear):\n    def __init__(self, a, b):\n        self.layer = nn.ReLU()",
}


@pytest.mark.parametrize("text", DERIVED.values(), ids=DERIVED)
def test_a_class_derived_from_a_layer_reaches_nothing(text: str) -> None:
    made = "A(8, 8)" if "Conv2d" not in text else "A(1, 8, 3)"
    error = tried(network(f"return {made}(x)", text))
    assert isinstance(error, (CnnvizError, TypeError, AttributeError))
    assert str(error).strip()


OUTSIDE = {
    "decorator": "@(lambda f: f)\nclass Other(nn.Module):\n    pass",
    "decorator that calls": "import os\n@os.system('true')\ndef f(): pass",
    "default": "def f(a=__import__('os').system('true')): pass",
    "default of a method": "class A(nn.Module):\n    def forward(self, x=open('/tmp/x', 'w')): pass",
    "class body": "class A(nn.Module):\n    x = __import__('os')",
    "class body with a call": "class A(nn.Module):\n    print(1)\n    for i in range(3): pass",
    "metaclass": "class A(nn.Module, metaclass=type): pass",
    "base by a call": "class A(type('B', (), {})): pass",
    "base by an attribute": "class A(torch.autograd.Function): pass",
    "annotation": "def f(a: __import__('os').system('true')) -> open('/tmp/x', 'w'): pass",
    "annotated assignment": "a: __import__('os').system('true') = 1",
    "star import": "from os import *",
    "star import of PyTorch": "from torch.nn import *",
    "import hook": "import sys\nsys.meta_path.append(1)",
    "coding line": "# -*- coding: rot13 -*-\nvzcbeg bf",
    "type alias": "type X = __import__('os')",
    "assignment to PyTorch": "torch.relu = 5",
    "assignment to a class": "nn.Conv2d.forward = lambda self, x: x",
    "assignment with a subscript": "torch.__dict__['relu'] = 5",
    "loop outside": "for i in range(10**12): pass",
    "while outside": "while True: pass",
    "a training loop": "import os\nos.system('true')",
    "main": "if __name__ == '__main__':\n    __import__('os').system('true')",
    "lambda": "f = (lambda: __import__('os'))()",
    "comprehension": "a = [__import__('os') for _ in range(3)]",
    "f-string": "a = f'{__import__(chr(111) + chr(115))}'",
    "exception group": "try:\n    pass\nexcept* ValueError:\n    pass",
}


@pytest.mark.parametrize("text", OUTSIDE.values(), ids=OUTSIDE)
def test_nothing_outside_of_the_network_runs(text: str) -> None:
    error = tried(network("pass", before=text))
    assert error is None or isinstance(error, Refused)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\0",
        "(" * 5000,
        "[" * 90 + "]" * 90,
        "-" * 5000 + "1",
        "a" * 200_000,
        "x = " + " + ".join(["1"] * 5000),
        "class Net(nn.Module):\n  return 1",
        "break",
        "def f():\n    continue",
        "\ud800".encode("utf-16", "surrogatepass").decode("utf-16", "replace"),
        "lambda: (yield)",
        "if True:\n" + "".join(" " * i + "if True:\n" for i in range(1, 90)) + " " * 90 + "pass",
    ],
)
def test_texts_that_break_readers(text: str) -> None:
    error = tried(text)
    assert isinstance(error, Refused)
    assert str(error)


# -- random syntax ------------------------------------------------------------------------------

NAMES = (
    "self",
    "x",
    "nn",
    "F",
    "torch",
    "a",
    "len",
    "range",
    "getattr",
    "super",
    "int",
    "print",
    "isinstance",
    "type",
    "next",
    "models",
    "Settings",
    "Inner",
    "__class__",
)
ATTRIBUTES = (
    *(
        "conv",
        "weight",
        "shape",
        "view",
        "size",
        "relu",
        "Conv2d",
        "functional",
        "data",
        "T",
        "append",
        "forward",
        "width",
        "squeezenet1_1",
        "ResNet18_Weights",
        "DEFAULT",
    ),
    *(
        "__class__",
        "__dict__",
        "__globals__",
        "_modules",
        "_parameters",
        "apply",
        "grad_fn",
        "register_forward_hook",
        "held",
        "kind",
        "__init__",
    ),
)


def _expression(pick: random.Random, depth: int) -> ast.expr:
    name = ast.Name(pick.choice(NAMES), ast.Load())
    if depth <= 0:
        return pick.choice((name, ast.Constant(pick.choice((0, 1, -1, 3, 2.5, "a", None, True, 10**6)))))
    inner = lambda: _expression(pick, depth - 1)  # noqa: E731  short for what each kind is made of
    kinds = (
        lambda: ast.Attribute(inner(), pick.choice(ATTRIBUTES), ast.Load()),
        lambda: ast.Call(inner(), [inner() for _ in range(pick.randrange(3))], []),
        lambda: ast.Call(inner(), [inner()], [ast.keyword(pick.choice((None, "a", "dim", "out")), inner())]),
        lambda: ast.BinOp(
            inner(), pick.choice((ast.Add, ast.Mult, ast.Pow, ast.MatMult, ast.Mod, ast.LShift))(), inner()
        ),
        lambda: ast.Subscript(inner(), inner(), ast.Load()),
        lambda: ast.List([inner(), ast.Starred(inner(), ast.Load())], ast.Load()),
        lambda: ast.Tuple([inner(), inner()], ast.Load()),
        lambda: ast.Dict([inner(), None], [inner(), inner()]),
        lambda: ast.Compare(inner(), [pick.choice((ast.Lt, ast.Is, ast.In, ast.Eq))()], [inner()]),
        lambda: ast.IfExp(inner(), inner(), inner()),
        lambda: ast.ListComp(inner(), [ast.comprehension(ast.Name("a", ast.Store()), inner(), [inner()], 0)]),
        lambda: ast.Lambda(ast.arguments([], [ast.arg("a")], None, [], [], None, [inner()]), inner()),
        lambda: ast.JoinedStr([ast.FormattedValue(inner(), -1, None)]),
        lambda: ast.UnaryOp(pick.choice((ast.USub, ast.Not, ast.Invert))(), inner()),
        lambda: ast.BoolOp(ast.And(), [inner(), inner()]),
        lambda: ast.Slice(inner(), inner(), None),
        lambda: ast.NamedExpr(ast.Name("a", ast.Store()), inner()),
        lambda: ast.Await(inner()),
    )
    return pick.choice(kinds)()


EXAMPLES = int(os.environ.get("CNNVIZ_TEST_RANDOM_PROGRAMS", "300"))
"""The long mode: 10,000."""
PROGRAM = load(network("pass", BEFORE))


def outcome_of(seed: int, depth: int) -> Any:
    """The value of a random expression in a forward pass, or what was raised."""
    node = ast.fix_missing_locations(ast.Expression(_expression(random.Random(seed), depth))).body
    with torch.device("meta"), running(Run()):
        own = PROGRAM.main_class()
        scope = Scope({"self": build(own), "x": torch.zeros(2, 1, 8, 8), **NAMED}, None, own)
        try:
            return evaluate(node, scope)
        except Exception as error:
            return error


NAMED = {
    "nn": MODULES["torch.nn"],
    "F": MODULES["torch.nn.functional"],
    "torch": MODULES["torch"],
    "a": [1, 2],
    "models": MODELS,
    **{
        name: PROGRAM.classes["Inner"].find("forward").scope.names[name]  # type: ignore[union-attr]
        for name in ("Settings", "Inner")
    },
}


@pytest.mark.timeout(3600)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**63), st.integers(1, 5))
def test_random_syntax_never_gets_out(seed: int, depth: int) -> None:
    with tripwire():
        outcome = outcome_of(seed, depth)
    if isinstance(outcome, Exception):
        assert type(outcome).__name__ not in ("Returned", "Broken", "Continued")
    else:
        assert _is_of_the_language(outcome)


def _is_of_the_language(value: Any) -> bool:
    if isinstance(value, (nn.Module, torch.Tensor, torch.Size, range, slice)):
        return True
    if isinstance(value, (list, tuple)):
        return all(map(_is_of_the_language, value))
    if isinstance(value, dict):
        return all(map(_is_of_the_language, value.values()))
    plain = (type(None), bool, int, float, str, type(Ellipsis))
    return type(value) in plain or type(value).__module__ == "cnnviz.own.values"
