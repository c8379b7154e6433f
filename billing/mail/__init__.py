"""Mails to people: written in the transaction that causes them, sent by a chore, kept sealed until then."""
