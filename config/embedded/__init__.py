"""The embedded default: PostgreSQL, Valkey and every process of the mall on one machine.

``python -m config.embedded up`` runs the mall; ``... exec -- COMMAND`` runs one command with the
servers' addresses in its environment. Both are users of one *keeper* per data directory: the
process that owns the two servers, starts them for the first user, restarts one that dies and
stops them when the last user is gone. A user is an open connection to the keeper's socket, so
one that is killed counts as gone. Nothing in this package imports Django.
"""
