"""The language of the scheduler hint ``query``: an operator and its arguments, which may be expressions.

The API refuses what is none before anything is written; a filter that evaluates it can rely on the same words.
"""

OPERATORS = ("=", "<", ">", "<=", ">=", "in", "not", "or", "and")
DEEPEST = 20
"""How deep expressions may be nested."""


def fault(query: object, depth: int = DEEPEST) -> str:
    """Return what is wrong with a decoded query, as the end of a sentence; empty when it can be evaluated."""
    if not isinstance(query, list):
        return "is no list of an operator and its arguments"
    if not query:
        return ""  # true of every host, as in Nova
    if not isinstance(query[0], str) or query[0] not in OPERATORS:
        return f"has the unknown operator {query[0]!r}; there are {', '.join(OPERATORS)}"
    if not depth:
        return f"is nested more than {DEEPEST} deep"
    return next(filter(None, (fault(part, depth - 1) for part in query[1:] if isinstance(part, list))), "")
