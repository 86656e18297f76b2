"""The step function itself: which decorators, values and annotations go with it."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from lading.code.closures import cells
from lading.code.names import Function, free_names, function_free_names, hints
from lading.code.reach import Reach, Scope
from lading.code.source import OURS, SourceFile, root

if TYPE_CHECKING:
    from lading.code.source import Line


def add_step(
    reach: Reach,
    source: SourceFile,
    node: Function,
    chain: tuple[ast.AST, ...],
    function: object,
) -> None:
    """:raises CodeSliceError: the function, or what it needs, cannot be carried"""
    if chain and isinstance(chain[-1], ast.ClassDef):
        reach.refuse(
            node, f"it is a method of {chain[-1].name!r}", "a function", "define it outside of the class"
        )
    _refuse_nonlocal(reach, node)
    decorators = _kept_decorators(source, node, function)
    lines = source.definition_text(node, decorators)
    reach.add_step(lines if decorators else _without_docstring(node, lines), nested=bool(chain))
    names = function_free_names(node)
    for part in [*decorators, *node.args.defaults, *filter(None, node.args.kw_defaults)]:
        names |= free_names(part)
    scope = Scope(node.name, chain, {**_default_values(node, function), **cells(function)})
    reach.need(names, scope)
    for hint in hints(node):
        named = free_names(hint)
        if any(_is_own_class(reach, source, name, chain) for name in named):
            reach.need(named, scope)  # inputs are rebuilt into it


def _refuse_nonlocal(reach: Reach, node: Function) -> None:
    free = function_free_names(node)
    for child in ast.walk(node):
        if isinstance(child, ast.Nonlocal) and (names := free & set(child.names)):
            reach.refuse(
                child,
                f"it writes {', '.join(sorted(names))} of an enclosing function",
                "no effects on the process that parses the DAG",
                "return the value instead",
            )


def _kept_decorators(source: SourceFile, node: Function, function: object) -> list[ast.expr]:
    """Those below ours: ours and what stands above work on the task, not on the function."""
    kept: list[ast.expr] = []
    for decorator in reversed(node.decorator_list):
        if source.is_ours(decorator) or _makes_tasks(decorator, function):
            break
        kept.insert(0, decorator)
    return kept


def _makes_tasks(decorator: ast.expr, function: object) -> bool:
    """Whether the value of a decorator, such as a partial from a first-party module, comes from Airflow."""
    while isinstance(decorator, ast.Call):
        decorator = decorator.func
    base = root(decorator)
    value = getattr(function, "__globals__", {}).get(getattr(base, "id", None))
    value = getattr(value, "func", value)
    makers = (getattr(value, "__module__", None), type(value).__module__)
    return any(str(maker).partition(".")[0] in OURS for maker in makers)


def _default_values(node: Function, function: object) -> dict[str, object]:
    """Names that stand alone as a default, with the value that they had when the function was made."""
    positional = [*node.args.posonlyargs, *node.args.args]
    names = [argument.arg for argument in positional[len(positional) - len(node.args.defaults) :]]
    values = dict(zip(names, getattr(function, "__defaults__", None) or (), strict=False))
    values |= getattr(function, "__kwdefaults__", None) or {}
    pairs = list(zip(names, node.args.defaults, strict=True))
    keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    pairs += [(argument.arg, default) for argument, default in keywords if default is not None]
    return {d.id: values[name] for name, d in pairs if isinstance(d, ast.Name) and name in values}


def _is_own_class(reach: Reach, source: SourceFile, name: str, chain: tuple[ast.AST, ...]) -> bool:
    for node in reach.bindings(name, chain):
        if isinstance(node, ast.ClassDef):
            return True
        if isinstance(node, ast.Import | ast.ImportFrom):
            return any(reach.first_party.has(module) for module in source.modules_of(node))
    return False


def _without_docstring(node: Function, lines: list[Line]) -> list[Line]:
    """Nothing in a job reads the docstring of a bare step; on lines of its own it stays behind."""
    first = node.body[0]
    if len(node.body) == 1 or not isinstance(first, ast.Expr) or not isinstance(first.value, ast.Constant):
        return lines
    before, after = node.lineno, node.body[1].lineno
    alone = isinstance(first.value.value, str) and first.lineno > before and (first.end_lineno or 0) < after
    if not alone:
        return lines
    return [line for line in lines if not first.lineno <= line[1] <= (first.end_lineno or 0)]
