"""What `privet.yaml` may say of files and TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from privet.app.settings import CONFIG, MAX_FILE_BYTES, load
from privet.errors import InvalidInput


def home(tmp_path: Path, *lines: str) -> Path:
    (tmp_path / CONFIG).write_text("\n".join(lines), encoding="utf-8")
    return tmp_path


def test_without_a_word_files_have_four_gibibytes_and_http_is_plain(tmp_path: Path) -> None:
    found = load(home(tmp_path, "listen: 127.0.0.1:7461"))
    assert (
        (found.max_file_bytes, found.tls_cert, found.tls_key) == (MAX_FILE_BYTES, None, None) == (4 << 30, None, None)
    )


def test_paths_are_seen_from_the_home(tmp_path: Path) -> None:
    found = load(home(tmp_path, "tls_cert: vault.pem", "tls_key: /keys/vault.key", "max_file_bytes: 1048576"))
    assert (found.tls_cert, found.tls_key) == (tmp_path / "vault.pem", Path("/keys/vault.key"))
    assert found.max_file_bytes == 1 << 20


@pytest.mark.parametrize("said", ["1000", "true", "4 GiB", "-1", "1099511627777", "1.5"])
def test_a_limit_of_files_that_is_no_number_within_bounds_is_refused(tmp_path: Path, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(home(tmp_path, f"max_file_bytes: {said}"))
    assert caught.value.at.endswith(f"{CONFIG}:1:17")
