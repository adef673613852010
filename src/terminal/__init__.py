"""What commands print on a terminal: help, error lines, progress bars, tables.

Outside every stage of DVC: a change here retrains nothing.
"""
