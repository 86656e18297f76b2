"""How the API says no."""

from __future__ import annotations


class ApiError(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


class NoAnswer(Exception):
    """The connection is cut instead of an answer."""
