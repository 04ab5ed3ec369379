"""`./run demo`: the main job on the customers of `bench/customers.py`, by public commands alone, each result checked.

    python bench/demo.py [--rows 100000] [--keep]

Exits 1 at the first check that fails. Removes its folder unless told to keep it.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bench.customers import HOUSEHOLD, write
from bench.needles import forms, search

SEED = 20
KNOWN_PER_COLUMN = 40
KNOWN_COLUMNS = ("full_name", "email", "phone", "ssn", "card_number")
PRIVET = Path(sys.executable).with_name("privet")


class Failed(Exception):
    """A check of the demo did not hold."""


def check(holds: bool, words: str) -> None:
    """Print what was checked. Raises Failed if it does not hold."""
    print(f"    {'ok' if holds else 'FAILED':6} {words}", flush=True)
    if not holds:
        raise Failed(words)


class Demo:
    """One run in one folder."""

    def __init__(self, folder: Path, rows: int) -> None:
        self.folder, self.rows = folder, rows
        self.sheet, self.home = folder / "customers.csv", folder / "home"
        self.took: list[tuple[str, float, str]] = []

    def privet(self, *words: str) -> Any:
        """Run a command and return its JSON answer. Raises Failed with what it said on standard error."""
        # Nothing of the caller's surroundings reaches the commands, so that no other home or server is touched.
        env = {name: value for name, value in os.environ.items() if not name.startswith("PRIVET_")}
        said = [str(PRIVET), *words, "--home", str(self.home), "--json"]
        done = subprocess.run(said, capture_output=True, text=True, env=env, check=False)
        if done.returncode != 0:
            raise Failed(f"`privet {words[0]}` exited {done.returncode}: {done.stderr.strip()[-500:]}")
        return json.loads(done.stdout)

    def query(self, sql: str) -> Any:
        """Return the answer of a question."""
        return self.privet("query", "--vault", "demo", sql)

    def step(self, words: str, work: Callable[[], int]) -> None:
        """Do one step; `work` returns how many things it did, for the rate."""
        print(f"\n{words}", flush=True)
        start = time.monotonic()
        count = work()
        seconds = time.monotonic() - start
        rate = f"{count / seconds:,.0f}/s" if count else ""
        self.took.append((words, seconds, rate))
        print(f"    {seconds:.1f} s {rate}", flush=True)

    # --- steps ------------------------------------------------------------------------------------------------

    def make(self) -> int:
        write(self.sheet, self.rows, SEED)
        with self.sheet.open(encoding="utf-8", newline="") as file:
            self.customers = list(csv.DictReader(file))
        print(f"    {self.sheet.name}: {self.rows:,} rows, {self.sheet.stat().st_size / 1e6:.1f} MB, all invented")
        return self.rows

    def start(self) -> int:
        made = self.privet("init")
        check(Path(made["paths"]["key_file"]).stat().st_mode & 0o077 == 0, "the key file is for its owner alone")
        return 0

    def load(self) -> int:
        done = self.privet("import", str(self.sheet), "--vault", "demo", "--table", "customers", "--yes")
        check(done["rows"] == self.rows and done["skipped"] == 0, f"{done['rows']:,} rows imported, none skipped")
        path = Path(done["tokens_path"])
        with path.open(encoding="utf-8", newline="") as file:
            self.tokens = list(csv.DictReader(file))
        check(len(self.tokens) == self.rows, f"{path.name} has a line for each row")
        at = next(number for number, row in enumerate(self.customers) if row["ssn"])
        for name in ("email", "phone", "ssn", "card_number"):
            print(f"      {name:12} {self.customers[at][name]:42} -> {self.tokens[at][name]}")
        return self.rows

    def look_for_plaintext(self) -> int:
        known = list(self._known())
        needles = {form for value in known for form in forms(value)}
        check(all(search([form], needles) for form in forms(known[0])), "the search finds each form of a value")
        found = search(_chunks([self.sheet]), needles)
        values = sum(any(form in found for form in forms(value)) for value in known)
        check(values == len(known), f"in customers.csv the search finds {values} of {len(known)} values")
        held = [path for path in sorted(self.home.rglob("*")) if path.is_file()]
        size = sum(path.stat().st_size for path in held)
        hits = search(_chunks([*held, self.folder / "customers.tokens.csv"]), needles)
        words = f"in {len(held)} files of the home ({size / 1e6:,.0f} MB) and in the token file it finds {len(hits)}"
        check(not hits, f"{words}: {len(known)} values as UTF-8, UTF-16, base64 and hex")
        return 0

    def _known(self) -> Iterator[str]:
        for name in KNOWN_COLUMNS:
            filled = [row[name] for row in self.customers if len(row[name]) > 7]
            step = max(1, len(filled) // KNOWN_PER_COLUMN)
            yield from dict.fromkeys(filled[::step][:KNOWN_PER_COLUMN])

    def read_masked(self) -> int:
        words = ("records", "list", "--vault", "demo", "--table", "customers", "--redaction", "masked", "--limit", "3")
        found = self.privet(*words)["records"]
        for record in found:
            shown = record["values"]
            print(
                "      "
                + "  ".join(shown[name] or "-" for name in ("full_name", "email", "phone", "ssn", "card_number"))
            )
        shown = found[0]["values"]
        clear = self.customers[0]
        hidden = all(shown[name] != clear[name] for name in ("full_name", "email", "phone", "card_number"))
        check(hidden and len(found) == 3, "a page of records, each value under its type's mask")
        return 0

    def ask(self) -> int:
        someone = next(row for row in self.customers if row["ssn"])
        domain, month = someone["email"].partition("@")[2], someone["birth_date"][:7]
        family, last_four = someone["full_name"].rpartition(" ")[2], someone["phone"][-4:]
        self._ask(
            f"SELECT full_name, city FROM customers WHERE email = '{someone['email']}'",
            [[someone["full_name"], someone["city"]]],
        )
        self._ask(
            f"SELECT COUNT(*) FROM customers WHERE email.domain = '{domain}'",
            [[self._count(lambda row: row["email"].endswith(f"@{domain}"))]],
        )
        self._ask(
            f"SELECT COUNT(*) FROM customers WHERE full_name.family = '{family}'",
            [[self._count(lambda row: row["full_name"].endswith(f" {family}"))]],
        )
        self._ask(
            f"SELECT COUNT(*) FROM customers WHERE phone.last_four = '{last_four}'",
            [[self._count(lambda row: row["phone"].endswith(last_four))]],
        )
        self._ask(
            f"SELECT COUNT(*) FROM customers WHERE birth_date BETWEEN '{month}-01' AND '{month}-28'",
            [[self._count(lambda row: row["birth_date"].startswith(month))]],
        )
        return 0

    def _count(self, holds: Callable[[Mapping[str, str]], bool]) -> int:
        return sum(map(holds, self.customers))

    def _ask(self, sql: str, expected: list[list[Any]]) -> None:
        found = self.query(sql)
        print(f"      {sql}\n        = {json.dumps(found['rows'], ensure_ascii=False)}  ({found['used']})")
        check(found["rows"] == expected, "the same as counted on the CSV")

    def detokenize(self) -> int:
        names = ("email", "phone", "customer_no")
        found = self._values([self.tokens[7][name] for name in names])
        check(found == [self.customers[7][name] for name in names], "tokens lead back to what they stand for")
        other = self._values([self.tokens[7]["card_number"]])[0]
        check(other is not None and "*" in other, f"of a card number the ceiling shows no more than {other}")
        return 0

    def _values(self, tokens: Sequence[str]) -> list[Any]:
        found = self.privet("tokens", "detokenize", "--vault", "demo", *tokens)["values"]
        return [item.get("value") for item in found]

    def erase(self) -> int:
        at = next(
            n for n in range(HOUSEHOLD - 1, self.rows) if self.customers[n]["phone"] == self.customers[n - 1]["phone"]
        )
        hers, his = self.tokens[at], self.tokens[at - 1]
        check(hers["phone"] == his["phone"], "two customers of one household share a telephone, and its token")
        words = ("subjects", "erase", "--vault", "demo", "--table", "customers", "--record", hers["privet_id"])
        check(self.privet(*words)["records"] == 1, "one of them is erased")
        own = [hers[name] for name in ("email", "card_number", "customer_no")]
        check(self._values(own) == [None] * len(own), "her own tokens lead nowhere")
        rest = self._values([his["phone"], his["email"]])
        kept = self.customers[at - 1]
        check(rest == [kept["phone"], kept["email"]], "the shared one and his own still do")
        left = self.query("SELECT COUNT(*) FROM customers")["rows"][0][0]
        check(left == self.rows - 1, f"{left:,} records remain")
        return 0

    def verify(self) -> int:
        found = self.privet("audit", "verify", "--vault", "demo")
        entries, proven, records = found["entries"], found["proven"], found["records"]
        print(f"      {entries:,} entries, {proven:,} under a signed checkpoint, {records:,} records")
        check(found["sound"] and records == self.rows - 1, "the audit and every record in the vault agree")
        return 0

    def run(self) -> None:
        """Do every step in order. Raises Failed."""
        self.step("1. Make up customers", self.make)
        self.step("2. Make a home: privet init", self.start)
        self.step("3. Guess the columns, make the vault, import: privet import", self.load)
        self.step("4. Look for plaintext in everything that is stored", self.look_for_plaintext)
        self.step("5. Read under masks: privet records list", self.read_masked)
        self.step("6. Ask five questions of the sealed data: privet query", self.ask)
        self.step("7. Show what tokens stand for: privet tokens detokenize", self.detokenize)
        self.step("8. Erase a person: privet subjects erase", self.erase)
        self.step("9. Verify the audit: privet audit verify", self.verify)


def _chunks(paths: Sequence[Path]) -> Iterator[bytes]:
    """Yield what the files hold in pieces that overlap, so that no value hides at a border."""
    for path in paths:
        with path.open("rb") as file:
            tail = b""
            while piece := file.read(8 << 20):
                yield tail + piece
                tail = piece[-1024:]


def main() -> int:
    """Return 0 if every check held, else 1."""
    parser = argparse.ArgumentParser(description="The main job on made-up customers.")
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--keep", action="store_true", help="leave the folder, and say where it is")
    args = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="privet-demo-"))
    demo = Demo(folder, max(args.rows, 10 * HOUSEHOLD))
    start = time.monotonic()
    try:
        demo.run()
    except Failed as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        return 1
    finally:
        if args.keep:
            print(f"\nkept in {folder}")
        else:
            shutil.rmtree(folder)
    print(f"\nEverything held, in {time.monotonic() - start:.0f} s:")
    for words, seconds, rate in demo.took:
        print(f"  {words:62} {seconds:6.1f} s  {rate}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
