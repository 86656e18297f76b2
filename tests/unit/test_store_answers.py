"""What a storage answers becomes an error of the right kind, and no secret in it."""

from __future__ import annotations

import pytest

from lading_runner.errors import StoreError, StoreForbidden, StoreUnavailable
from lading_runner.store.cloud_errors import may_be_tried_again, typed_answer

HEAD = "Generic S3 error: Error performing PUT https://bucket.example/k?X-Amz-Signature=s3cr3t in 3ms"
STATUS = f"{HEAD} - Server returned non-2xx status code:"


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        (f"{HEAD}, after 4 retries - HTTP error: error sending request", StoreUnavailable, "network"),
        (f"{STATUS} 503 Slow Down: ", StoreUnavailable, "try again"),
        (f"{STATUS} 429 Too Many Requests: ", StoreUnavailable, "try again"),
        (f"{STATUS} 408 Request Timeout: ", StoreUnavailable, "try again"),
        (
            f"{STATUS} 400 Bad Request: <Error><Code>ExpiredToken</Code><Message>old</Message>",
            StoreForbidden,
            "old",
        ),
        (f"{STATUS} 403 Forbidden: ", StoreForbidden, "credentials"),
        (
            f"{STATUS} 404 Not Found: <Code>NoSuchBucket</Code><Message>no</Message>",
            StoreForbidden,
            "create it",
        ),
        (f"{STATUS} 400 Bad Request: ", StoreError, "region"),
        (f"{STATUS} 301 Moved Permanently: ", StoreError, "region"),
        (
            "Generic S3 error: Error performing PUT http://169.254.169.254/latest in 1s",
            StoreForbidden,
            "no identity",
        ),
    ],
)
def test_an_answer_has_its_kind_and_its_cure(text: str, kind: type[StoreError], says: str) -> None:
    answer = Exception(f"{text}\n\nDebug source:\nGeneric {{ authorization: s3cr3t }}")
    error = typed_answer(answer, "cannot write 'k'", "s3://bucket/x")
    assert type(error) is kind
    assert may_be_tried_again(answer) is (kind is StoreUnavailable)
    for part in ("cannot write 'k'", "s3://bucket/x", says):
        assert part in str(error)
    assert "s3cr3t" not in str(error)
    assert "\n" not in str(error)
