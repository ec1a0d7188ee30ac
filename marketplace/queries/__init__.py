"""Reads: what a page or an answer shows, in one or two statements each. They never write."""
