"""The shelf of data types: one file each, `card_pan.py` for `card.pan`. See `privet.vocabulary.datatype`."""
