"""The checks of this repository: ``nox --list``, ``nox`` for the default ones, ``nox -s NAME -- ARGUMENT`` for one.

Each session installs what it needs into an environment of its own, in the versions of constraints.txt.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

import nox
from packaging.requirements import Requirement

nox.needs_version = ">=2024.4"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["lint", "prose", "types", "tests", "docs"]

OLDEST, NEWEST = "3.10", "3.13"
PYTHONS = ["3.10", "3.11", "3.12", "3.13"]
PYPROJECT = nox.project.load_toml("pyproject.toml")
README = Path("README.md")
DIST = Path("dist")
# Keep bytecode even if the shell says otherwise: a run starts many processes, and each would compile all of it again.
ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": ""}
# What the lowest versions could break; what states how the newest clients behave is left out.
TOUCHES_DEPENDENCIES = [
    f"tests/{path}"
    for path in (
        *("core", "persistence", "plugin", "settings", "store", "testing", "transports/inprocess", "vendors", "web"),
        *("cli/test_cli.py", "faults/test_fault_settings.py", "faults/test_items.py", "faults/test_kinds.py"),
        *("test_examples.py", "test_packaging.py", "test_readme.py", "virtual_time/test_loop_waits.py"),
    )
]
# What a store must not change.
OVER_ANY_STORE = [
    f"tests/{path}"
    for path in (
        *("clock", "core", "faults", "journal", "remote", "store", "testing", "vendors", "web"),
        *("test_emulator.py", "test_stubs.py"),
    )
]
PROSE = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "docs", "src", "conftest_plugin", "benchmarks", "examples")
PYTEST = ("pytest", "-n", "auto", "--maxprocesses", "4")


def enable_pyenv_versions() -> None:
    """Make pyenv's ``python3.x`` commands run: without this, they only do for the versions that are chosen globally."""
    if "PYENV_VERSION" in os.environ or not shutil.which("pyenv"):
        return

    def pyenv(*words: str) -> list[str]:
        done = subprocess.run(["pyenv", *words], capture_output=True, text=True, check=False)
        return re.split(r"[:\s]+", done.stdout.strip())

    os.environ["PYENV_VERSION"] = ":".join(dict.fromkeys([*pyenv("version-name"), *pyenv("versions", "--bare")]))


enable_pyenv_versions()


def install(session: nox.Session, *requirements: str, editable: str | None = None, locked: bool = True) -> None:
    """Install *requirements*, and this project with the extra *editable*, in the versions of constraints.txt."""
    constraints = ("-c", "constraints.txt") if locked else ()
    if editable is not None:
        # In three steps, so that constraints.txt applies to what builds this project too.
        session.install(*constraints, "hatchling", "editables")
        session.install("--no-build-isolation", "--no-deps", "-e", ".")
        requirements = (f"segment-mock{editable}", *requirements)
    session.install(*constraints, *requirements)


def install_programs(session: nox.Session, packages: dict[str, str]) -> None:
    """Install with apt-get, if we may, the packages of each program that is missing."""
    missing = sorted(
        {name for program, names in packages.items() if not shutil.which(program) for name in names.split()}
    )
    if missing and shutil.which("apt-get") and not os.getuid():
        session.run("apt-get", "update", "-qq", external=True, success_codes=range(256))
        session.run("apt-get", "install", "-y", "-qq", *missing, external=True, success_codes=range(256))


def floors(*extras: str, names: Collection[str] = ()) -> list[str]:
    """Return the dependencies and those of *extras*, each pinned to the lowest version that pyproject.toml allows.

    Of the extra ``test`` only those in *names* are returned.
    """
    project = PYPROJECT["project"]
    rows = [*project["dependencies"], *(row for extra in extras for row in project["optional-dependencies"][extra])]
    rows += [row for row in project["optional-dependencies"]["test"] if Requirement(row).name in names]
    pins = []
    for requirement in map(Requirement, rows):
        (floor,) = (part.version for part in requirement.specifier if part.operator == ">=")
        marker = f"; {requirement.marker}" if requirement.marker else ""
        pins.append(f"{requirement.name}=={floor}{marker}")
    return pins


@nox.session
def lint(session: nox.Session) -> None:
    """Check format and lint."""
    install(session, "ruff")
    session.run("ruff", "format", "--check", ".")
    session.run("ruff", "check", ".")


@nox.session
def prose(session: nox.Session) -> None:
    """Check what people read: withdrawn words and names, long sentences, spelling, docstrings of public names."""
    install(session, "codespell", "interrogate", "markdown-it-py", "tomli")
    session.run("python", "tests/prose/check.py")
    session.run("codespell", *PROSE)
    session.run("interrogate", "-v", "src/segment_mock", "conftest_plugin")


@nox.session
def types(session: nox.Session) -> None:
    """Check types."""
    install(session, editable="[test,lint]")
    session.run("mypy")
    session.run("pytest", "-q", "tests/typing")


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests."""
    install(session, editable="[dev]")
    session.run(*PYTEST, *session.posargs, env=ENVIRONMENT)


@nox.session
def coverage(session: nox.Session) -> None:
    """Run the tests with branch coverage, which takes half as long again."""
    install(session, editable="[dev]")
    session.run(*PYTEST, "--cov", "--cov-report=term", *session.posargs, env=ENVIRONMENT)


@nox.session
def slow(session: nox.Session) -> None:
    """Run the slow tests, except those of the guides (docs, languages); shells for completion come from apt-get."""
    install(session, editable="[dev]")
    install_programs(session, {"zsh": "zsh", "fish": "fish"})
    options = ("-m", "slow", "--ignore", "tests/guides")
    session.run(*PYTEST, *options, *session.posargs, env=ENVIRONMENT, success_codes=[0, 5])


@nox.session(python=OLDEST)
def lowest(session: nox.Session) -> None:
    """Run the tests that depend on libraries on the oldest Python, with the lowest version of each library."""
    pins = floors("metrics", "pytest", "redis", "time", names=("httpx", "httpcore", "aiohttp"))
    install(session, *pins, editable="[test]", locked=False)
    # Old versions use what the standard library deprecates; marshmallow 3.13 imports distutils, for example.
    quiet = ("-W", "ignore::DeprecationWarning", "-W", "ignore::ImportWarning")
    session.run(*PYTEST, *quiet, *(session.posargs or TOUCHES_DEPENDENCIES), env=ENVIRONMENT)


@nox.session(python=NEWEST)
def newest(session: nox.Session) -> None:
    """Run the tests on the newest Python with the versions of constraints.txt."""
    install(session, editable="[test,tools]")
    session.run(*PYTEST, *session.posargs, env=ENVIRONMENT)


@nox.session
def unlocked(session: nox.Session) -> None:
    """Run the tests with whatever versions are newest today."""
    install(session, editable="[test,tools]", locked=False)
    session.run("python", "-m", "pip", "list", external=True, success_codes=[0, 1])
    session.run(*PYTEST, *session.posargs, env=ENVIRONMENT)


@nox.session
def layers(session: nox.Session) -> None:
    """Run the tests together with other libraries of stubs, and of instrumentation, in their newest versions."""
    install(session, editable="[layers]", locked=False)
    session.run("pytest", "tests/layers", *session.posargs, env=ENVIRONMENT)


@nox.session
def build(session: nox.Session) -> None:
    """Build the wheel with README's command, and the sdist, into dist/, and check their metadata."""
    install(session, "build", "editables", "hatchling", "pip", "twine")
    shutil.rmtree(DIST, ignore_errors=True)
    (command,) = re.findall(r"^pip wheel .*?(?=$|  #)", README.read_text(encoding="utf-8"), re.MULTILINE)
    session.run("python", "-m", *shlex.split(command), silent=True)
    session.run("python", "-m", "build", "--no-isolation", "--sdist", "--outdir", str(DIST), silent=True)
    session.run("twine", "check", "--strict", *map(str, DIST.iterdir()), silent=True)


def use_wheel(session: nox.Session, *beside: str, locked: bool) -> None:
    """Run a suite of a few tests in another folder, with the wheel and what its user has *beside* it."""
    (built,) = DIST.resolve().glob("*.whl")
    install(session, f"segment-mock[pytest] @ {built.as_uri()}", "aiohttp", "httpx", *beside, locked=locked)
    suite = shutil.copytree("tests/wheel_smoke", Path(session.create_tmp()) / "suite", dirs_exist_ok=True)
    with session.chdir(suite):
        session.run("pytest", "-q", "-p", "no:cacheprovider", *session.posargs, env=ENVIRONMENT)


@nox.session(python=PYTHONS, requires=["build"])
def wheel(session: nox.Session) -> None:
    """Use the wheel as its user does: in a clean environment, and in another folder."""
    use_wheel(session, locked=True)


@nox.session(name="wheel-beside", requires=["build"])
@nox.parametrize("other", ["marshmallow<4", "flask<3", "pytest<8", "urllib3<2"])
def wheel_beside(session: nox.Session, other: str) -> None:
    """Use the wheel in a project that depends on an older version of one of its dependencies."""
    use_wheel(session, other, locked=False)


@nox.session(name="new-vendor", requires=["build"])
def new_vendor(session: nox.Session) -> None:
    """Use the wheel to write a package with a vendor, install that, run its tests, and serve it."""
    (built,) = DIST.resolve().glob("*.whl")
    install(session, f"segment-mock[pytest] @ {built.as_uri()}", "hatchling", "editables")
    place = Path(session.create_tmp()).resolve()
    package = place / "segment-mock-tickets"
    installed = Path(session.bin).parent.glob("lib/python*/site-packages/*segment_mock_tickets*")
    for rest in [package, *installed]:  # of the last run
        shutil.rmtree(rest) if rest.is_dir() else rest.unlink(missing_ok=True)
    with session.chdir(place):
        session.run("segment-mock", "new-vendor", "tickets", "--host", "api.tickets.example")
        session.install("--no-build-isolation", "--no-deps", "-e", str(package))
    with session.chdir(package):
        session.run("pytest", "-q", "-p", "no:cacheprovider", env=ENVIRONMENT)
        session.run("segment-mock", "vendors", silent=True)
        code = """if True:
            import requests
            url, headers = "https://api.tickets.example/tickets/items", {"x-api-key": "k"}
            response = requests.post(url, json={"name": "Lamp"}, headers=headers)
            assert response.json()["item"]["name"] == "Lamp", response.text
        """
        session.run("segment-mock", "exec", "--", "python", "-c", code)


@nox.session
def docs(session: nox.Session) -> None:
    """Run the code blocks of README and docs, with all that they import; other languages have a session."""
    install(session, editable="[test,guides]")
    places = ("tests/test_readme.py", "tests/test_docs.py", "tests/guides", "tests/plugin/test_pytest_guide.py")
    chosen = ("-m", "slow or not slow", "-k", "not other-languages")
    session.run(*PYTEST, *places, *chosen, *session.posargs, env=ENVIRONMENT | {"GUIDES_REQUIRED": "1"})


@nox.session
def site(session: nox.Session) -> None:
    """Build the site of docs/ into build/site; a broken link, anchor or image is an error."""
    install(session, editable="[site]")
    session.run("mkdocs", "build", *session.posargs, env=ENVIRONMENT | {"NO_MKDOCS_2_WARNING": "1"})


@nox.session
def reference(session: nox.Session) -> None:
    """Write again the pages of docs/reference, and everything else in docs/ that is made from the code."""
    install(session, editable="[test]")
    session.run("python", "-m", "tests.docs_site.reference", env=ENVIRONMENT)


@nox.session
def languages(session: nox.Session) -> None:
    """Run the guides for Go, Java, Mono, PHP, Ruby, Node and curl; programs that are missing come from apt-get."""
    install(session, editable="[test]")
    packages = {"go": "golang-go", "java": "default-jdk-headless", "javac": "default-jdk-headless", "ruby": "ruby"}
    packages |= {"php": "php-cli php-curl", "mono": "mono-runtime", "mcs": "mono-mcs libmono-system-net-http4.0-cil"}
    packages |= {"cert-sync": "ca-certificates-mono", "node": "nodejs", "curl": "curl"}
    install_programs(session, packages)
    tests = ("tests/guides", "tests/test_clients.py", "-k", "other-languages or test_clients", "-m", "slow or not slow")
    required = {} if os.getuid() else {"GUIDES_REQUIRED": "1"}  # who may not install skips what is missing
    session.run("pytest", *tests, *session.posargs, env=ENVIRONMENT | required)


@nox.session
def contract(session: nox.Session) -> None:
    """Check a live server against its OpenAPI documents, with Schemathesis; takes about a minute."""
    install(session, editable="[test,tools]")
    session.run("python", "tests/openapi/contract.py", *session.posargs, env=ENVIRONMENT)


@nox.session
def node(session: nox.Session) -> None:
    """Generate the typed client of examples/node, check it and run its suite against a mock; needs npm and Node 20."""
    if not shutil.which("npm"):
        session.skip("npm is missing")
    install(session, editable="")
    ignored = shutil.ignore_patterns("node_modules", "generated")
    example = shutil.copytree("examples/node", Path(session.create_tmp()) / "node", dirs_exist_ok=True, ignore=ignored)
    with session.chdir(example):
        session.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", external=True)
        for script in ("generate", "check", "test"):
            session.run("npm", "run", script, external=True, env={"SEGMENT_MOCK_URL": ""})


@nox.session
def clients(session: nox.Session) -> None:
    """Generate clients from the OpenAPI documents and call a live mock with them; npm adds two of the four tools."""
    script = "tests/openapi/client_generators.py"
    project, *generators = nox.project.load_toml(script)["dependencies"]
    assert project == "segment-mock"
    install(session, *generators, editable="", locked=False)
    tools = session.posargs
    if not tools and not shutil.which("npm"):
        session.warn("npm is missing: openapi-typescript and prism are not tried")
        tools = ["openapi-python-client", "datamodel-code-generator"]
    session.run("python", script, *tools, env=ENVIRONMENT)


@nox.session
def browser(session: nox.Session) -> None:
    """Check the types of the page's scripts, and use the page in Chromium; needs npm, and apt-get or a Chromium."""
    install(session, editable="[browser]")
    if not shutil.which("chromium-browser"):
        install_programs(session, {"chromium": "chromium"})
    place = Path(session.bin).parent / "page"
    options = ("--prefix", str(place), "--ignore-scripts", "--no-audit", "--no-fund")
    session.run("npm", "install", *options, "typescript@7", "axe-core@4", external=True, silent=True)
    tsc = str(place / "node_modules" / "typescript" / "bin" / "tsc")
    session.run("node", tsc, "-p", "tests/browser/tsconfig.json", external=True)
    needed = {"PAGE_TESTS_REQUIRED": "1", "PAGE_TESTS_NODE_MODULES": str(place / "node_modules")}
    session.run("pytest", "tests/browser", "-m", "slow or not slow", *session.posargs, env=ENVIRONMENT | needed)


@nox.session
def fuzz(session: nox.Session) -> None:
    """Attack a live server with hostile bytes and sizes for 20 seconds, or ``--seconds N``."""
    install(session, editable="[test]")
    session.run("python", "-m", "tests.fuzz.fuzz", *session.posargs, env=ENVIRONMENT)


@nox.session
def endurance(session: nox.Session) -> None:
    """Let 32 clients call through faults for 30 seconds, or ``--seconds N``: no write is lost, memory stays flat."""
    install(session, editable="[bench]")
    session.run("python", "benchmarks/endurance.py", *session.posargs, env=ENVIRONMENT)


@nox.session
def durability(session: nox.Session) -> None:
    """Kill servers and stores under random calls for 20 seconds, or ``--seconds N``: nothing acknowledged is lost."""
    install(session, editable="[test]")
    install_programs(session, {"redis-server": "redis-server"})
    session.run("pytest", "-q", "tests/persistence", "tests/lasting", "-m", "slow or not slow", env=ENVIRONMENT)
    session.run("python", "-m", "tests.lasting.torture", *session.posargs, env=ENVIRONMENT)


@nox.session
def stores(session: nox.Session) -> None:
    """Run the tests of records, calls, journal and faults with a store behind each mock: SQLite, then Redis."""
    install(session, editable="[test]")
    install_programs(session, {"redis-server": "redis-server"})
    for engine in ("sqlite", "redis") if shutil.which("redis-server") else ("sqlite",):
        plugin = ("-p", "tests.lasting.any_store", "--any-store", engine)
        session.run(*PYTEST, *plugin, *OVER_ANY_STORE, *session.posargs, env=ENVIRONMENT)


@nox.session(name="bench-quick")
def bench_quick(session: nox.Session) -> None:
    """Measure what has a budget, compared with Python peers, in under two minutes."""
    install(session, editable="[bench]")
    session.run("python", "benchmarks", "--quick", *session.posargs, env=ENVIRONMENT)


@nox.session
def bench(session: nox.Session) -> None:
    """Measure everything, compared with its peers, and write docs/explanation/performance.md; takes ten minutes."""
    install(session, editable="[bench-full]")
    install_programs(session, {"wrk": "wrk", "java": "default-jre-headless"})
    if shutil.which("npm"):
        options = ("--prefix", str(Path(session.bin).parent / "peers"), "--ignore-scripts", "--no-audit", "--no-fund")
        npm = ("npm", "install", *options, "wiremock@3", "mountebank@2", "@mockoon/cli@9")
        session.run(*npm, external=True, success_codes=range(256))
    session.run("python", "benchmarks", *session.posargs, env=ENVIRONMENT)


@nox.session
def lock(session: nox.Session) -> None:
    """Write constraints.txt again: the newest versions that pyproject.toml allows, for all Pythons and platforms."""
    session.install("uv")
    options = ("--universal", "--python-version", OLDEST, "--all-extras", "--no-annotate", "--upgrade")
    hosts = ("--no-emit-index-url", "--no-emit-find-links", "--custom-compile-command", "nox -s lock")
    session.run("uv", "pip", "compile", "-q", *options, *hosts, "pyproject.toml", "-o", "constraints.txt")


if __name__ == "__main__":
    sys.exit("Run `nox`, or `python3 dev.py SESSION`.")
