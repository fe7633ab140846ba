"""The checker of code blocks finds what is wrong: a check that cannot fail proves nothing."""

from pathlib import Path

import pytest
from suite_support.code_blocks import blocks, run_page


def page(folder: Path, text: str) -> Path:
    path = folder / "page.md"
    path.write_text(text, encoding="utf-8")
    return path


def test_blocks_share_a_namespace_and_a_loop(tmp_path: Path) -> None:
    text = """
```python
import asyncio
task = asyncio.create_task(asyncio.sleep(0, "slept"))
await asyncio.sleep(0)
```

    ```python
    assert await task == "slept"
    ```
"""
    # The first block creates a task, so it needs the loop: its own `await` is what gives it one.
    assert run_page(page(tmp_path, text)) == 2


def test_plain_block_runs_without_a_loop(tmp_path: Path) -> None:
    text = "```python\nimport asyncio\nassert asyncio.run(asyncio.sleep(0, 1)) == 1\n```\n"
    assert run_page(page(tmp_path, text)) == 1


def test_failure_names_the_line_of_the_page(tmp_path: Path) -> None:
    path = page(tmp_path, "one\n\n```python\nx = 1\nassert x == 2\n```\n")
    with pytest.raises(AssertionError) as failure:
        run_page(path)
    assert failure.traceback[-1].lineno + 1 == 5
    assert failure.traceback[-1].path == path


def test_other_languages_are_listed_and_not_run() -> None:
    found = list(blocks('```text title="x"\nraise\n```\n'))
    assert [(block.language, block.code, block.line) for block in found] == [("text", "raise\n", 2)]
