"""What the scenarios of the Python clients have in common.

A scenario is started as `program ENDPOINT BUCKET FOLDER`, with credentials, region and trusted
certificates in the environment, where the clients look for them. FOLDER holds the files of
`nginx_tests::sdk::Files`: `small`, `empty`, `large` (5 MiB and a byte) and `keys.json`, the odd
keys that the store can hold. What a scenario stores stays there, for the test to look at; it ends
with a traceback at the first thing that is not as it should be.
"""

import json
import pathlib
import sys

PART_SIZE = 5 << 20


class Scenario:
    def __init__(self, arguments=sys.argv[1:]):
        self.endpoint, self.bucket, folder = arguments
        self.folder = pathlib.Path(folder)
        self.keys = json.loads(self.path("keys.json").read_text(encoding="utf-8"))

    def path(self, name):
        return self.folder / name

    def content(self, name):
        return self.path(name).read_bytes()


def expect(actual, expected, what):
    if actual != expected:
        show = lambda value: repr(value)[:300]
        raise AssertionError(f"{what}: {show(actual)} instead of {show(expected)}")
