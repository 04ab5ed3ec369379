"""What people are written and shown in their own language: letters, reasons, dates, and the words of pages.

A language is one YAML file beside this one, with the keys and placeholders of all others.
"""

from __future__ import annotations

from privet.rights.letters.letter import FACTS, LONGEST, Fact, Letter, render
from privet.rights.letters.tongue import LANGUAGES, day, moment, nearest, word, words

__all__ = ["FACTS", "LANGUAGES", "LONGEST", "Fact", "Letter", "day", "moment", "nearest", "render", "word", "words"]
