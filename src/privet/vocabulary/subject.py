"""Whom a datum is about: an opaque identifier that says nothing about the person."""

from __future__ import annotations

from typing import NewType

SubjectId = NewType("SubjectId", bytes)  # 16 bytes: random, or a UUIDv7 where the time of its record shows anyway
