"""
Request parity: the same requests to the old code and the new, twice each, so that what differs between equals counts as noise.

The service's app is driven within its own interpreter, in copies, without a network (`maestro_drive`). Compared are status, headers, body by field,
log records, SQL statements, tried calls and metric series.
"""

from ._compare import Comparison, Difference, compare_answers
from ._drive import Drive, candidates_in, drive

__all__ = ["Comparison", "Difference", "Drive", "candidates_in", "compare_answers", "drive"]
