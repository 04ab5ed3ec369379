"""Addresses: which of them stay on this machine."""

from privet.connectors.egress import is_loopback

__all__ = ["is_loopback"]
