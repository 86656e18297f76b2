"""Errors of the Airflow half; those of the remote half are in ``lading_runner.errors``.

* LadingError
  - ConfigError            [lading], a target or a step argument is wrong; never retried
    + UnknownTarget        no target and no backend of that name
    + UnsupportedResource  the backend cannot honour a resource
  - CodeSliceError         the function cannot be carried as source
  - EnvironmentBuildError  requirements cannot be resolved or installed
  - StepFailed             the user's code raised, in a job
  - JobLost                the job ended without a result
  - JobCancelled           the job was cancelled
  - TransientError         no answer from the platform: ask again
  - LookupFailed           nothing, or more than one thing, has that name or digest
  - IndexBroken            the lineage index cannot be used
    + IndexMissing         its tables are not there
    + IndexNewer           its tables are of a newer release
"""

from __future__ import annotations


class LadingError(Exception):
    """Base; ``str()`` says what failed with its value, what was expected, what to do."""


class ConfigError(LadingError):
    pass


class UnknownTarget(ConfigError):
    pass


class UnsupportedResource(ConfigError):
    pass


class CodeSliceError(ConfigError):
    pass


class EnvironmentBuildError(ConfigError):
    pass


class StepFailed(LadingError):
    pass


class JobLost(LadingError):
    pass


class JobCancelled(LadingError):
    pass


class TransientError(LadingError):
    pass


class LookupFailed(LadingError):
    pass


class IndexBroken(LadingError):
    pass


class IndexMissing(IndexBroken):
    pass


class IndexNewer(IndexBroken):
    pass
