"""How much of the policy its tests would notice: `python -m bench.mutants [--sample N] [--seed N] [MODULE ...]`.

A mutant is the package with one small fault put in. It is killed where a test of the policy fails, an import does, or
the tests take far longer than they should; what survives is named on stderr. A JSON line a module, then the total.

The working tree is only read: package and tests are copied first, and the properties there try fewer examples, the
same for every mutant, so that the same seed gives the same figure.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import resource
import shutil
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from bench._mutant import Mutant, mutants, mutated, unparsed

ROOT = Path(__file__).parents[1]
POLICY = Path("src/privet/policy")
UNIT = Path("tests/unit/policy")
REVIEW = "policy.review"  # what tells the tests of `review` from those of the rest, which do not know it
# Which unit tests a mutant most likely fails: those named after its file or folder, or after another.
NEAREST = {
    "clauses": "parse",
    "promises": "parse",
    "syntax": "parse",
    "permit": "decide",
    "roles": "decide",
    "meaning": "diff",
    "logic": "diff",
    "words": "explain",
}
LANGUAGE = ("clauses/", "promises/", "format.py", "parse.py", "syntax.py")
LANGUAGE_LAWS, DECISION_LAWS, REVIEW_LAWS = (
    (f"tests/property/test_{name}.py",) for name in ("language_laws", "policy_oracle", "review_laws")
)
EXAMPLES = 30
MOST_BYTES = 3 << 30
PASSED, FAILED, INTERRUPTED = 0, 1, 2  # exit codes of pytest; a collection that fails interrupts it

Stage = tuple[str, ...]  # files of tests, which run together


# --- trying them ------------------------------------------------------------------------------------------------


class Trial:
    """A copy of package and tests, and runs of the tests in processes of their own, one at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.limits: dict[Stage, int] = {}
        self.texts: dict[str, str] = {}
        for name in ("src", "tests", "docs"):
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy2(ROOT / "pyproject.toml", folder)
        for path in (folder / "tests/property").glob("test_*.py"):
            path.write_text(re.sub(r"max_examples=(\d+)", _fewer, path.read_text()))
        for path in sorted((folder / POLICY).rglob("*.py")):
            text = self.texts[path.relative_to(folder / POLICY).as_posix()] = path.read_text()
            path.write_text(unparsed(text))  # so that what a mutant differs by is its fault alone
        sys.path.insert(0, str(folder / "src"))
        os.chdir(folder)
        _warm()
        texts = {path.relative_to(folder).as_posix(): path.read_text() for path in (folder / UNIT).glob("test_*.py")}
        self.units, self.review_units = (
            tuple(sorted(name for name, text in texts.items() if (REVIEW in text) is reviewing))
            for reviewing in (False, True)
        )

    def stages(self, file: str) -> tuple[Stage, ...]:
        """Return the tests that a file may fail, one after another, what answers soonest first."""
        room, _, rest = file.partition("/")
        name = Path(rest if room == "review" else room).stem
        units = self.review_units if room == "review" else self.units
        first = tuple(unit for unit in units if unit.endswith(f"_{NEAREST.get(name, name)}.py"))
        laws = REVIEW_LAWS if room == "review" else LANGUAGE_LAWS if file.startswith(LANGUAGE) else DECISION_LAWS
        return tuple(filter(None, (first, tuple(unit for unit in units if unit not in first), laws)))

    def kills(self, mutant: Mutant, stamp: int) -> bool:
        """Return whether the tests, which were proved, notice.

        `stamp`: another one for each mutant, by which Python tells their files.
        """
        path = self.folder / POLICY / mutant.file
        kept, times = path.read_text(), (path.stat().st_atime_ns, path.stat().st_mtime_ns)
        path.write_text(mutated(self.texts[mutant.file], mutant.number))
        os.utime(path, (stamp, stamp))
        codes = (_run(tests, self.limits[tests]) for tests in self.stages(mutant.file))
        found = next((code for code in codes if code != PASSED), PASSED)
        path.write_text(kept)
        os.utime(path, ns=times)
        if found not in (PASSED, FAILED, INTERRUPTED) and found >= 0:
            raise RuntimeError(f"expected tests that pass or fail, found pytest to end with {found}")
        return found != PASSED

    def prove(self, files: Iterable[str]) -> None:
        """Measure the tests of some files. Raises RuntimeError unless they pass as things are."""
        for tests in dict.fromkeys(tests for file in files for tests in self.stages(file)):
            before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
            if _run(tests, 3600) != PASSED:
                raise RuntimeError(f"expected {', '.join(tests)} to pass without a mutant")
            # Where the clock of a machine halves, what took one second takes two.
            self.limits[tests] = 5 + 4 * round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before)


def _fewer(found: re.Match[str]) -> str:
    return f"max_examples={min(int(found[1]), EXAMPLES)}"


def _run(tests: Stage, seconds: int) -> int:
    """Return the exit code of pytest, negative where a limit ended it."""
    process = multiprocessing.get_context("fork").Process(target=_tested, args=(tests, seconds))
    process.start()
    process.join()
    assert process.exitcode is not None
    return process.exitcode


def _warm() -> None:
    """Load what no mutant changes, once for all."""
    import hypothesis
    import numpy  # noqa: F401
    import pytest  # noqa: F401

    from privet.vocabulary.datatype import TYPES

    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile("mutants", phases=phases, database=None, derandomize=True)
    hypothesis.settings.load_profile("mutants")
    assert TYPES.all()
    assert not any(name.startswith("privet.policy") for name in sys.modules)


def _tested(tests: Stage, seconds: int) -> None:
    import pytest

    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_DATA, (MOST_BYTES, MOST_BYTES))
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    sys.exit(pytest.main(["-x", "-q", "--no-header", "--tb=no", "--assert=plain", "-p", "no:xdist", *tests]))


# --- the figure -------------------------------------------------------------------------------------------------


def line(module: str, tried: int, killed: int, of: int) -> dict[str, str | int | float]:
    """Return a row of the answer. `of`: how many mutants there are."""
    rate = round(100 * killed / tried, 1) if tried else 100.0
    return {"module": module, "mutants": of, "tried": tried, "killed": killed, "percent": rate}


def sampled(found: Sequence[Mutant], size: int, seed: int) -> list[Mutant]:
    """Return some mutants, in the order of files and lines."""
    chosen = sorted(Random(seed).sample(range(len(found)), min(size, len(found))))
    return [found[at] for at in chosen]


def measure(files: Sequence[str], size: int, seed: int) -> None:
    """Print the rows of some files, and the total."""
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder))
        found = [mutant for file in files for mutant in mutants(trial.texts[file], file)]
        chosen = sampled(found, size, seed)
        trial.prove(mutant.file for mutant in chosen)
        total = 0
        for file in dict.fromkeys(mutant.file for mutant in chosen):
            own = [(at, mutant) for at, mutant in enumerate(chosen, start=1) if mutant.file == file]
            left = 0
            for at, mutant in own:
                if not trial.kills(mutant, at):
                    left += 1
                    text = trial.texts[file].splitlines()[mutant.line - 1].strip()
                    print(f"survived {file}:{mutant.line}: {text}  | {mutant.what}", file=sys.stderr, flush=True)
            total += len(own) - left
            row = line(file, len(own), len(own) - left, sum(mutant.file == file for mutant in found))
            print(json.dumps(row), flush=True)
    print(json.dumps(line("total", len(chosen), total, len(found))), flush=True)


def main(argv: Sequence[str]) -> int:
    """Measure and return the exit code: 0, or 2 for a module that does not exist."""
    parser = argparse.ArgumentParser(prog="python -m bench.mutants", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "modules", nargs="*", metavar="MODULE", help="a file or folder of the policy, as in clauses/where.py"
    )
    parser.add_argument("--sample", type=int, default=400, metavar="N", help="how many mutants; 400 if nothing is said")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    given = parser.parse_args(argv)
    known = sorted(path.relative_to(ROOT / POLICY).as_posix() for path in (ROOT / POLICY).rglob("*.py"))
    wanted = given.modules or known
    files = [file for file in known if any(file == name or file.startswith(f"{name.rstrip('/')}/") for name in wanted)]
    if not files:
        print(f"mutants: expected some of {', '.join(known)}", file=sys.stderr)
        return 2
    measure(files, given.sample, given.seed)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
