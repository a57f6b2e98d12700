"""From the text of a file to its classes and functions. What is not part of a network is skipped, with a remark."""

from __future__ import annotations

import ast
import functools
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from cnnviz.language import Message
from cnnviz.own.calls import call_method, instantiate
from cnnviz.own.definition import MOST_BYTES
from cnnviz.own.expressions import evaluate
from cnnviz.own.library import ANNOTATIONS, MODULES
from cnnviz.own.networks import may_be_base, module_class
from cnnviz.own.records import record_class
from cnnviz.own.runs import Run, running
from cnnviz.own.statements import execute, function_of
from cnnviz.own.torchvision_models import MODELS, TORCHVISION
from cnnviz.own.values import (
    Builtin,
    Constant,
    Function,
    LayerClass,
    Missing,
    Namespace,
    OwnClass,
    Partial,
    Refused,
    Scope,
    Value,
)
from cnnviz.tracing.lines import line_of
from cnnviz.tracing.mistakes import not_imported

DEEPEST_SYNTAX = 100
COMMANDS = ("%", "!")
"""With these lines of a notebook begin that are no Python."""
PROMPTS = (">>>", "...")


@dataclass(frozen=True)
class Remark:
    """A sentence about a line (from 1) of the text."""

    line: int
    text: Message


@dataclass(frozen=True)
class Program:
    """What a text defines: its classes of networks by name, in order, and remarks about what was skipped.

    ``body`` are its statements, whose nodes are those that are evaluated; ``meant`` is why a class that looks like a
    network is none.
    """

    text: str
    classes: Mapping[str, OwnClass] = field(default_factory=dict)
    remarks: tuple[Remark, ...] = ()
    body: tuple[ast.stmt, ...] = ()
    meant: Refused | None = None

    def main_class(self) -> OwnClass:
        """The class that is probably the network: the last one that no other class or function of the text uses.

        Raises:
            Refused: the text defines no class.
        """
        if not self.classes:
            raise self.meant or self._without_classes()
        used = {
            node.id
            for statement in self.body
            if isinstance(statement, (ast.ClassDef, ast.FunctionDef))
            for node in ast.walk(statement)
            if isinstance(node, ast.Name) and node.id != getattr(statement, "name", "")
        }
        free = [own for name, own in self.classes.items() if name not in used]
        return (free or list(self.classes.values()))[-1]

    def _without_classes(self) -> Refused:
        """Why there is no network in a text that has no class."""
        imported = [
            (name.partition(".")[0], statement.lineno)
            for statement in self.body
            if isinstance(statement, (ast.Import, ast.ImportFrom))
            for name in _sources(statement)
        ]
        for name, line in imported:
            if name in _OTHER_LIBRARIES:
                return Refused(
                    Message(
                        "This is written for {library}; cnnviz reads PyTorch.", library=_OTHER_LIBRARIES[name]
                    ),
                    line,
                )
        found = sequential_of(self.body)
        if found is not None:
            return Refused(
                Message(
                    "Here nn.Sequential is outside a class, and cnnviz reads classes. Write a class that is "
                    "derived from nn.Sequential."
                ),
                found[0].lineno,
            )
        return Refused(
            Message("The text defines no network: a class derived from nn.Module is needed."), None
        )


_OTHER_LIBRARIES: Mapping[str, str] = {
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "jax": "JAX",
    "flax": "Flax",
    "mxnet": "MXNet",
    "paddle": "PaddlePaddle",
    "sklearn": "scikit-learn",
}


def _sources(statement: ast.Import | ast.ImportFrom) -> list[str]:
    """The modules that an import names."""
    if isinstance(statement, ast.ImportFrom):
        return [statement.module or ""]
    return [alias.name for alias in statement.names]


def sequential_of(body: Sequence[ast.stmt]) -> tuple[ast.Assign, ast.Call] | None:
    """The last statement ``name = nn.Sequential(...)`` outside of classes and functions, and that call."""
    found = None
    for statement in body:
        if isinstance(statement, ast.Assign):
            value: ast.expr = statement.value
            while (
                isinstance(value, ast.Call)
                and isinstance(value.func, ast.Attribute)
                and value.func.attr in ("to", "cuda", "cpu", "train", "eval", "double", "float")
            ):
                value = value.func.value
            if isinstance(value, ast.Call) and ast.unparse(value.func).rpartition(".")[2] == "Sequential":
                found = statement, value
    return found


def load(text: str) -> Program:
    """The classes of ``text``.

    Raises:
        Refused: it is no Python, too long, or holds something that the language does not take where a class or a
            function is defined.
    """
    body = _parsed(text)
    scope = Scope({})
    loader = _Loader(scope)
    with running(Run(loading=True)):
        for statement in body:
            try:
                loader.take(statement)
            except Refused:
                raise
            except Exception as error:  # of a base, a default or a constant of a class
                raise Refused(_words(error), line_of(error) or statement.lineno) from error
    loader.note_prints(body)
    return Program(text, loader.classes, tuple(loader.remarks), tuple(body), loader.meant)


def _words(error: Exception) -> Message:
    if isinstance(error, NameError) and (slip := not_imported(str(error.name))) is not None:
        return Message("{reason} {advice}", reason=slip.reason, advice=slip.advice)
    return Message("This line raises {type}: {words}", type=type(error).__name__, words=str(error)[:200])


def build(own: OwnClass, arguments: Mapping[str, Value] | None = None, run: Run | None = None) -> nn.Module:
    """An instance of ``own``, made where tensors are made at the moment (``with torch.device("meta")``).

    ``run`` counts and notes what happens.

    Raises:
        Refused: the constructor does something that the language does not take.
        Exception: what it raises itself, or PyTorch.
    """
    with running(run or Run()):
        return instantiate(own, (), dict(arguments or {}))


def _parsed(text: str) -> list[ast.stmt]:
    if len(text.encode()) > MOST_BYTES:
        raise Refused(Message("The text has more than {most:,} bytes.", most=MOST_BYTES))
    try:
        tree = ast.parse(text)
        compile(
            tree, "<own>", "exec", dont_inherit=True
        )  # it finds what is no Python, such as a return on its own
    except SyntaxError as error:
        raise Refused(_not_python(error, text), error.lineno) from None
    except (ValueError, RecursionError, MemoryError):
        raise Refused(
            Message("The text cannot be read: it holds null bytes, or is nested too deeply.")
        ) from None
    if _depth(tree) > DEEPEST_SYNTAX:
        raise Refused(Message("The text is nested more than {most} deep.", most=DEEPEST_SYNTAX))
    return tree.body


def _not_python(error: SyntaxError, text: str) -> Message:
    """Why a text is no Python: in Python's words only where nothing better is known."""
    lines = text.splitlines()
    line = lines[error.lineno - 1].lstrip() if error.lineno and error.lineno <= len(lines) else ""
    if line.startswith(COMMANDS):
        return Message("Lines that begin with % or ! are notebook commands, not Python.")
    if line.startswith(PROMPTS):
        return Message("The prompts >>> and ... of Python's console are not part of the code.")
    words = Message("This is not Python: {words}.", words=(error.msg or "invalid syntax").capitalize())
    if isinstance(error, IndentationError):
        advice = Message("Indent each line as far as the other lines of its block.")
        return Message("{reason} {advice}", reason=words, advice=advice)
    return words


def _depth(tree: ast.AST) -> int:
    level, depth = [tree], 0
    while level and depth <= DEEPEST_SYNTAX:
        level = [child for node in level for child in ast.iter_child_nodes(node)]
        depth += 1
    return depth


def _partial(function: Value, *arguments: Value, **keywords: Value) -> Partial:
    return Partial(function, arguments, keywords)


_KNOWN_IMPORTS: Mapping[tuple[str, str], Value] = {
    ("functools", "partial"): Builtin("partial", _partial),
    ("dataclasses", "dataclass"): Constant("dataclass", None),
    ("typing", "cast"): Builtin("cast", lambda _kind, value: value),
}
_KNOWN_MODULES: Mapping[str, Namespace] = {
    **MODULES,
    "torchvision": TORCHVISION,
    "torchvision.models": MODELS,
}
_INTERPRETED: Mapping[str, str] = {
    "_make_divisible": "torchvision.models._utils",
    "Conv2dNormActivation": "torchvision.ops.misc",
    "ConvNormActivation": "torchvision.ops.misc",
    "SqueezeExcitation": "torchvision.ops.misc",
}
"""Helpers of torchvision's models, by the module whose text defines them: it is interpreted like a person's."""


@functools.cache
def _interpreted(name: str) -> Value | None:
    """A helper; None where torchvision is not installed. Its text is found without importing it, which takes seconds."""
    package, *path = _INTERPRETED[name].split(".")
    found = find_spec(package)
    if found is None or found.origin is None:
        return None
    file = Path(found.origin).parent.joinpath(*path).with_suffix(".py")
    loader = _Loader(Scope({}))
    with running(Run()):
        for statement in ast.parse(file.read_text(encoding="utf-8")).body:
            loader.take(statement)
    return loader.scope.names[name]


def _imported(source: str, name: str, relative: bool) -> Value | None:
    """What ``from source import name`` gives, where the language knows it."""
    module = None if relative else _KNOWN_MODULES.get(source)
    if module is not None and (known := module.entries.get(name)) is not None:
        return known
    if name in _INTERPRETED and (relative or source.startswith("torchvision")):
        return _interpreted(name)
    return _KNOWN_IMPORTS.get((source, name)) or _KNOWN_MODULES.get(f"{source}.{name}")


class _Loader:
    """Takes the statements of a text one by one."""

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.classes: dict[str, OwnClass] = {}
        self.remarks: list[Remark] = []
        self.meant: Refused | None = None

    def take(self, statement: ast.stmt) -> None:
        match statement:
            case ast.Import():
                self._import(statement)
            case ast.ImportFrom():
                self._import_from(statement)
            case ast.ClassDef():
                self._class(statement)
            case ast.FunctionDef():
                self._function(statement)
            case ast.Assign() | ast.AnnAssign():
                self._assignment(statement)
            case ast.Expr(value=ast.Constant()):
                pass
            case _:
                self._skip(statement)

    def note_prints(self, body: list[ast.stmt]) -> None:
        """Say of the first ``print`` in a class or function that nothing is printed."""
        for statement in body:
            for node in ast.walk(statement) if isinstance(statement, (ast.ClassDef, ast.FunctionDef)) else ():
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                    self.remarks.append(Remark(node.lineno, Message("print is left out here.")))
                    return

    def _skip(self, statement: ast.stmt) -> None:
        if self.remarks and self.remarks[-1].text is _SKIPPED:
            return
        self.remarks.append(Remark(statement.lineno, _SKIPPED))

    def _import(self, statement: ast.Import) -> None:
        for alias in statement.names:
            bound_as = alias.asname or alias.name.partition(".")[0]
            module = _KNOWN_MODULES.get(alias.name if alias.asname else alias.name.partition(".")[0])
            if module is None:
                self._missing(
                    bound_as, Message("{name} is not known here.", name=alias.name), statement.lineno
                )
            else:
                self.scope.names[bound_as] = module

    def _import_from(self, statement: ast.ImportFrom) -> None:
        source = statement.module or ""
        for alias in statement.names:
            if alias.name == "*":
                raise Refused(Message("Import the names one by one instead of with *."), statement.lineno)
            name = alias.asname or alias.name
            known = _imported(source, alias.name, relative=bool(statement.level))
            if known is not None:
                self.scope.names[name] = known
            elif source in ANNOTATIONS:
                self.scope.names[name] = Constant(name, None)
            elif alias.name == "_log_api_usage_once":
                self.scope.names[name] = Builtin(name, lambda *_: None)
            else:
                self._missing(
                    name,
                    Message("{name} of {source} is not known here.", name=alias.name, source=source or "."),
                    statement.lineno,
                )

    def _missing(self, name: str, reason: Message, line: int) -> None:
        self.scope.names[name] = Missing(name, reason, line)

    def _function(self, statement: ast.FunctionDef) -> None:
        try:
            self.scope.names[statement.name] = function_of(statement, self.scope)
        except Refused as error:
            self._missing(statement.name, error.message, statement.lineno)
            self.remarks.append(
                Remark(statement.lineno, Message("The function {name} is skipped.", name=statement.name))
            )

    def _assignment(self, statement: ast.Assign | ast.AnnAssign) -> None:
        """A constant is kept; what the language does not take, such as the start of a training, is skipped."""
        if any(isinstance(node, ast.Call) and self._calls_network(node) for node in ast.walk(statement)):
            self._unbind(statement, Message("cnnviz makes the network itself."))
            self._skip(statement)
            return
        try:
            execute([statement], self.scope)
        except Exception as error:
            reason = (
                error.message
                if isinstance(error, Refused)
                else Message("It raises: {error}", error=str(error)[:200])
            )
            self._unbind(statement, reason)
            self._skip(statement)

    def _calls_network(self, node: ast.Call) -> bool:
        return isinstance(node.func, ast.Name) and type(self.scope.names.get(node.func.id)) in (
            OwnClass,
            Function,
        )

    def _unbind(self, statement: ast.Assign | ast.AnnAssign, reason: Message) -> None:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for node in (node for target in targets for node in ast.walk(target)):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                told = Message("{name} was skipped: {reason}", name=node.id, reason=reason)
                self._missing(node.id, told, statement.lineno)

    def _class(self, statement: ast.ClassDef) -> None:
        with suppress(Exception):  # a class of something else, which is skipped below
            settings = record_class(statement, self.scope, evaluate, function_of)
            if settings is not None:
                self.scope.names[statement.name] = settings
                return
        try:
            bases = self._bases(statement)
        except Refused as error:
            if _looks_like_a_network(statement):
                self.meant = Refused(error.message, statement.lineno)
            self._missing(statement.name, error.message, statement.lineno)
            self.remarks.append(
                Remark(
                    statement.lineno,
                    Message("The class {name} is skipped: it is not a network.", name=statement.name),
                )
            )
            return
        if statement.keywords or statement.decorator_list:
            raise Refused(
                Message("cnnviz does not know decorators and keywords of classes."), statement.lineno
            )
        own = OwnClass(statement.name, statement.lineno, bases)
        members = Scope({}, self.scope)
        for member in statement.body:
            self._member(member, own, members)
        own.members.update(members.names)
        base = own.layer_base()
        assert base is not None
        own.cls = module_class(own, base, call_method)
        self.scope.names[own.name] = self.classes[own.name] = own

    def _bases(self, statement: ast.ClassDef) -> tuple[OwnClass | LayerClass, ...]:
        bases = tuple(evaluate(base, self.scope) for base in statement.bases)
        for base in bases:
            if type(base) is OwnClass or (type(base) is LayerClass and may_be_base(base)):
                continue
            if type(base) is LayerClass:
                raise Refused(
                    Message(
                        "cnnviz does not know classes derived from nn.{base}; derive {name} from nn.Module.",
                        base=base.name,
                        name=statement.name,
                    ),
                    statement.lineno,
                )
            raise _not_derived(statement)
        if not bases:
            raise _not_derived(statement)
        return bases

    def _member(self, member: ast.stmt, own: OwnClass, members: Scope) -> None:
        match member:
            case ast.FunctionDef():
                members.names[member.name] = self._method(member, own)
            case ast.Assign(targets=[ast.Name(id=name)]) if name.startswith("__"):
                pass  # __constants__ and the like say something to TorchScript alone
            case ast.Assign() | ast.AnnAssign() | ast.Pass() | ast.Expr(value=ast.Constant()):
                execute([member], members)
            case _:
                raise Refused(Message("In a class, cnnviz knows methods and constants only."), member.lineno)

    def _method(self, member: ast.FunctionDef, own: OwnClass) -> Value:
        try:
            return function_of(member, self.scope, own)
        except Refused as error:  # it need not be used
            return Missing(member.name, error.message, member.lineno)


def _not_derived(statement: ast.ClassDef) -> Refused:
    return Refused(
        Message("{name} is not derived from nn.Module: write class {name}(nn.Module).", name=statement.name),
        statement.lineno,
    )


def _looks_like_a_network(statement: ast.ClassDef) -> bool:
    """Whether the class has a ``forward`` with a self, as the function of an autograd class does not."""
    return any(
        isinstance(member, ast.FunctionDef)
        and member.name == "forward"
        and [argument.arg for argument in member.args.args[:1]] == ["self"]
        for member in statement.body
    )


_SKIPPED = Message("From here on the text is not part of a network (training, data, output); it is skipped.")
