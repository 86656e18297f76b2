"""Makes the bucket that the connection ``lading_default`` names, unless it is there."""

from __future__ import annotations

import json
import os
from urllib.parse import urlsplit

import boto3


def main() -> None:
    connection = json.loads(os.environ["AIRFLOW_CONN_LADING_DEFAULT"])
    s3 = boto3.client(
        "s3",
        endpoint_url=connection["extra"]["endpoint"],
        region_name=connection["extra"]["region"],
        aws_access_key_id=connection["login"],
        aws_secret_access_key=connection["password"],
    )
    bucket = urlsplit(connection["host"]).netloc
    if bucket in {known["Name"] for known in s3.list_buckets()["Buckets"]}:
        print(f"bucket {bucket} is there")
    else:
        s3.create_bucket(Bucket=bucket)
        print(f"made bucket {bucket}")


if __name__ == "__main__":
    main()
