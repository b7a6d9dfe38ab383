from __future__ import annotations

from hypothesis import HealthCheck, settings

# A loaded machine is slow, not wrong; and the environment that tests/conftest.py clears is the same for each example.
settings.register_profile("chora", deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
settings.load_profile("chora")
