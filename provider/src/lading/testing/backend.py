"""What a backend has to do."""

from __future__ import annotations

from lading.testing.jobs import JobContract
from lading.testing.requests import RequestContract
from lading.testing.runs import RunContract


class BackendContract(RequestContract, RunContract, JobContract):
    """Give ``backend(self, worker)`` and ``request``; define the hooks that the platform allows for.

    The artifact store is a folder with an odd name; a platform that cannot see one gets another store by a
    class-scoped fixture ``store_root``.
    """
