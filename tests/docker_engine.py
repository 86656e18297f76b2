"""The Docker engine that tests run on."""

from __future__ import annotations

from lading_testkit import require_service


def require() -> None:
    import docker
    from docker.errors import DockerException

    try:
        client = docker.from_env()
        client.ping()
        client.images.get("lading/python:3.11")
    except DockerException as e:
        require_service("docker", False, str(e))
