"""Does a manifest hold: rules of Fides policies, promises of ours, lint; what is already known is set aside."""
