"""What Airflow asks of a provider. An exception here would break the discovery of every provider."""

from __future__ import annotations

from typing import Any

from lading.config.options import provider_options


def get_provider_info() -> dict[str, Any]:
    return {
        "package-name": "airflow-provider-lading",
        "name": "Lading",
        "description": "ML steps that run anywhere, artifacts by content, exact lineage.",
        "task-decorators": [{"name": "step", "class-name": "lading.decorators.step.step_task"}],
        "connection-types": [
            {
                "connection-type": "lading",
                "hook-class-name": "lading.hooks.artifact_store.ArtifactStoreHook",
                "hook-name": "Lading artifact store",
                "ui-field-behaviour": {
                    "hidden-fields": ["schema", "port"],
                    "relabeling": {"host": "Store URL", "login": "Access key", "password": "Secret key"},
                    "placeholders": {
                        "host": "s3://bucket/prefix",
                        "extra": '{"endpoint": "…", "region": "…"}',
                    },
                },
            }
        ],
        "db-managers": ["lading.database.IndexDBManager"],
        "config": provider_options(),
    }
