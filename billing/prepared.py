"""Statements that are asked again and again: compiled once a database, then handed to the driver as they stand.

SQLAlchemy's own way costs several times what SQLite takes to answer. Law: only where a profile says so (the gate,
intake, rating, the till with its payments and bookings); only texts, integers and NULL, as no type is converted here;
only inside a transaction that was begun, which is asserted. Errors are the driver's own.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import BigInteger, Connection, Dialect, String
from sqlalchemy.schema import Table

from billing.database import insert_if_absent_on

Values = Mapping[str, Any]


class Prepared:
    """`statement` may be a function of the dialect's name, where databases have different words for it."""

    def __init__(self, statement: Any, columns: Sequence[str] | None = None) -> None:
        self._statement, self._columns = statement, columns
        self._compiled: dict[str, tuple[str, Callable[[Values], Any]]] = {}

    def value(self, connection: Connection, values: Values) -> Any:
        """The first column of the first row; None where there is no row."""
        row = self._run(connection, values).fetchone()
        return None if row is None else row[0]

    def row(self, connection: Connection, values: Values) -> tuple[Any, ...] | None:
        found: tuple[Any, ...] | None = self._run(connection, values).fetchone()
        return found

    def rows(self, connection: Connection, values: Values) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = self._run(connection, values).fetchall()
        return found

    def do(self, connection: Connection, values: Values) -> int:
        """How many rows it made or changed."""
        return int(self._run(connection, values).rowcount)

    def do_all(self, connection: Connection, rows: Sequence[Values]) -> int:
        """Once for each of `rows`; how many rows it made or changed in all."""
        if len(rows) == 1:  # psycopg opens a pipeline for many: twice the work of one
            return self.do(connection, rows[0])
        words, arranged = self._for(connection)
        cursor = _cursor(connection)
        cursor.executemany(words, [arranged(values) for values in rows])
        return int(cursor.rowcount)

    def _run(self, connection: Connection, values: Values) -> Any:
        words, arranged = self._for(connection)
        cursor = _cursor(connection)
        cursor.execute(words, arranged(values))
        return cursor

    def _for(self, connection: Connection) -> tuple[str, Callable[[Values], Any]]:
        name = connection.dialect.name
        known = self._compiled.get(name)
        if known is None:
            known = self._compiled[name] = self._compile(connection.dialect)
        return known

    def _compile(self, dialect: Dialect) -> tuple[str, Callable[[Values], Any]]:
        statement = self._statement(dialect.name) if callable(self._statement) else self._statement
        compiled = statement.compile(dialect=dialect, column_keys=self._columns)
        assert not compiled.post_compile_params, f"a list's length is not known before: write it as OR: {compiled}"
        fixed = {name: value for name, value in compiled.params.items() if value is not None}
        order = compiled.positiontup
        if order is None:
            return str(compiled), lambda values: {**fixed, **values}
        if not fixed:
            return str(compiled), _arranged(order)
        return str(compiled), lambda values: tuple([values[n] if n in values else fixed[n] for n in order])


COPIES_FROM = 20  # rows: below, a savepoint and COPY's own beginning and end cost more than they spare


class PreparedInsert(Prepared):
    """INSERT … ON CONFLICT DO NOTHING.

    PostgreSQL is given some rows as one text: one value to send, one plan. Many are copied, which knows no conflict:
    should there be one, the copy is undone and they are given as text.
    """

    def __init__(self, table: Table, columns: Sequence[str], returning: Any) -> None:
        self._table, self._names = table, tuple(columns)

        def statement(dialect: str) -> Any:
            words = insert_if_absent_on(dialect, table)
            return words if returning is None else words.returning(returning)

        super().__init__(statement, columns)
        into = ", ".join(f'"{name}"' for name in self._names)
        typed = ", ".join(f'"{name}" {_word_for(table.columns[name].type)}' for name in self._names)
        self._many = (
            f"INSERT INTO {table.name} ({into}) SELECT {into} FROM json_to_recordset(%s::json) AS row({typed}) "
            "ON CONFLICT DO NOTHING"
        )
        self._copies = f"COPY {table.name} ({into}) FROM STDIN"

    def do_all(self, connection: Connection, rows: Sequence[Values]) -> int:
        if connection.dialect.name != "postgresql" or len(rows) < 2:
            return super().do_all(connection, rows)
        if len(rows) >= COPIES_FROM and self._copy(connection, rows):
            return len(rows)
        cursor = _cursor(connection)
        cursor.execute(self._many, (json.dumps(rows, ensure_ascii=False),))
        return int(cursor.rowcount)

    def _copy(self, connection: Connection, rows: Sequence[Values]) -> bool:
        """Whether none of them was there; otherwise nothing is."""
        cursor = _cursor(connection)
        cursor.execute("SAVEPOINT copies")
        try:
            with cursor.copy(self._copies) as copy:
                arranged = _arranged(self._names)
                for row in rows:
                    copy.write_row(arranged(row))
        except connection.dialect.loaded_dbapi.errors.UniqueViolation:
            cursor.execute("ROLLBACK TO copies; RELEASE copies", prepare=False)
            return False
        cursor.execute("RELEASE copies")
        return True


def prepared_insert(table: Table, columns: Sequence[str] | None = None, returning: Any = None) -> Prepared:
    """INSERT … ON CONFLICT DO NOTHING of these columns, or of all; `returning` that column, where a row was made."""
    return PreparedInsert(table, columns or [column.name for column in table.columns], returning)


def _arranged(names: Sequence[str]) -> Callable[[Values], tuple[Any, ...]]:
    """These values, in this order."""
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: tuple([values[name] for name in names])


def _word_for(kind: Any) -> str:
    if isinstance(kind, String):  # and Text
        return "text"
    return "bigint" if isinstance(kind, BigInteger) else "integer"


def _cursor(connection: Connection) -> Any:
    assert connection.in_transaction(), "a prepared statement wants a transaction that was begun"
    return connection.connection.cursor()
