"""Immutable classes from annotations, as frozen dataclasses are.

``dataclasses`` imports ``inspect`` and compiles the methods of each class: a fifth of the time in which the
runner starts. Its own ``replace`` and ``fields`` do not take what is made here, though mypy lets them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, FrozenSet, Mapping, NoReturn, Tuple, TypeVar

if TYPE_CHECKING:
    from typing import dataclass_transform
else:  # 3.9: typing has none, and nothing needs it while code runs

    def dataclass_transform(**_: bool) -> Any:
        return lambda kind: kind


_F = TypeVar("_F", bound="Frozen")


@dataclass_transform(frozen_default=True)
class Frozen:
    """Annotated names are fields, those with a leading ``_`` apart. What a class assigns to a field is its
    default, a dict copied for each instance. All fields but ``_uncompared`` ones make two instances equal."""

    _fields: ClassVar[Tuple[str, ...]] = ()
    _names: ClassVar[FrozenSet[str]] = frozenset()  # the same
    _defaults: ClassVar[Mapping[str, Any]] = {}
    _shared: ClassVar[Mapping[str, Any]] = {}  # those defaults that are no dict
    _copied: ClassVar[Tuple[Tuple[str, Any], ...]] = ()  # those that are
    _uncompared: ClassVar[FrozenSet[str]] = frozenset()
    _compared: ClassVar[Tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        own = [name for name in cls.__annotations__ if not name.startswith("_")]
        cls._fields = tuple(dict.fromkeys((*cls._fields, *own)))
        cls._names = frozenset(cls._fields)
        cls._defaults = {**cls._defaults, **{name: vars(cls)[name] for name in own if name in vars(cls)}}
        cls._copied = tuple((name, value) for name, value in cls._defaults.items() if isinstance(value, dict))
        cls._shared = {k: value for k, value in cls._defaults.items() if not isinstance(value, dict)}
        cls._compared = tuple(name for name in cls._fields if name not in cls._uncompared)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        given = dict(zip(self._fields, args), **kwargs) if args else kwargs
        if len(given) != len(args) + len(kwargs) or not self._names.issuperset(given):
            found = ", ".join([f"{len(args)} values", *kwargs])
            raise TypeError(f"{type(self).__name__} takes {', '.join(self._fields)}, each once; got {found}")
        self._fill(given)

    def _fill(self, given: Mapping[str, Any]) -> None:
        """``given`` has fields alone. Called for thousands of records at once: as few steps as can be."""
        values = self.__dict__
        values.update(self._shared)
        values.update(given)
        for name, default in self._copied:
            if name not in values:
                values[name] = default.copy()
        if len(values) != len(self._fields):
            missing = next(name for name in self._fields if name not in values)
            raise TypeError(f"{type(self).__name__} needs {missing}")
        self.__post_init__()

    def __post_init__(self) -> None:
        """Checks of a subclass."""

    def replace(self: _F, **changes: Any) -> _F:
        """The same with other values in some fields."""
        return type(self)(**{**{name: getattr(self, name) for name in self._fields}, **changes})

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if type(other) is type(self) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def _key(self) -> Tuple[Any, ...]:
        return tuple([self.__dict__[name] for name in self._compared])

    def __repr__(self) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name in self._fields)
        return f"{type(self).__name__}({', '.join(shown)})"

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not to be set; use replace({name}=...)")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError(f"{type(self).__name__}.{name} is not to be deleted")
