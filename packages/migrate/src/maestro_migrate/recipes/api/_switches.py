"""What is switched off in an app so that it answers as before."""

import ast

from maestro_migrate import Module

__all__ = ["switched_off"]

_REASON = "exact-headers: {test} compares all headers of a response, so none gets the library's request id"
_ACTION = "let that test name the headers that it is about, then take request_id_header=None away"


def switched_off(module: Module, at: ast.AST) -> list[str]:
    """Return the arguments that keep the headers of an app's responses as they are; what they take away with that is a finding."""
    test = module.project.header_comparison
    if not test:
        return ["security_headers=False"]
    module.refuse(at, _REASON.format(test=test), _ACTION, level="none")
    return ["request_id_header=None", "security_headers=False"]
