"""What the source never does, and what no file of the repository holds."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest
from tree import PACKAGE, ROOT, known_files, syntax

MODULES = {"random", "pickle", "marshal", "shelve", "jinja2", "requests"}
CALLS = {"eval", "exec", "__import__", "os.system", "os.popen", "yaml.unsafe_load", "yaml.full_load"}
CALLS |= {"numpy.random", "np.random", "tempfile.mktemp"}
# In pieces, so that this file does not hold what it looks for.
TEXTS = {
    "registry host": re.compile("|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)"))),
    "machine path": re.compile("(?<![a-z.])/(" + "|".join(("work/", "root/", "home/[a-z]", "Users/[A-Za-z]")) + ")"),
    "private key": re.compile("-----BEGIN [A-Z ]*" + "PRIVATE KEY-----"),
    "cloud or forge credential": re.compile("|".join(("AK" + r"IA[0-9A-Z]{16}", "gh" + r"p_[A-Za-z0-9]{36}"))),
}


def faults(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield line and name of each banned use."""
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name.split(".")[0] for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [str(node.module).split(".")[0]]
        yield from ((node.lineno, name) for name in names if name in MODULES)
        if isinstance(node, ast.Name | ast.Attribute) and ast.unparse(node) in CALLS:
            yield node.lineno, ast.unparse(node)
        if (
            isinstance(node, ast.Call)
            and ast.unparse(node.func) == "yaml.load"
            and "SafeLoader" not in ast.unparse(node)
        ):
            yield node.lineno, "yaml.load without a safe loader"
        if isinstance(node, ast.keyword) and node.arg == "shell" and ast.unparse(node.value) != "False":
            yield node.value.lineno, "shell="
        if isinstance(node, ast.ExceptHandler) and (node.type is None or ast.unparse(node.type) == "Exception"):
            yield node.lineno, "blind except"


def test_the_source_uses_nothing_banned() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for line, name in faults(syntax(path))
    ]
    assert found == []


@pytest.mark.parametrize(
    "text",
    [
        "import random",
        "from pickle import loads",
        "import jinja2.sandbox",
        "eval('1')",
        "yaml.load(x, Loader=L)",
        "run(x, shell=True)",
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    pass",
    ],
)
def test_the_check_sees_each_kind(text: str) -> None:
    assert list(faults(ast.parse(text)))


@pytest.mark.parametrize("what", TEXTS)
def test_no_file_holds(what: str) -> None:
    found = []
    for path in known_files():
        if what.startswith("cloud") and path.is_relative_to(ROOT / "tests" / "vectors"):
            continue  # a data type recognizes credentials, and its examples look like them
        for number, line in enumerate(path.read_text(encoding="utf-8", errors="ignore").splitlines(), 1):
            if TEXTS[what].search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}")
    assert found == []
