"""Runs one ML step outside Airflow. Standard library only, Python 3.9+; imports nothing from ``lading``."""

__version__ = "0.1.0.dev0"
