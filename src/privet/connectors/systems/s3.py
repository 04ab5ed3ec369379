"""A bucket of CSV, JSON lines and Parquet objects, at Amazon S3 or what speaks the same.

An erasure reads an object, and puts the changed one in its place under the condition that nobody changed it meanwhile
(`If-Match`), in parts of a few megabytes: nothing is written to this machine. A bucket that keeps versions would keep
what is erased: there an erasure is refused, unless the setting `versions` is `delete`; then every older version that
holds what is erased goes for good, with all that it holds of others. Reading looks into older versions, too.

Written from Amazon's API reference: PutObject (If-Match), CompleteMultipartUpload, ListObjectVersions, DeleteObject.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from os.path import commonprefix
from typing import Any, BinaryIO
from urllib.parse import urlencode

from privet.connectors.base import Batch, Connector, Halted, Read, Record, Setup
from privet.connectors.match import Edits
from privet.connectors.profile import Profile
from privet.connectors.systems import Setting, System, _aws
from privet.connectors.systems._sheets import (
    SETTINGS,
    Asked,
    Layout,
    described,
    known_collections,
    layout,
    matcher,
    read,
)
from privet.connectors.tabular import ENDINGS, ending, rewrite
from privet.errors import InvalidInput, PrivetError, Refused
from privet.vocabulary.dataset import Dataset

_PART = 8 * 1024 * 1024  # at least 5 MiB, and at most 10,000 parts an object
_KEPT = (
    "CacheControl",
    "ContentDisposition",
    "ContentLanguage",
    "ContentType",
    "Metadata",
    "StorageClass",
    "ServerSideEncryption",
    "SSEKMSKeyId",
    "BucketKeyEnabled",
    "WebsiteRedirectLocation",
)


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an object. `id` "": the bucket keeps none. `now`: it is what the object is."""

    key: str
    etag: str
    id: str = ""
    now: bool = True

    @property
    def named(self) -> dict[str, str]:
        """Return how calls name it: what is there now needs no version, and no right to ask for one."""
        return {"Key": self.key, **({"VersionId": self.id} if self.id and not self.now else {})}


class Bucket:
    """Objects under one prefix. Names are keys without it."""

    def __init__(self, client: _aws.Client, name: str, prefix: str) -> None:
        self.client = client
        self.name = name
        self.prefix = prefix
        self._seen: dict[str, list[Version]] = {}
        with _aws.faults(name):
            self.versioned = bool(client.get_bucket_versioning(Bucket=name).get("Status"))

    def names(self, patterns: Sequence[str]) -> list[str]:
        """Return the objects that patterns mean, those included of which only older versions are left."""
        tests = [matcher(pattern) for pattern in patterns]
        # Signs, not folders, are what a listing is narrowed by.
        start = commonprefix([re.split(r"[*?\[]", pattern, maxsplit=1)[0] for pattern in patterns])  # noqa: RUF071
        found: dict[str, list[Version]] = {}
        for version in self._listed(self.prefix + start):
            name = version.key.removeprefix(self.prefix)
            if any(test(name) for test in tests):
                found.setdefault(name, []).append(version)
        self._seen.update(found)
        return sorted(found)

    def versions(self, name: str) -> list[Version]:
        """Return every version of an object that `names` found, the newest first."""
        return self._seen[name]

    def _listed(self, prefix: str) -> Iterator[Version]:
        call = "list_object_versions" if self.versioned else "list_objects_v2"
        with _aws.faults(self.name):
            for page in self.client.get_paginator(call).paginate(Bucket=self.name, Prefix=prefix):
                for item in page.get("Contents", ()):
                    yield Version(item["Key"], item["ETag"])
                for item in page.get("Versions", ()):
                    yield Version(item["Key"], item["ETag"], item["VersionId"], bool(item["IsLatest"]))

    def copies(self, name: str) -> Iterator[AbstractContextManager[BinaryIO]]:
        """Give each version of an object."""
        return (self.open(version) for version in self.versions(name))

    @contextmanager
    def open(self, version: Version) -> Iterator[BinaryIO]:
        """Give the bytes of one version, as it was when it was listed."""
        with _aws.faults(self.name):
            if version.key.endswith(".parquet"):
                yield io.BufferedReader(_Ranges(self, version), 1 << 20)
                return
            answer = self.client.get_object(Bucket=self.name, IfMatch=version.etag, **version.named)
            _plain(answer, version.key)
            body = answer["Body"]
            try:
                yield body
            finally:
                body.close()


class _Ranges(io.RawIOBase):
    """An object that is read piece by piece."""

    def __init__(self, bucket: Bucket, version: Version) -> None:
        self._bucket = bucket
        self._version = version
        answer = bucket.client.head_object(Bucket=bucket.name, IfMatch=version.etag, **version.named)
        _plain(answer, version.key)
        self._size = int(answer["ContentLength"])
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        end = min(self._at + len(buffer), self._size)
        if end <= self._at:
            return 0
        part = f"bytes={self._at}-{end - 1}"
        bucket, version = self._bucket, self._version
        answer = bucket.client.get_object(Bucket=bucket.name, IfMatch=version.etag, Range=part, **version.named)
        data = answer["Body"].read()
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)


class _Upload(io.RawIOBase):
    """What an object becomes. Nothing of it is seen before `finish`."""

    def __init__(self, bucket: Bucket, old: Version, kept: Mapping[str, Any]) -> None:
        self._bucket = bucket
        self._old = old
        self._kept = kept
        self._held = bytearray()
        self._sent = 0
        self._id = ""
        self._parts: list[dict[str, Any]] = []

    def writable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._sent + len(self._held)

    def write(self, data: Any) -> int:
        count = len(memoryview(data).cast("B"))
        self._held += data
        while len(self._held) >= 2 * _PART:
            self._send(_PART)
        return count

    def _send(self, count: int) -> None:
        name, key, client = self._bucket.name, self._old.key, self._bucket.client
        if not self._id:
            self._id = client.create_multipart_upload(Bucket=name, Key=key, **self._kept)["UploadId"]
        number = len(self._parts) + 1
        body = bytes(self._held[:count])
        answer = client.upload_part(Bucket=name, Key=key, UploadId=self._id, PartNumber=number, Body=body)
        self._parts.append({"PartNumber": number, "ETag": answer["ETag"]})
        del self._held[:count]
        self._sent += len(body)

    def finish(self) -> str:
        """Put the new object in the place of the old one, if that is still there. Return the new version's id."""
        name, key, client = self._bucket.name, self._old.key, self._bucket.client
        when = {"IfMatch": self._old.etag}
        if not self._id:
            answer = client.put_object(Bucket=name, Key=key, Body=bytes(self._held), **when, **self._kept)
            return str(answer.get("VersionId", ""))
        self._send(len(self._held))
        # Not every service that speaks the same knows the condition on parts, so it is asked, too.
        client.head_object(Bucket=name, Key=key, **when)
        parts = {"Parts": self._parts}
        answer = client.complete_multipart_upload(
            Bucket=name, Key=key, UploadId=self._id, MultipartUpload=parts, **when
        )
        self._id = ""
        return str(answer.get("VersionId", ""))

    def drop(self) -> None:
        """Forget what was sent and not finished."""
        if self._id:
            self._bucket.client.abort_multipart_upload(Bucket=self._bucket.name, Key=self._old.key, UploadId=self._id)
            self._id = ""


class S3:
    """A bucket as a connector."""

    def __init__(self, setup: Setup, said: Layout) -> None:
        self._setup = setup
        self._said = said
        self._name = str(setup.settings["bucket"])
        self._client: _aws.Client | None = None

    def _bucket(self) -> Bucket:
        if self._client is None:
            self._client = _aws.client(self._setup, "s3")
        prefix = str(self._setup.settings.get("prefix", ""))
        return Bucket(self._client, self._name, f"{prefix}/" if prefix else "")

    def probe(self) -> None:
        """Make sure that the bucket lets us list."""
        bucket = self._bucket()
        with _aws.faults(self._name):
            bucket.client.list_objects_v2(Bucket=self._name, Prefix=bucket.prefix, MaxKeys=1)

    def describe(self) -> Dataset:
        """Return the collections that are set up, and each object right under the prefix by its name."""
        bucket = self._bucket()
        files = {name: self._said.files(bucket, name) for name in self._said.patterns}
        taken = {file for found in files.values() for file in found}
        for file in bucket.names(["*"]):
            if file.endswith(ENDINGS) and file not in taken:
                files.setdefault(file.removesuffix(ending(file)), []).append(file)
        found = [described(bucket, self._said, name, listed) for name, listed in files.items()]
        return Dataset(key=self._setup.name, collections=tuple(found))

    def read(self, ask: Read) -> Iterator[list[Record]]:
        """Yield the records that are asked for, of older versions, too."""
        return read(self._bucket(), self._said, ask, self._setup.limits.page)

    def erase(self, dataset: Dataset, batches: Iterable[Batch]) -> list[int]:
        """Carry out changes, object by object. Every object is looked at before the first one is written."""
        asked = Asked(known_collections(dataset, batches))
        bucket = self._bucket()
        todo = []
        for name, (edits, _) in asked.edits.items():
            for file in self._said.files(bucket, name):
                hits = [version for version in bucket.versions(file) if _hit(bucket, self._said, file, version, edits)]
                if hits:
                    todo.append((name, file, edits, hits))
        if todo and bucket.versioned and self._setup.settings.get("versions", "refuse") != "delete":
            hint = "say `versions: delete` if older versions that hold what is erased may go, with all in them"
            raise Refused("the bucket keeps versions, which would keep what is erased", at=self._name, hint=hint)
        for done, (name, file, edits, hits) in enumerate(todo):
            try:
                asked.count(name, _changed(bucket, self._said, file, edits, hits))
            except PrivetError as error:
                if done:
                    raise Halted(asked.counts, error) from None
                raise
        return asked.counts

    def close(self) -> None:
        """Let go of connections."""
        if self._client is not None:
            self._client.close()
            self._client = None


def _hit(bucket: Bucket, said: Layout, file: str, version: Version, edits: Edits) -> bool:
    with bucket.open(version) as source:
        return bool(rewrite(source, None, said.sheet(file), edits))


def _changed(bucket: Bucket, said: Layout, file: str, edits: Edits, hits: list[Version]) -> dict[int, int]:
    """Put the changed object in place, and remove the versions that hold what it held. Return what changed in the
    object as it is now; where it is gone already, in the newest version of it."""
    counts: dict[int, int] = {}
    new = None
    for version in hits:
        if version.now:
            counts, new = _put(bucket, said, file, edits, version)
    older = [version for version in hits if version.id and version.id != new]
    if not counts and older:
        with bucket.open(older[0]) as source:
            counts = dict(rewrite(source, None, said.sheet(file), edits))
    for version in older:
        with _aws.faults(bucket.name):
            bucket.client.delete_object(Bucket=bucket.name, Key=version.key, VersionId=version.id)
    return counts


def _put(bucket: Bucket, said: Layout, file: str, edits: Edits, old: Version) -> tuple[dict[int, int], str]:
    with _aws.faults(bucket.name):
        upload = _Upload(bucket, old, _kept(bucket, old))
        try:
            with bucket.open(old) as source:
                counts = rewrite(source, upload, said.sheet(file), edits)  # type: ignore[arg-type]  # it writes
            # A bucket that stopped keeping versions writes over the version `null`, and says so.
            return dict(counts), upload.finish() or "null"
        finally:
            upload.drop()


def _kept(bucket: Bucket, old: Version) -> dict[str, Any]:
    """Return what stands beside an object's bytes, to be said of the new ones."""
    head = bucket.client.head_object(Bucket=bucket.name, IfMatch=old.etag, **old.named)
    kept = {name: head[name] for name in _KEPT if head.get(name)}
    tags = bucket.client.get_object_tagging(Bucket=bucket.name, **old.named).get("TagSet", ())
    return kept | ({"Tagging": urlencode({tag["Key"]: tag["Value"] for tag in tags})} if tags else {})


def _plain(answer: Mapping[str, Any], key: str) -> None:
    """Refuse an object that is packed in a way that its name does not say."""
    if answer.get("ContentEncoding") not in (None, "", "identity", "aws-chunked"):
        raise Refused("expected an object without a content encoding", at=key, hint="name it `.gz` instead")


def _open(setup: Setup) -> Connector:
    bucket, prefix = str(setup.settings.get("bucket", "")), str(setup.settings.get("prefix", ""))
    if not re.fullmatch(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", bucket):
        raise InvalidInput("expected the name of a bucket", at="bucket")
    if prefix and (not prefix.isprintable() or any(part in ("", ".", "..") for part in prefix.split("/"))):
        raise InvalidInput("expected a prefix as `folder/folder`", at="prefix")
    if setup.settings.get("versions", "refuse") not in ("refuse", "delete"):
        raise InvalidInput("expected `refuse` or `delete`", at="versions")
    _aws.check(setup)
    return S3(setup, layout(setup))


PART = System(
    name="s3",
    title="Amazon S3",
    settings=(
        Setting(name="bucket", about="The bucket."),
        Setting(name="prefix", about="Where in it, as a path; all of it if not said.", default=""),
        Setting(
            name="versions",
            about="What becomes of older versions that hold what is erased: `refuse` to erase, or `delete` them.",
            default="refuse",
        ),
        *_aws.SETTINGS,
        *SETTINGS,
    ),
    profile=Profile(
        tried="emulation",
        against="moto 5",
        atomic=False,
        deletes=True,
        masks=True,
        streams=True,
        reads_back=True,
        effect="nature",
        docs=(
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectVersions.html",
            "https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html",
        ),
        limits=(
            "every object of a collection is read whole, and every version that the bucket keeps",
            "each object changes at once, several objects one after the other",
            "access lists of single objects are not kept; bucket policies are what counts",
            "copies that replication, backup or inventory made are not reached",
            "the name of an `endpoint` is looked up once more by the driver after its addresses were judged",
        ),
    ),
    open=_open,
)
