"""Errors of the remote half. Each carries the exit code of the process and its failure class.

* RunnerError
  - ContractError           spec unreadable, of another protocol, wrong Python       64  config
  - DependencyError         a package that the job needs is not installed            65  config
  - CodeError               code of the step is missing or damaged                   66  config
  - ArtifactError           one artifact                                             66  config
    + ArtifactMissing       its bytes are not in the store
    + ArtifactCorrupt       its bytes do not hash to its digest
    + ArtifactUndecodable   its bytes are right, but no value comes out of them
  - SerializationError      a value fits no serializer                                1  user
  - StoreError              one storage                                              75  infra
    + StoreUnavailable      no answer, or one that says "later"
    + StoreForbidden        credentials or permissions
    + StoreFull             no space, or over quota
  - DuplicateAttempt        another process holds the claim                          86  infra
  - Terminated              SIGTERM                                                 143  cancelled
"""

from __future__ import annotations


class RunnerError(Exception):
    """Base; ``str()`` is one sentence for people: what failed, what was expected, what to do."""

    exit_code = 70
    failure = "infra"


class ContractError(RunnerError):
    exit_code = 64
    failure = "config"


class DependencyError(RunnerError):
    exit_code = 65
    failure = "config"


class CodeError(RunnerError):
    exit_code = 66
    failure = "config"


class ArtifactError(RunnerError):
    exit_code = 66
    failure = "config"  # reading it again gives the same: its producer has to run again


class ArtifactMissing(ArtifactError):
    pass


class ArtifactCorrupt(ArtifactError):
    pass


class ArtifactUndecodable(ArtifactError):
    pass


class SerializationError(RunnerError):
    exit_code = 1
    failure = "user"


class StoreError(RunnerError):
    exit_code = 75
    failure = "infra"


class StoreUnavailable(StoreError):
    pass


class StoreForbidden(StoreError):
    failure = "config"


class StoreFull(StoreError):
    pass


class DuplicateAttempt(RunnerError):
    exit_code = 86


class Terminated(RunnerError):
    exit_code = 143
    failure = "cancelled"
