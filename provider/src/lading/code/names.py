"""Which names a piece of code needs from outside itself, read from its syntax tree.

Annotations of functions are not evaluated in a slice (it starts with ``from __future__ import annotations``),
so they count only where something reads them: class bodies (dataclasses, pydantic) and decorated functions.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
_Comprehension: TypeAlias = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp


def free_names(node: ast.AST) -> set[str]:
    """Names that ``node`` reads and does not bind itself, builtins included."""
    names = _Names()
    names.visit(node)
    if isinstance(node, Function | ast.ClassDef):
        return names.used - ({node.name} - names.used_early)
    return names.used


def bound_names(*statements: ast.AST) -> set[str]:
    """Names that ``statements`` bind in the scope that they stand in, nested scopes left out."""
    names = _Names()
    for statement in statements:
        names.visit(statement)
    return names.bound - names.declared


def function_free_names(node: Function | ast.Lambda) -> set[str]:
    """What the body needs when it is called: decorators, defaults and annotations left out."""
    inner = _Names()
    inner.bound |= set(parameters(node)) | _type_parameters(node)
    for statement in node.body if isinstance(node.body, list) else [node.body]:
        inner.visit(statement)
    return (inner.used - inner.bound) | (inner.used & inner.declared) | inner.globals


def parameters(node: Function | ast.Lambda) -> list[str]:
    found = node.args
    every = [*found.posonlyargs, *found.args, found.vararg, *found.kwonlyargs, found.kwarg]
    return [argument.arg for argument in every if argument is not None]


def hints(node: Function) -> list[ast.expr]:
    """Annotations of the parameters and of the result, strings parsed."""
    found = node.args
    every = [*found.posonlyargs, *found.args, found.vararg, *found.kwonlyargs, found.kwarg]
    found_hints = [argument.annotation for argument in every if argument is not None]
    return [parsed(hint) for hint in [*found_hints, node.returns] if hint is not None]


def parsed(hint: ast.expr) -> ast.expr:
    """An annotation as an expression, also where it is written as a string."""
    if isinstance(hint, ast.Constant) and isinstance(hint.value, str):
        try:
            return ast.parse(hint.value, mode="eval").body
        except SyntaxError:
            return hint
    return hint


def _type_parameters(node: ast.AST) -> set[str]:
    # 3.12: def f[T](x: T), class C[T]
    return {parameter.name for parameter in getattr(node, "type_params", ())}


class _Names(ast.NodeVisitor):
    """Names read and bound by the statements of one scope."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.used_early: set[str] = set()  # before the name of the definition is bound: bases, decorators
        self.bound: set[str] = set()
        self.declared: set[str] = set()  # global or nonlocal
        self.globals: set[str] = set()

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Load | ast.Del):
            self.used.add(node.id)
        if not isinstance(node.ctx, ast.Load):
            self.bound.add(node.id)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.generic_visit(node)
        if isinstance(node.target, ast.Name):
            self.used.add(node.target.id)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        self.visit(node.target)
        if node.value is not None:
            self.visit(node.value)

    def _definition(self, node: Function) -> None:
        early = _Names()
        for part in [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
            early.visit(part)
        if node.decorator_list:
            for hint in hints(node):
                early.visit(hint)
        early.used -= _type_parameters(node)
        self.used |= early.used | function_free_names(node)
        self.used_early |= early.used
        self.bound |= {node.name} | early.bound

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._definition(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self._definition(node)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        for part in [*node.args.defaults, *filter(None, node.args.kw_defaults)]:
            self.visit(part)
        self.used |= function_free_names(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        early = _Names()
        for part in [*node.decorator_list, *node.bases, *node.keywords]:
            early.visit(part)
        body = _class_free_names(node)
        self.used |= (early.used | body) - _type_parameters(node)
        self.used_early |= early.used
        self.bound |= {node.name} | early.bound

    def _comprehension(self, node: _Comprehension) -> None:
        inner, targets = _Names(), _Names()
        for index, generator in enumerate(node.generators):
            targets.visit(generator.target)
            (self if index == 0 else inner).visit(generator.iter)
            for condition in generator.ifs:
                inner.visit(condition)
        for field in ("elt", "key", "value"):
            if hasattr(node, field):
                inner.visit(getattr(node, field))
        self.used |= (inner.used | targets.used) - targets.bound
        self.bound |= inner.bound  # := binds outside

    visit_ListComp = visit_SetComp = visit_DictComp = visit_GeneratorExp = _comprehension

    def visit_Import(self, node: ast.Import) -> None:
        self.bound |= {alias.asname or alias.name.partition(".")[0] for alias in node.names}

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        self.bound |= {alias.asname or alias.name for alias in node.names}

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        self._capture(node, node.name)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self._capture(node, node.name)

    def visit_MatchStar(self, node: ast.MatchStar) -> None:
        self._capture(node, node.name)

    def visit_MatchMapping(self, node: ast.MatchMapping) -> None:
        self._capture(node, node.rest)

    def _capture(self, node: ast.AST, name: str | None) -> None:
        if name is not None:
            self.bound.add(name)
        self.generic_visit(node)

    def visit_Global(self, node: ast.Global) -> None:
        self.declared |= set(node.names)
        self.globals |= set(node.names)

    def visit_Nonlocal(self, node: ast.Nonlocal) -> None:
        self.declared |= set(node.names)
        self.used |= set(node.names)


def _class_free_names(node: ast.ClassDef) -> set[str]:
    """Statement by statement: the body reads a global until it binds the name, which methods never see."""
    free: set[str] = set()
    bound: set[str] = set()
    for statement in node.body:
        names = _Names()
        names.visit(statement)
        if isinstance(statement, ast.AnnAssign):
            names.visit(parsed(statement.annotation))
        if isinstance(statement, Function):
            free |= function_free_names(statement) | (names.used_early - bound)
        else:
            free |= names.used - bound
        bound |= names.bound
    return free


def local_bindings(function: Function) -> dict[str, list[ast.AST]]:
    """The statements that give each local name its value; for a parameter, the function itself."""
    found: dict[str, list[ast.AST]] = {name: [function] for name in parameters(function)}
    for node in _own_statements(function):
        for name in _bound_here(node):
            found.setdefault(name, []).append(node)
    return found


def _own_statements(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            yield child
            if not isinstance(child, Function | ast.ClassDef):
                yield from _own_statements(child)


def _bound_here(node: ast.AST) -> set[str]:
    if isinstance(node, Function | ast.ClassDef):
        return {node.name}
    if isinstance(node, ast.Import | ast.ImportFrom):
        return bound_names(node)
    nested = ast.stmt | ast.ExceptHandler | ast.match_case
    return bound_names(*(child for child in ast.iter_child_nodes(node) if not isinstance(child, nested)))
