"""What Google refuses: the first line of the task's error names the cause and the cure."""

from __future__ import annotations

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from lading.backends.vertex import clients
from lading.errors import ConfigError, JobLost
from lading.resources import GPU, Resources
from vertex_project import VertexDesk

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from vertex_project import Project

pytestmark = pytest.mark.service("vertex")
CONNECTION = "AIRFLOW_CONN_GCP_OTHER"


def step() -> str:
    return "done"


def first_line(project: Project, tmp_path: Path, kind: type[Exception], **given: Any) -> str:
    """Of the error of a step that must not start."""
    desk = VertexDesk(project, tmp_path, step, **given)
    with pytest.raises(kind) as caught:
        desk.run()
    assert desk.claim() is None
    assert project.vertex.running() == []
    return str(caught.value).splitlines()[0]


#: By name: gRPC code and words of the service's answer, then words of our line.
ANSWERS = {
    "no permission": (
        "PERMISSION_DENIED",
        "Permission 'aiplatform.customJobs.create' denied on resource "
        "'//aiplatform.googleapis.com/projects/proj-1234/locations/us-central1' (or it may not exist).",
        ("aiplatform.customJobs.create", "roles/aiplatform.user", "'google_cloud_default'"),
    ),
    "API off": (
        "PERMISSION_DENIED",
        "Vertex AI API has not been used in project 1 before or it is disabled. SERVICE_DISABLED",
        ("gcloud services enable aiplatform.googleapis.com --project proj-1234",),
    ),
    "act as": (
        "PERMISSION_DENIED",
        "You do not have permission to act as service account: trainer@p.iam.gserviceaccount.com.",
        ("roles/iam.serviceAccountUser", "name another service_account in the target"),
    ),
    "token expired": (
        "UNAUTHENTICATED",
        "Request had invalid authentication credentials. Expected OAuth 2 access token.",
        ("missing or expired", "gcloud auth application-default login"),
    ),
    "no such location": (
        "NOT_FOUND",
        "The location us-central1 was not found.",
        ("check the target's region, 'us-central1'",),
    ),
    "quota": (
        "RESOURCE_EXHAUSTED",
        "The following quota metrics exceed quota limits: "
        "aiplatform.googleapis.com/custom_model_training_nvidia_l4_gpus",
        (
            "custom_model_training_nvidia_l4_gpus",
            "ask for a higher quota",
            "iam-admin/quotas?project=proj-1234",
        ),
    ),
    "key": (
        "FAILED_PRECONDITION",
        "The service agent cannot use the KMS key projects/p/keys/k.",
        ("let the service agent of Vertex AI use the encryption_key",),
    ),
    "image name": (
        "INVALID_ARGUMENT",
        'Unsupported region "docker.io" in image URI.',
        ("REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG",),
    ),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_refusal_is_told_with_its_cure(project: Project, tmp_path: Path, name: str) -> None:
    from fakes.vertex import Fault

    code, message, words = ANSWERS[name]
    fault = Fault("CreateCustomJob", code, message)
    project.vertex.faults[:] = [fault]
    kind = JobLost if name == "quota" else ConfigError
    line = first_line(project, tmp_path, kind)
    assert fault.times == 0
    assert line.startswith(
        "Vertex AI did not create the custom job in project 'proj-1234', region 'us-central1': "
    )
    for word in (message[:60], code, *words):
        assert word in line


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"keys": {"project": "no-such-project"}}, ("no-such-project", "check the target's project")),
        (
            {"keys": {"machine_type": "n1-standard-5"}},
            ('Machine type "n1-standard-5" is not supported', "machine_type= of the step or its target"),
        ),
        (
            {
                "keys": {"machine_type": "n9-standard-4"},
                "resources": Resources(gpu=GPU("NVIDIA_TESLA_T4")),
            },
            ('"n9-standard-4" is not supported', "machine_type="),
        ),
        (
            {"keys": {"region": "us-centrall1"}},
            ("did you mean 'us-central1'?", "correct region in the target"),
        ),
    ],
    ids=["project", "machine", "machine and gpu", "region"],
)
def test_what_is_not_there_is_told_with_its_cure(
    project: Project, tmp_path: Path, given: dict[str, Any], words: tuple[str, ...]
) -> None:
    line = first_line(project, tmp_path, ConfigError, **given)
    for word in words:
        assert word in line


def test_credentials_that_are_missing_are_told_with_their_cure(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        CONNECTION, json.dumps({"conn_type": "google_cloud_platform", "extra": {"project": "p-1234"}})
    )
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.delenv("GOOGLE_APPLICATION_CREDENTIALS", raising=False)
    line = first_line(project, tmp_path, ConfigError, keys={"connection": "gcp_other"})
    assert line.startswith("connection 'gcp_other' has no credentials for Google Cloud that can be used: ")
    assert "default credentials" in line
    assert "gcloud auth application-default login" in line


def test_a_connection_that_is_not_there_is_named(project: Project, tmp_path: Path) -> None:
    line = first_line(project, tmp_path, ConfigError, keys={"connection": "no_such"})
    assert line.startswith("connection 'no_such' has no credentials")
    assert "isn't defined" in line


class _Tokens(BaseHTTPRequestHandler):
    """Google's token server, which takes the login for expired."""

    def do_POST(self) -> None:
        body = b'{"error": "invalid_grant", "error_description": "Token has been expired or revoked."}'
        self.server.asked = True  # type: ignore[attr-defined]
        self.send_response(400)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def tokens(project: Project, monkeypatch: pytest.MonkeyPatch) -> Iterator[ThreadingHTTPServer]:
    authority, certificate, key = project.certificates
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Tokens)
    server.asked = False  # type: ignore[attr-defined]
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    project.proxy.routes[r"oauth2\.googleapis\.com:443"] = server.server_address[1]
    monkeypatch.setenv("https_proxy", project.proxy.url)
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority))
    yield server
    server.shutdown()
    server.server_close()


def test_a_login_that_expired_is_told_with_its_cure_and_not_shown(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, tokens: ThreadingHTTPServer
) -> None:
    secret = "s3cr3t-refresh-token"
    login = {"type": "authorized_user", "client_id": "c", "client_secret": "s", "refresh_token": secret}
    (tmp_path / "login.json").write_text(json.dumps(login))
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "login.json"))
    extra = {"project": "proj-1234"}
    monkeypatch.setenv(CONNECTION, json.dumps({"conn_type": "google_cloud_platform", "extra": extra}))
    line = first_line(project, tmp_path, ConfigError, keys={"connection": "gcp_other"})
    assert tokens.asked  # type: ignore[attr-defined]
    assert "Token has been expired or revoked" in line
    assert "credentials of connection 'gcp_other' are missing or expired" in line
    assert secret not in line
    assert not any(access.connection == "gcp_other" for access in clients._made)
