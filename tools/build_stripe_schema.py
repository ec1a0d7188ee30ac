"""Build tests/gateways/stripe_schema.json.gz: what Stripe's API takes and gives, for the calls that we make.

    python tools/build_stripe_schema.py [WHEEL]

The OpenAPI description is taken out of the package seahaven-stripe-world, whose wheel is fetched with pip and never installed.
Kept are the parameters of our calls and the objects that they answer, without descriptions, as plain JSON schemas.
"""

import gzip
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

PACKAGE, VERSION = "seahaven-stripe-world", "0.3.0"
SPEC = "seahaven_stripe_world/spec/spec3.json"
TARGET = Path(__file__).parent.parent / "tests" / "gateways" / "stripe_schema.json.gz"

CALLS = (
    "post /v1/account_links",
    "post /v1/accounts",
    "get /v1/accounts/{account}",
    "post /v1/accounts/{account}/login_links",
    "get /v1/balance",
    "get /v1/balance_transactions",
    "get /v1/balance_transactions/{id}",
    "get /v1/charges",
    "get /v1/charges/{charge}",
    "post /v1/checkout/sessions",
    "get /v1/checkout/sessions/{session}",
    "post /v1/checkout/sessions/{session}/expire",
    "post /v1/customers",
    "get /v1/customers/{customer}",
    "get /v1/disputes/{dispute}",
    "post /v1/disputes/{dispute}",
    "get /v1/events/{id}",
    "get /v1/payment_intents",
    "post /v1/payment_intents",
    "get /v1/payment_intents/{intent}",
    "post /v1/payment_intents/{intent}/cancel",
    "get /v1/payment_methods/{payment_method}",
    "get /v1/refunds",
    "post /v1/refunds",
    "get /v1/refunds/{refund}",
    "get /v1/setup_intents/{intent}",
    "get /v1/transfers",
    "post /v1/transfers",
    "get /v1/transfers/{transfer}",
    "get /v1/transfers/{id}/reversals",
    "post /v1/transfers/{id}/reversals",
)
OBJECTS = (
    "account",
    "account_link",
    "application",
    "api_errors",
    "balance",
    "balance_transaction",
    "charge",
    "checkout.session",
    "customer",
    "dispute",
    "event",
    "login_link",
    "payment_intent",
    "payment_method",
    "payout",
    "refund",
    "setup_intent",
    "transfer",
    "transfer_reversal",
)
KEPT = ("type", "enum", "required", "maxLength", "pattern")
REFERENCE = "#/components/schemas/"


def main(wheel: Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = json.loads(zipfile.ZipFile(wheel or fetched(Path(folder))).read(SPEC))
    schemas = spec["components"]["schemas"]
    calls = {call: parameters(spec, *call.split(" ")) for call in CALLS}
    objects: dict[str, Any] = {}
    wanted = list(OBJECTS)
    while wanted:
        name = wanted.pop()
        if name not in objects:
            objects[name] = trimmed(schemas[name], schemas, wanted)
    kept = {"version": spec["info"]["version"], "calls": calls, "objects": dict(sorted(objects.items()))}
    TARGET.write_bytes(gzip.compress(json.dumps(kept, separators=(",", ":")).encode(), mtime=0))
    print(
        f"{len(calls)} calls and {len(objects)} objects of {kept['version']}: {TARGET.stat().st_size} bytes in {TARGET}"
    )


def fetched(folder: Path) -> Path:
    """The wheel, downloaded into this folder."""
    how = ["--no-deps", "--only-binary", ":all:", "--python-version", "3.14", "-q", "-d", str(folder)]
    subprocess.run([sys.executable, "-m", "pip", "download", *how, f"{PACKAGE}=={VERSION}"], check=True)
    return next(folder.glob("*.whl"))


def parameters(spec: dict[str, Any], method: str, path: str) -> dict[str, Any]:
    """What a call takes, as one closed object."""
    call = spec["paths"][path][method]
    if method == "post":
        body = call.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
        return trimmed(body.get("schema", {"type": "object", "properties": {}}), {}, [])
    query = [one for one in call.get("parameters", []) if one["in"] == "query"]
    return {
        "type": "object",
        "properties": {one["name"]: trimmed(one["schema"], {}, []) for one in query},
        "required": [one["name"] for one in query if one.get("required")],
        "additionalProperties": False,
    }


def trimmed(schema: dict[str, Any], schemas: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    """A schema without descriptions, closed, with null where it may be null; whole objects that we never see are left open."""
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(REFERENCE)
        if name not in OBJECTS and "x-resourceId" in schemas[name]:
            return {"type": "object"}
        wanted.append(name)
        return {"$ref": f"#/objects/{name}"}
    kept: dict[str, Any] = {name: schema[name] for name in KEPT if name in schema}
    if "properties" in schema:
        kept["properties"] = {name: trimmed(one, schemas, wanted) for name, one in schema["properties"].items()}
        kept["additionalProperties"] = False
    if isinstance(schema.get("additionalProperties"), dict):
        kept["additionalProperties"] = trimmed(schema["additionalProperties"], schemas, wanted)
    if "items" in schema:
        kept["items"] = trimmed(schema["items"], schemas, wanted)
    if "anyOf" in schema:
        kept["anyOf"] = [trimmed(one, schemas, wanted) for one in schema["anyOf"]]
    return with_null(kept) if schema.get("nullable") else kept


def with_null(kept: dict[str, Any]) -> dict[str, Any]:
    """The same, or null."""
    if "anyOf" in kept:
        return {**kept, "anyOf": [*kept["anyOf"], {"type": "null"}]}
    return {"anyOf": [kept, {"type": "null"}]}


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
