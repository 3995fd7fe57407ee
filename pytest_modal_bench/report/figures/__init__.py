"""Figures as reports show them: what is computed of results and samples, and how it is written."""
