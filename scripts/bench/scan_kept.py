"""A scan of an award that was scanned a moment ago, as JSON: the answer was kept, and whether it still holds is asked.

Reference: the same server software with the same request log, returning the same bytes without looking at anything.
"""

from serving import Job, measure

if __name__ == "__main__":
    measure(Job(name="scan_kept", accept="application/json", bar=50, proof=b'"verdict":"', kept=True), __doc__)
