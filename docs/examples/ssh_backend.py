"""A backend of another package: steps run on a machine that is reached by ssh, in a folder each.

All that is known of a job lies there: ``lock`` is held while it runs, ``pid`` is its process group, ``exit``
its exit code, ``log`` what it printed. Each command may be cut off anywhere and given again.
"""

from __future__ import annotations

import json
import shlex
import subprocess

from lading.backends import base
from lading.code.runner_zip import runner_archive
from lading.errors import TransientError

SUBMIT = """
mkdir -p "$JOB" && cd "$JOB" || exit 70
[ -e pid ] || { umask 077; head -c "$SIZE" > handover; cat > runner.$$ && mv runner.$$ runner.pyz; }
flock -n lock setsid sh -c '
    [ -e exit ] && exit
    echo $$ > new && mv new pid
    trap : TERM
    LADING_HANDOVER=$PWD/handover "$@" > log 2>&1 < /dev/null
    echo $? > new && mv new exit' job "$@" > /dev/null 2>&1 < /dev/null &
until [ -e pid ]; do sleep 0.02; done
"""
FIND = """[ -e "$JOB/pid" ] && echo found"""
OBSERVE = """
cd "$JOB" 2> /dev/null || { echo lost; exit; }
look() { [ -e exit ] && echo "ended $(cat exit) $(cat cancelled 2> /dev/null)" && exit; }
look; flock -n lock true || { echo running; exit; }; look; echo killed
"""
CANCEL = """
cd "$JOB" 2> /dev/null || exit 0
[ -e exit ] && exit
echo cancelled > cancelled; kill -s TERM -- -"$(cat pid)" 2> /dev/null
end=$(($(date +%s) + $GRACE)); while [ ! -e exit ] && [ "$(date +%s)" -lt "$end" ]; do sleep 0.05; done
[ -e exit ] || kill -s KILL -- -"$(cat pid)"
exit 0
"""
LOGS = """cat "$JOB/log" 2> /dev/null; exit 0"""
REMOVE = """rm -rf "$JOB" """


class SshBackend:
    name = "ssh"
    capabilities = frozenset({base.Capability.TIMEOUT, base.Capability.DETACHED, base.Capability.DEFERRABLE})
    target_keys = frozenset({"host", "folder", "interpreter"})

    @classmethod
    def configured(cls, target, worker):
        return cls(target, worker)

    def __init__(self, target, worker):
        self._store, self._worker = target.store, worker
        host = target.extra.get("host", "localhost")
        self._shell = ("ssh", "-o", "BatchMode=yes", host)
        self._folder = target.extra.get("folder", ".lading-jobs")
        self._python = target.extra.get("interpreter", "python3")

    def store_view(self, store_root):
        return base.StoreView(self._store or store_root)

    def validate(self, job):
        asked = {f"resources.{name}": value for name, value in job.resources.asked().items()}
        asked |= {"image": job.image, "requirements": tuple(job.requirements), "python": job.python}
        asked |= {f"options.{name}": value for name, value in job.options.items()}
        cure = "drop it, or choose a target that can (on=…)"
        return [base.Problem(k, f"{v!r} cannot be had by ssh", cure) for k, v in asked.items() if v]

    def render(self, job):
        limit = ["timeout", "--foreground", "-k", "10", str(job.timeout_s)] if job.timeout_s else []
        env = ["env", *(f"{name}={value}" for name, value in sorted(job.env.items()))]
        argv = [*limit, *env, self._python, "-I", "-u", "runner.pyz", "--spec", job.spec_uri]
        return {"shell": list(self._shell), "job": job.name, "argv": argv, "script": SUBMIT}

    def submit(self, job):
        secret = {"mask": list(self._worker.secrets()), "store": dict(self._worker.store_options())}
        handover = json.dumps({"job_id": job.name, "env": {}, **secret}).encode()
        runner, _ = runner_archive()
        script = f"set -- {shlex.join(self.render(job)['argv'])}\n{SUBMIT}"
        self._run(script, job.name, handover + runner, SIZE=len(handover))
        return base.JobHandle(self.name, job.name, job.name)

    def find(self, name):
        return base.JobHandle(self.name, name, name) if self._run(FIND, name) else None

    def observe(self, handle):
        state, *rest = self._run(OBSERVE, handle.name).split()
        if state == "running":
            return base.Observation(base.JobState.RUNNING)
        if state != "ended":  # lost with its folder, or killed with its shell
            seen = base.JobState.ENDED if state == "killed" else base.JobState.LOST
            return base.Observation(seen, None, f"the job was {state}", base.FailureClass.INFRA)
        code, failure = int(rest[0]), None
        if code > 124:
            failure = base.FailureClass.CANCELLED if rest[1:] else base.FailureClass.INFRA
        elif code == 124:  # of timeout(1)
            failure = base.FailureClass.TIMEOUT
        return base.Observation(base.JobState.ENDED, code, f"exit code {code}", failure)

    def cancel(self, handle, grace_s):
        self._run(CANCEL, handle.name, GRACE=round(grace_s))

    def logs(self, handle, since):
        return iter(self._run(LOGS, handle.name).split("\n")[:-1])

    def remove(self, handle, *, failed):
        self._run(REMOVE, handle.name)

    def _run(self, script, name, data=b"", **variables):
        """What ``script`` prints there."""
        known = {"NAME": name, "JOB": f"{self._folder}/{name}", **variables}
        head = "".join(f"export {key}={shlex.quote(str(value))}\n" for key, value in known.items())
        done = subprocess.run([*self._shell, head + script], input=data, capture_output=True, check=False)
        if done.returncode == 255:  # of ssh itself
            raise TransientError(f"{self._shell[-1]} does not answer: {done.stderr.decode()}; ask again")
        return done.stdout.decode(errors="replace")
