"""The operator's tariffs: versions with their validity, drafts, and what a session would cost by them.

Law:
- A version that was published never changes; another price is another version, in force from a moment on.
- Nothing is published that price() does not honour wholly: a draft is read by the same code as a bill.
- What a session would cost is computed by price(), from its own readings, before anybody pays it.
"""
