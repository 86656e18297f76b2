"""``make cloud-smoke``: whether Vertex AI and Databricks themselves do what the tests' fakes do.

For each backend one small DAG of six task instances, each a job on the real service with the user's own
targets, connections and store. Nothing is submitted before all of these were found in order.
"""
