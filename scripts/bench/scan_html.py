"""A scan of a single award, answered as the page that an employer sees: all checks made, nothing of the answer kept.

Reference: the same server software with the same request log, returning the same bytes without looking at anything.
"""

from serving import Job, measure

if __name__ == "__main__":
    measure(Job(name="scan_html", accept="text/html", bar=300, proof=b"data-state="), __doc__)
