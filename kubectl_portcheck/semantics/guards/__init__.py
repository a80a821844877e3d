"""Policies of other kinds than NetworkPolicy."""
