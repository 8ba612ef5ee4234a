# SPDX-License-Identifier: ISC
"""What the system tests, the benchmarks and the demonstrations share: a CA, a responder, an Apache, a client."""
