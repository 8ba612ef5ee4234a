# SPDX-License-Identifier: ISC
"""The benchmark: one module a section, and what they share."""
