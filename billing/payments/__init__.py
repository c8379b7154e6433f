"""Payments: what should be true at a payment provider, and what is known to be true there.

Law:
- A payment is a wish and a sight. The wish says what should be (held, captured, released, refunded), the sight what the
  provider was last seen to have done. The next request is a function of both; nothing else is remembered.
- Answers, webhooks and looks are the same thing: sights. They may come twice, late and in any order; a sight only ever
  grows, so an old one changes nothing.
- Every request has a key made of the payment and of what is asked, so that asking again acts once.
- A lost answer is not a refusal: it is asked again, or looked up, until it is known.
"""
