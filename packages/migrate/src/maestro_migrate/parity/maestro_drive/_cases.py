"""Requests for an app: from its OpenAPI document, its route table or its URL map, the same ones each time."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

Case = dict[str, Any]

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_ORDER = ("POST", "GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS")
_FORMATS = {
    "date": "2024-02-29", "date-time": "2024-02-29T12:00:00Z", "time": "12:00:00", "uuid": "6f1b9a52-2c5e-4c0a-9d3e-0a1b2c3d4e5f", "email": "a@example.com",
    "uri": "https://example.com/", "ipv4": "192.0.2.1", "binary": "bytes",
}  # fmt: skip
_DEEPEST = 6
_CONVERTERS = {"int": "1", "float": "1.5", "uuid": _FORMATS["uuid"], "path": "a/b"}


def cases_of(app: Any, *, limit: int, only_safe: bool) -> list[Case]:
    """Return at most `limit` requests: each operation as documented first, then what a server must refuse."""
    made = list(_operations(app))
    usual = [case for case in made if not case.get("odd")]
    found = [*usual, *_general(usual), *(case for case in made if case.get("odd"))]
    return [case for case in found if not only_safe or case["method"] in SAFE][:limit]


def _operations(app: Any) -> Iterator[Case]:
    if hasattr(app, "openapi") and hasattr(app, "routes"):
        with contextlib.suppress(Exception):  # an app whose document cannot be made still has routes
            yield from _documented(app.openapi())
            return
    if hasattr(app, "url_map"):
        for rule in sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, rule.endpoint)):
            path = "".join(text if is_text else _CONVERTERS.get(text, "x") for is_text, text in _pieces(rule))
            for method in sorted(rule.methods or (), key=_rank):
                yield {"method": method, "path": path, "odd": method in {"HEAD", "OPTIONS"}}
        return
    yield from _routed(getattr(app, "routes", ()), "")


def _pieces(rule: Any) -> Iterator[tuple[bool, str]]:
    """Return the pieces of a Werkzeug rule: literal text, or the name of a converter."""
    rest = rule.rule
    while "<" in rest:
        text, _, rest = rest.partition("<")
        inner, _, rest = rest.partition(">")
        yield True, text
        yield False, inner.partition(":")[0].partition("(")[0] if ":" in inner else "default"
    yield True, rest


def _routed(routes: Any, prefix: str) -> Iterator[Case]:
    for route in routes:
        path = prefix + (getattr(route, "path", "") or "")
        if getattr(route, "routes", None):
            yield from _routed(route.routes, path)
            continue
        concrete = "/".join("1" if part.startswith("{") else part for part in path.split("/"))
        for method in sorted(getattr(route, "methods", None) or (), key=_rank):
            yield {"method": method, "path": concrete, "odd": method in {"HEAD", "OPTIONS"}}


def _rank(method: str) -> int:
    return _ORDER.index(method) if method in _ORDER else len(_ORDER)


def _documented(document: Mapping[str, Any]) -> Iterator[Case]:
    for path, item in document.get("paths", {}).items():
        for method in sorted((name.upper() for name in item if name.upper() in _ORDER), key=_rank):
            operation = item[method.lower()]
            parameters = [
                _resolved(each, document) for each in (*item.get("parameters", ()), *operation.get("parameters", ()))
            ]
            body = _resolved(operation.get("requestBody") or {}, document)
            yield _case(method, path, parameters, body, document)
            if body or any(each.get("required") for each in parameters if each["in"] != "path"):
                yield {"method": method, "path": _filled(path, parameters, document), "odd": True}


def _case(
    method: str,
    path: str,
    parameters: list[Any],
    body: Mapping[str, Any],
    document: Mapping[str, Any],
) -> Case:
    query = {
        each["name"]: sample(each.get("schema", {}), document)
        for each in parameters
        if each["in"] == "query" and each.get("required")
    }
    case: Case = {"method": method, "path": _filled(path, parameters, document), "query": query}
    headers = {
        each["name"]: str(sample(each.get("schema", {}), document))
        for each in parameters
        if each["in"] == "header" and each.get("required")
    }
    if headers:
        case["headers"] = headers
    content = body.get("content", {})
    for kind in ("application/json", "application/x-www-form-urlencoded"):
        if kind in content:
            case["kind"], case["body"] = kind, sample(content[kind].get("schema", {}), document)
            break
    return case


def _filled(path: str, parameters: list[Any], document: Mapping[str, Any]) -> str:
    for each in parameters:
        if each["in"] == "path":
            path = path.replace(f"{{{each['name']}}}", str(sample(each.get("schema", {}), document)))
    return path


def _resolved(node: Any, document: Mapping[str, Any]) -> Any:
    """Follow references; one that leads back to itself says nothing."""
    followed: set[str] = set()
    while isinstance(node, dict) and "$ref" in node:
        if node["$ref"] in followed:
            return {}
        followed.add(node["$ref"])
        target: Any = document
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target.get(part, {})
        node = target
    return node


def sample(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int = 0, within: tuple[Any, ...] = ()) -> Any:
    """
    Return a value that a JSON Schema allows as far as its plain keywords say; the same one each time.

    `within` holds the schemas that this one is an alternative or a part of: one that names itself among its alternatives is none of them.
    """
    schema = _resolved(schema, document)
    for known in ("const", "example", "default"):
        if schema.get(known) is not None:
            return schema[known]
    for listed in ("examples", "enum"):
        if isinstance(schema.get(listed), list) and schema[listed]:
            return schema[listed][0]
    nothing = any(_resolved(each, document).get("type") == "null" for each in schema.get("anyOf") or ())
    if depth > _DEEPEST or (depth > 2 and nothing):
        return None  # a tree of itself ends where it may
    within = (*within, schema)
    for either in ("anyOf", "oneOf", "allOf"):
        inner = [_resolved(each, document) for each in schema.get(either) or ()]
        inner = [each for each in inner if each.get("type") != "null" and not any(each is one for one in within)]
        if inner and either != "allOf":
            return sample(inner[0], document, depth, within)
        if inner:
            parts = [sample(each, document, depth, within) for each in inner]
            return {k: v for part in parts if isinstance(part, dict) for k, v in part.items()} or parts[0]
    return _plain(schema, document, depth)


def _plain(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Any:
    kind = schema.get("type")
    kind = next((each for each in kind if each != "null"), None) if isinstance(kind, list) else kind
    if kind in {"integer", "number"}:
        low = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        return low + 1 if "exclusiveMinimum" in schema or low == 0 else low
    if kind == "boolean":
        return True
    if kind == "array":
        return (
            [sample(schema.get("items", {}), document, depth + 1)] * max(1, schema.get("minItems", 1))
            if depth < 5
            else []
        )
    if kind == "object" or "properties" in schema:
        properties = schema.get("properties", {})
        wanted = properties if depth < 2 else schema.get("required", ())
        return {name: sample(properties[name], document, depth + 1) for name in wanted if name in properties}
    text = _FORMATS.get(schema.get("format", ""), "x")
    return text.ljust(schema.get("minLength", 0), "x") if kind in {"string", None} else None


def _general(usual: list[Case]) -> Iterator[Case]:
    """Yield what every server is asked some time: an unknown path, a wrong method, a path with a slash too many, an id of the caller's."""
    yield {"method": "GET", "path": "/maestro/no/such/path"}
    gets = [case for case in usual if case["method"] == "GET"]
    for case in gets[:1]:
        yield {**case, "headers": {**case.get("headers", {}), "X-Request-ID": "6f1b9a522c5e4c0a9d3e0a1b2c3d4e5f"}}
        yield {**case, "path": f"{case['path'].rstrip('/')}/"}
        yield {**case, "method": "HEAD"}
        yield {
            **case,
            "method": "OPTIONS",
            "headers": {"Origin": "https://example.com", "Access-Control-Request-Method": "GET"},
        }
        yield {"method": "TRACE", "path": case["path"]}
