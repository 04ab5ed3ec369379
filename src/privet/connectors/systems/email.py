"""A letter to the person who looks after a system (SMTP); the answer comes into our queue of requests.

One letter a task: its Message-ID is the task's idempotency key, and the caller's outbox sends none twice.
"""

from __future__ import annotations

from privet.connectors.base import Connector, Setup
from privet.connectors.post import SECURITY, Post, address
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System
from privet.connectors.systems._people import People


def open_(setup: Setup) -> Connector:
    """Return the connector. Raises InvalidInput for settings that cannot be, Refused for a server without TLS."""
    return Letters(setup, Post(setup), address(setup, "recipient"))


class Letters(People):
    """People who are written to."""

    def __init__(self, setup: Setup, post: Post, recipient: str) -> None:
        super().__init__(setup.name, str(setup.settings.get("instructions", "")), self._send)
        self._post = post
        self._recipient = recipient
        self._subject = f"A person's request: {setup.name}"

    def probe(self) -> None:
        """See `Connector`. Logs in, and sends nothing."""
        self._post.probe()

    def _send(self, once: str, text: str) -> None:
        self._post.send(once, to=self._recipient, subject=self._subject, text=text)


PART = System(
    name="email",
    title="E-mail (SMTP)",
    settings=(
        Setting(name="host", about="the mail server's name"),
        Setting(name="port", about="its port", default=587),
        Setting(name="security", about="`starttls`, `tls`, or `none` on this machine alone", default=SECURITY[0]),
        Setting(name="sender", about="the address that letters come from"),
        Setting(name="recipient", about="the address of the person who looks after the system"),
        Setting(name="user", about="who logs in; nobody where it is empty", default=""),
        Setting(name="password", about="the password of `user`", default="", secret=True),
        Setting(name="ca_file", about="certificates to trust in place of the machine's own", default=""),
        Setting(name="instructions", about="what else that person should know", default=""),
    ),
    profile=Profile(
        tried="fake",
        against="aiosmtpd, and a person's answers",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=False,
        effect="nature",
        docs=("https://www.rfc-editor.org/rfc/rfc5321", "https://www.rfc-editor.org/rfc/rfc3207"),
        limits=("what is erased is confirmed by a person, not read back",),
    ),
    open=open_,
)
