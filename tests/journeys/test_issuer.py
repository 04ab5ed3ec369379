"""A person signs in by an issuer of other makers: oauth2-mock-server, which checks PKCE and signs by RS256."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest

NODE = Path(__file__).parents[1] / "node"
SERVER = NODE / "node_modules" / "oauth2-mock-server" / "dist" / "index.mjs"
# The server's own command line prints no port that it chose itself.
BEGIN = """
import { OAuth2Server } from 'oauth2-mock-server';
const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(0, '127.0.0.1');
console.log(server.issuer.url);
"""
CONFIG = """
public_url: http://127.0.0.1
oidc:
  issuer: {url}
  client_id: privet
  roles_claim: sub
  roles: {{johndoe: [viewer]}}
"""


@contextmanager
def process(command: list[str], where: Path) -> Iterator[str]:
    """Yield the first line that a process says; it is gone at the end."""
    running = subprocess.Popen(command, cwd=where, stdout=subprocess.PIPE, text=True)
    assert running.stdout is not None
    try:
        yield running.stdout.readline().strip()
    finally:
        running.kill()
        running.wait()
        running.stdout.close()


@pytest.fixture
def issuer() -> Iterator[str]:
    node = shutil.which("node")
    if node is None or not SERVER.exists():
        pytest.skip("needs Node and `npm ci --prefix tests/node`")
    with process([node, "--input-type=module", "-e", BEGIN], NODE) as url:
        yield url


@pytest.mark.slow
def test_a_person_signs_in_by_a_server_of_other_makers(issuer: str, tmp_path: Path) -> None:
    home = tmp_path / "home"
    privet = [str(Path(sys.executable).with_name("privet")), "--home", str(home), "--json"]
    subprocess.run([*privet, "init"], check=True, capture_output=True)
    with (home / "privet.yaml").open("a", encoding="utf-8") as file:
        file.write(CONFIG.format(url=issuer))
    with process([*privet, "serve", "--port", "0"], tmp_path) as said, httpx2.Client(trust_env=False) as browser:
        url = json.loads(said)["addresses"][0]
        asked = browser.get(f"{url}/v1/sign-in")
        assert asked.status_code == 302
        attempt = {"cookie": asked.headers["set-cookie"].partition(";")[0]}
        back = browser.get(asked.headers["location"])
        assert back.status_code == 302
        query = back.headers["location"].partition("?")[2]
        # The cookies go by hand: a client of Python keeps none that is for safe connections only.
        browser.cookies.clear()
        done = browser.get(f"{url}/v1/sign-in/done?{query}", headers=attempt)
        assert done.status_code == 200, done.text
        session = next(line for line in done.headers.get_list("set-cookie") if "=pvs_" in line).partition(";")[0]
        shown = browser.get(f"{url}/v1/session", headers={"cookie": session}).json()
        assert (shown["name"], shown["roles"]) == ("oidc:johndoe", ["viewer"])
        again = browser.get(f"{url}/v1/sign-in/done?{query}", headers=attempt)
        assert again.status_code == 401  # the code was spent
