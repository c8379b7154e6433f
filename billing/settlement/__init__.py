"""Settlement: who gets what of a sale, and the ledger entries that say so."""
