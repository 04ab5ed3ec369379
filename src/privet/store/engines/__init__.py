"""The shelf of engines: one file each, all under the contract suite of `privet.testing`."""
