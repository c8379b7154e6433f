"""The ledger: who has what, in double entry.

Law:
- Every entry sums to zero in each of its units; an amount is a whole number of the unit's smallest part.
- Nothing is ever changed or deleted, which the database itself refuses; a correction is a reversal and a new entry.
- An entry has a key that names why it exists; the same key posts once, whoever tries again.
- A hold is not money: it says what may be taken, until when, and how it ended.

A positive amount is a debit (an asset or a cost grows), a negative one a credit (a debt of ours or an income grows).
"""
