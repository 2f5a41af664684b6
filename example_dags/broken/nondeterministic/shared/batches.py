"""Counts batches: state that outlives a parse."""

issued = []


def next_batch():
    """Give the number of the next batch."""
    issued.append(len(issued))
    return issued[-1]
