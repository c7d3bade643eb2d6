"""The views of the control plane, functions with a route and OpenAPI texts, and helpers for their responses."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, TypeAlias

from flask import Response, current_app, request
from werkzeug.exceptions import BadRequest, HTTPException, MethodNotAllowed, NotFound

from ..core import Json, Refusal, dumps, parse
from ..json_match import brief, shortened, writable
from ..settings import suggestion, unknown_name
from ..wording import comma_list

_HINTS = {
    404: "GET /_mock/openapi.json lists the paths of the control plane",
}

_NOTHING = "default-src 'none'; frame-ancestors 'none'"

ViewFunction: TypeAlias = Callable[..., Response]

TEXT: Json = {"type": "string"}
WHOLE_NUMBER: Json = {"type": "integer"}
TRUE_OR_FALSE: Json = {"type": "boolean"}
DATE_TIME: Json = {"type": "string", "format": "date-time"}
OBJECT: Json = {"type": "object"}


def object_of(title: str, /, **properties: Json) -> Json:
    """Return the JSON Schema of an object that has all *properties*; *title* is the name of its component."""
    return {"title": title, "type": "object", "required": [*properties], "properties": properties}


def described(schema: Json, text: str) -> Json:
    """Return *schema* with *text* as its description."""
    return {**schema, "description": text}


def list_of(items: Json) -> Json:
    """Return the JSON Schema of a list of *items*."""
    return {"type": "array", "items": items}


def component(name: str) -> Json:
    """Return a reference to a schema that `openapi.control_document` creates from the installed vendors."""
    return {"$ref": f"#/components/schemas/{name}"}


PATH_ARGUMENT = re.compile(r"<(?:(\w+):)?(\w+)>")
OK = {"status": "ok"}
OK_SCHEMA = object_of("Done", status={"type": "string", "const": "ok"})


@dataclass(frozen=True)
class View:
    """One view of the control plane. *function* gets the `Emulator` and the parts of the path.

    *method* and *path* are its route below ``/_mock``, in Flask's syntax, and *arguments* describe the parts of the
    path. The first line of the function's docstring is the summary in the OpenAPI document. *response*, *body* and
    *query* are JSON Schemas. *refuses* are the error statuses in addition to 401 and 403. *links* lead from its
    response to other operations. A *public* view needs no admin token and accepts any Host header. A view that is not
    *documented* belongs to the page. Raises TypeError if a description is missing.
    """

    function: ViewFunction
    method: str
    path: str
    response: Json = field(default_factory=lambda: OK_SCHEMA)
    status: int = 200
    content_type: str = "application/json"
    body: Json | None = None
    arguments: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Json] = field(default_factory=dict)
    refuses: tuple[int, ...] = ()
    links: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    public: bool = False
    documented: bool = True

    def __post_init__(self) -> None:
        names = {*self.query, *(name for _, name in self.path_arguments)}
        described_names = {*self.arguments, *(name for name, row in self.query.items() if "description" in row)}
        if self.documented and not self.summary:
            raise TypeError(f"view {self.name}: the docstring is missing")
        if self.documented and names - described_names:
            raise TypeError(f"view {self.name}: no description of {comma_list(sorted(names - described_names))}")

    @property
    def path_arguments(self) -> list[tuple[str, str]]:
        """Converter (or ``""``) and name of each argument of the path."""
        return PATH_ARGUMENT.findall(self.path)

    @property
    def name(self) -> str:
        """The name of the function: its Flask endpoint and its operationId."""
        return self.function.__name__

    @property
    def summary(self) -> str:
        """The first line of the function's docstring."""
        return (self.function.__doc__ or "").partition("\n")[0]

    @property
    def phrase(self) -> str:
        """The standard phrase of the view's status."""
        return HTTPStatus(self.status).phrase


class Views:
    """The views of one module, in the order of their definition."""

    def __init__(self) -> None:
        self._views: list[View] = []

    def __iter__(self) -> Iterator[View]:
        return iter(self._views)

    def get(self, path: str, response: Json = OK_SCHEMA, **text: Any) -> Callable[[ViewFunction], ViewFunction]:
        """Add the decorated function as a view for GET. It takes the same arguments as `View`."""
        return self._add("GET", path, response=response, **text)

    def post(self, path: str, **text: Any) -> Callable[[ViewFunction], ViewFunction]:
        """Add the decorated function as a view for POST. It takes the same arguments as `View`."""
        return self._add("POST", path, **text)

    def put(self, path: str, **text: Any) -> Callable[[ViewFunction], ViewFunction]:
        """Add the decorated function as a view for PUT. It takes the same arguments as `View`."""
        return self._add("PUT", path, **text)

    def delete(self, path: str, **text: Any) -> Callable[[ViewFunction], ViewFunction]:
        """Add the decorated function as a view for DELETE. It takes the same arguments as `View`."""
        return self._add("DELETE", path, **text)

    def _add(self, method: str, path: str, **text: Any) -> Callable[[ViewFunction], ViewFunction]:
        def add(function: ViewFunction) -> ViewFunction:
            self._views.append(View(function, method, path, **text))
            return function

        return add


def as_json(data: Any, status: int = 200) -> Response:
    """Return *data* as a JSON response, with members in the order of the data.

    Objects that JSON can't represent become strings.
    """
    try:
        body = dumps(data)
    except (TypeError, ValueError, RecursionError):  # a user's object, such as a matcher
        body = dumps(writable(data))
    return Response(body, status, content_type="application/json")


def problem(status: int, title: str, detail: str, hint: str = "") -> Response:
    """Return a problem+json response: *title* is the kind of problem, *detail* this occurrence, *hint* the advice."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": shortened(detail), "hint": hint}
    return Response(dumps(body), status, content_type="application/problem+json")


def add_safe_headers(response: Response) -> Response:
    """Add headers that forbid showing *response* in a frame and guessing its media type."""
    policy = "frame-ancestors 'none'" if response.mimetype == "text/html" else _NOTHING
    response.headers.setdefault("Content-Security-Policy", policy)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("X-Frame-Options", "DENY")
    return response


def http_problem(error: HTTPException) -> Response:
    """Return Werkzeug's *error* as a problem with the headers of the error, such as Allow."""
    status = error.code or 500
    detail, hint = error.description or error.name, _HINTS.get(status, "")
    if isinstance(error, NotFound) and detail == NotFound.description:
        rules = {rule.rule for rule in current_app.url_map.iter_rules() if rule.rule.startswith("/_mock/")}
        name = re.sub("^rules?", "faults", request.path.removeprefix("/_mock/"))  # the command for faults is `rules`
        paths = [PATH_ARGUMENT.sub(r"{\2}", rule).removeprefix("/_mock/") for rule in sorted(rules)]
        near = suggestion(name, paths)
        detail = f"The control plane has no path {brief(request.path)}{near}."
    elif isinstance(error, NotFound):
        hint = ""  # the path is right, and the detail says what is missing
    elif isinstance(error, MethodNotAllowed):
        methods = comma_list(sorted({*(error.valid_methods or ())} - {"HEAD", "OPTIONS"}))
        detail, hint = f"{request.path} takes no {request.method}; expected {methods}.", ""
    response = problem(status, error.name, detail, hint)
    for name, value in error.get_headers():
        if name.lower() not in ("content-type", "content-length"):
            response.headers[name] = value
    return add_safe_headers(response)


def read_json() -> Any:
    """Return the JSON body of the current request; raises BadRequest, or RequestEntityTooLarge above the limit."""
    try:
        return parse(request.get_data(cache=False))
    except Refusal as refusal:
        raise BadRequest(refusal.message) from None


def read_object(form: str, members: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON object in the body of the current request; raises like `read_json`.

    *form* is an example for the error. If *members* are given, an object with another member is refused.
    """
    body = read_json()
    if not isinstance(body, dict):
        raise BadRequest(f"body: expected an object, got {brief(body)}; the form is {form}")
    for name in body if members else ():
        if name not in members:
            raise BadRequest(unknown_name("member", name, members))
    return body
