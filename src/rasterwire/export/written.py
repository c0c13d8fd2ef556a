"""The files of an export, by the parts that are stored."""

from collections.abc import Iterable, Sequence

from rasterwire.checksum import concatenated
from rasterwire.export.provenance import WrittenFile
from rasterwire.store.jobs import FileStanding, PartRecord

__all__ = ["written_files"]


def written_files(parts: Iterable[PartRecord]) -> Sequence[WrittenFile]:
    """Return the files that are whole, in the order of their names.

    Args:
        parts: in their order; those of one file follow each other.
    """
    parts, files = list(parts), dict[str, WrittenFile]()
    unfinished = {part.key for part in parts if part.file is not FileStanding.STORED}
    for part in parts:
        if part.is_done and part.key not in unfinished:
            before = files.get(part.key, WrittenFile(part.key, 0, 0))
            crc32c = concatenated(before.crc32c, part.crc32c, part.size)
            files[part.key] = WrittenFile(part.key, before.size + part.size, crc32c)
    return [files[key] for key in sorted(files)]
