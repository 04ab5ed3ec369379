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


def test_mail_privacy_and_the_centre_are_read_and_a_password_is_not_shown(tmp_path: Path) -> None:
    (tmp_path / "mail.secret").write_text("invented-word\n", encoding="utf-8")
    mail = "mail: {host: mail.example.com, sender: privacy@example.com, user: privet, password_file: mail.secret}"
    found = load(home(tmp_path, mail, "privacy: {time_zone: Europe/Berlin, package_hours: 24}", "center: 127.0.0.1:0"))
    assert found.mail is not None and found.mail.password is not None
    assert (found.mail.port, found.mail.password.reveal()) == (587, "invented-word")
    assert "invented-word" not in repr(found)
    assert (found.privacy.time_zone, found.privacy.package_hours, found.privacy.downloads) == ("Europe/Berlin", 24, 5)
    assert found.center == ("127.0.0.1", 0)


@pytest.mark.parametrize(
    "said",
    [
        "mail: mail.example.com",
        "mail: {host: mail.example.com}",
        "mail: {hots: mail.example.com}",
        "mail: {host: 7, sender: a@example.com}",
        "privacy: {package_hours: 73}",
        "privacy: {package_hours: 0}",
        "privacy: {downloads: 0}",
        "privacy: {time_zone: Europe/Berlim}",
        "privacy: {time_zone: ''}",
        "center: 7462",
        "center: 127.0.0.1:65536",
    ],
)
def test_what_is_said_wrong_of_mail_privacy_or_the_centre_is_refused_with_its_place(tmp_path: Path, said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        load(home(tmp_path, said))
    assert CONFIG in caught.value.at
    assert "Berlim" not in str(caught.value)
