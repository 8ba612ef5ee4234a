"""The benchmark: one module a section, and what they share."""
