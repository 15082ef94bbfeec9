"""A registry of its own for every test, and PromQL in one spelling."""

import re
from collections.abc import Callable

import promql_parser
import pytest
from prometheus_client import CollectorRegistry

_PRODUCT = re.compile(r"\(([\d.]+) \* ([\d.e-]+)\)")
_DIFFERENCE = re.compile(r"vector\(1 - ([\d.]+)\)")
_NUMBER = re.compile(r"vector\(([\d.]+)\)")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def canonical() -> Callable[[str], str]:
    """Write an expression as one line, its numbers worked out, so that those of different authors can be compared."""

    def spelled(expr: str) -> str:
        tree = promql_parser.parse(expr)
        while isinstance(tree, promql_parser.ParenExpr):
            tree = tree.expr
        text = " ".join(tree.prettify().split())
        text = re.sub(r"([({]) ", r"\1", re.sub(r" ([)}])", r"\1", text))
        text = _PRODUCT.sub(lambda found: f"{float(found[1]) * float(found[2]):.9g}", text)
        text = _DIFFERENCE.sub(lambda found: f"vector({1 - float(found[1])})", text)
        return _NUMBER.sub(lambda found: f"vector({float(found[1]):.9g})", text)

    return spelled
