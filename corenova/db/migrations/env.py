"""alembic's entry: runs the migrations on the connection that corenova/db/migrate.py hands over."""

from alembic import context

from corenova.db.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
