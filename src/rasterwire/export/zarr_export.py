"""An export of one Zarr store of any size: a group of arrays in objects, which any process may write.

The metadata of the group keep its place from the beginning on. Until all else is there they name no arrays, so that
nobody reads half of a store, and they say whose it is: what lies below them is the export's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import google_crc32c

from rasterwire.errors import RenderCancelled
from rasterwire.export.attempt import Attempt
from rasterwire.export.destination import OCTETS, AlreadyExists, Destination, key_names
from rasterwire.export.job import ExportJob
from rasterwire.export.provenance import WrittenFile, provenance_json, stac_item_json
from rasterwire.export.side_files import disown, expected, write_small
from rasterwire.export.within import Within
from rasterwire.export.zarr_layout import ZarrLayout, ZarrPart, lay_out
from rasterwire.export.zarr_metadata import array_documents, coordinates_of, group_document, is_of_export, json_of, mark
from rasterwire.export.zarr_part import ZarrTask, compress
from rasterwire.plan import RenderPlan
from rasterwire.render import Engine
from rasterwire.store.jobs import FileStanding, PartRecord

__all__ = ["ZarrExport", "count_zarr_files", "has_keys", "zarr_keys"]

_GROUP = 0
"""The number of the metadata of the group."""

_JSON = "application/json"


@dataclass(frozen=True, slots=True)
class _StoringTask:
    """Makes parts and stores them from wherever it is called; see ``_StoringTask`` of ``cog_export``."""

    task: ZarrTask
    destination: Destination
    group: str
    export_id: str
    within: Within

    def __call__(self, part: ZarrPart) -> list[tuple[int, int]]:
        """Make and store a part, and return the size and CRC32C of each object.

        Raises:
            SourceUnavailable: see ``ZarrTask``.
            AlreadyExists: an object of another is there.
            StorageUnavailable: see ``Destination``.
            RenderCancelled: the attempt is stopped and is of this process, or the export was removed.
        """
        with self.within.task():
            stored, own_keys = list[tuple[int, int]](), list[str]()
            for shard, (_, index) in zip(self.task(part, self.within.check), part.shards, strict=True):
                self.within.check()
                key, data = f"{self.group}/{self.task.layout.key(part, index)}", shard.joined()
                if _put(self.destination, key, data):
                    own_keys.append(key)
                stored.append((len(data), int(google_crc32c.value(data))))
            if not self._is_wanted():  # by a slow process of an attempt whose export was removed meanwhile
                for key in own_keys:
                    self.destination.delete(key)
                raise RenderCancelled
            return stored

    def _is_wanted(self) -> bool:
        try:
            document = self.destination.get(f"{self.group}/zarr.json")
        except FileNotFoundError:
            return False
        return is_of_export(document, self.export_id)


def _put(destination: Destination, key: str, data: bytes) -> bool:
    """Store an object of a group that is the export's; tell whether it was not there before.

    Raises:
        AlreadyExists: another one is there.
    """
    try:
        destination.put(key, data, media_type=_JSON if key.endswith(".json") else OCTETS)
    except AlreadyExists:
        if not destination.holds(key, len(data), int(google_crc32c.value(data))):
            raise
        return False  # an attempt before has stored it, and nobody heard of it
    return True


class ZarrExport:
    """See ``ExportWork``."""

    def __init__(self, job: ExportJob, attempt: Attempt, destination: Destination, engine: Engine) -> None:
        self._job = job
        self._attempt = attempt
        self._destination = destination
        self._engine = engine
        self._group = _zarr_key(job.prefix)
        raster, encoding = job.plan.rasters[0], job.plan.encoding
        self._layout = lay_out(raster)
        self._task = ZarrTask(raster, encoding, self._layout)
        # before the pixels: what cannot be told of them shall not fail after them
        self._documents = array_documents(raster, encoding, self._layout)
        self._group_document = group_document(attempt.record.id, job, self._documents)

    def make_parts(self) -> None:
        """See ``ExportWork.make_parts``."""
        self._take_place()
        self._attempt.patiently(self._make_rest)

    def _take_place(self) -> None:
        """Store metadata that say whose the group is, unless that was done.

        Raises:
            AlreadyExists: there is a group of another.
        """
        key, data = f"{self._group}/zarr.json", mark(self._attempt.record.id)
        before = self._attempt.parts.get(_GROUP)
        if before is not None and before.file is FileStanding.STORED:
            return
        expecting = expected(PartRecord(_GROUP, key), len(data), int(google_crc32c.value(data)))
        self._attempt.save(expecting)
        try:
            self._attempt.patiently(lambda: _put(self._destination, key, data))
        except AlreadyExists:
            disown(self._attempt, _GROUP)
            raise
        self._attempt.save(replace(expecting, file=FileStanding.STORED))

    def _make_rest(self) -> None:
        """Make and store the objects of pixels that are not done.

        Raises:
            StorageUnavailable: the destination cannot be reached; what is done stays done.
        """
        rest = list(self._rest())
        task = _StoringTask(self._task, self._destination, self._group, self._attempt.record.id, Within(self._attempt))
        stored = self._engine.map(task, self._noted(rest), _values, self._attempt.check)
        try:
            for part, objects in zip(rest, stored, strict=True):
                for (number, index), (size, crc32c) in zip(part.shards, objects, strict=True):
                    self._attempt.save(PartRecord(number, self._key(part, index), size=size, crc32c=crc32c))
        except AlreadyExists as error:
            unfinished = {row.number: row.key for row in self._attempt.parts.values() if row.number and not row.is_done}
            if error.key in unfinished.values():  # it came since, and so may have those of other parts
                for number in unfinished:
                    disown(self._attempt, number)
            raise

    def _rest(self) -> Iterator[ZarrPart]:
        for part in self._layout.parts():
            shards = tuple((number, index) for number, index in part.shards if not self._attempt.is_done(number))
            if shards:
                yield replace(part, shards=shards)

    def _noted(self, parts: Sequence[ZarrPart]) -> Iterator[ZarrPart]:
        """Yield parts, each once the store of exports knows the objects that it may leave.

        Raises:
            AlreadyExists: see ``_note``.
        """
        for part in parts:
            for number, index in part.shards:
                self._note(PartRecord(number, self._key(part, index)))
            yield part

    def _note(self, part: PartRecord) -> None:
        """Have the store of exports know an object that the export may leave, which is removed if it fails.

        Raises:
            AlreadyExists: it is there before the export has tried to store it, so it is another's.
        """
        if part.number not in self._attempt.parts:
            if self._attempt.patiently(lambda: self._destination.has(part.key)):
                raise AlreadyExists(part.key)
            self._attempt.save(part)

    def _key(self, part: ZarrPart, index: int) -> str:
        return f"{self._group}/{self._layout.key(part, index)}"

    def finish(self) -> None:
        """See ``ExportWork.finish``."""
        job, record, number = self._job, self._attempt.record, self._layout.shards
        raster, encoding = job.plan.rasters[0], job.plan.encoding
        for name, values in coordinates_of(raster).items():
            number += 1
            self._store(PartRecord(number, f"{self._group}/{name}/c/0"), compress(values, encoding))
        for name, document in self._documents.items():
            number += 1
            self._store(PartRecord(number, f"{self._group}/{name}/zarr.json"), json_of(document))
        if not self._attempt.is_done(_GROUP):
            key, data = f"{self._group}/zarr.json", self._group_document
            self._attempt.patiently(lambda: self._destination.put(key, data, media_type=_JSON, replace=True))
            self._attempt.save(_done(PartRecord(_GROUP, key), data))
        files = [
            WrittenFile(part.key, part.size, part.crc32c)
            for part in (self._attempt.parts[index] for index in range(number + 1))
        ]
        for suffix, make in (("provenance.json", provenance_json), ("stac.json", stac_item_json)):
            number += 1
            part = PartRecord(number, f"{job.prefix}.{suffix}")
            files.append(write_small(self._attempt, self._destination, part, make(record, job, files), job.overwrite))

    def _store(self, part: PartRecord, data: bytes) -> None:
        """Store a small object of the group, unless an attempt before has done so.

        Raises:
            AlreadyExists: another one is there.
        """
        if self._attempt.is_done(part.number):
            return
        self._note(expected(part, len(data), int(google_crc32c.value(data))))
        try:
            self._attempt.patiently(lambda: _put(self._destination, part.key, data))
        except AlreadyExists:
            disown(self._attempt, part.number)
            raise
        self._attempt.save(_done(part, data))


def _done(part: PartRecord, data: bytes) -> PartRecord:
    return replace(part, size=len(data), crc32c=int(google_crc32c.value(data)))


def _values(part: ZarrPart) -> float:
    return (part.bands[1] - part.bands[0]) * part.window.height * part.window.width


def _zarr_key(prefix: str) -> str:
    """Return what the keys of a store begin with."""
    return f"{prefix}.zarr"


def count_zarr_files(plan: RenderPlan) -> int:
    """Return the files of an export of a Zarr store, with its metadata and what stands beside it.

    Raises:
        ValueError: see ``lay_out``.
    """
    layout = lay_out(plan.rasters[0])
    coordinates = len(coordinates_of(plan.rasters[0]))
    return layout.shards + len(layout.arrays) + 2 * coordinates + 4


def zarr_keys(plan: RenderPlan, prefix: str) -> Iterator[str]:
    """Yield the keys of a store: those of its metadata, of its coordinates, and of its pixels.

    Raises:
        ValueError: see ``lay_out``.
    """
    raster, group = plan.rasters[0], _zarr_key(prefix)
    layout = lay_out(raster)
    yield f"{group}/zarr.json"
    yield from (f"{group}/{name}/zarr.json" for name in array_documents(raster, plan.encoding, layout))
    yield from (f"{group}/{name}/c/0" for name in coordinates_of(raster))
    for part in layout.parts():
        yield from (f"{group}/{layout.key(part, index)}" for _, index in part.shards)


def has_keys(layout: ZarrLayout, prefix: str) -> bool:
    """Tell whether every object of a store has a key with a prefix."""
    longest = max((array.name for array in layout.arrays), key=lambda name: len(name.encode()))
    try:
        key_names(f"{_zarr_key(prefix)}/{longest}/c/99999/99999")
    except ValueError:
        return False
    return True
