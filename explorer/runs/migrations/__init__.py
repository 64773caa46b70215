"""The history of the run store's schema, one Alembic revision a step.

To change the schema: change ``_tables.py``, add a revision to ``versions/``, and set ``_tables.HEAD`` to its id. A
test compares what the revisions make with the tables.
"""
