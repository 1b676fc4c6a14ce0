"""Measurements: imapdb beside its peers, against a floor measured in the same run. None is a test of speed."""
