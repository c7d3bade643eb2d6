# /// script
# requires-python = ">=3.10"
# dependencies = [
#   "segment-mock",
#   "datamodel-code-generator>=0.40",
#   "openapi-python-client>=0.29",
#   "pydantic[email]>=2", # generated models validate e-mail addresses
# ]
#
# [tool.uv.sources]
# segment-mock = {path = "../..", editable = true}
# ///
"""Generate clients from the three OpenAPI documents and use them.

Usage: ``uv run tests/openapi/client_generators.py [TOOL ...]``, or with Python where the packages above are installed.

The tools are openapi-python-client and datamodel-code-generator, and from npm openapi-typescript and prism, which are
installed into a temporary folder. Without names, all tools run. The output of each must have every operation of every
document, and is then used:

- openapi-python-client: a live mock answers each shipped example, and the parsed response has every member of the body.
- datamodel-code-generator: its models read the examples of requests and responses and write them unchanged.
- openapi-typescript: ``tsc --strict`` compiles the types, and code that uses them.
- prism: it serves each document and responds with an example.
"""

from __future__ import annotations

import importlib
import inspect
import json
import re
import shutil
import subprocess
import sys
import tempfile
import typing
from collections.abc import Callable, Iterator
from datetime import datetime
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from segment_mock import SegmentMock, create_app
from segment_mock.conform import examples

PATHS = {"salsa": "openapi/salsa.json", "segmenter": "openapi/segmenter.json", "mock": "openapi.json"}
HEADERS = {"salsa": "authToken", "segmenter": "x-api-key"}
NPM = ("openapi-typescript@7", "typescript@5", "@stoplight/prism-cli@5")
METHODS = {"get", "put", "post", "delete", "patch"}
Document = dict[str, Any]


def documents() -> dict[str, Document]:
    """Return the three documents by name."""
    client = create_app().test_client()
    return {name: client.get(f"/_mock/{path}").get_json() for name, path in PATHS.items()}


def operations(document: Document) -> Iterator[tuple[str, str, Document]]:
    """Yield the method, the path and the operation object of every operation."""
    for path, methods in document["paths"].items():
        yield from ((method, path, row) for method, row in methods.items() if method in METHODS)


def operation_ids(document: Document) -> set[str]:
    """Return the operationIds of *document*."""
    return {row["operationId"] for _, _, row in operations(document)}


def run(*command: str | Path, cwd: Path | None = None) -> str:
    """Run *command* and return its output; exit if it fails."""
    result = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, cwd=cwd)
    if result.returncode:
        sys.exit(f"{' '.join(str(part) for part in command)}\n{result.stdout}{result.stderr}")
    return result.stdout


# openapi-python-client

TEXTS = dict.fromkeys(("application/x-pem-file", "text/event-stream"), "text/plain")
CONFIG = {"post_hooks": [], "content_type_overrides": TEXTS}


def openapi_python_client(known_documents: dict[str, Document], folder: Path) -> str:
    """Generate a client for each document, and call a live mock with it."""
    config = folder / "config.json"
    config.write_text(json.dumps(CONFIG))
    for name, document in known_documents.items():
        command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning", "--meta", "none"]
        run(*command, "--path", folder / f"{name}.json", "--config", config, "--output-path", folder / f"client_{name}")
        modules = {file.stem for file in (folder / f"client_{name}" / "api" / name).glob("[a-z]*.py")}
        assert operation_ids(document) == modules, f"{name}: {operation_ids(document) ^ modules}"
    sys.path.insert(0, str(folder))
    try:
        called = [row for name in HEADERS for row in call_every_operation(name, known_documents[name])]
        for name in HEADERS:
            assert operation_ids(known_documents[name]) == {
                operation for operation in called if operation in operation_ids(known_documents[name])
            }
        called += call_control_plane()
    finally:
        sys.path.remove(str(folder))
    return f"{len(called)} calls of a live mock"


def call_every_operation(name: str, document: Document) -> Iterator[str]:
    """Send each successful example with the function of its operation, and yield the operationIds."""
    package = importlib.import_module(f"client_{name}")
    paths = {(method, path): row["operationId"] for method, path, row in operations(document)}
    for example in examples():
        if not example.name.startswith(f"{name}/") or example.document["response"]["status"] != 200:
            continue
        request = example.document["request"]
        path = re.sub("/+", "/", request["path"]).rstrip("/")
        operation = paths.get((request["method"].lower(), path))
        arguments = {}
        if operation is None:  # the path has an id
            (operation,) = (row for (_, path_of_row), row in paths.items() if path_of_row.endswith("/{id}"))
            arguments["id"] = path.rpartition("/")[2]
        with SegmentMock(**example.settings) as mock:
            client = package.AuthenticatedClient(
                base_url=mock.serve().url, token=example.credential, prefix="", auth_header_name=HEADERS[name]
            )
            yield call(package, name, operation, client, request.get("body"), arguments)
            if name == "segmenter" and operation == "update_segment":
                body = {key: value for key, value in request["body"].items() if key != "id"}
                yield call(package, name, "update_segment_by_id", client, body, {"id": request["body"]["id"]})


def call(package: Any, name: str, operation: str, client: Any, body: Any, arguments: dict[str, Any]) -> str:
    """Call *operation* with *body*, check that the parsed response has each member of the body, and return its name."""
    function = importlib.import_module(f"{package.__name__}.api.{name}.{operation}").sync_detailed
    if body is not None:
        hints = typing.get_type_hints(function)
        arguments["body"] = hints["body"].from_dict(body)
    response = function(client=client, **arguments)
    assert response.status_code == 200, (operation, response)
    assert response.parsed.to_dict() == json.loads(response.content), operation
    return operation


def call_control_plane() -> list[str]:
    """Arm a fault, call a vendor and read the journal, with the generated client of the control plane."""
    api = "client_mock.api.mock"
    models = importlib.import_module("client_mock.models")
    with SegmentMock() as mock:
        client = importlib.import_module("client_mock").Client(base_url=mock.serve().url)

        def request(operation: str, **arguments: Any) -> Any:
            function = importlib.import_module(f"{api}.{operation}").sync_detailed
            assert {"client", *arguments} <= inspect.signature(function).parameters.keys()
            return function(client=client, **arguments).parsed

        search = models.OperationPattern("salsa.search_segments")
        armed = request("add_faults", body=models.ErrorFault(kind="error", status=503, operation=search))
        mock.session().post("/api/integration/ext/v1/segments/search", json={}, headers={"authToken": "t"})
        entry = request("list_journal", status=503).entries[0]
        assert ["error"] == [fault.kind for fault in armed.faults]
        assert ("salsa.search_segments", 503) == (entry.operation, entry.status)
        assert request("change_clock", body=models.ClockChange(freeze=True)).frozen is True
        assert "ok" == request("get_health").status
        assert [] == request("get_state").salsa.segments
    return ["add_faults", "list_journal", "change_clock", "get_health", "get_state"]


# datamodel-code-generator


def datamodel_code_generator(known_documents: dict[str, Document], folder: Path) -> str:
    """Generate pydantic models for each document, and read and write the examples with them."""
    count = 0
    for name, document in known_documents.items():
        output = folder / f"models_{name}.py"
        options = ["--input-file-type", "openapi", "--output-model-type", "pydantic_v2.BaseModel", "--disable-warnings"]
        scopes = ["--openapi-scopes", "schemas", "paths", "parameters", "--use-operation-id-as-name"]
        command = [sys.executable, "-m", "datamodel_code_generator", "--formatters", "builtin"]
        run(*command, "--input", folder / f"{name}.json", "--output", output, *options, *scopes)
        sys.path.insert(0, str(folder))
        try:
            models = importlib.import_module(output.stem)
        finally:
            sys.path.remove(str(folder))
        missing = document["components"]["schemas"].keys() - vars(models).keys()
        assert not missing, f"{name}: no model of {missing}"
        for operation, schema, value in bodies(document):
            model = getattr(models, schema.rpartition("/")[2])
            read = model.model_validate(value).model_dump(mode="json", by_alias=True, exclude_unset=True)
            assert contains(value, read), f"{operation}: {read}"
            count += 1
    return f"{count} examples read and written"


def bodies(document: Document) -> Iterator[tuple[str, str, Any]]:
    """Yield the operationId, the schema reference and the value of each example whose schema is a component."""
    for _, _, row in operations(document):
        for part in (row.get("requestBody", {}), *row["responses"].values()):
            for content in part.get("content", {}).values():
                reference = content.get("schema", {}).get("$ref")
                for example in content.get("examples", {}).values() if reference else ():
                    yield row["operationId"], reference, example["value"]


def contains(value: Any, read: Any) -> bool:
    """Return whether *value* has every member of *read*; a model omits members that its schema does not name."""
    if isinstance(read, dict):
        return all(name in value and contains(value[name], member) for name, member in read.items())
    if isinstance(read, list):
        return len(read) == len(value) and all(map(contains, value, read))
    return bool(read == value) or (isinstance(value, str) and parse_time(read) == parse_time(value))


def parse_time(text: str) -> datetime:
    """Return the time that *text* describes; raise ValueError for any other string."""
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


# openapi-typescript

CALL = """
import type {{ operations, components }} from "./{name}";
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
export const complete: Same<keyof operations, {union}> = true;
export type Schemas = keyof components["schemas"];
"""
USE = """
import type { operations } from "./salsa";
type Call = operations["search_segments"];
type Body = Call["requestBody"]["content"]["application/json"];
type Reply = Call["responses"][200]["content"]["application/json"];
export const body: Body = { payload: { identifiers: ["1"], identifierType: "EXTERNAL_ID", count: 20 } };
export const found = (reply: Reply) => reply.payload.segments.filter((segment) => segment.result === "FOUND");
// @ts-expect-error: no such kind of identifier
export const wrong: Body = { payload: { identifiers: ["1"], identifierType: "NAME" } };
"""


def openapi_typescript(known_documents: dict[str, Document], folder: Path) -> str:
    """Generate types for each document, and compile them with code that uses them."""
    tools = npm(folder)
    for name, document in known_documents.items():
        run(tools / "openapi-typescript", folder / f"{name}.json", "-o", folder / f"{name}.ts")
        union = " | ".join(f'"{one}"' for one in sorted(operation_ids(document)))
        (folder / f"complete_{name}.ts").write_text(CALL.format(name=name, union=union))
    (folder / "use.ts").write_text(USE)
    run(tools / "tsc", "--noEmit", "--strict", "--target", "es2022", "--module", "nodenext", *folder.glob("*.ts"))
    return "compiled by tsc --strict"


def npm(folder: Path) -> Path:
    """Return the folder of the commands of the npm packages; install them if they are missing."""
    if not shutil.which("npm"):
        sys.exit("npm is missing; install Node.js, or name only the Python tools")
    tools = folder / "node" / "node_modules" / ".bin"
    if not tools.is_dir():
        run("npm", "install", "--prefix", folder / "node", "--ignore-scripts", "--no-audit", "--no-fund", *NPM)
    return tools


# prism


def prism(known_documents: dict[str, Document], folder: Path) -> str:
    """Serve each document with Prism, compare the operations that it lists, and send one call."""
    tools = npm(folder)
    for name, document in known_documents.items():
        command = [tools / "prism", "mock", folder / f"{name}.json", "--port", "0", "--verboseLevel", "info"]
        server = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        try:
            assert server.stdout is not None
            served = []
            for line in server.stdout:
                if match := re.search(r"(GET|PUT|POST|DELETE) +http://127\.0\.0\.1:(\d+)(\S+)", line):
                    served.append(f"{match[1].lower()} {match[3]}")
                if match := re.search(r"listening on http://127\.0\.0\.1:(\d+)", line):
                    port = int(match[1])
                    break
            else:
                sys.exit(f"prism did not start with {name}.json")
            for method, path, row in operations(document):
                pattern = re.compile(f"{method} {re.sub('{[^}]+}', '[^/]+', path)}([?].*)?")
                assert any(map(pattern.fullmatch, served)), row["operationId"]
            assert len(served) == len(operation_ids(document)), served
            if name == "salsa":
                check_prism_response(port)
        finally:
            server.terminate()
            server.wait()
    return "served"


def check_prism_response(port: int) -> None:
    """Check that Prism accepts a documented search and responds with an example."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"authToken": "t", "Content-Type": "application/json"}
    body = json.dumps({"payload": {"offset": 0, "count": 20}})
    connection.request("POST", "/api/integration/ext/v1/segments/search", body, headers)
    response = connection.getresponse()
    answer = json.loads(response.read())
    connection.close()
    assert (200, 18) == (response.status, answer["payload"]["count"]), answer


TOOLS: dict[str, Callable[[dict[str, Document], Path], str]] = {
    "openapi-python-client": openapi_python_client,
    "datamodel-code-generator": datamodel_code_generator,
    "openapi-typescript": openapi_typescript,
    "prism": prism,
}


def main(names: list[str]) -> None:
    """Run the tools with these *names*, or all tools."""
    if unknown := [name for name in names if name not in TOOLS]:
        sys.exit(f"unknown tool {unknown[0]!r}; there are {', '.join(TOOLS)}")
    known_documents = documents()
    with tempfile.TemporaryDirectory() as path:
        folder = Path(path)
        for name, document in known_documents.items():
            (folder / f"{name}.json").write_text(json.dumps(document))
        for tool in names or TOOLS:
            result = TOOLS[tool](known_documents, folder)
            counts = ", ".join(f"{name} {len(operation_ids(document))}" for name, document in known_documents.items())
            print(f"{tool}: every operation ({counts}); {result}", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1:])
