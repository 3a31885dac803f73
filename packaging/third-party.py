#!/usr/bin/env python3
"""Which crates are linked into the packaged files, under which licences.

third-party.py           their names, licences, and the texts, for the packages
third-party.py --spdx    the licences as one SPDX expression, for a package's License tag

Only what ends up in the files counts: not what is needed to build or to test.
"""

import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOTS = ("ngx_http_aws_auth_module", "generate-signing-key")
# Texts that a crate may come with, in the order in which they are printed.
TEXTS = re.compile(r"^(licen[sc]e|copying|copyright|notice|unlicense)", re.IGNORECASE)


def main():
    crates = linked()
    if sys.argv[1:] == ["--spdx"]:
        print(spdx(crates))
        return
    print("Crates that are linked into ngx_http_aws_auth_module.so and generate_signing_key.\n")
    for crate in crates:
        print(f"{crate['name']} {crate['version']}: {crate['license']}")
    # Many crates share a text, but for the breaks of its lines.
    holders = {}
    for crate in crates:
        for text in texts(crate):
            _, names = holders.setdefault(" ".join(text.split()), (text, []))
            names.append(crate["name"])
    for text, names in sorted(holders.values(), key=lambda item: item[1]):
        print(f"\n{'-' * 78}\n{', '.join(names)}\n{'-' * 78}\n\n{text}")


def linked():
    """The packages of the registry that are linked, as cargo describes them, by name."""
    # `cargo tree` knows the features of what is built; `cargo metadata` those of the whole workspace.
    tree = cargo("tree", "--edges=normal,no-proc-macro", "--target=x86_64-unknown-linux-gnu",
                 "--prefix=none", "--format={p}", *(f"--package={name}" for name in ROOTS))
    names = {tuple(line.split()[:2]) for line in tree.splitlines() if line}
    metadata = json.loads(cargo("metadata", "--format-version=1"))
    return sorted(
        (
            package
            for package in metadata["packages"]
            if package["source"] and (package["name"], f"v{package['version']}") in names
        ),
        key=lambda package: (package["name"], package["version"]),
    )


def cargo(command, *arguments):
    features = ("--locked", "--no-default-features", "--features=export-modules")
    return subprocess.check_output(["cargo", command, *features, *arguments], cwd=ROOT, text=True)


def spdx(crates):
    terms = {"Apache-2.0"}
    for crate in crates:
        if not crate["license"]:
            sys.exit(f"third-party.py: {crate['name']} does not name its licence")
        choices = re.split(r"\s+OR\s+|/", crate["license"].strip("()"))
        terms.add(" OR ".join(sorted(choice.strip() for choice in choices)))
    return " AND ".join(f"({term})" if " OR " in term else term for term in sorted(terms))


def texts(crate):
    folder = pathlib.Path(crate["manifest_path"]).parent
    names = sorted(path.name for path in folder.iterdir() if TEXTS.match(path.name) and path.is_file())
    return [(folder / name).read_text(encoding="utf-8", errors="replace").strip() for name in names]


main()
