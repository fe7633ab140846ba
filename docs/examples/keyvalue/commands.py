"""The commands: a method each, which takes the words behind a command's name and returns its reply, encoded."""

import math
import re
from collections.abc import Callable, Mapping
from enum import Enum, auto
from functools import partialmethod
from itertools import islice
from typing import TYPE_CHECKING, NamedTuple

from .blocking import Waiter, WaitingRoom
from .database import Database
from .gauges import Gauges
from .protocol import ReplyError, array, bulk, integer, integer_in

if TYPE_CHECKING:
    from .log import Log

_OK = b"+OK\r\n"
_NULL, _NULL_ARRAY = {2: b"$-1\r\n", 3: b"_\r\n"}, {2: b"*-1\r\n", 3: b"_\r\n"}  # by version of RESP
_NOT_AN_INTEGER = b"ERR value is not an integer or out of range"
_NOT_POSITIVE = b"ERR value is out of range, must be positive"
_ARITIES = """
    ping:-1 echo:2 quit:-1 hello:-1 client|id:2 client|setname:3 client|setinfo:4 command:-1 command|count:2
    command|docs:-2 config|get:-3 info:-1 get:2 set:-3 mget:-2 mset:-3 del:-2 exists:-2 incr:2 incrby:3 expire:-3
    pexpireat:-3 ttl:2 keys:2 dbsize:1 flushall:-1 lpush:-3 rpush:-3 lpop:-2 rpop:-2 llen:2 lrange:4 blpop:-3
    subscribe:-2 unsubscribe:-1 publish:3 bgrewriteaof:1 status:1
"""  # how many words make a command; or, with a minus, how many at least
_WHEN_SUBSCRIBED = {b"ping", b"quit", b"subscribe", b"unsubscribe"}
_NOT_WHEN_SUBSCRIBED = (
    b"ERR Can't execute '%b': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are allowed in this context"
)
_FLOAT = re.compile(rb"[+-]?(?:(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|inf(?:inity)?)", re.IGNORECASE)
_GLOB = re.compile(rb"(\*+)|(\?)|\[(\^?)((?:\\.|[^\]]-.|[^\]])*+)\]?|\\?(.)", re.DOTALL)
_GLOB_SET = re.compile(rb"\\(.)|(.)-(.)|(.)", re.DOTALL)


class Phase(Enum):
    """Where a client stands: its next command may run, waits for one that blocks, or never will run."""

    READY = auto()
    BLOCKED = auto()
    LEAVING = auto()


class State:
    """What all clients share."""

    def __init__(self, config: Mapping[bytes, bytes]) -> None:
        self.config = config
        self.database = Database()
        self.waiting = WaitingRoom(self.database)
        self.channels: dict[bytes, dict[_Commands, None]] = {}
        self.log: Log | None = None
        self.gauges = Gauges(self.database, self.waiting.size)


class _Commands:
    """The name of a method is that of its command and subcommand; it takes the words that follow."""

    def __init__(
        self, state: State, number: int, send: Callable[[bytes], None], spawn: Callable[..., object] = lambda *_: None
    ) -> None:
        self.state, self.db, self.number, self.send, self.spawn = state, state.database, number, send, spawn
        self.phase, self.protocol, self.name = Phase.READY, 2, b""
        self.channels: dict[bytes, None] = {}
        self.waiter: Waiter | None = None
        self.watches = False

    def ping(self, *message: bytes) -> bytes:
        if len(message) > 1:
            raise _wrong_number(b"ping")
        if self.channels and self.protocol == 2:
            return array([bulk(b"pong"), bulk(b"".join(message))])
        return bulk(*message) if message else b"+PONG\r\n"

    def echo(self, message: bytes) -> bytes:
        return bulk(message)

    def quit(self, *_ignored: bytes) -> bytes:
        self.phase = Phase.LEAVING
        return _OK

    def hello(self, *words: bytes) -> bytes:
        version = self.protocol
        if words:
            version = _integer(words[0], b"ERR Protocol version is not an integer or out of range")
        if version not in {2, 3}:
            raise ReplyError(b"NOPROTO unsupported protocol version")
        options = list(words[1:])
        while options:
            option = _cut(options.pop(0))
            if option.upper() != b"SETNAME" or not options:
                raise ReplyError(b"ERR Syntax error in HELLO option '%b'" % option)
            self.client_setname(options.pop(0))
        self.protocol = version
        fields = {b"server": bulk(b"redis"), b"version": bulk(b"7.0.15"), b"proto": integer(version)}
        fields |= {b"id": integer(self.number), b"mode": bulk(b"standalone"), b"role": bulk(b"master")}
        return self._map(fields | {b"modules": array([])})

    def client_id(self) -> bytes:
        return integer(self.number)

    def client_setname(self, name: bytes) -> bytes:
        if not re.fullmatch(rb"[!-~]*", name):
            raise ReplyError(b"ERR Client names cannot contain spaces, newlines or special characters.")
        self.name = name
        return _OK

    def client_setinfo(self, _attribute: bytes, _value: bytes) -> bytes:
        return _OK

    def command(self) -> bytes:
        return array([array([bulk(each.name), integer(each.arity)]) for each in _DECLARED])

    def command_count(self) -> bytes:
        return integer(len(_DECLARED))

    def command_docs(self, *_names: bytes) -> bytes:
        return self._map({})

    def config_get(self, *patterns: bytes) -> bytes:
        wanted = [_glob(pattern.lower()) for pattern in patterns]
        config = self.state.config.items()
        return self._map({name: bulk(value) for name, value in config if any(each.fullmatch(name) for each in wanted)})

    def info(self, *sections: bytes) -> bytes:
        wanted = {section.decode(errors="replace").lower() for section in sections}
        rewriting = self.state.log is not None and self.state.log.is_rewriting.value
        text = self.state.gauges.report(wanted, rewriting=rewriting).encode()
        return bulk(text) if self.protocol == 2 else b"=%d\r\ntxt:%b\r\n" % (len(text) + 4, text)

    def get(self, key: bytes) -> bytes:
        return self._bulk_or_null(self.db.string(key))

    def set(self, key: bytes, value: bytes, *words: bytes) -> bytes:
        condition, unit, amount, options = b"", b"", b"", list(words)
        while options:
            option = _cut(options.pop(0)).upper()
            if option in {b"NX", b"XX"} and condition in {b"", option}:
                condition = option
            elif option in {b"EX", b"PX", b"PXAT"} and unit in {b"", option} and options:
                unit, amount = option, options.pop(0)
            else:
                raise ReplyError(b"ERR syntax error")
        deadline = None
        if unit:
            number = _integer(amount) * (1000 if unit == b"EX" else 1)
            deadline = number + (0 if unit == b"PXAT" else self.db.now())
            if number <= 0 or deadline >= 2**63:
                raise ReplyError(b"ERR invalid expire time in 'set' command")
        if condition and (condition == b"XX") != (key in self.db):
            return _NULL[self.protocol]
        self.db.set(key, value, deadline)
        return _OK

    def mget(self, *keys: bytes) -> bytes:
        values = [self.db.get(key) for key in keys]
        return array([self._bulk_or_null(value if isinstance(value, bytes) else None) for value in values])

    def mset(self, *words: bytes) -> bytes:
        if len(words) % 2:
            raise _wrong_number(b"mset")
        for key, value in zip(words[::2], words[1::2], strict=True):
            self.db.set(key, value)
        return _OK

    def del_(self, *keys: bytes) -> bytes:
        return integer(sum(key in self.db and self.db.delete(key) for key in keys))

    def exists(self, *keys: bytes) -> bytes:
        return integer(sum(key in self.db for key in keys))

    def incrby(self, key: bytes, increment: bytes = b"1") -> bytes:
        amount, value = _integer(increment), self.db.string(key)
        number = amount + (0 if value is None else _integer(value))
        if not -(2**63) <= number < 2**63:
            raise ReplyError(b"ERR increment or decrement would overflow")
        self.db.set(key, b"%d" % number, self.db.deadlines.get(key))
        return integer(number)

    incr = incrby

    def expire(self, key: bytes, seconds: bytes, *options: bytes) -> bytes:
        return self._expire(b"expire", key, seconds, options, 1000, self.db.now())

    def pexpireat(self, key: bytes, milliseconds: bytes, *options: bytes) -> bytes:
        return self._expire(b"pexpireat", key, milliseconds, options, 1, 0)

    def _expire(self, name: bytes, key: bytes, time: bytes, options: tuple[bytes, ...], unit: int, start: int) -> bytes:
        if options:
            raise ReplyError(b"ERR Unsupported option %b" % _cut(options[0]))
        deadline = start + _integer(time) * unit
        if not start - 2**63 <= deadline < 2**63:
            raise ReplyError(b"ERR invalid expire time in '%b' command" % name)
        if key not in self.db:
            return integer(0)
        self.db.expire(key, deadline)
        return integer(1)

    def ttl(self, key: bytes) -> bytes:
        if key not in self.db:
            return integer(-2)
        deadline = self.db.deadlines.get(key)
        return integer(-1 if deadline is None else (deadline - self.db.now() + 500) // 1000)

    def keys(self, pattern: bytes) -> bytes:
        wanted = _glob(pattern)
        return array([bulk(key) for key in [*self.db.values] if wanted.fullmatch(key) and key in self.db])

    def dbsize(self) -> bytes:
        return integer(len(self.db.values))

    def flushall(self, *how: bytes) -> bytes:
        if [_cut(word).upper() for word in how] not in ([], [b"SYNC"], [b"ASYNC"]):
            raise ReplyError(b"ERR syntax error")
        self.db.clear()
        return _OK

    def bgrewriteaof(self) -> bytes:
        if self.state.log is None:
            raise ReplyError(b"ERR this server keeps no append-only file")
        if not self.state.log.rewrite(self.db):
            raise ReplyError(b"ERR Background append only file rewriting already in progress")
        return b"+Background append only file rewriting started\r\n"

    def _push(self, side: bytes, key: bytes, *values: bytes) -> bytes:
        length = self.db.push(side, key, values)
        self.state.waiting.serve(key)
        return integer(length)

    lpush, rpush = partialmethod(_push, b"L"), partialmethod(_push, b"R")

    def _pop(self, side: bytes, key: bytes, *count: bytes) -> bytes:
        if not count:
            taken = self.db.pop(side, key)
            return bulk(*taken) if taken else _NULL[self.protocol]
        if len(count) > 1:
            raise _wrong_number(side.lower() + b"pop")
        if (limit := _integer(count[0], _NOT_POSITIVE)) < 0:
            raise ReplyError(_NOT_POSITIVE)
        if self.db.items(key) is None:
            return _NULL_ARRAY[self.protocol]
        return array([bulk(value) for value in self.db.pop(side, key, limit)])

    lpop, rpop = partialmethod(_pop, b"L"), partialmethod(_pop, b"R")

    def llen(self, key: bytes) -> bytes:
        return integer(len(self.db.items(key) or ()))

    def lrange(self, key: bytes, start: bytes, stop: bytes) -> bytes:
        first, last = _integer(start), _integer(stop)
        items = self.db.items(key) or ()
        first, end, _ = slice(first, last + 1 or None).indices(len(items))
        return array([bulk(item) for item in islice(items, first, max(first, end))])

    def blpop(self, *words: bytes) -> bytes | None:
        *keys, timeout = words
        seconds = _timeout(timeout)
        for key in keys:
            if self.db.items(key):
                return array([bulk(key), bulk(*self.db.pop(b"L", key))])
        self.phase, self.waiter = Phase.BLOCKED, self.state.waiting.enter(keys)
        self.spawn(self._wait, self.waiter, seconds or None)
        return None

    async def _wait(self, waiter: Waiter, timeout: float | None) -> None:
        try:
            await waiter.found.wait_value(lambda found: found is not None, timeout=timeout)
        except TimeoutError:
            if self.waiter is waiter and not waiter.found.value:
                self.state.waiting.leave(waiter)
                self._unblock(_NULL_ARRAY[self.protocol])
        self._answer()

    def _answer(self) -> None:
        if self.waiter and (found := self.waiter.found.value):
            self._unblock(array([bulk(part) for part in found]))

    def _unblock(self, reply: bytes) -> None:
        self.phase, self.waiter = Phase.READY, None
        self.send(reply)

    def subscribe(self, *channels: bytes) -> bytes:
        replies = []
        for each in channels:
            self.channels[each] = None
            self.state.channels.setdefault(each, {})[self] = None
            replies.append(self._subscription(b"subscribe", each))
        return b"".join(replies)

    def unsubscribe(self, *channels: bytes) -> bytes:
        replies = []
        for each in channels or [*self.channels]:
            if each in self.channels:
                del self.channels[each], self.state.channels[each][self]
                if not self.state.channels[each]:
                    del self.state.channels[each]
            replies.append(self._subscription(b"unsubscribe", each))
        return b"".join(replies) or self._subscription(b"unsubscribe", None)

    def _subscription(self, change: bytes, channel: bytes | None) -> bytes:
        parts = bulk(change), self._bulk_or_null(channel), integer(len(self.channels))
        return array(parts, b"*" if self.protocol == 2 else b">")

    def publish(self, channel: bytes, message: bytes) -> bytes:
        receivers = [*self.state.channels.get(channel, ())]
        parts = bulk(b"message"), bulk(channel), bulk(message)
        encoded = {2: array(parts), 3: array(parts, b">")}
        for receiver in receivers:
            receiver._answer()  # if there is something, it came before
            receiver.send(encoded[receiver.protocol])
        return integer(len(receivers))

    def status(self) -> bytes:
        if not self.watches:
            self.watches = True
            self.spawn(self.state.gauges.watch, self.send)
        return _OK

    def _bulk_or_null(self, value: bytes | None) -> bytes:
        return _NULL[self.protocol] if value is None else bulk(value)

    def _map(self, pairs: Mapping[bytes, bytes]) -> bytes:
        replies = [part for key, value in pairs.items() for part in (bulk(key), value)]
        return array(replies) if self.protocol == 2 else b"%%%d\r\n%b" % (len(pairs), b"".join(replies))


def _cut(text: bytes) -> bytes:
    """Cut `text` at a NUL, as Redis does with options and in messages."""
    return text.partition(b"\0")[0]


def _integer(text: bytes, message: bytes = _NOT_AN_INTEGER) -> int:
    if (number := integer_in(text)) is None:
        raise ReplyError(message)
    return number


def _timeout(text: bytes) -> float:
    if not _FLOAT.fullmatch(text):
        raise ReplyError(b"ERR timeout is not a float or out of range")
    milliseconds = float(text) * 1000
    if not -1 < milliseconds < 2**63:  # what overflows is negative for Redis, too
        raise ReplyError(b"ERR timeout is negative")
    return math.ceil(milliseconds) / 1000


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


def _wrong_number(name: bytes) -> ReplyError:
    return ReplyError(b"ERR wrong number of arguments for '%b' command" % name)


class _Command(NamedTuple):
    """A method of `_Commands`, called with all words but its `own`."""

    name: bytes
    run: Callable[..., bytes | None]
    own: int
    arity: int


def _declared(name: str, arity: str) -> _Command:
    method = "del_" if name == "del" else name.replace("|", "_")
    return _Command(name.encode(), getattr(_Commands, method), len(name.split("|")), int(arity))


_DECLARED = [_declared(*each.split(":")) for each in _ARITIES.split()]
_BY_NAME = {each.name: each for each in _DECLARED}
_CONTAINERS = {each.name.split(b"|")[0] for each in _DECLARED if each.own == 2}
_PLAIN = {spelt: each for name, each in _BY_NAME.items() if name not in _CONTAINERS for spelt in (name, name.upper())}


def _find(words: list[bytes]) -> _Command:
    name = words[0].lower()
    if name in _CONTAINERS and len(words) > 1:
        if found := _BY_NAME.get(name + b"|" + words[1].lower()):
            return found
        raise ReplyError(b"ERR unknown subcommand '%b'. Try %b HELP." % (_cut(words[1])[:128], name.upper()))
    if name in _BY_NAME and b"|" not in name:
        return _BY_NAME[name]
    if name in _CONTAINERS:
        raise _wrong_number(name)
    shown = b""
    for word in words[1:]:
        shown += b"'%b' " % _cut(word)[: 128 - len(shown)] if len(shown) < 128 else b""
    raise ReplyError(b"ERR unknown command '%b', with args beginning with: %b" % (_cut(words[0])[:128], shown))


class Session(_Commands):
    """One client, from its first command to its last; `send` takes what it gets besides the replies of `execute`."""

    def execute(self, words: list[bytes]) -> bytes | None:
        """Run a command and return its reply, or None when that will come by `send`."""
        try:
            command = _PLAIN.get(words[0]) or _find(words)
            if len(words) != command.arity and not 0 < -command.arity <= len(words):
                raise _wrong_number(command.name)
            if self.channels and self.protocol == 2 and command.name not in _WHEN_SUBSCRIBED:
                raise ReplyError(_NOT_WHEN_SUBSCRIBED % command.name)
            return command.run(self, *words[command.own :])
        except ReplyError as error:
            return error.reply

    def leave(self) -> None:
        """Undo what the client has set up: it is gone."""
        if self.waiter and not self.waiter.found.value:
            self.state.waiting.leave(self.waiter)
        self.waiter = None
        self.unsubscribe()
        self.phase = Phase.LEAVING
