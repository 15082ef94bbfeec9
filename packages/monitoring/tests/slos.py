"""SLOs of an imagined service, in every shape there is."""

from maestro_monitoring import SLO

SLOS = [
    SLO(
        name="availability",
        service="orders",
        objective=99.9,
        team="shop",
        runbook="https://runbooks.example/orders",
    ),
    SLO(
        name="checkout-speed",
        service="orders",
        objective=95,
        latency_s=0.3,
        route="/orders/{id}",
        method="POST",
        window_days=28,
    ),
    SLO(name="best-effort", service="orders", objective=85, route='/odd"path\\'),
    SLO(name="availability", service="stock", objective=99.99, job="stock-blue", description="Stock can be read."),
]


def slos() -> list[SLO]:
    """Give them through a function, as a service with settings would."""
    return SLOS
