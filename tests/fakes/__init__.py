"""Fakes of vendors' APIs, each written from the vendor's public documents. No fake knows how Privet uses it."""

from __future__ import annotations

from .fake import Call, Person, Running, Vendor
from .hubspot import HUBSPOT
from .intercom import INTERCOM
from .jira import JIRA
from .mailchimp import MAILCHIMP
from .salesforce import SALESFORCE
from .segment import SEGMENT
from .sendgrid import SENDGRID
from .shopify import SHOPIFY
from .slack import SLACK
from .stripe import STRIPE
from .twilio import TWILIO
from .zendesk import ZENDESK

FAKES = {
    vendor.name: vendor
    for vendor in (
        STRIPE,
        HUBSPOT,
        MAILCHIMP,
        ZENDESK,
        SALESFORCE,
        SHOPIFY,
        TWILIO,
        SENDGRID,
        INTERCOM,
        SEGMENT,
        SLACK,
        JIRA,
    )
}

__all__ = ["FAKES", "Call", "Person", "Running", "Vendor"]
