"""The Airflow plugin. Imported by every Airflow process, so it imports nothing heavy."""

from __future__ import annotations

from airflow.sdk.plugins_manager import AirflowPlugin

from lading import listener


class LadingPlugin(AirflowPlugin):
    name = "lading"
    listeners = [listener]  # noqa: RUF012  # Airflow reads a class attribute
