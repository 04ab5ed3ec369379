"""A home whose people choose: notices, a vault that asks for consent, and both doors to it. Every value is invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from staff import Staff

from privet import digest
from privet.app.center import principal_of
from privet.app.http.paths import NOBODY
from privet.app.services import center_verbs, choices, notices, preferences, records, vaults
from privet.app.services.verb import Caller, call
from privet.rights.identity.passes import Pass
from privet.secret import Secret
from privet.store.port import Select
from privet.vault.access import consents
from privet.vault.access.consents import Consent

ADA, BOB = "ada@example.com", "bob@example.com"
MINUTE = 60_000
SCHEMA = """
dataset:
  - fides_key: shop
    collections:
      - name: people
        fides_meta: {privet: {subject: self}}
        fields:
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {privet: {type: contact.email, index: [exact], token: stored}}
          - {name: note, fides_meta: {privet: {type: string, keep: sealed}}}
"""
NOTICES = """
notices:
  - key: newsletter
    uses: [marketing.communications.email]
    mechanism: opt_in
    texts:
      en: {title: Our newsletter, text: We write to you once a month.}
      de: {title: Unser Rundbrief, text: Wir schreiben Ihnen einmal im Monat.}
  - key: ads
    uses: [marketing.advertising.first_party.targeted]
    regions: [US]
    mechanism: opt_out
    honours_signal: true
    texts:
      en: {title: Advertising, text: We show you what may interest you.}
"""


class Chooser:
    """A home with a vault `shop` in which Ada and Bob are, and two notices."""

    def __init__(self, folder: Path) -> None:
        self.staff = Staff(folder / "home")
        self.house = self.staff.house
        self.staff.run("vaults.create", vaults.CreateAsk(name="shop", schema=SCHEMA))
        self.ids: dict[str, str] = {}
        self.insert(ADA)
        self.insert(BOB)
        self.put(NOTICES)

    def insert(self, email: str) -> None:
        """Have the vault hold a record of somebody."""
        rows = [{"email": email, "note": "likes letters"}]
        made = self.staff.run("records.insert", records.InsertAsk(vault="shop", table="people", records=rows))
        self.ids[email] = made.records[0].id

    def put(self, text: str) -> notices.Notices:
        found: notices.Notices = self.staff.run("notices.put", notices.PutAsk(notices=text))
        return found

    def set(self, email: str = ADA, minutes: int = 1, **rest: Any) -> preferences.Preferences:
        """Have staff write a choice down, a minute after the last one."""
        self.staff.now += minutes * MINUTE
        ask = preferences.SetAsk(email=email, verified="said at the desk", **rest)
        found: preferences.Preferences = self.staff.run("preferences.set", ask)
        return found

    def person(self, verb: str, ask: Any, email: str = ADA, *, gpc: bool = False, minutes: int = 1) -> Any:
        """Have a person call a verb of the privacy centre, as her pass says that she is; nobody for ""."""
        self.staff.now += minutes * MINUTE
        house = self.staff.house
        row = next(row for row in center_verbs() if row.name == f"center.{verb}")
        held = self.pass_of(email) if email else None
        who = Caller(principal_of(held) if held else NOBODY, person=held)
        if gpc:
            who.facts["gpc"] = "1"
        return self.staff.runner.run(call(house, row, who, ask))

    def pass_of(self, email: str) -> Pass:
        now = self.staff.now
        return Pass(
            id="p",
            handle=self.staff.house.handle("email", email),
            kind="email",
            value=Secret(email),
            how="code",
            language="en",
            created_ms=now,
            expires_ms=now + MINUTE,
            proof=b"",
        )

    def choose(self, email: str = ADA, *, gpc: bool = False, region: str = "US-CA", **said: str) -> Any:
        """Have a person choose, shown the newest versions."""
        shown = self.person("notices.list", choices.NoticesAsk(region=region), "", minutes=0)
        versions = {one.key: one.version for one in shown.notices}
        ask = choices.SetAsk(choices=said, versions=versions, region=region)
        return self.person("choices.set", ask, email, gpc=gpc)

    def reopen(self) -> None:
        """Close the home and open it again."""
        self.staff.reopen()
        self.house = self.staff.house

    def ledger(self, email: str = ADA) -> dict[str, list[str]]:
        """Return what the vault's ledger holds of somebody: key → states, in order."""
        found: dict[str, list[str]] = {}
        for said in self._told(email):
            found.setdefault(said.key, []).append(said.state)
        return found

    def counting(self, email: str) -> dict[str, str]:
        """Return what counts in the vault: key → state."""
        return {said.key: said.state for said in self._told(email) if said.newest}

    def _told(self, email: str) -> list[Consent]:
        vault = self.house.vault("shop")
        question = Select(table=vault.table("people").rows, columns=("id", "subject"))
        subjects = {digest.id_text(row[0]): row[1] for row in vault.store.select(question)}  # type: ignore[arg-type]
        return consents.history(vault, subjects[self.ids[email]])  # type: ignore[arg-type]
