"""A scan of a single award, answered as JSON: all checks made, nothing of the answer kept.

Reference: the same server software with the same request log, returning the same bytes without looking at anything.
"""

from serving import Job, measure

if __name__ == "__main__":
    measure(Job(name="scan_json", accept="application/json", bar=200, proof=b'"verdict":"'), __doc__)
