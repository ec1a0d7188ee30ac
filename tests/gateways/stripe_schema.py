"""Holds calls and objects against Stripe's own description (made by tools/build_stripe_schema.py)."""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator

KEPT = json.loads(gzip.decompress(Path(__file__).with_name("stripe_schema.json.gz").read_bytes()))
VERSION: str = KEPT["version"]
CALLS: dict[str, Any] = KEPT["calls"]
OBJECTS: dict[str, Any] = KEPT["objects"]


def call_of(method: str, path: str) -> str | None:
    """The call that this path belongs to; one without names in it comes first."""
    for call in sorted(CALLS, key=lambda one: one.count("{")):
        wanted_method, pattern = call.split(" ")
        if wanted_method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", pattern), path):
            return call
    return None


def nested(form: str) -> dict[str, Any]:
    """A form as nested mappings."""
    whole: dict[str, Any] = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        inner: dict[str, Any] = whole
        steps = name.replace("]", "").split("[")
        for step in steps[:-1]:
            inner = inner.setdefault(step, {})
        inner[steps[-1]] = value
    return whole


def coerced(schema: dict[str, Any], value: Any) -> Any:
    """What was sent as text, typed as the schema wants it, where it can be."""
    if "anyOf" in schema:
        tries = [coerced(one, value) for one in schema["anyOf"]]
        fitting = (seen for one, seen in zip(schema["anyOf"], tries, strict=True) if not list(faults(one, seen)))
        return next(fitting, value)
    kind = schema.get("type")
    if kind == "object" and isinstance(value, dict):
        parts, others = schema.get("properties", {}), schema.get("additionalProperties")
        rest = others if isinstance(others, dict) else {}
        return {name: coerced(parts.get(name, rest), one) for name, one in value.items()}
    if kind == "array" and isinstance(value, dict):
        return [coerced(schema["items"], one) for one in value.values()]
    if kind == "integer" and isinstance(value, str) and re.fullmatch(r"-?\d+", value):
        return int(value)
    if kind == "boolean" and value in ("true", "false"):
        return value == "true"
    return value


def faults(schema: dict[str, Any], value: Any) -> Iterator[str]:
    """Where a value breaks its schema."""
    for error in Draft202012Validator({**schema, "objects": OBJECTS}).iter_errors(value):
        yield f"{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"


def faults_of_call(method: str, path: str, given: dict[str, Any]) -> list[str]:
    """Where a call breaks Stripe's description."""
    call = call_of(method, path)
    return ["no such call"] if call is None else list(faults(CALLS[call], coerced(CALLS[call], given)))


def faults_of_object(shown: dict[str, Any]) -> list[str]:
    """Where an answer breaks Stripe's description: an object, a list of them, or an error."""
    if "error" in shown:
        return list(faults({"$ref": "#/objects/api_errors"}, shown["error"]))
    kind = shown.get("object", "")
    if kind == "list":
        wrong = [fault for one in shown["data"] for fault in faults_of_object(one)]
        return wrong + [name for name in ("has_more", "url") if name not in shown]
    if kind == "event":  # what happened to is any object
        wrong = faults_of_object(shown["data"]["object"])
        return wrong + list(faults({"$ref": "#/objects/event"}, {**shown, "data": {"object": {}}}))
    return list(faults({"$ref": f"#/objects/{kind}"}, shown)) if kind in OBJECTS else [f"no such object: {kind}"]
