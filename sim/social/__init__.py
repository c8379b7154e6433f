"""A social server: people's payment accounts, as a payment app keeps them, with books of its own.

It knows nothing of charging and shares no code with the operator's server, so that tests can hold one set of books
against the other.
"""
