"""Promises of the SLO declarations."""

import pytest

from maestro_monitoring import SLO, SLOError


def test_an_slo_knows_its_budget_and_name():
    """99.9 % leaves one request in a thousand."""
    slo = SLO(name="availability", service="orders", objective=99.9)
    assert (slo.id, slo.error_budget) == ("orders-availability", 0.001)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"name": "Check out"}, "lower-case"),
        ({"service": "../orders"}, "service must be letters"),
        ({"service": ""}, "service must be letters"),
        ({"objective": 100}, "between 0 and 100"),
        ({"objective": 0}, "between 0 and 100"),
        ({"objective": 99.99999}, "no error budget"),
        ({"window_days": 31}, r"one of \(28, 30\)"),
        ({"latency_s": 0}, "positive"),
    ],
)
def test_values_that_make_no_sense_are_refused_with_advice(values, reason):
    """The mistake shows where the SLO is declared, not in a rule that never fires."""
    with pytest.raises(SLOError, match=reason):
        SLO(**({"name": "checkout", "service": "orders", "objective": 99.9} | values))
