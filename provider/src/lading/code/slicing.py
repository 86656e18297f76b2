"""A step's function, cut out of its module with all that it reaches, as a zip named by its digest."""

from __future__ import annotations

import functools
import keyword
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import TYPE_CHECKING, Any

from lading.code.archive import archive, digest_of
from lading.code.closures import python_function
from lading.code.modules import FirstParty
from lading.code.reach import Reach
from lading.code.source import OURS, SourceFile, load
from lading.code.step import add_step
from lading.errors import CodeSliceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lading_runner.contract import Digest

_HEADER = "from __future__ import annotations"


@dataclass(frozen=True)
class StepCode:
    """The code of a step as a job gets it.

    ``digest`` is of the zip, which holds the text of the reached definitions without comments, blank lines,
    our decorators and the step's own docstring, and imported first-party modules as they are. It is the same
    under every Python, in every folder. Other docstrings count: programs read them (prompts, schemas).
    """

    digest: Digest | None  # None: the code is in the image
    entry: str  # "module:function"
    archive: bytes = b""
    source: str = ""  # the sliced module
    files: tuple[str, ...] = ()
    file: str = ""  # the user's file, relative to its root
    lines: tuple[int, ...] = ()  # the line in ``file`` of each line of ``source``; not in the digest

    def to_spec(self) -> dict[str, Any]:
        """``Spec.code``. Compare specs by digest and entry: ``lines`` move whenever the file is edited."""
        if self.digest is None:
            return {"digest": None, "entry": self.entry}
        return {"digest": self.digest, "entry": self.entry, "file": self.file, "lines": list(self.lines)}


def slice_function(
    function: Callable[..., Any], *, roots: Sequence[Path] = (), allow_airflow: bool = False
) -> StepCode:
    """The code of ``function``, from its own file and from modules under ``roots`` or beside the file.

    ``allow_airflow``: keep imports of Airflow that the step reaches, for a step that runs where Airflow is.

    :raises CodeSliceError: something that the function needs cannot be carried as source
    """
    code = _code_of(function)
    source = _source_of(code)
    node, chain = source.definition(code.co_name, code.co_firstlineno)
    folders = list(dict.fromkeys([*map(Path, roots), source.import_root]))
    first_party = FirstParty(folders, source.path, allow_airflow)
    reach = Reach(source, first_party, node, getattr(function, "__module__", ""))
    add_step(reach, source, node, chain, python_function(function))
    module = _module_name(source.path.stem, {*first_party.files, *reach.imports})
    lines = [(_HEADER, 1), *reach.lines]
    text = "\n".join(line for line, _ in lines) + "\n"
    files = {**first_party.files, f"{module}.py": text.encode()}
    zipped = archive(files)
    return StepCode(
        digest=digest_of(zipped),
        entry=f"{module}:{node.name}",
        archive=zipped,
        source=text,
        files=tuple(sorted(files)),
        file=_shown(source.path, folders),
        lines=tuple(number for _, number in lines),
    )


def image_code(entry: str) -> StepCode:
    """Code that is in the image already, as ``pkg.mod:func``.

    :raises CodeSliceError: another spelling
    """
    module, _, name = entry.partition(":")
    if not all(_is_identifier(part) for part in [*module.split("."), *name.split(".")]):
        raise CodeSliceError(
            f"code in the image is named {entry!r}, expected 'pkg.mod:func'; write module, colon, function"
        )
    return StepCode(digest=None, entry=entry)


def _code_of(function: Callable[..., Any]) -> CodeType:
    if isinstance(function, functools.partial):
        raise CodeSliceError(
            f"{function!r} is a functools.partial, expected a function defined with def; "
            f"pass its arguments as arguments of the step"
        )
    code = getattr(python_function(function), "__code__", None)
    if not isinstance(code, CodeType):
        raise CodeSliceError(
            f"{function!r} is a {type(function).__name__}, expected a function defined with def in a file; "
            f"wrap the call in such a function"
        )
    if hasattr(function, "__self__"):
        raise CodeSliceError(
            f"{function!r} is a method, expected a function defined with def; "
            f"define it outside of the class and pass what it needs"
        )
    if code.co_name == "<lambda>":
        raise CodeSliceError(
            f"the lambda at {code.co_filename}, line {code.co_firstlineno}, cannot be carried, "
            f"expected a function defined with def; give it a name"
        )
    return code


def _source_of(code: CodeType) -> SourceFile:
    try:
        return load(Path(code.co_filename).absolute())
    except (OSError, SyntaxError) as e:
        raise CodeSliceError(
            f"function {code.co_name!r} has no source in {code.co_filename!r}, expected a Python file; "
            f"move it from the notebook, prompt or exec() into a module, or use code='image'"
        ) from e


def _is_identifier(text: str) -> bool:
    return text.isidentifier() and not keyword.iskeyword(text)


def _module_name(stem: str, taken: set[str]) -> str:
    """``churn``; ``step_churn`` where the job may need another module of that name."""
    name = re.sub(r"\W", "_", stem)
    tops = {re.split(r"[./]", other.removesuffix(".py"))[0] for other in taken}
    if _is_identifier(name) and name not in tops | OURS | sys.stdlib_module_names:
        return name
    return f"step_{name}"


def _shown(path: Path, folders: Sequence[Path]) -> str:
    for folder in folders:
        if path.is_relative_to(folder):
            return path.relative_to(folder).as_posix()
    return path.name
