"""The commands: a method each, which takes the words behind a command's name and returns its reply."""

import asyncio
import math
import re
from collections import deque
from collections.abc import Callable
from functools import partialmethod
from inspect import Parameter, signature
from itertools import islice, zip_longest

from aio_values import AsyncValue, compose_values

from .protocol import INTEGERS, Push, Reply, ReplyError, encode, integer
from .state import State

_WHEN_SUBSCRIBED = {b"ping", b"quit", b"subscribe", b"unsubscribe"}
_NOT_WHEN_SUBSCRIBED = (
    b"ERR Can't execute '%b': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
)
_FLOAT = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.IGNORECASE)
_GLOB = re.compile(rb"(\*+)|(\?)|\[(\^?)((?:\\.|[^\]]-.|[^\]])*+)\]?|\\?(.)", re.DOTALL)
_GLOB_SET = re.compile(rb"\\(.)|(.)-(.)|(.)", re.DOTALL)
_UNITS = {b"EX": 1000, b"PX": 1, b"PXAT": 1}  # in milliseconds
_INTERVAL = 0.1  # seconds from one line of STATUS to the next, at least


class _Commands:
    """The name of a method is that of its command and subcommand; its parameters are the words that follow."""

    def __init__(
        self, state: State, number: int, send: Callable[[bytes], None], spawn: Callable[..., object] = lambda *_: None
    ) -> None:
        self.state, self.db, self.number, self.send, self.spawn = state, state.database, number, send, spawn
        self.protocol, self.watches, self.has_left = 2, False, False
        self.channels: set[bytes] = set()
        self.waits_for: AsyncValue[frozenset[bytes]] = AsyncValue(frozenset())  # keys; while there are any, it blocks

    def ping(self, message: bytes | None = None) -> Reply:
        if self.channels and self.protocol == 2:
            return [b"pong", message or b""]
        return "+PONG" if message is None else message

    def echo(self, message: bytes) -> Reply:
        return message

    def quit(self, *_ignored: bytes) -> Reply:
        self.has_left = True
        return "+OK"

    def hello(self, *words: bytes) -> Reply:
        version = self.protocol
        if words:
            version = integer(words[0], b"ERR Protocol version is not an integer or out of range")
        if version not in {2, 3}:
            raise ReplyError(b"NOPROTO unsupported protocol version")
        for option, name in zip_longest(words[1::2], words[2::2]):
            if _cut(option).upper() != b"SETNAME" or name is None:
                raise ReplyError(b"ERR Syntax error in HELLO option '%b'" % _cut(option))
            self.client_setname(name)
        self.protocol = version
        told: dict[bytes, Reply] = {b"server": b"redis", b"version": b"7.0.15", b"proto": version, b"id": self.number}
        return told | {b"mode": b"standalone", b"role": b"master", b"modules": []}

    def client_id(self) -> Reply:
        return self.number

    def client_setname(self, name: bytes) -> Reply:
        if not re.fullmatch(rb"[!-~]*", name):
            raise ReplyError(b"ERR Client names cannot contain spaces, newlines or special characters.")
        return "+OK"

    def client_setinfo(self, _attribute: bytes, _value: bytes) -> Reply:
        return "+OK"

    def command(self) -> Reply:
        known = _COMMANDS.items()
        return [[b"|".join(path), least if least == most else -least] for path, (_run, least, most) in known]

    def config_get(self, pattern: bytes, *patterns: bytes) -> Reply:
        wanted = [_glob(each.lower()) for each in (pattern, *patterns)]
        config = self.state.config.items()
        return {name: value for name, value in config if any(each.fullmatch(name) for each in wanted)}

    def info(self, *_sections: bytes) -> Reply:
        state, log = self.state, self.state.log
        figures = {
            "redis_version": "7.0.15",
            "connected_clients": state.clients.value,
            "blocked_clients": state.blocked_clients.value,
            "aof_rewrite_in_progress": int(log is not None and log.is_rewriting.value),
            "total_commands_processed": state.commands.value,
            "client_output_buffer_limit_disconnections": state.too_slow.value,
            "db0": f"keys={len(self.db.values)},expires={len(self.db.deadlines)}",
        }
        return "".join(f"{name}:{figure}\r\n" for name, figure in figures.items()).encode()

    def status(self) -> Reply:
        if not self.watches:
            self.watches = True
            self.spawn(self._watch)
        return "+OK"

    async def _watch(self) -> None:
        clients, blocked, keys = self.state.clients, self.state.blocked_clients, self.state.keys
        with compose_values(clients=clients, blocked=blocked, keys=keys, commands=self.state.commands) as status:
            async for figures in status.eventual_values():  # what changes in quick succession, by its last state
                told = " ".join(f"{name}={figure}" for name, figure in figures._asdict().items())
                self.send(encode(f"+{told}"))
                await asyncio.sleep(_INTERVAL)

    def get(self, key: bytes) -> Reply:
        return self.db.get(key, bytes)

    def set(self, key: bytes, value: bytes, *words: bytes) -> Reply:
        condition, unit, amount, options = b"", b"", None, iter(words)
        for option in options:
            word = _cut(option).upper()
            if word in {b"NX", b"XX"} and condition in {b"", word}:
                condition = word
            elif word in _UNITS and unit in {b"", word} and (amount := next(options, None)) is not None:
                unit = word
            else:
                raise ReplyError(b"ERR syntax error")
        deadline = None
        if amount is not None:
            number = integer(amount) * _UNITS[unit]
            deadline = number + (0 if unit == b"PXAT" else self.db.now())
            if number <= 0 or deadline >= 2**63:
                raise ReplyError(b"ERR invalid expire time in 'set' command")
        if condition and (condition == b"XX") != (self.db.has(key)):
            return None
        self.db.set(key, value, deadline)
        return "+OK"

    def mget(self, key: bytes, *more: bytes) -> Reply:
        values = [self.db.values[each] if self.db.has(each) else None for each in (key, *more)]
        return [value if isinstance(value, bytes) else None for value in values]

    def mset(self, key: bytes, value: bytes, *more: bytes) -> Reply:
        if len(more) % 2:
            raise _wrong_number(b"mset")
        for each, its_value in zip((key, *more[::2]), (value, *more[1::2]), strict=True):
            self.db.set(each, its_value)
        return "+OK"

    def del_(self, key: bytes, *more: bytes) -> Reply:
        return sum(self.db.has(each) and self.db.delete(each) for each in (key, *more))

    def exists(self, key: bytes, *more: bytes) -> Reply:
        return sum(self.db.has(each) for each in (key, *more))

    def incr(self, key: bytes) -> Reply:
        return self.incrby(key, b"1")

    def incrby(self, key: bytes, increment: bytes) -> Reply:
        amount, value = integer(increment), self.db.get(key, bytes)
        number = amount + (0 if value is None else integer(value))
        if number not in INTEGERS:
            raise ReplyError(b"ERR increment or decrement would overflow")
        self.db.set(key, b"%d" % number, self.db.deadlines.get(key))
        return number

    def expire(self, key: bytes, seconds: bytes, *options: bytes) -> Reply:
        if options:
            raise ReplyError(b"ERR Unsupported option %b" % _cut(options[0]))
        duration, now = integer(seconds) * 1000, self.db.now()
        if not -(2**63) <= duration < 2**63 - now:
            raise ReplyError(b"ERR invalid expire time in 'expire' command")
        return self.db.expire(key, now + duration)

    def pexpireat(self, key: bytes, milliseconds: bytes) -> Reply:
        return self.db.expire(key, integer(milliseconds))

    def ttl(self, key: bytes) -> Reply:
        if not self.db.has(key):
            return -2
        deadline = self.db.deadlines.get(key)
        return -1 if deadline is None else (deadline - self.db.now() + 500) // 1000

    def keys(self, pattern: bytes) -> Reply:
        wanted = _glob(pattern)
        return [key for key in [*self.db.values] if wanted.fullmatch(key) and self.db.has(key)]

    def dbsize(self) -> Reply:
        return len(self.db.values)

    def flushall(self, *how: bytes) -> Reply:
        if [_cut(word).upper() for word in how] not in ([], [b"SYNC"], [b"ASYNC"]):
            raise ReplyError(b"ERR syntax error")
        self.db.clear()
        return "+OK"

    def bgrewriteaof(self) -> Reply:
        if (log := self.state.log) is None:
            raise ReplyError(b"ERR this server keeps no append-only file")
        if log.is_rewriting.value:
            raise ReplyError(b"ERR Background append only file rewriting already in progress")
        log.rewrite()
        return "+Background append only file rewriting started"

    def _push(self, side: bytes, key: bytes, value: bytes, *more: bytes) -> Reply:
        length = self.db.push(side, key, (value, *more))
        while (line := self.state.blocked.get(key)) and self.db.get(key, deque):
            next(iter(line))._unblock([key, *self.db.pop(b"L", key)])
        return length

    lpush, rpush = partialmethod(_push, b"L"), partialmethod(_push, b"R")

    def _pop(self, side: bytes, key: bytes, *count: bytes) -> Reply:
        if len(count) > 1:  # seen later by Redis than other wrong numbers
            raise _wrong_number(side.lower() + b"pop")
        if not count:
            return next(iter(self.db.pop(side, key)), None)
        limit = integer(count[0], b"ERR value is out of range, must be positive", range(2**63))
        return self._no_array() if self.db.get(key, deque) is None else self.db.pop(side, key, limit)

    lpop, rpop = partialmethod(_pop, b"L"), partialmethod(_pop, b"R")

    def llen(self, key: bytes) -> Reply:
        return len(self.db.get(key, deque) or ())

    def lrange(self, key: bytes, start: bytes, stop: bytes) -> Reply:
        first, last = integer(start), integer(stop)
        items = self.db.get(key, deque) or ()
        first, end, _ = slice(first, last + 1 or None).indices(len(items))
        return [*islice(items, first, max(first, end))]

    def blpop(self, key: bytes, word: bytes, *more: bytes) -> Reply:
        keys = [key, word, *more]
        timeout = keys.pop()
        if not _FLOAT.fullmatch(timeout):
            raise ReplyError(b"ERR timeout is not a float or out of range")
        milliseconds = float(timeout) * 1000
        if not -1 < milliseconds < 2**63:  # what overflows is negative for Redis, too
            raise ReplyError(b"ERR timeout is negative")
        for each in keys:
            if self.db.get(each, deque):
                return [each, *self.db.pop(b"L", each)]
        self.state.blocked_clients.value += 1
        self.waits_for.value = frozenset(keys)
        for each in self.waits_for.value:
            self.state.blocked[each][self] = None
        self.spawn(self._wait, math.ceil(milliseconds) / 1000 or None)
        return ()

    async def _wait(self, seconds: float | None) -> None:
        try:
            await self.waits_for.wait_value(frozenset(), timeout=seconds)
        except TimeoutError:
            self._unblock(self._no_array())

    def _unblock(self, *replies: Reply) -> None:
        if self.waits_for.value:
            for key in self.waits_for.value:
                self.state.blocked.leave(key, self)
            self.state.blocked_clients.value -= 1
            self.waits_for.value = frozenset()
            self.send(encode(replies, self.protocol))

    def _no_array(self) -> Reply:
        return "*-1" if self.protocol == 2 else None

    def subscribe(self, channel: bytes, *more: bytes) -> Reply:
        return tuple(map(self._subscribe, (channel, *more)))

    def _subscribe(self, channel: bytes) -> Reply:
        self.channels.add(channel)
        self.state.subscribers[channel][self] = None
        return Push([b"subscribe", channel, len(self.channels)])

    def unsubscribe(self, *channels: bytes) -> Reply:
        return tuple(map(self._unsubscribe, channels or self.channels.copy() or [None]))

    def _unsubscribe(self, channel: bytes | None) -> Reply:
        if channel in self.channels:
            self.channels.remove(channel)
            self.state.subscribers.leave(channel, self)
        return Push([b"unsubscribe", channel, len(self.channels)])

    def publish(self, channel: bytes, message: bytes) -> Reply:
        receivers = [*self.state.subscribers.get(channel, ())]
        encoded = {version: encode(Push([b"message", channel, message]), version) for version in (2, 3)}
        for receiver in receivers:
            receiver.send(encoded[receiver.protocol])
        return len(receivers)


class Session(_Commands):
    """One client, from its first command to its last; `send` takes what it gets besides the replies of `execute`."""

    def execute(self, words: list[bytes]) -> bytes:
        """Run a command and return its reply: nothing when that will come by `send`."""
        name = words[0].lower()
        path = (name, words[1].lower()) if name in _CONTAINERS and len(words) > 1 else (name,)
        try:
            if (command := _COMMANDS.get(path)) is None:
                raise _unknown(path, words)
            run, least, most = command
            if not least <= len(words) <= most:
                raise _wrong_number(b"|".join(path))
            if self.channels and self.protocol == 2 and name not in _WHEN_SUBSCRIBED:
                raise ReplyError(_NOT_WHEN_SUBSCRIBED % b"|".join(path))
            return encode(run(self, *words[len(path) :]), self.protocol)
        except ReplyError as error:
            return error.reply

    def leave(self) -> None:
        """Undo what the client has set up: it is gone."""
        self._unblock()
        self.unsubscribe()
        self.has_left = True


def _known(name: str) -> tuple[tuple[bytes, ...], tuple[Callable[..., Reply], int, float]]:
    """Return what is the name of a command, and its method with the least and the greatest number of words."""
    path, run = tuple(name.rstrip("_").encode().split(b"_")), getattr(_Commands, name)
    parameters = signature(run).parameters.values()
    many = any(each.kind is Parameter.VAR_POSITIONAL for each in parameters)
    least = len(path) - 1 + sum(each.default is Parameter.empty for each in parameters) - many  # `self` stands for one
    return path, (run, least, math.inf if many else len(path) - 1 + len(parameters))


_COMMANDS = dict(_known(name) for name in vars(_Commands) if not name.startswith("_"))
_CONTAINERS = {b"client", b"command", b"config"}


def _unknown(path: tuple[bytes, ...], words: list[bytes]) -> ReplyError:
    if path[0] in _CONTAINERS and len(words) == 1:
        return _wrong_number(path[0])
    if path[0] in _CONTAINERS:
        return ReplyError(b"ERR unknown subcommand '%b'. Try %b HELP." % (_cut(words[1])[:128], path[0].upper()))
    shown = b""
    for word in words[1:]:
        shown += b"'%b' " % _cut(word)[: 128 - len(shown)] if len(shown) < 128 else b""
    return ReplyError(b"ERR unknown command '%b', with args beginning with: %b" % (_cut(words[0])[:128], shown))


def _wrong_number(name: bytes) -> ReplyError:
    return ReplyError(b"ERR wrong number of arguments for '%b' command" % name)


def _cut(text: bytes) -> bytes:
    """Cut `text` at a NUL, as Redis does with options and in messages."""
    return text.partition(b"\0")[0]


def _glob(pattern: bytes) -> re.Pattern[bytes]:
    """Make a regular expression of a pattern, with all the corners that this has in Redis."""
    not_empty = b"" if pattern in {b"", b"*"} else rb"(?!\Z)"
    return re.compile(not_empty + _GLOB.sub(_glob_part, pattern), re.DOTALL)


def _glob_part(part: re.Match[bytes]) -> bytes:
    many, one, negated, members, plain = part.groups(b"")
    if many or one or plain:
        return b".*" if many else b"." if one else re.escape(plain)
    choices = b"".join(
        b"%b-%b" % tuple(map(re.escape, sorted((low, high)))) if low else re.escape(quoted or single)
        for quoted, low, high, single in _GLOB_SET.findall(members)
    )
    if not choices:
        return b"." if negated else b"(?!)"
    return (b"[^%b]" if negated else b"[%b]") % choices
