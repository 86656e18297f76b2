"""The step's function, from the archive that the spec names or from the image."""

from __future__ import annotations

import importlib
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import CodeType, ModuleType
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Mapping, Optional, Sequence

from lading_runner.errors import ArtifactError, CodeError, DependencyError

if TYPE_CHECKING:
    from zipimport import zipimporter

    from lading_runner.store import ArtifactStore


def load_function(code: Mapping[str, Any], store: ArtifactStore) -> Callable[..., Any]:
    """``code``: {"digest", "entry", "file", "lines"}; the last two may be absent.

    :raises CodeError: missing, damaged, or not what the entry says
    :raises DependencyError: it imports what is not installed
    """
    module_name, _, name = str(code.get("entry")).partition(":")
    try:
        if code.get("digest"):
            module: Any = _sliced_module(module_name, code, _archive(str(code["digest"]), store))
        else:
            module = importlib.import_module(module_name)
        function = module
        for part in name.split("."):
            function = getattr(function, part)
    except ModuleNotFoundError as e:
        raise DependencyError(
            f"the code of the step imports {e.name!r}, which this environment does not have; expected what "
            f"{module_name} imports to be installed; add it to requirements= or to the image"
        ) from e
    except (SyntaxError, AttributeError) as e:
        raise CodeError(
            f"code {code.get('entry')!r} does not load under Python {sys.version.split()[0]}: {e}; expected "
            f"'module:function' in syntax that this Python has; correct it, or set python= of the step"
        ) from e
    return function  # type: ignore[no-any-return]


def _archive(digest: str, store: ArtifactStore) -> str:
    """Path of a verified zip, removed at exit where it is a copy."""
    try:
        blob = store.blob_of(digest)
        path = blob.local_path()
        if path is not None:
            return path
        return _private_copy(blob.read(), digest)
    except ArtifactError as e:
        raise CodeError(f"the code of the step cannot be read: {e}") from e


def _private_copy(data: bytes, digest: str) -> str:
    import atexit
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="lading-code-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder, f"{digest[-16:]}.zip")
    path.write_bytes(data)
    return str(path)


def _sliced_module(name: str, code: Mapping[str, Any], path: str) -> ModuleType:
    """The slice under its own name, importable by child processes too: the zip is on ``sys.path``."""
    from zipimport import ZipImportError, zipimporter

    if path not in sys.path:
        sys.path.insert(0, path)
        importlib.invalidate_caches()
    try:
        zipped = zipimporter(path)
        source = zipped.get_data(f"{name}.py").decode()
    except (OSError, ZipImportError) as e:
        raise CodeError(
            f"the archive of the step's code holds no {name}.py: {e}; submit the step again"
        ) from e
    loader = _SliceLoader(
        zipped, source, str(code.get("file") or f"{name}.py"), list(code.get("lines") or ())
    )
    module = ModuleType(name)
    module.__spec__ = ModuleSpec(name, loader, origin=loader.file)  # type: ignore[arg-type]  # duck-typed
    module.__loader__ = loader  # type: ignore[assignment]
    module.__file__ = str(Path(path, f"{name}.py"))
    sys.modules[name] = module
    try:
        exec(loader.code(), module.__dict__)  # noqa: S102  # the step's own code, verified by its digest
    except BaseException:
        del sys.modules[name]
        raise
    return module


class _SliceLoader:
    """Gives code objects, and so tracebacks, the file and the lines that the user wrote."""

    def __init__(self, zipped: zipimporter, source: str, file: str, lines: Sequence[int]) -> None:
        self.zipped = zipped
        self.source = source
        self.file = file
        self.lines = lines

    def code(self) -> CodeType:
        tree: Any = self.source
        if self.lines:
            import ast

            tree = ast.parse(self.source)
            for node in ast.walk(tree):
                for field in ("lineno", "end_lineno"):
                    if hasattr(node, field):
                        setattr(node, field, self._line(getattr(node, field)))
        code: CodeType = compile(tree, self.file, "exec", dont_inherit=True)
        return code

    def _line(self, number: Optional[int]) -> Optional[int]:
        if number is None:
            return None
        return self.lines[min(max(number, 1), len(self.lines)) - 1]

    def get_source(self, name: str) -> str:
        """For ``linecache``: each line where the user's file has it, the others blank."""
        if not self.lines:
            return self.source
        placed: Dict[int, str] = dict(zip(self.lines, self.source.split("\n")))
        out: List[str] = [placed.get(number, "") for number in range(1, max(placed) + 1)]
        return "\n".join(out) + "\n"

    def get_data(self, path: str) -> bytes:
        data: bytes = self.zipped.get_data(path)
        return data

    def is_package(self, name: str) -> bool:
        return False
