"""Manifests: reading a folder of them, with every place kept, and checking it."""

from __future__ import annotations

import resource
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import yaml

from bench import Row, most, seconds
from bench._server import PRIVET
from bench.cli import compiled
from privet.manifest.load import load

CATEGORIES = (
    "user.contact.email",
    "user.contact.phone_number",
    "user.name",
    "user.device.ip_address",
    "user.financial",
)
SYSTEMS, DECLARATIONS, FIELDS, POLICIES = 50, 3, 200, 10
TABLES = 4


def dataset(at: int, fields: int = FIELDS) -> str:
    """Return a dataset of four collections, with a category, a type and a length on each field."""
    lines = ["dataset:", f"  - fides_key: db_{at}", f"    name: Database {at}", "    collections:"]
    for table in range(TABLES):
        lines += [f"      - name: table_{table}", "        fields:"]
        for field in range(fields // TABLES):
            lines += [
                f"          - name: field_{field}",
                "            data_categories:",
                f"              - {CATEGORIES[field % len(CATEGORIES)]}",
                "            fides_meta:",
                "              data_type: string",
                f"              length: {40 + field}",
            ]
    return "\n".join(lines) + "\n"


def system(at: int) -> str:
    """Return a system whose declarations refer to the dataset of its number."""
    lines = ["system:", f"  - fides_key: system_{at}", "    system_type: Service", "    privacy_declarations:"]
    for use in range(DECLARATIONS):
        lines += [
            f"      - name: Purpose {use}",
            f"        data_categories: [{CATEGORIES[use]}, {CATEGORIES[use + 1]}]",
            "        data_use: essential.service",
            "        data_subjects: [customer]",
            f"        dataset_references: [db_{at}]",
        ]
    return "\n".join(lines) + "\n"


def policy(at: int) -> str:
    """Return a policy of one rule."""
    return (
        f"policy:\n  - fides_key: policy_{at}\n    rules:\n      - name: Rule {at}\n"
        f"        data_categories: {{matches: ANY, values: [{CATEGORIES[at % len(CATEGORIES)]}]}}\n"
        "        data_uses: {matches: ANY, values: [marketing.advertising]}\n"
        "        data_subjects: {matches: ANY, values: [customer]}\n"
    )


def project(folder: Path) -> int:
    """Write the project of the goal: 50 systems × 3 declarations × 200 fields, 10 policies. Return its bytes."""
    texts = {f"db_{at}.yml": dataset(at) for at in range(SYSTEMS)}
    texts |= {f"system_{at}.yml": system(at) for at in range(SYSTEMS)}
    texts |= {f"policy_{at}.yml": policy(at) for at in range(POLICIES)}
    for name, text in texts.items():
        (folder / name).write_text(text)
    return sum(map(len, texts.values()))


def reading(quick: bool) -> Iterator[Row]:
    """Yield the rows of `load`. `wrapped`: long texts are folded over lines, so that libyaml reads the files."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = project(folder)
        taken = seconds(lambda: load([folder], root=folder), 2 if quick else 5)
        yield most(
            f"seconds: load the project of 50 systems, 50 datasets, 10 policies ({size / 1e6:.1f} MB)", taken, None
        )
        files = sorted(folder.iterdir())
        peer = seconds(lambda: [yaml.load(file.read_bytes(), Loader=yaml.CSafeLoader) for file in files], 1)
        yield most("seconds: yaml.load alone of the same files, with libyaml, places lost", peer, None)
    count, fields = (100, 40) if quick else (1_000, 60)
    for word, fold in (("", ""), (", wrapped", "    description: A text that goes on\n      over two lines\n")):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            size = 0
            for at in range(count):
                text = dataset(at, fields).replace("    collections:\n", fold + "    collections:\n", 1)
                (folder / f"{at}.yml").write_text(text)
                size += len(text)
            taken = seconds(lambda: load([folder], root=folder), 1 if quick else 3)  # noqa: B023  (called at once)
            goal = None if quick or fold else 2.0
            yield most(f"seconds: load {count:,} files of {size / 1e6:.1f} MB{word}", taken, goal)


def checking(quick: bool) -> Iterator[Row]:
    """Yield the rows of `privet check`, a process from its start. Peer: `yaml.load` of the same files, by itself."""
    with tempfile.TemporaryDirectory() as name, compiled(Path(name, "compiled")):
        whole, one = Path(name, "whole"), Path(name, "one")
        whole.mkdir()
        one.mkdir()
        project(whole)
        (one / "shop.yml").write_text(dataset(0, 20) + system(0) + policy(0))
        (one / "shop.policy").write_text("role support\nallow read on table_0.field_0 with redaction = masked\n")
        taken = [_check(whole) for _ in range(2 if quick else 6)]
        work = f"CPU seconds: `privet check` of {SYSTEMS} systems × {DECLARATIONS} declarations × {FIELDS} fields"
        yield most(f"{work} × {POLICIES} policies, start-up included", min(cpu for cpu, _ in taken[1:]), 0.5)
        taken = [_check(one) for _ in range(2 if quick else 6)]
        yield most(
            "seconds by the clock: `privet check` of one file and one policy", min(s for _, s in taken[1:]), 0.25
        )


def _check(folder: Path) -> tuple[float, float]:
    """Return (CPU seconds, seconds by the clock) of a check."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    done = subprocess.run([*PRIVET, "check", str(folder)], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode > 1:
        raise RuntimeError(done.stderr.decode())
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return cpu, time.perf_counter() - start


def rows(quick: bool = False) -> Iterator[Row]:
    """Yield every row."""
    yield from reading(quick)
    yield from checking(quick)
