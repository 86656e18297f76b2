"""``make cloud-smoke``: whether Vertex AI and Databricks themselves do what the tests' fakes do.

For each backend six task instances, each a job on the real service with the user's own targets, connections
and store, and the attempt protocol around it as a step has it. The first is the step of a small DAG, with
Airflow around it; for the others there is no DAG and no scheduler. Nothing is submitted before all of these
were found in order.
"""
