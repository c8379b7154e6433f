"""Alembic's entry. The connection comes from billing.migrations.migrate, never from a URL in a file."""

from __future__ import annotations

from alembic import context

from billing.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite alters a table by copying it
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
