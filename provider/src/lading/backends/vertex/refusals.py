"""What Google's answers mean: which can pass, which no second try mends, and their cures. Pure."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from lading.backends.vertex import machines
from lading.errors import ConfigError, JobLost, LadingError, TransientError

if TYPE_CHECKING:
    from collections.abc import Mapping

_LATER = {"UNAVAILABLE", "DEADLINE_EXCEEDED", "INTERNAL", "UNKNOWN", "ABORTED", "CANCELLED"}
_RATE = re.compile(r"per minute|per second|requests?[- ]per|rate limit|too many requests", re.IGNORECASE)
_CREDENTIALS = re.compile(
    r"invalid_grant|RefreshError|reauth|expired|not be refreshed|invalid authentication|UNAUTHENTICATED",
    re.IGNORECASE,
)
_NO_HOST = re.compile(
    r"name resolution|DNS|not known|ENOTFOUND|proxy.*(403|refused|forbidden)|HTTP proxy returned|handshake",
    re.IGNORECASE,
)

#: By code, words of the message and cure; the first that fits holds.
_CURES: tuple[tuple[str, str, str], ...] = (
    (
        "UNAUTHENTICATED",
        "",
        "the credentials of connection {connection!r} are missing or expired: give it a new key, or run "
        "'gcloud auth application-default login' where Airflow runs",
    ),
    (
        "PERMISSION_DENIED",
        r"SERVICE_DISABLED|has not been used|is disabled",
        "enable the API: gcloud services enable aiplatform.googleapis.com --project {project}",
    ),
    (
        "PERMISSION_DENIED",
        r"CONSUMER_INVALID|resource project|project.*(not found|invalid)",
        "check the target's project: {project!r} is not one that connection {connection!r} may use",
    ),
    (
        "PERMISSION_DENIED",
        r"act as|actAs|service account",
        "let the account of connection {connection!r} act as the job's service account "
        "(role roles/iam.serviceAccountUser on it), or name another service_account in the target",
    ),
    (
        "PERMISSION_DENIED",
        "",
        "check that project {project!r} is meant, and give the account of connection {connection!r} the role "
        "roles/aiplatform.user there",
    ),
    (
        "NOT_FOUND",
        r"location|region|publisher",
        "check the target's region, {region!r}{near}",
    ),
    ("NOT_FOUND", "", "check the target's project and region: {project!r}, {region!r}{near}"),
    (
        "INVALID_ARGUMENT",
        r"machine.?type",
        "name one that region {region!r} has: machine_type= of the step or its target, or drop it and say "
        "cpu, memory and gpu",
    ),
    (
        "INVALID_ARGUMENT",
        r"accelerator|gpu",
        "ask for a type and number of GPUs that region {region!r} has: resources of the step or its target",
    ),
    (
        "INVALID_ARGUMENT",
        r"image",
        "write the image as REGION-docker.pkg.dev/PROJECT/REPOSITORY/NAME:TAG, and push it there",
    ),
    ("INVALID_ARGUMENT", r"location|region", "check the target's region, {region!r}{near}"),
    ("INVALID_ARGUMENT", r"service.?account", "check service_account of the target"),
    (
        "INVALID_ARGUMENT",
        r"kms|encryption|key",
        "check encryption_key of the target: it has to be in {region!r}",
    ),
    ("INVALID_ARGUMENT", r"network", "check network of the target"),
    (
        "FAILED_PRECONDITION",
        r"kms|encryption|key",
        "let the service agent of Vertex AI use the encryption_key",
    ),
    ("", "", "correct the step or its target"),
)


def error(code: str, message: str, doing: str, where: Mapping[str, str]) -> LadingError:
    """``code``: of gRPC, by name. ``where``: connection, project and region of the target."""
    said = " ".join(message.split())[:600]
    what = f"Vertex AI did not {doing} in project {where['project']!r}, region {where['region']!r}: {said}"
    region = where["region"]
    if code == "UNAVAILABLE" and _CREDENTIALS.search(said):  # the client could not get a token
        return ConfigError(f"{what} ({code}); {_cure('UNAUTHENTICATED', said, where)}")
    if code == "UNAVAILABLE" and _NO_HOST.search(said) and region not in machines.table()["regions"]:
        cure = f"no region {region!r} is known{_near(region)}; correct region in the target"
        return ConfigError(f"{what} ({code}); {cure}")
    if code == "RESOURCE_EXHAUSTED" and not _RATE.search(said):
        quotas = f"https://console.cloud.google.com/iam-admin/quotas?project={where['project']}"
        return JobLost(
            f"{what} ({code}); wait until other jobs have ended, ask for a higher quota ({quotas}), or name "
            f"another region in the target"
        )
    if code in _LATER or code == "RESOURCE_EXHAUSTED":
        return TransientError(f"{what} ({code})")
    return ConfigError(f"{what} ({code}); {_cure(code, said, where)}")


def no_credentials(said: str, where: Mapping[str, str]) -> ConfigError:
    """There is nothing to ask the service with."""
    return ConfigError(
        f"connection {where['connection']!r} has no credentials for Google Cloud that can be used: "
        f"{' '.join(said.split())[:400]}; {_cure('UNAUTHENTICATED', said, where)}"
    )


def _cure(code: str, said: str, where: Mapping[str, str]) -> str:
    for of, words, cure in _CURES:
        if of in ("", code) and re.search(words, said, re.IGNORECASE):
            return cure.format(near=_near(where["region"]), **where)
    raise AssertionError("the last row fits everything")


def _near(region: str) -> str:
    known = machines.table()["regions"]
    found = [] if region in known else difflib.get_close_matches(region, known, n=1)
    return f"; did you mean {found[0]!r}?" if found else ""
