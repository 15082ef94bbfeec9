"""Settings of the test run as a whole: Hypothesis decides nothing by the clock."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "maestro",
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("maestro")
