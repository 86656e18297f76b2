"""One Python file, taken apart into the pieces that a slice can carry.

Text travels as it was written, less comments, blank lines and the indentation of what enclosed it: what
``ast.unparse`` prints differs between Python versions, and the digest must not.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, TypeAlias

from lading.code.names import Function, bound_names, free_names
from lading.errors import CodeSliceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: Packages whose decorators make a task of a function: they stay behind.
OURS = frozenset({"airflow", "lading"})

#: What a job may call of ``lading``: the runner brings these along.
RUNTIME_NAMES = frozenset({"log_metrics", "log_external_input", "log_external_output"})

#: Text and the number of the line in the user's file that it stands on.
Line: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class Unit:
    """A statement of the module, or one name of an import; travels when a name that it binds is reached."""

    node: ast.stmt
    binds: frozenset[str]
    alias: ast.alias | None = None  # of an import
    typing_only: bool = False  # stands under ``if TYPE_CHECKING:``


@dataclass(frozen=True)
class SourceFile:
    path: Path
    text: str
    tree: ast.Module = field(repr=False)

    @cached_property
    def lines(self) -> list[str]:
        # not splitlines(): a form feed ends no line of Python
        return [line + "\n" for line in self.text.split("\n")]

    @cached_property
    def package(self) -> str:
        """Dotted name of the package that the file is in, "" outside of any."""
        parts: list[str] = []
        folder = self.path.parent
        while (folder / "__init__.py").is_file():
            parts.insert(0, folder.name)
            folder = folder.parent
        return ".".join(parts)

    @cached_property
    def import_root(self) -> Path:
        """The folder that absolute imports of neighbours start from."""
        return self.path.parents[len(self.package.split(".")) if self.package else 0]

    @cached_property
    def units(self) -> list[Unit]:
        return list(_units(self.tree.body, typing_only=False))

    @cached_property
    def bindings(self) -> dict[str, list[Unit]]:
        found: dict[str, list[Unit]] = {}
        for unit in self.units:
            for name in unit.binds:
                found.setdefault(name, []).append(unit)
        return found

    @cached_property
    def _definitions(self) -> dict[tuple[str, int], tuple[Function, tuple[ast.AST, ...]]]:
        return dict(_walk_definitions(self.tree, ()))

    def definition(self, name: str, first_line: int) -> tuple[Function, tuple[ast.AST, ...]]:
        """The function that starts there, decorators included, and what encloses it, outermost first.

        :raises CodeSliceError: the file was edited after it was imported
        """
        try:
            return self._definitions[name, first_line]
        except KeyError:
            raise CodeSliceError(
                f"function {name!r} was imported from line {first_line} of {self.path}, but is not there; "
                f"expected the file unchanged since its import; run again"
            ) from None

    @cached_property
    def our_names(self) -> frozenset[str]:
        """What comes from Airflow or Lading and makes tasks, imported or assigned."""
        imports = [n for n in ast.walk(self.tree) if isinstance(n, ast.Import | ast.ImportFrom)]
        names = {name for node in imports for name in _ours_of(node)}
        for unit in self.units:
            if isinstance(unit.node, ast.Assign | ast.AnnAssign) and free_names(unit.node) & names:
                names |= unit.binds
        return frozenset(names)

    def is_ours(self, decorator: ast.expr) -> bool:
        while isinstance(decorator, ast.Call):
            decorator = decorator.func
        base = root(decorator)
        return isinstance(base, ast.Name) and base.id in self.our_names

    def modules_of(self, node: ast.Import | ast.ImportFrom) -> list[str]:
        if isinstance(node, ast.ImportFrom):
            return [absolute_module(node, self.package)]
        return [alias.name for alias in node.names]

    def segment(self, node: ast.stmt | ast.expr) -> list[Line]:
        """The text of ``node``, decorators left out."""
        cut = self.lines[node.lineno - 1 : node.end_lineno]
        cut[-1] = cut[-1].encode()[: node.end_col_offset].decode()
        before = cut[0].encode()[: node.col_offset].decode()
        if before.strip():
            cut[0] = cut[0][len(before) :]
        return _absolute(tidy(cut, node.lineno), node, self.package)

    def definition_text(self, node: ast.stmt, decorators: list[ast.expr] | None = None) -> list[Line]:
        """The text of a statement; of a definition with its decorators, or with those given instead."""
        if decorators is None:
            decorators = getattr(node, "decorator_list", [])
        lines: list[Line] = []
        for decorator in decorators:
            (text, at), *rest = self.segment(decorator)
            lines += [(f"@{text}", at), *rest]
        return lines + self.segment(node)


@lru_cache(maxsize=64)
def _load(path: Path, mtime_ns: int, size: int) -> SourceFile:
    with tokenize.open(path) as file:
        text = file.read()
    return SourceFile(path, text, ast.parse(text, str(path)))


def load(path: Path) -> SourceFile:
    """Parsed once per content that the clock of the file system can tell apart.

    :raises OSError: no such file
    :raises SyntaxError: edited into something that is not Python
    """
    found = path.stat()
    return _load(path, found.st_mtime_ns, found.st_size)


def tidy(lines: list[str], first: int) -> list[Line]:
    """Less comments, blank lines and common indentation; the inside of multi-line strings stays as it is."""
    indent = len(lines[0]) - len(lines[0].lstrip())
    whole, comments = _tokens("".join(lines))
    out: list[Line] = []
    for number, line in enumerate(lines):
        text = line if number not in comments else line[: comments[number]]
        if number not in whole:
            text = text[min(indent, len(text) - len(text.lstrip())) :]
        if number + 1 not in whole:
            text = text.rstrip()
            if not text:
                continue
        out.append((text.rstrip("\r\n"), first + number))
    return out


def _tokens(text: str) -> tuple[set[int], dict[int, int]]:
    """Lines (from 0) whose start is inside a string, and the column of the comment of each line with one."""
    inside: set[int] = set()
    comments: dict[int, int] = {}
    starts: list[int] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        kind = tokenize.tok_name[token.type]
        if kind == "COMMENT":
            comments[token.start[0] - 1] = token.start[1]
        elif kind == "STRING":
            inside |= set(range(token.start[0], token.end[0]))
        elif kind == "FSTRING_START":  # 3.12: an f-string comes in parts
            starts.append(token.start[0])
        elif kind == "FSTRING_END":
            inside |= set(range(starts.pop(), token.end[0]))
    return inside, comments


_RELATIVE = re.compile(r"from\s*\.[\s.\w]*?\s*\bimport\b")


def _absolute(lines: list[Line], node: ast.AST, package: str) -> list[Line]:
    """A slice is a module on its own, so relative imports name their package."""
    relative = {
        n.lineno: absolute_module(n, package)
        for n in ast.walk(node)
        if isinstance(n, ast.ImportFrom) and n.level
    }
    if not relative:
        return lines
    return [
        (_RELATIVE.sub(f"from {relative[at]} import", text, count=1) if at in relative else text, at)
        for text, at in lines
    ]


def absolute_module(node: ast.ImportFrom, package: str) -> str:
    """``a.b`` for ``from ..b import c`` in package ``a.x``."""
    if not node.level:
        return node.module or ""
    parents = package.split(".") if package else []
    kept = parents[: len(parents) - node.level + 1]
    return ".".join([*kept, *([node.module] if node.module else [])])


def _ours_of(node: ast.Import | ast.ImportFrom) -> set[str]:
    if isinstance(node, ast.ImportFrom):
        ours = node.level == 0 and (node.module or "").partition(".")[0] in OURS
        return bound_names(node) - RUNTIME_NAMES if ours else set()
    return {
        alias.asname or alias.name.partition(".")[0]
        for alias in node.names
        if alias.name.partition(".")[0] in OURS
    }


def is_type_checking(node: ast.AST) -> bool:
    if not isinstance(node, ast.If):
        return False
    test = node.test
    return getattr(test, "id", None) == "TYPE_CHECKING" or getattr(test, "attr", None) == "TYPE_CHECKING"


def _is_main_guard(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "__name__" in free_names(node.test)


def _is_dag_block(node: ast.stmt) -> bool:
    """``with DAG(…):`` only groups tasks: what stands in it stands in the module."""
    if not isinstance(node, ast.With):
        return False
    calls = [item.context_expr for item in node.items if isinstance(item.context_expr, ast.Call)]
    names = {getattr(call.func, "id", getattr(call.func, "attr", None)) for call in calls}
    return bool(names & {"DAG", "TaskGroup"})


def _units(body: list[ast.stmt], *, typing_only: bool) -> Iterator[Unit]:
    for node in body:
        if isinstance(node, ast.ImportFrom) and node.module == "__future__":
            continue
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import_units(node, typing_only)
        elif isinstance(node, ast.If) and is_type_checking(node):
            yield from _units(node.body, typing_only=True)
            yield from _units(node.orelse, typing_only=typing_only)
        elif isinstance(node, ast.With) and _is_dag_block(node):
            yield from _units(node.body, typing_only=typing_only)
        elif not _is_main_guard(node) and (binds := bound_names(node) | _changed_names(node)):
            yield Unit(node, frozenset(binds), typing_only=typing_only)


def _import_units(node: ast.Import | ast.ImportFrom, typing_only: bool) -> Iterator[Unit]:
    for alias in node.names:
        name = alias.asname or (
            alias.name if isinstance(node, ast.ImportFrom) else alias.name.partition(".")[0]
        )
        yield Unit(node, frozenset({name}), alias, typing_only)


def _changed_names(node: ast.stmt) -> set[str]:
    """``CONFIG`` for ``CONFIG["a"] = 1``, ``CONFIG.update(a=1)``: a value travels with its changes."""
    targets: list[ast.expr] = []
    if isinstance(node, ast.Assign):
        targets = list(node.targets)
    elif isinstance(node, ast.AugAssign):
        targets = [node.target]
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
        targets = [node.value.func]
    return {
        base.id
        for target in targets
        if isinstance(target, ast.Attribute | ast.Subscript) and isinstance(base := root(target), ast.Name)
    }


def root(node: ast.expr) -> ast.expr:
    """``a`` for ``a.b[c].d``."""
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node


def _walk_definitions(
    node: ast.AST, chain: tuple[ast.AST, ...]
) -> Iterator[tuple[tuple[str, int], tuple[Function, tuple[ast.AST, ...]]]]:
    for child in ast.iter_child_nodes(node):
        scope = chain
        if isinstance(child, Function):
            first = min([child.lineno, *(decorator.lineno for decorator in child.decorator_list)])
            yield (child.name, first), (child, chain)
        if isinstance(child, Function | ast.ClassDef):
            scope = (*chain, child)
        yield from _walk_definitions(child, scope)
