"""Every stream, in a stable order."""

from __future__ import annotations

from privet.app.services import export, packages, preferences
from privet.app.services.stream import Stream

STREAMS: tuple[Stream, ...] = (*export.STREAMS, *packages.STREAMS, *preferences.STREAMS)
