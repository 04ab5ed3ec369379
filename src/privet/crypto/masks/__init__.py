"""The shelf of masks: one redaction a file. See `privet.vocabulary.datatype.Mask`."""
