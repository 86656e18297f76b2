"""``make cloud-smoke``: whether Vertex AI and Databricks themselves do what the tests' fakes do.

For each backend six task instances, each a job on the real service with the user's own targets, connections
and store, and the attempt protocol around it as a step has it: no DAG, no scheduler. Nothing is submitted
before all of these were found in order.
"""
