"""What every test shares: how hypothesis runs.

The default profile `ci` draws the same examples on every run and knows no deadline, so that a slow machine turns
nothing red. `HYPOTHESIS_PROFILE=search` draws new ones, and many.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("search", parent=settings.get_profile("ci"), derandomize=False, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))
