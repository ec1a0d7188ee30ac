"""Security headers of every answer: a strict content policy, no foreign hosts, no framing."""

from flask import Flask, Response, current_app, request

POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",
    "manifest-src": "'self'",
    "base-uri": "'none'",
    "frame-ancestors": "'none'",
}


def register(app: Flask) -> None:
    """Add the headers to every answer. Forms lead to ourselves and on to the payment gateway's own pages."""
    pages = app.extensions["gateways"].payment_pages
    forms = {"form-action": " ".join(["'self'", *pages])}
    app.config["CONTENT_POLICY"] = "; ".join(f"{name} {value}" for name, value in (POLICY | forms).items())
    app.after_request(_add)


def _add(response: Response) -> Response:
    headers = response.headers
    headers.setdefault("Content-Security-Policy", current_app.config["CONTENT_POLICY"])
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
    headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=()")
    if current_app.config["HTTPS"]:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
    if request.endpoint not in ("static", "assets.stylesheet"):
        headers.setdefault("Cache-Control", "private, no-store" if request.cookies else "no-cache")
    return response
