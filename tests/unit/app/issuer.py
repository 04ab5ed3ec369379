"""An OpenID issuer on loopback, as strict as a real one, that lies where a test says so. Every value is invented."""

from __future__ import annotations

import base64
import hashlib
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from joserfc import jws
from joserfc.jwk import ECKey

CLIENT, SECRET = "privet", "s3cret & more"


class FakeIssuer:
    """`claims`: of the person who signs in. `change`: what ID tokens say otherwise. `asked`: paths, in order."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.now_s = 0
        self.claims: dict[str, Any] = {"sub": "u-1", "groups": ["admins"]}
        self.change: dict[str, Any] = {}
        self.header: dict[str, Any] = {}
        self.discovery: dict[str, Any] = {}
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.asked: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.keys: dict[str, ECKey] = {}
        self.rotate("k1")

    def rotate(self, name: str) -> None:
        """Sign by a new key from now on, and show only that one."""
        self.keys = {name: ECKey.generate_key("P-256")}

    def sign_in(self, address: str) -> str:
        """Return the code that a person gets at the address that the browser was sent to."""
        said = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(self.url + "/authorize?")
        assert (said["response_type"], said["client_id"]) == ("code", CLIENT)
        assert said["code_challenge_method"] == "S256"
        code = f"code-{len(self.codes)}"
        self.codes[code] = said
        return code

    def answer(self, path: str, headers: Any, body: bytes) -> tuple[int, dict[str, str], bytes]:
        self.asked.append(path)
        if path in self.answers:
            return self.answers[path]
        if path == "/.well-known/openid-configuration":
            return self._json(self._discovery())
        if path == "/jwks":
            shown = [{**key.as_dict(private=False), "kid": name, "use": "sig"} for name, key in self.keys.items()]
            return self._json({"keys": [{"kty": "oct", "kid": "shared", "k": "c2VjcmV0"}, *shown]})
        if path == "/token":
            return self._token(headers, {name: values[0] for name, values in parse_qs(body.decode()).items()})
        return 404, {}, b""

    def _discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
        } | self.discovery

    def _token(self, headers: Any, form: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        begun = self.codes.pop(form["code"], None)
        pair = base64.b64encode(b"privet:s3cret%20%26%20more").decode()
        proof = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).decode().rstrip("=")
        good = begun is not None and proof == begun["code_challenge"] and form["redirect_uri"] == begun["redirect_uri"]
        if not good or headers["authorization"] != f"Basic {pair}" or begun is None:
            return 400, {}, b'{"error":"invalid_grant"}'
        said = {"iss": self.url, "aud": CLIENT, "iat": self.now_s, "exp": self.now_s + 300, "nonce": begun["nonce"]}
        return self._json({"id_token": self._signed(said | self.claims | self.change), "token_type": "Bearer"})

    def _signed(self, said: dict[str, Any]) -> str:
        name, key = next(iter(self.keys.items()))
        header = {"alg": "ES256", "kid": name} | self.header
        body = json.dumps({k: v for k, v in said.items() if v is not None}).encode()
        if header["alg"] != "ES256":
            parts = [json.dumps(header).encode(), body]
            return ".".join([*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "AAAA"])
        return jws.serialize_compact(header, body, key, algorithms=["ES256"])

    def _json(self, said: Any) -> tuple[int, dict[str, str], bytes]:
        return 200, {"content-type": "application/json"}, json.dumps(said).encode()


@contextmanager
def issuer(tls: ssl.SSLContext | None = None) -> Iterator[FakeIssuer]:
    """Serve an issuer on a free port of loopback. `tls`: what it speaks TLS by, None for plain HTTP."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            size = int(self.headers.get("content-length") or 0)
            status, lines, body = found.answer(self.path, self.headers, self.rfile.read(size))
            self.send_response(status)
            for name, value in {**lines, "content-length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        do_POST = do_GET

        def log_message(self, *args: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found = FakeIssuer(server.server_address[1])
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
        found.url = found.url.replace("http:", "https:")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
