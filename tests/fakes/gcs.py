"""A small Google Cloud Storage: one bucket in memory behind its two HTTP interfaces.

The XML interface is what obstore speaks, the JSON interface what Google's own client speaks; both work on the
same objects and both enforce ``ifGenerationMatch``. Only what tests use is here; all else is answered 501.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

TOKEN = "fake-token"
_PAGE = 4  # keys per page of a listing, so that paging is exercised


@dataclass(frozen=True)
class Object:
    data: bytes
    generation: int
    metadata: dict[str, str]
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


class PreconditionFailed(Exception):
    pass


class Bucket:
    """Objects with generations; ``put`` is atomic."""

    def __init__(self) -> None:
        self.objects: dict[str, Object] = {}
        self.uploads: dict[str, dict[str, Any]] = {}
        self._generations = count(int(datetime.now(UTC).timestamp() * 1e6))
        self._lock = threading.Lock()

    def put(self, name: str, data: bytes, metadata: dict[str, str], if_generation: str | None) -> Object:
        """``if_generation``: that of the object to replace, ``"0"``: there must be none."""
        with self._lock:
            found = self.objects.get(name)
            if if_generation is not None and int(if_generation) != (found.generation if found else 0):
                raise PreconditionFailed
            self.objects[name] = Object(data, next(self._generations), metadata)
            return self.objects[name]


class FakeGCS(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, bucket: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.buckets = {bucket: Bucket()}
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.shutdown()
        self.server_close()

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that hang up are no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: FakeGCS

    def _serve(self) -> None:
        parts = urlsplit(self.path)
        self.query = {k: v[0] for k, v in parse_qs(parts.query, keep_blank_values=True).items()}
        self.body = self._body()
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            self._fail(401, "AuthenticationRequired", "Authentication required.")
            return
        try:
            if parts.path.startswith(("/storage/v1/", "/upload/storage/v1/", "/download/storage/v1/")):
                _Json(self).serve(parts.path)
            else:
                _Xml(self).serve(parts.path)
        except PreconditionFailed:
            self._fail(
                412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold."
            )

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _serve

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _fail(self, status: int, code: str, message: str) -> None:
        if "/storage/v1/" in self.path:
            error = {"error": {"code": status, "message": message, "errors": [{"reason": code}]}}
            self.answer(status, json.dumps(error).encode(), {"Content-Type": "application/json"})
            return
        fields = f"<Code>{code}</Code><Message>{message}</Message>"
        text = f"<?xml version='1.0' encoding='UTF-8'?><Error>{fields}</Error>"
        self.answer(status, text.encode(), {"Content-Type": "application/xml"})

    def bucket(self, name: str) -> Bucket | None:
        if name not in self.server.buckets:
            self._fail(404, "NoSuchBucket", "The specified bucket does not exist.")
        return self.server.buckets.get(name)

    def absent(self) -> None:
        self._fail(404, "NoSuchKey", "The specified key does not exist.")

    def unsupported(self) -> None:
        self._fail(501, "NotImplemented", f"{self.command} {self.path} is not part of this fake")

    def send_object(self, found: Object) -> None:
        """Whole or the ``Range`` asked for."""
        data, status = found.data, 200
        headers = {
            "ETag": f'"{hashlib.md5(data).hexdigest()}"',
            "x-goog-generation": str(found.generation),
            "x-goog-hash": "md5=" + base64.b64encode(hashlib.md5(data).digest()).decode(),
            "Last-Modified": format_datetime(found.updated, usegmt=True),
            **{f"x-goog-meta-{k}": v for k, v in found.metadata.items()},
        }
        if asked := self.headers.get("Range"):
            first, _, last = asked.removeprefix("bytes=").partition("-")
            end = min(int(last) + 1 if last else len(data), len(data))
            if int(first) >= len(data):
                self._fail(416, "InvalidRange", "The requested range cannot be satisfied.")
                return
            headers["Content-Range"] = f"bytes {first}-{end - 1}/{len(data)}"
            data, status = data[int(first) : end], 206
        self.answer(status, data, headers)

    def answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


class _Xml:
    """``/bucket/object``"""

    def __init__(self, http: _Handler) -> None:
        self.http = http

    def serve(self, path: str) -> None:
        bucket_name, _, name = path[1:].partition("/")
        bucket = self.http.bucket(unquote(bucket_name))
        if bucket is None:
            return
        name = unquote(name)
        if not name:
            self._list(bucket)
        elif "uploads" in self.http.query or "uploadId" in self.http.query:
            self._multipart(bucket, name)
        elif self.http.command == "PUT":
            self._stored(bucket.put(name, self.http.body, self._metadata(), self._condition()))
        else:
            self._object(bucket, name)

    def _object(self, bucket: Bucket, name: str) -> None:
        found = bucket.objects.get(name)
        if found is None:
            self.http.absent()
        elif self.http.command == "DELETE":
            bucket.objects.pop(name, None)
            self.http.answer(204)
        else:
            self.http.send_object(found)

    def _condition(self) -> str | None:
        return self.http.headers.get("x-goog-if-generation-match")

    def _metadata(self) -> dict[str, str]:
        prefix = "x-goog-meta-"
        return {
            k.lower()[len(prefix) :]: v for k, v in self.http.headers.items() if k.lower().startswith(prefix)
        }

    def _stored(self, found: Object) -> None:
        etag = f'"{hashlib.md5(found.data).hexdigest()}"'
        self.http.answer(200, b"", {"ETag": etag, "x-goog-generation": str(found.generation)})

    def _multipart(self, bucket: Bucket, name: str) -> None:
        http, query = self.http, self.http.query
        if "uploads" in query:
            upload = uuid.uuid4().hex
            bucket.uploads[upload] = {"metadata": self._metadata(), "parts": {}}
            fields = f"<Bucket>b</Bucket><Key>{escape(name)}</Key><UploadId>{upload}</UploadId>"
            self._xml("InitiateMultipartUploadResult", fields)
            return
        upload = query["uploadId"]
        if upload not in bucket.uploads:
            http.absent()
        elif http.command == "PUT":
            bucket.uploads[upload]["parts"][int(query["partNumber"])] = http.body
            http.answer(200, b"", {"ETag": f'"{hashlib.md5(http.body).hexdigest()}"'})
        elif http.command == "DELETE":
            del bucket.uploads[upload]
            http.answer(204)
        else:
            done = bucket.uploads.pop(upload)
            data = b"".join(part for _, part in sorted(done["parts"].items()))
            bucket.put(name, data, done["metadata"], self._condition())
            etag = hashlib.md5(data).hexdigest()
            fields = f'<Bucket>b</Bucket><Key>{escape(name)}</Key><ETag>"{etag}"</ETag>'
            self._xml("CompleteMultipartUploadResult", fields)

    def _list(self, bucket: Bucket) -> None:
        query = self.http.query
        if self.http.command != "GET" or query.get("list-type") != "2" or query.get("delimiter"):
            self.http.unsupported()
            return
        after = query.get("continuation-token") or query.get("start-after") or ""
        prefix = query.get("prefix", "")
        names = sorted((n for n in list(bucket.objects) if n.startswith(prefix)), key=str.encode)
        names = [n for n in names if n.encode() > after.encode()]
        page = names[:_PAGE]
        fields = "".join(_entry(name, bucket.objects[name]) for name in page if name in bucket.objects)
        if len(names) > len(page):
            token = escape(page[-1])
            fields += f"<IsTruncated>true</IsTruncated><NextContinuationToken>{token}</NextContinuationToken>"
        self._xml("ListBucketResult", f"<KeyCount>{len(page)}</KeyCount>{fields}")

    def _xml(self, root: str, fields: str) -> None:
        text = f"<?xml version='1.0' encoding='UTF-8'?><{root}>{fields}</{root}>"
        self.http.answer(200, text.encode(), {"Content-Type": "application/xml"})


def _entry(name: str, found: Object) -> str:
    time = found.updated.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    etag = hashlib.md5(found.data).hexdigest()
    return (
        f"<Contents><Key>{escape(name)}</Key><Generation>{found.generation}</Generation><LastModified>{time}"
        f'</LastModified><ETag>"{etag}"</ETag><Size>{len(found.data)}</Size></Contents>'
    )


class _Json:
    """``/storage/v1/b/BUCKET/o/OBJECT``"""

    def __init__(self, http: _Handler) -> None:
        self.http = http

    def serve(self, path: str) -> None:
        words = path.partition("/b/")[2].split("/")
        bucket = self.http.bucket(unquote(words[0]))
        if bucket is None:
            return
        name = unquote("/".join(words[2:]))
        if path.startswith("/upload/"):
            self._upload(bucket, words[0])
        elif len(words) > 2:
            self._object(bucket, words[0], name)
        elif len(words) == 2 and self.http.command == "GET":
            prefix = self.http.query.get("prefix", "")
            names = sorted((n for n in list(bucket.objects) if n.startswith(prefix)), key=str.encode)
            self._send({"items": [_resource(words[0], n, bucket.objects[n]) for n in names]})
        else:
            self.http.unsupported()

    def _object(self, bucket: Bucket, bucket_name: str, name: str) -> None:
        found = bucket.objects.get(name)
        if found is None:
            self.http.absent()
        elif self.http.command == "DELETE":
            bucket.objects.pop(name, None)
            self.http.answer(204)
        elif self.http.query.get("alt") == "media":
            self.http.send_object(found)
        else:
            self._send(_resource(bucket_name, name, found))

    def _upload(self, bucket: Bucket, bucket_name: str) -> None:
        if self.http.query.get("uploadType") != "multipart":
            self.http.unsupported()
            return
        boundary = self.http.headers["Content-Type"].partition("boundary=")[2].strip("\"'").encode()
        parts = self.http.body.split(b"--" + boundary)
        head = json.loads(parts[1].partition(b"\r\n\r\n")[2])
        data = parts[2].partition(b"\r\n\r\n")[2].removesuffix(b"\r\n")
        condition = self.http.query.get("ifGenerationMatch")
        found = bucket.put(head["name"], data, head.get("metadata") or {}, condition)
        self._send(_resource(bucket_name, head["name"], found))

    def _send(self, data: object) -> None:
        self.http.answer(200, json.dumps(data).encode(), {"Content-Type": "application/json"})


def _resource(bucket: str, name: str, found: Object) -> dict[str, Any]:
    return {
        "kind": "storage#object",
        "bucket": bucket,
        "name": name,
        "generation": str(found.generation),
        "metageneration": "1",
        "size": str(len(found.data)),
        "md5Hash": base64.b64encode(hashlib.md5(found.data).digest()).decode(),
        "metadata": found.metadata,
        "updated": found.updated.isoformat().replace("+00:00", "Z"),
    }
