"""The ways of running, one a module: each takes the parsed flags and the environment.

``cli`` chooses among them. Nothing else writes to the streams.
"""
