"""People whose data it is: their keys, the ledger of erasures, and forgetting."""
