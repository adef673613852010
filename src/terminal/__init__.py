"""How commands speak: flags, error lines, progress bars, tables.

Outside every stage of DVC: what is changed here retrains nothing.
"""
