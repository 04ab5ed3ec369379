"""Keys of older Fides taxonomies, and what each is called now.

Sources: the changes that Fides made to stored data when it took up fideslang 1.1 (July 2022), 1.4 (May 2023), 2.0
(September 2023) and 2.2 (July 2024), and `replaced_by` in fideslang's own data uses.
"""

from __future__ import annotations

from collections.abc import Callable

from privet.vocabulary.taxonomy import Kind

_CATEGORIES = {
    "account": "",
    "account.contact": "",
    "account.payment": "user.payment",
    "user.provided": "user",
    "user.provided.identifiable": "user",
    "user.provided.nonidentifiable": "user",
    "user.derived": "user",
    "user.derived.identifiable": "user",
    "user.derived.nonidentifiable": "user",
    "user.biometric_health": "user.biometric.health",
    "user.browsing_history": "user.behavior.browsing_history",
    "user.contact.city": "user.contact.address.city",
    "user.contact.country": "user.contact.address.country",
    "user.contact.postal_code": "user.contact.address.postal_code",
    "user.contact.state": "user.contact.address.state",
    "user.contact.street": "user.contact.address.street",
    "user.credentials": "user.authorization.credentials",
    "user.credentials.biometric_credentials": "user.authorization.biometric",
    "user.credentials.password": "user.authorization.password",
    "user.date_of_birth": "user.demographic.date_of_birth",
    "user.financial.account_number": "user.financial.bank_account",
    "user.gender": "user.demographic.gender",
    "user.genetic": "user.health_and_medical.genetic",
    "user.media_consumption": "user.behavior.media_consumption",
    "user.non_specific_age": "user.demographic.age_range",
    "user.observed": "user.behavior",
    "user.organization": "user.contact.organization",
    "user.political_opinion": "user.demographic.political_opinion",
    "user.profiling": "user.demographic.profile",
    "user.race": "user.demographic.race_ethnicity",
    "user.religious_belief": "user.demographic.religious_belief",
    "user.search_history": "user.behavior.search_history",
    "user.sensor_data": "user.sensor",
    "user.sexual_orientation": "user.demographic.sexual_orientation",
}
_USES = {
    "advertising": "marketing.advertising",
    "advertising.first_party.personalized": "marketing.advertising.first_party.targeted",
    "advertising.third_party": "marketing.advertising.third_party.targeted",
    "advertising.third_party.personalized": "marketing.advertising.third_party.targeted",
    "essential.service.fraud_detection": "essential.fraud_detection",
    "essential.service.operations.support.optimization": "essential.service.operations.improve",
    "improve": "functional",
    "improve.system": "functional.service.improve",
    "personalize.profiling": "personalize.content.profiling",
    "provide": "essential",
    "third_party_sharing.fraud_detection": "essential.fraud_detection",
    "third_party_sharing.payment_processing": "essential.service.payment_processing",
    "third_party_sharing.personalized_advertising": "marketing.advertising.third_party.targeted",
}
_OLD: dict[Kind, dict[str, str]] = {"category": _CATEGORIES, "use": _USES, "subject": {}}


def successor(kind: Kind, key: str, known: Callable[[str], bool]) -> str | None:
    """Return what an old key is called now, "" where nothing took its place, None for a key that was never one.

    `known`: whether the taxonomy has a key. What stands below an old key is old, too.

    >>> successor("category", "user.provided.identifiable.contact.city", lambda key: True)
    'user.contact.address.city'
    """
    table = _OLD[kind]
    found = key
    for _ in range(len(table)):  # each step is another row, so this ends
        stem = _stem(found, table)
        if not stem:
            break
        if not table[stem]:
            return ""
        found = table[stem] + found[len(stem) :]
    if found == key:
        return None
    return found if known(found) else ""


def _stem(key: str, table: dict[str, str]) -> str:
    """Return the longest old key at or above a key."""
    return max((old for old in table if key == old or key.startswith(f"{old}.")), key=len, default="")
