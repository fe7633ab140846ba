"""Test support that several distributions need. Internal: never released.

Rooms:

* `suite_support.plugin`: the pytest plugin, active in every test run: asyncio tests run on every loop, what asyncio
  logs as an error fails the test that caused it.
* `suite_support.interleaving`: run until nothing can run, cancel before, at and after a wake-up.
* `suite_support.runtimes`: one test body on asyncio, uvloop, trio and both back ends of anyio, in virtual time.
* `suite_support.loops`: the loops that programs of several distributions run on, each also in debug mode.
* `suite_support.virtual_time`: an asyncio loop whose clock jumps to the next timer.
"""
