"""A small relay: lines go through a queue, a value counts them, a reader is let run at once."""

from dependent._relay import relay

__all__ = ["relay"]
