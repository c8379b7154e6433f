"""What the server cannot settle by itself is decided by a person.

- `choice`: what a person may decide.
- `case`: one charge in doubt or not whole, and what may be done about it. Pure.
- `conditions`: which charges those are, as SQL.
- `cases`: the cases that wait, read from the tables.
- `decide`: a decision is asked for, agreed to where it needs a second person, and carried out.
"""
