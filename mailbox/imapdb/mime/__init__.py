"""Bytes to values: header fields, charsets, addresses, dates. Knows nothing of IMAP or SQL."""
