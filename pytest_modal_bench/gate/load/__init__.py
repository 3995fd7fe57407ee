"""Budgets of an endpoint under load."""
