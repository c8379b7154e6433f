"""Payouts: what the ledger owes the hosts leaves by SEPA credit transfer, in runs.

Law:
- A payout covers named ledger entries. An entry is covered by at most one payout that stands, so running again never
  pays twice; what a run covers is frozen when it is made.
- open → batched → paid, or batched → rejected; paid → reversed. Rejected and reversed free what they covered:
  it is open again. Each step is one ledger entry: owed to the host → in transit → bank, and back the same way.
- Covered is what stood at the end of the host's last closed month. A sum below the minimum, or below zero, is carried
  over. Without an account that counts (billing.hosts.bank) the payout is held.
- The bank's file is made once, stored, and handed out as often as asked: it carries the same message id, which a bank
  takes once.
"""
