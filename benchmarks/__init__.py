"""Lading against its peers and limits, measured side by side in one run: see ``README.md``."""
