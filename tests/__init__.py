"""Tests, one module for each of src."""
