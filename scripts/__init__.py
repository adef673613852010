"""Chores of who keeps the repository: results reproduced, tables written, DVC repaired."""
