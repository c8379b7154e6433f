"""Checkout: one phone's way from a charging device to a paid order (systems A and D).

Law:
- A checkout is what its person asked for; what became of it stands elsewhere (the kiosk's answers, the payment, the
  transactions) and is looked at anew each time. `step.looked` is a pure function of both: it may be asked at any
  moment, twice, late or after a restart of the server, and comes to the same.
- The price is frozen before anything begins, and is the one the start carries: it binds.
- Nothing is delivered before the money is held; the start carries the hold as its cap.
- Whatever does not begin gives everything back by itself: the hold, and the kept connector. Only a start that may
  have reached a kiosk which is silent now keeps its hold until that kiosk is heard, or the hold ends by itself.
- An order is billed once (`bills`), when all its parts are whole and no further one may come. What is found out later
  is given back, or owed; never taken a second time.
- Money moves at the provider first and is booked from what was seen there, never from what was wished.

| file | what it answers |
|---|---|
| checkout.py | the values: a checkout, its stages, the reasons it fails for |
| step.py | pure: what follows from a checkout and the facts |
| facts.py | gathers the facts of a checkout from the tables |
| acts.py | carries out what a step wishes for, in the same transaction |
| store.py, tables.py | where checkouts are kept, and when each is looked at next |
| desk.py | for the pages: device, begin, pay, stop, cancel |
| direct.py | a payment code read by a kiosk: hold first, then answer the Ask |
| holds.py | how much is held at which EVSE |
| view.py | what the phone shows |
| bills.py | an order's bill: when it is whole, what it is, its one settlement and later corrections |
| parts.py, notices.py | out of whose account money goes and comes; what the payer's app says |
| books.py | what a payment's sight means in the ledger |
| refunds.py, write_off.py | by decision of a person: money back, and debts given up |
| tasks.py | what needs a person |
| till.py, providers.py | the rounds that keep all of it going, in `serve`, in tests and in worlds; whom they ask |
| proof.py, reconcile.py | that every hold and payment is accounted for; our books against the provider's |
"""
