"""Reads the status in all its formats, and checks what is monitored: status_formats.py FOLDER DOCS.

The JSON document is validated by its schema, metrics are parsed by Prometheus's own client library, and each metric that an alert rule or a
panel of the dashboard asks for must be among them.
"""

import html.parser
import json
import pathlib
import re
import sys

import jsonschema
import yaml
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_prometheus

folder, docs = map(pathlib.Path, sys.argv[1:])


class Page(html.parser.HTMLParser):
    VOID = {"meta", "rect"}

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag


page = Page()
page.feed((folder / "html").read_text())
assert not page.open, page.open
print("html", end=" ")

schema = json.loads((docs / "status.schema.json").read_text())
jsonschema.Draft202012Validator.check_schema(schema)
jsonschema.Draft202012Validator(schema).validate(json.loads((folder / "json").read_text()))
print("json", end=" ")

names = set()
signed = 0
for family in parse_prometheus((folder / "prometheus").read_text()):
    # Families without samples are described all the same.
    names.add(family.name)
    for sample in family.samples:
        names.add(sample.name)
        if sample.name == "nginx_aws_auth_requests_signed_total":
            signed += sample.value
assert signed == 1, signed
names |= {name + "_total" for name in names}
print("prometheus", end=" ")

families = {family.name: family for family in parse_openmetrics((folder / "openmetrics").read_text())}
assert families["nginx_aws_auth_hashed_bytes"].unit == "bytes"
print("openmetrics", end=" ")

rules = yaml.safe_load((docs / "monitoring/alerts.yml").read_text())
asked = [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
dashboard = json.loads((docs / "monitoring/grafana-dashboard.json").read_text())
asked += [target["expr"] for panel in dashboard["panels"] for target in panel["targets"]]
assert len(asked) > 20
for expression in asked:
    for name in re.findall(r"nginx_aws_auth_\w+", expression):
        base = re.sub(r"_(bucket|sum|count)$", "", name)
        assert name in names or base in names, name
print("monitoring")
