"""The wire: one module per group of IMAP commands (request, answer and reader together). Knows nothing of SQL."""
