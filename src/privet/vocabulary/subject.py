"""Whom a datum is about: an opaque identifier that says nothing about the person."""

from __future__ import annotations

from typing import NewType

SubjectId = NewType("SubjectId", bytes)  # 16 random bytes
