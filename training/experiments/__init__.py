"""Experiments that look into a model: one command each, a report with figures under ``docs/experiments``."""
