"""For maintainers: reproduce results, write tables of the documentation, repair DVC's files."""
