"""Run the Python code blocks of a Markdown page, in order, in one namespace.

A block with a top-level `await` runs on an asyncio loop that lives as long as the page; any other block runs as plain
script code, so that it may call `asyncio.run` or `trio.run` itself.
"""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_FENCE = re.compile(
    r"^(?P<indent>[ ]*)(?P<fence>```+)[ ]*(?P<language>[\w+-]*)[^\n]*\n(?P<code>.*?)^(?P=indent)(?P=fence)[ ]*$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block: what it is written in, its text without indentation, and the line its text starts on."""

    language: str
    code: str
    line: int


def blocks(text: str) -> Iterator[Block]:
    """The fenced code blocks of a Markdown text; those indented in lists, tabs and admonitions too."""
    for match in _FENCE.finditer(text):
        indent = len(match["indent"])
        code = "".join(line[indent:] if line.strip() else "\n" for line in match["code"].splitlines(keepends=True))
        yield Block(match["language"], code, text.count("\n", 0, match.start()) + 2)


def run_page(path: Path) -> int:
    """Run the page's Python blocks and return how many there were; tracebacks show the page's own lines."""
    namespace: dict[str, object] = {"__name__": "__main__"}
    count = 0
    with asyncio.Runner() as runner:
        for block in blocks(path.read_text(encoding="utf-8")):
            if block.language not in {"python", "py"}:
                continue
            count += 1
            source = "\n" * (block.line - 1) + block.code
            code = compile(source, str(path), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            if code.co_flags & inspect.CO_COROUTINE:
                runner.run(_awaited(code, namespace))
            else:
                exec(code, namespace)
    return count


async def _awaited(code: types.CodeType, namespace: dict[str, object]) -> None:
    await types.FunctionType(code, namespace)()
