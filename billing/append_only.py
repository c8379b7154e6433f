"""Tables that only grow: triggers refuse to change or delete a row, on SQLite and on PostgreSQL."""

from __future__ import annotations

from sqlalchemy import DDL, Table, event

GUARD_FUNCTION_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION '% is append-only', TG_TABLE_NAME; END $$"
)


def guards_sqlite(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        for verb in ("UPDATE", "DELETE")
    ]


def guards_postgresql(table: str) -> list[str]:
    return [
        f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
        "FOR EACH ROW EXECUTE FUNCTION refuse_change()",
        f"CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
        "FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()",
    ]


def guard_when_created(table: Table) -> None:
    """For databases made without migrations: worlds and tests."""
    words = {"sqlite": guards_sqlite(table.name), "postgresql": guards_postgresql(table.name)}
    words["postgresql"].insert(0, GUARD_FUNCTION_POSTGRESQL.replace("%", "%%"))
    for dialect, statements in words.items():
        for statement in statements:
            guard = DDL(statement)  # type: ignore[no-untyped-call]
            event.listen(table, "after_create", guard.execute_if(dialect=dialect))
