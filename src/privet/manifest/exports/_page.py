"""HTML pages that need nothing else: style, script and data within, and a policy that lets the page load nothing."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib import resources

from privet.manifest.exports._cells import json_in_page, printable

_SHELL = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
{end}</body>
</html>
"""


def page(title: str, body: str, *, styles: tuple[str, ...], script: str = "", data: object = None) -> bytes:
    """Return a page. `body`: HTML, escaped by the caller. `styles`, `script`: names of files beside this one.

    `data`: for the script, as JSON. The policy allows this style and this script by their digests, and no address.
    """
    style = "".join(_text(name) for name in styles)
    policy = f"default-src 'none'; style-src '{_digest(style)}'; base-uri 'none'; form-action 'none'"
    end = ""
    if script:
        code = _text(script)
        policy += f"; script-src '{_digest(code)}'"
        end = f'<script type="application/json" id="data">{json_in_page(data)}</script>\n<script>{code}</script>\n'
    text = _SHELL.format(policy=policy, title=shown(title), style=style, body=body, end=end)
    return text.encode("utf-8", "replace")


def shown(text: str) -> str:
    """Return text as HTML, for elements and for attributes in double quotes."""
    return escape(printable(text))


def _text(name: str) -> str:
    return resources.files("privet.manifest.exports").joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
