#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Validates JSON against analyzer/schema/: schema.py NAME FILE... (.jsonl: each line; .json: the whole); `schema.py check` checks the
schemas themselves, and that they name what fields.def and trace_format.h do. Prints what is wrong."""

import json
import pathlib
import re
import sys

import jsonschema

top = pathlib.Path(__file__).resolve().parents[2]
schemas = {path.name.removesuffix(".schema.json"): json.loads(path.read_text()) for path in (top / "analyzer/schema").glob("*.json")}
store = {schema["$id"]: schema for schema in schemas.values()}


def validator(name):
    schema = schemas[name]
    return jsonschema.Draft202012Validator(schema, resolver=jsonschema.RefResolver(schema["$id"], schema, store=store))


def validate(name, path):
    """Yields what is wrong; a file without any value is wrong too."""
    text = pathlib.Path(path).read_text()
    values = [json.loads(line) for line in text.splitlines()] if path.endswith(".jsonl") else [json.loads(text)]
    if not values:
        yield f"{path}: nothing in it"
    judge = validator(name)
    for number, value in enumerate(values, 1):
        for error in judge.iter_errors(value):
            yield f"{path}: {number}: {'/'.join(map(str, error.absolute_path))}: {error.message}"


FORMS = {
    "ADDRESS": lambda key: {key + "_address", key + "_port"},
    "ARGUMENTS": lambda key: {key, key + "_cut"},
    "TAIL_OPTION": lambda key: {key, key + "_bytes"},
}


def check():
    """The schemas are schemas, and events and export have all kinds with all members of fields.def, each required."""
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        if schema.get("$schema") != "https://json-schema.org/draft/2020-12/schema" or not schema.get("title"):
            yield f"{name}: $schema or title"
    kinds = re.findall(r"^ +X\(\d+, [A-Z_]+, (\w+), \w+\)", (top / "shim/trace_format.h").read_text(), re.M)
    members = {kind: set() for kind in kinds}
    members["tcp"], members["image"] = set(), set()
    for row, text in re.findall(r"^(BODY|TCP|HEADER)\((.*)\)$", (top / "analyzer/trace/fields.def").read_text(), re.M):
        cells = [cell.strip().strip('"') for cell in text.split(",")]
        kind = {"BODY": cells[0].lower(), "TCP": "tcp", "HEADER": "image"}[row]
        key, form = cells[-4], cells[-3]
        members[kind] |= FORMS.get(form, lambda key: {key})(key)
    common = set(schemas["events"]["$defs"]["common"]["properties"]) | {"event"}
    extra = {"tcp": set(), "image": {"event", "image", "host", "file", "log_owner"}}
    for kind, keys in members.items():
        schema = schemas["export" if kind == "image" else "events"]["$defs"].get(kind)
        if schema is None:
            yield f"{kind}: not in the schema"
            continue
        expected = keys | extra.get(kind, common)
        if set(schema["required"]) != expected:
            yield f"{kind}: not the same members: {sorted(set(schema['required']) ^ expected)}"
        if schema["additionalProperties"] is not False:
            yield f"{kind}: lets other members through"
    if len(kinds) < 30 or schemas["events"]["properties"]["event"]["enum"] != kinds:
        yield "events: not the kinds of trace_format.h"


if __name__ == "__main__":
    what, *files = sys.argv[1:]
    wrong = list(check()) if what == "check" else [line for file in files for line in validate(what, file)]
    print("\n".join(wrong[:20]))
    sys.exit(bool(wrong))
