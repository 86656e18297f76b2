"""Pods of a Kubernetes cluster."""

from __future__ import annotations

from lading.backends.kubernetes.backend import KubernetesBackend

__all__ = ["KubernetesBackend"]
