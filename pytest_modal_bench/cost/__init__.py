"""Seconds and headers into US dollars: prices, the ledger of a run, and what a run may cost."""
