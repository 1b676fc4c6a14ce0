"""Measurements. Each prints ratios against a floor measured in the same run; none is a test."""
