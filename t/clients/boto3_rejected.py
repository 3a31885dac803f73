"""boto3 where nginx rejects uploads: each response is the one to its own request.

Every PUT carries `Expect: 100-continue`, and the body of a rejected one is not sent. One connection is used for as long
as nginx keeps it open.
"""

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from scenario import Scenario, expect


def main():
    scenario = Scenario()
    config = Config(max_pool_connections=1, retries={"max_attempts": 0})
    s3 = boto3.client("s3", endpoint_url=scenario.endpoint, config=config)
    bucket = scenario.bucket
    s3.put_object(Bucket=bucket, Key="kept", Body=b"kept")
    for name in ("small", "empty", "large"):
        for _ in range(2):
            expect(rejected(s3, scenario, name), 403, name)
            kept = s3.get_object(Bucket=bucket, Key="kept")["Body"].read()
            expect(kept, b"kept", f"what is read after {name}")


def rejected(s3, scenario, name):
    """The status of an upload with x-amz-acl, which is not forwarded."""
    body = scenario.content(name)
    try:
        s3.put_object(Bucket=scenario.bucket, Key="new", Body=body, ACL="public-read")
    except ClientError as error:
        return error.response["ResponseMetadata"]["HTTPStatusCode"]
    return None


main()
