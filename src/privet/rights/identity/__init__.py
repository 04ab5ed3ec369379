"""Who a person is: a code by mail that proves an address, the pass that it opens, and the handle that rows know."""
