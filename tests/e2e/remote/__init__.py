"""Steps elsewhere under one supervised Airflow, which all files here share."""
