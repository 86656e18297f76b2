"""All that a function reaches in its file, as the lines of a module of its own."""

from __future__ import annotations

import ast
import builtins
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NoReturn, TypeAlias

from lading.code.closures import cells, importable, literal, python_function
from lading.code.modules import FirstParty, dynamic_import, imported
from lading.code.names import Function, bound_names, free_names, local_bindings
from lading.code.source import Line, SourceFile, Unit, absolute_module
from lading.errors import CodeSliceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

#: Order in the slice: the module runs first, then what enclosing functions held, then what stood in them.
_MODULE, _VALUE, _NESTED, _ALIAS = range(4)

_Import: TypeAlias = ast.Import | ast.ImportFrom


@dataclass(frozen=True)
class Scope:
    """Where names are looked up: enclosing definitions, outermost first, and the values that they held."""

    via: str  # what needs the names, for messages
    chain: tuple[ast.AST, ...] = ()
    held: Mapping[str, object] = field(default_factory=dict)


class Reach:
    """Follows names through one file; whole first-party modules are handed to ``first_party``."""

    def __init__(self, source: SourceFile, first_party: FirstParty, step: Function, module: str) -> None:
        self._source = source
        self.first_party = first_party
        self._step = step
        self._module = module  # as Python imported the file
        self._pieces: dict[tuple[int, int, str], list[Line]] = {}
        self._meanings: dict[str, tuple[bool, str]] = {}
        self._locals: dict[ast.AST, dict[str, list[ast.AST]]] = {}
        self.imports: set[str] = set()  # absolute names of the modules that the slice names

    @property
    def lines(self) -> list[Line]:
        return [line for key in sorted(self._pieces) for line in self._pieces[key]]

    def add_step(self, lines: list[Line], *, nested: bool) -> None:
        self._put(_NESTED if nested else _MODULE, self._step, {self._step.name}, lines)

    def need(self, names: Iterable[str], scope: Scope) -> None:
        """Add whatever ``names`` stand for, and all that this needs in turn."""
        for name in sorted(names):
            depth = self._depth(name, scope.chain)
            if depth:
                self._from_function(name, scope, depth)
            else:
                self._from_module(name, scope)

    def bindings(self, name: str, chain: tuple[ast.AST, ...]) -> list[ast.AST]:
        """What gives ``name`` its value in the innermost scope that has it."""
        depth = self._depth(name, chain)
        if depth:
            return self._locals_of(chain[depth - 1])[name]
        return [unit.node for unit in self._source.bindings.get(name, [])]

    def refuse(self, node: ast.AST, what: str, expected: str, cure: str) -> NoReturn:
        """:raises CodeSliceError: always"""
        at = f"{self._source.path.name}, line {getattr(node, 'lineno', '?')}"
        raise CodeSliceError(
            f"step {self._step.name!r} ({at}) cannot be carried: {what}, expected {expected}; {cure}"
        )

    def _depth(self, name: str, chain: tuple[ast.AST, ...]) -> int:
        """How far into ``chain`` the function is that has ``name``; 0: none, the module's."""
        for depth in range(len(chain), 0, -1):
            if name in self._locals_of(chain[depth - 1]):
                return depth
        return 0

    def _locals_of(self, node: ast.AST) -> dict[str, list[ast.AST]]:
        if not isinstance(node, Function):  # what a class binds is not seen from inside its methods
            return {}
        if node not in self._locals:
            self._locals[node] = local_bindings(node)
        return self._locals[node]

    def _from_module(self, name: str, scope: Scope) -> None:
        units = self._source.bindings.get(name)
        if units is None and not hasattr(builtins, name):
            units = self._source.bindings.get("*")  # perhaps one of these brings it
        running = [unit for unit in units or [] if not unit.typing_only]
        for unit in running or units or []:
            self._add_unit(unit, name, scope)

    def _add_unit(self, unit: Unit, name: str, scope: Scope) -> None:
        if unit.node is self._step:
            return
        if unit.alias is not None and isinstance(unit.node, _Import):
            self._add_import(_MODULE, unit.node, unit.alias, scope)
            return
        self._refuse_task(unit.node, name, scope)
        lines = self._source.definition_text(unit.node)
        if self._put(_MODULE, unit.node, unit.binds, lines):
            self.need(free_names(unit.node), Scope(name))

    def _from_function(self, name: str, scope: Scope, depth: int) -> None:
        nodes = self.bindings(name, scope.chain)
        node = nodes[0]
        if node is self._step:
            return
        parameter = node in scope.chain
        if parameter or len(nodes) > 1 or not isinstance(node, Function | ast.ClassDef | _Import):
            self._add_value(name, scope, node)
        elif isinstance(node, _Import):
            for alias in node.names:
                if name in bound_names(ast.Import([alias])):
                    self._add_import(_NESTED, node, alias, scope)
        else:
            held = {**scope.held, **cells(python_function(scope.held.get(name)))}
            self._add_nested(node, Scope(name, scope.chain[:depth], held), scope)

    def _add_nested(self, node: Function | ast.ClassDef, inner: Scope, scope: Scope) -> None:
        self._refuse_task(node, node.name, scope)
        if self._put(_NESTED, node, {node.name}, self._source.definition_text(node)):
            self.need(free_names(node), inner)

    def _add_value(self, name: str, scope: Scope, node: ast.AST) -> None:
        if name not in scope.held:
            self.refuse(
                node,
                f"{scope.via!r} needs the local variable {name!r} of an enclosing function at its definition",
                "defaults and decorators made of literals and names of the module",
                "move the value to module level",
            )
        value = scope.held[name]
        text = literal(value)
        if text is not None:
            self._put(_VALUE, node, {name}, [(f"{name} = {text}", getattr(node, "lineno", 1))])
        elif not self._add_definition(name, value, scope, node):
            found = f"{type(value).__module__}.{type(value).__qualname__}"
            self.refuse(
                node,
                f"{scope.via!r} closes over {name!r}, which is a {found}",
                "plain values (numbers, strings, lists, dicts), modules, functions or classes",
                "pass it as an argument of the step, or make it inside the function",
            )

    def _add_definition(self, name: str, value: object, scope: Scope, node: ast.AST) -> bool:
        """``name`` for a module, function or class with a name of its own; False: the value is neither."""
        function = python_function(value)
        code = getattr(function, "__code__", None)
        if code is not None and code.co_filename == str(self._source.path):
            if code.co_name == "<lambda>":
                return False
            own, chain = self._source.definition(code.co_name, code.co_firstlineno)
            if chain:
                self._add_nested(own, Scope(own.name, chain, cells(function)), scope)
            return self._alias(name, own.name, scope, node)
        if isinstance(value, type) and value.__module__ == self._module:
            return self._alias(name, value.__qualname__, scope, node)
        text = importable(value)
        if text is None:
            return False
        statement = ast.parse(text.format(name)).body[0]
        if isinstance(statement, _Import):
            self._add_import(_NESTED, ast.copy_location(statement, node), statement.names[0], scope)
        return True

    def _alias(self, name: str, target: str, scope: Scope, node: ast.AST) -> bool:
        """``name = target``; False: the module does not have the target either."""
        known = target in self._source.bindings
        if known:
            self._from_module(target, scope)
        if name != target:
            self._put(_ALIAS, node, {name}, [(f"{name} = {target}", getattr(node, "lineno", 1))])
        return known or target in self._meanings or target == self._step.name

    def _add_import(self, group: int, node: _Import, alias: ast.alias, scope: Scope) -> None:
        renamed = f" as {alias.asname}" if alias.asname else ""
        if isinstance(node, ast.ImportFrom):
            module = absolute_module(node, self._source.package)
            text = f"from {module} import {alias.name}{renamed}"
        else:
            module = alias.name
            text = f"import {alias.name}{renamed}"
        if module.partition(".")[0] == "airflow" and not self.first_party.airflow_allowed:
            self.refuse(
                node,
                f"{scope.via!r} uses {alias.asname or alias.name!r}, which comes from {module}",
                "no Airflow in a job",
                "import it inside the function, or use the local target",
            )
        self._put(group, node, bound_names(ast.parse(text)), [(text, node.lineno)])

    def _put(self, group: int, node: ast.AST, names: Iterable[str], lines: list[Line]) -> bool:
        """False: it is in the slice already."""
        text = "\n".join(line for line, _ in lines)
        key = (group, getattr(node, "lineno", 0), text)
        if key in self._pieces:
            return False
        for name in names:
            self._claim(name, group == _MODULE, text, node)
        self._pieces[key] = lines
        call = dynamic_import(node) if group in (_MODULE, _NESTED) else None
        if call is not None:
            self.refuse(
                call,
                f"it imports {ast.unparse(call)}",
                "module names that can be read in the source",
                "write the name as a string, import it plainly, or use code='image'",
            )
        for module in imported(ast.parse(text) if isinstance(node, _Import) else node, self._source.package):
            self.imports.add(module)
            self.first_party.add(module)
        return True

    def _claim(self, name: str, of_module: bool, text: str, node: ast.AST) -> None:
        """A slice has one level: a name of an enclosing function must not hide another one of the module."""
        known = self._meanings.setdefault(name, (of_module, text))
        if known != (of_module, text) and not (known[0] and of_module) and known[1] != text:
            self.refuse(
                node,
                f"{name!r} means one thing in the module and another in an enclosing function",
                "one meaning for each name that a step reaches",
                "rename one of them",
            )

    def _refuse_task(self, node: ast.AST, name: str, scope: Scope) -> None:
        for decorator in getattr(node, "decorator_list", []):
            if self._source.is_ours(decorator):
                self.refuse(
                    node,
                    f"{scope.via!r} calls {name!r}, which is a task",
                    "plain functions inside a step",
                    "move the shared code to a function without a decorator, or connect the tasks in the DAG",
                )
