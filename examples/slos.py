"""
Objectives of a service on the shared libraries: they need nothing but the request metrics that `MaestroAPI` has.

    maestro monitoring generate slos:SLOS --out deploy/monitoring     # rules, their tests, a dashboard
    maestro monitoring check slos:SLOS --out deploy/monitoring        # in CI: no drift, and promtool agrees

A service that keeps a `/metrics` route of its own, as the legacy fleet's do, shows what that route shows.
"""

from maestro_monitoring import SLO

SLOS = [
    SLO(name="availability", service="checkout", objective=99.9, team="shop"),
    SLO(name="speed", service="checkout", objective=95, latency_s=0.25, method="POST", route="/orders"),
]
