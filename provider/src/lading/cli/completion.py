"""``lading completion``: a script for a shell, made from the parser itself."""

from __future__ import annotations

import argparse
import shlex
from typing import TYPE_CHECKING

from lading.cli.parser import build

if TYPE_CHECKING:
    from collections.abc import Iterator


def show(args: argparse.Namespace) -> int:
    words = dict(_words(build(), ()))
    print({"bash": _bash, "zsh": _zsh, "fish": _fish}[args.shell](words))
    return 0


def _words(parser: argparse.ArgumentParser, path: tuple[str, ...]) -> Iterator[tuple[str, list[str]]]:
    """What may follow ``path``: its commands and options."""
    words, children = [], {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            children = dict(action.choices)
        elif action.option_strings:
            words.append(action.option_strings[-1])
        elif action.choices:
            words += [str(choice) for choice in action.choices]
    yield " ".join(path), [*children, *words]
    for name, child in children.items():
        yield from _words(child, (*path, name))


def _bash(words: dict[str, list[str]]) -> str:
    cases = "\n".join(
        f'    {shlex.quote(path)}) COMPREPLY=($(compgen -W {shlex.quote(" ".join(found))} -- "$cur"));;'
        for path, found in words.items()
    )
    commands = " ".join(sorted({part for path in words for part in path.split()}))
    return f"""\
_lading() {{
  local cur=${{COMP_WORDS[COMP_CWORD]}} prev=${{COMP_WORDS[COMP_CWORD-1]}} path= word
  case $prev in -o|--output|--dags) COMPREPLY=($(compgen -f -- "$cur")); return;; esac
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case " {commands} " in *" $word "*) path="${{path:+$path }}$word";; esac
  done
  case $path in
{cases}
  esac
}}
complete -F _lading lading"""


def _zsh(words: dict[str, list[str]]) -> str:
    return f"autoload -U +X bashcompinit && bashcompinit\n{_bash(words)}"


def _fish(words: dict[str, list[str]]) -> str:
    lines = ["complete -c lading -f"]
    for path, found in words.items():
        parts = path.split()
        below = [p.split()[-1] for p in words if p.split()[:-1] == parts and p]
        seen = [f"__fish_seen_subcommand_from {part}" for part in parts]
        unseen = [f"not __fish_seen_subcommand_from {' '.join(below)}"] if below else []
        condition = shlex.quote("; and ".join([*seen, *unseen]) or "true")
        plain = [word for word in found if not word.startswith("-")]
        lines += [f"complete -c lading -n {condition} -a {shlex.quote(' '.join(plain))}"] if plain else []
        lines += [f"complete -c lading -n {condition} -l {w[2:]}" for w in found if w.startswith("--")]
    return "\n".join(lines)
