"""The server: kiosks, tokens, tariffs, event intake, rating, receipts."""
