"""The example of hat.aio for running an application, with the imports renamed."""

from __future__ import annotations

import asyncio

from aio_group import init_asyncio, run_asyncio


def test_main() -> None:
    def main() -> None:
        init_asyncio()

        result = run_asyncio(async_main())
        assert result == 123

    async def async_main() -> int:
        await asyncio.sleep(0)
        return 123

    main()
