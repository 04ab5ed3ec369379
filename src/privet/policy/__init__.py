"""One language, two readers: `decide` at run time, `check` at design time."""
