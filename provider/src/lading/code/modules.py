"""First-party modules that a slice imports: found under the roots, carried whole, followed transitively."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from lading.code.source import OURS, absolute_module, is_type_checking
from lading.errors import CodeSliceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAX_BYTES = 50 * 2**20

#: Folders of an environment, also where one lies inside of a root.
_NOT_OURS = frozenset({"site-packages", "dist-packages", "node_modules", "__pycache__"})


@dataclass
class FirstParty:
    """Collects files by the name that they get in the archive; each is read once."""

    roots: Sequence[Path]
    dag_file: Path
    airflow_allowed: bool = False
    files: dict[str, bytes] = field(default_factory=dict)

    def add(self, module: str) -> bool:
        """Carry ``module`` with the packages around it and all that they import; False: not first-party.

        :raises CodeSliceError: it leads back to the DAG file, needs Airflow, or is too much to carry
        """
        parts = module.split(".")
        for root in self.roots:
            found = _locate(root, parts)
            if found:
                for path in found:
                    self._carry(path, root)
                return True
        return False

    def has(self, module: str) -> bool:
        parts = module.split(".")
        return any(_locate(root, parts) for root in self.roots)

    def _carry(self, path: Path, root: Path) -> None:
        name = path.relative_to(root).as_posix()
        if name in self.files:
            return
        if path.name == self.dag_file.name and path.samefile(self.dag_file):
            raise CodeSliceError(
                f"a module that the step needs imports the DAG file {name} back; expected helpers that stand "
                f"on their own; move what both need into a module beside it"
            )
        stat = path.stat()
        read = _read(path, stat.st_mtime_ns, stat.st_size)
        self.files[name] = read.content
        if (size := sum(map(len, self.files.values()))) > MAX_BYTES:
            raise CodeSliceError(
                f"the code of the step is {size} bytes with {name}, expected at most {MAX_BYTES}; "
                f"return data as artifacts, or install the package in the environment of the step"
            )
        if read.airflow_line and not self.airflow_allowed:
            raise CodeSliceError(
                f"{name}, line {read.airflow_line}, imports Airflow, which a job does not have; "
                f"import it inside the function that needs it, or use the local target"
            )
        package = ".".join(Path(name).parent.parts)
        for module in imported(read.tree, package):
            self.add(module)


@dataclass(frozen=True)
class _Read:
    content: bytes
    tree: ast.Module
    airflow_line: int | None


@lru_cache(maxsize=512)
def _read(path: Path, mtime_ns: int, size: int) -> _Read:
    content = path.read_bytes()
    try:
        tree = ast.parse(content, str(path))
    except SyntaxError as e:
        raise CodeSliceError(
            f"{path}, line {e.lineno}, which the step imports, is not Python: {e.msg}; correct the file"
        ) from e
    lines = [node.lineno for node in tree.body if any(name in OURS - {"lading"} for name in _tops(node))]
    return _Read(content, tree, lines[0] if lines else None)


def _tops(node: ast.stmt) -> Iterator[str]:
    """Top-level packages that an import statement names."""
    if isinstance(node, ast.Import):
        yield from (alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and not node.level:
        yield (node.module or "").partition(".")[0]


def imported(node: ast.AST, package: str) -> list[str]:
    """Modules that the code under ``node`` may import, in functions too, absolute.

    Of ``from a import b`` both ``a`` and ``a.b``. What stands under ``if TYPE_CHECKING:`` is never imported.
    """
    found: dict[str, None] = {}
    for child in _running(node):
        if isinstance(child, ast.Import):
            found.update(dict.fromkeys(alias.name for alias in child.names))
        elif isinstance(child, ast.ImportFrom):
            module = absolute_module(child, package)
            found.update(dict.fromkeys([module, *(f"{module}.{alias.name}" for alias in child.names)]))
        elif (name := _constant_import(child)) is not None:
            found[name] = None
    return [name for name in found if name]


def dynamic_import(node: ast.AST) -> ast.Call | None:
    """The first import under ``node`` of a module whose name is computed."""
    for child in ast.walk(node):
        if isinstance(child, ast.Call) and _imports(child) and _constant_import(child) is None:
            return child
    return None


def _running(node: ast.AST) -> Iterator[ast.AST]:
    if is_type_checking(node):
        for child in node.orelse:  # type: ignore[attr-defined]  # an If
            yield from _running(child)
        return
    yield node
    for child in ast.iter_child_nodes(node):
        yield from _running(child)


def _imports(call: ast.Call) -> bool:
    if isinstance(call.func, ast.Attribute):
        return call.func.attr == "import_module" and getattr(call.func.value, "id", None) == "importlib"
    return getattr(call.func, "id", None) in ("import_module", "__import__")


def _constant_import(node: ast.AST) -> str | None:
    if not isinstance(node, ast.Call) or not _imports(node) or not node.args:
        return None
    name = node.args[0]
    return name.value if isinstance(name, ast.Constant) and isinstance(name.value, str) else None


def _locate(root: Path, parts: Sequence[str]) -> list[Path]:
    """``__init__.py`` of each package, then the module; empty: not under ``root``."""
    if parts[0] in sys.stdlib_module_names:  # the standard library comes first on sys.path
        return []
    found: list[Path] = []
    folder = root
    for index, part in enumerate(parts):
        if part in _NOT_OURS or not part.isidentifier():
            return []
        package, module = folder / part / "__init__.py", folder / f"{part}.py"
        if package.is_file():
            found.append(package)
        elif module.is_file():
            return [*found, module] if index == len(parts) - 1 else []
        elif not (folder / part).is_dir():
            return []
        folder = folder / part
    return found
