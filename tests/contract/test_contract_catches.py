"""The contract fails for backends that break it, each by the test that is about its fault."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

FILE = Path(__file__).parents[1] / "fakes" / "broken_backends.py"
CAUGHT = {
    "Drops": "test_a_resource_changes_the_request_or_is_refused[memory]",
    "Leaks": "test_no_secret_is_in_the_request",
    "Rolls": "test_the_request_is_json_and_the_same_each_time",
    "Repeats": "test_submitting_it_twice_is_one_job",
    "Forgets": "test_it_is_found_by_its_name_again",
    "Hopes": "test_a_handle_of_no_job_is_lost_and_nothing_else",
    "Blind": "test_its_end_is_seen_by_whoever_looks",
    "Deaf": "test_a_running_job_is_cancelled_and_again_for_nothing",
    "Trims": "test_the_environment_arrives_as_it_is",
    "Mutes": "test_a_running_job_is_cancelled_and_again_for_nothing",
    "Misquotes": "test_the_address_of_the_spec_arrives_as_it_is",
    "Overlooks": "test_a_job_whose_submission_was_not_answered_is_joined",
    "Tells": "test_a_secret_is_masked_in_all_that_a_job_leaves",
}


@pytest.mark.slow
def test_each_fault_is_caught_by_its_own_test() -> None:
    named = [f"{FILE}::Test{fault}::{test}" for fault, test in CAUGHT.items()]
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=line", *named]
    ran = subprocess.run(argv, capture_output=True, text=True, check=False)
    failed = re.findall(r"^FAILED \S+::Test(\w+)::(.+?)(?: - |$)", ran.stdout, re.MULTILINE)
    assert dict(failed) == CAUGHT, ran.stdout[-5000:]
    assert "error" not in ran.stdout.splitlines()[-1]
