"""boto3 with its default settings: objects, checksums, parts, copies, lists, conditions, tags."""

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError

from scenario import PART_SIZE, Scenario, expect


def main():
    scenario = Scenario()
    s3 = boto3.client("s3", endpoint_url=scenario.endpoint)
    for step in (objects, checksums, parts, odd_keys, conditions, tags):
        step(s3, scenario)


def objects(s3, scenario):
    bucket = scenario.bucket
    for name in ("small", "empty", "large"):
        with scenario.path(name).open("rb") as body:
            s3.put_object(Bucket=bucket, Key=f"objects/{name}", Body=body)
        expect(read(s3, bucket, f"objects/{name}"), scenario.content(name), name)

    s3.put_object(
        Bucket=bucket,
        Key="objects/described",
        Body=b"described",
        ContentType="text/x-described",
        Metadata={"colour": "blue", "two-words": "a  b"},
    )
    head = s3.head_object(Bucket=bucket, Key="objects/described")
    expect(head["ContentType"], "text/x-described", "type")
    # The module sends x-amz-* headers in canonical form.
    blanks = "  " if bucket.startswith("direct") else " "
    expect(head["Metadata"], {"colour": "blue", "two-words": f"a{blanks}b"}, "metadata")

    part = s3.get_object(Bucket=bucket, Key="objects/large", Range="bytes=5242870-5242879")
    expect(part["Body"].read(), scenario.content("large")[5242870:5242880], "range")


def checksums(s3, scenario):
    """The algorithms that a caller may choose; awscrt computes crc64nvme and crc32c."""
    for algorithm in ("CRC32C", "CRC64NVME", "SHA1", "SHA256"):
        s3.put_object(
            Bucket=scenario.bucket,
            Key=f"checksums/{algorithm}",
            Body=scenario.content("small"),
            ChecksumAlgorithm=algorithm,
        )
    config = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE)
    s3.upload_file(
        str(scenario.path("large")),
        scenario.bucket,
        "checksums/parts",
        ExtraArgs={"ChecksumAlgorithm": "CRC64NVME"},
        Config=config,
    )


def parts(s3, scenario):
    bucket = scenario.bucket
    config = TransferConfig(multipart_threshold=PART_SIZE, multipart_chunksize=PART_SIZE)
    s3.upload_file(str(scenario.path("large")), bucket, "parts/large", Config=config)
    expect(read(s3, bucket, "parts/large"), scenario.content("large"), "parts")

    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts/copied")["UploadId"]
    which = {"Bucket": bucket, "Key": "parts/copied", "UploadId": upload}
    copied = s3.upload_part_copy(
        PartNumber=1,
        CopySource={"Bucket": bucket, "Key": "objects/large"},
        CopySourceRange=f"bytes=0-{PART_SIZE - 1}",
        **which,
    )
    etag = copied["CopyPartResult"]["ETag"]
    s3.complete_multipart_upload(
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **which
    )

    upload = s3.create_multipart_upload(Bucket=bucket, Key="parts/aborted")["UploadId"]
    which = {"Bucket": bucket, "Key": "parts/aborted", "UploadId": upload}
    s3.upload_part(PartNumber=1, Body=b"never an object", **which)
    s3.abort_multipart_upload(**which)
    expect(refusal(s3.head_object, Bucket=bucket, Key="parts/aborted"), "404", "aborted")


def odd_keys(s3, scenario):
    """Each odd key as a key, in the source of a copy, in lists, and in a request to delete."""
    bucket = scenario.bucket
    for index, key in enumerate(scenario.keys):
        s3.put_object(Bucket=bucket, Key=f"odd/{key}", Body=key.encode())
        source = {"Bucket": bucket, "Key": f"odd/{key}"}
        s3.copy_object(Bucket=bucket, Key=f"copies/{index}", CopySource=source)

    expected = sorted(f"odd/{key}" for key in scenario.keys)
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(
            Bucket=bucket, Prefix="odd/", PaginationConfig={"PageSize": 7}
        )
        listed = [entry["Key"] for page in pages for entry in page.get("Contents", ())]
        expect(sorted(listed), expected, operation)

    # What is not deleted stays listed, and what is deleted by mistake is missed by the test.
    s3.put_object(Bucket=bucket, Key="copies/kept", Body=b"kept")
    objects = [{"Key": key} for key in expected]
    deleted = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects})
    expect(sorted(entry["Key"] for entry in deleted["Deleted"]), expected, "deleted")
    left = s3.list_objects_v2(Bucket=bucket, Prefix="odd/")
    expect(left["KeyCount"], 0, "left")


def conditions(s3, scenario):
    put = {"Bucket": scenario.bucket, "Key": "conditions/first", "IfNoneMatch": "*"}
    s3.put_object(Body=b"first", **put)
    expect(refusal(s3.put_object, Body=b"second", **put), "PreconditionFailed", "If-None-Match")


def tags(s3, scenario):
    """Neither store keeps tags: what counts is that they understand what they are asked."""
    tagging = {"TagSet": [{"Key": "kind", "Value": "a b+c"}]}
    which = {"Bucket": scenario.bucket, "Key": "objects/small"}
    expect(refusal(s3.put_object_tagging, Tagging=tagging, **which), "NotImplemented", "tagging")


def read(s3, bucket, key):
    return s3.get_object(Bucket=bucket, Key=key)["Body"].read()


def refusal(operation, **arguments):
    """The code with which the store refuses."""
    try:
        operation(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    raise AssertionError(f"{operation.__name__}{arguments} is not refused")


main()
