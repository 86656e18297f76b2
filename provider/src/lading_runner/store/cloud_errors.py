"""What an object storage answered, as a store error."""

from __future__ import annotations

import re
from typing import Tuple, Type

from lading_runner.errors import StoreError, StoreForbidden, StoreUnavailable

_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|[Bb]ucket does not exist")
_NO_CREDENTIALS = re.compile(r"169\.254\.169\.254|169\.254\.170\.2|metadata\.google\.internal")
_BAD_CREDENTIALS = re.compile(
    r"ExpiredToken|InvalidToken|InvalidAccessKeyId|SignatureDoesNotMatch|invalid_grant|40[13] "
)
_FINAL = re.compile(r"status code: (?!408|429)4\d\d|status code: 3\d\d|redirect")
_CODE = re.compile(r"<Code>(.*?)</Code>\s*<Message>(.*?)(?:\n|</Message>)", re.DOTALL)
_FORBIDDEN = ("PermissionDeniedError", "UnauthenticatedError")


def typed_answer(error: Exception, doing: str, root: str) -> StoreError:
    """``error`` as the store error that names ``doing`` ("cannot read 'a/b'"), the storage and the cure."""
    kind, cure = _judge(type(error).__name__, str(error))
    return kind(f"{doing} in {root}: {native_reason(error)}; {cure}")


def bucket_is_absent(error: Exception) -> bool:
    return _NO_BUCKET.search(str(error)) is not None


def may_be_tried_again(error: Exception) -> bool:
    return _judge(type(error).__name__, str(error))[0] is StoreUnavailable


def native_reason(error: Exception) -> str:
    """First line of the answer, its error code and message; without queries, which may hold a signature."""
    text = str(error)
    code = _CODE.search(text)
    first = re.sub(r"\?[^\s)]*", "", text.partition("\n")[0].partition("<?xml")[0]).strip()
    return f"{first[:400]} {code[1]}: {code[2][:200]}" if code else first[:400]


def _judge(name: str, text: str) -> Tuple[Type[StoreError], str]:
    if _NO_BUCKET.search(text):
        return (
            StoreForbidden,
            "expected an existing bucket or container; create it, or correct the store's URL",
        )
    if _NO_CREDENTIALS.search(text):
        return StoreForbidden, (
            "no credentials were given, and this machine has no identity of its own; expected credentials in "
            "the connection, in the store's options or in the environment"
        )
    if name in _FORBIDDEN or _BAD_CREDENTIALS.search(text):
        return StoreForbidden, (
            "expected credentials that may read, write, list and delete there; "
            "correct the connection or the role, or the clock of this machine"
        )
    if _FINAL.search(text):
        return (
            StoreError,
            "expected an S3, GCS or Azure storage that takes this request; check region and endpoint",
        )
    return StoreUnavailable, (
        "expected an answer; check the endpoint, the network and the region, then try again "
        "(it was asked again several times within a minute)"
    )
