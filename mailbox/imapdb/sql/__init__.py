"""Values to SQL: columns, virtual tables, the DBAPI module and the SQLAlchemy dialect."""
