"""The sources of a process, made of its settings."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec

from rasterwire.errors import Violation, Violations
from rasterwire.files.sources import ByteSource
from rasterwire.files.sources.credentials import read_keys
from rasterwire.files.sources.remote import RemoteSource, StoreSource
from rasterwire.files.sources.settings import HTTP_SCHEMES, SourceSettings

__all__ = ["make_sources"]


def make_sources(sources: Sequence[SourceSettings]) -> Mapping[str, ByteSource]:
    """Return the sources by prefix, as ``configure`` takes them; no server is asked.

    Raises:
        InvalidRequest: files of credentials cannot be used, or a package is missing; names all of it.
    """
    violations = Violations()
    made: dict[str, ByteSource] = {}
    for number, settings in enumerate(sources):
        if settings.scheme not in HTTP_SCHEMES and find_spec("obstore") is None:
            problem = f"{settings.prefix!r} needs obstore; install it with pip install 'rasterwire[remote]'"
            violations.add(Violation(f"sources[{number}].prefix", "INVALID_SETTING", problem))
            continue
        try:
            keys = read_keys(settings)
        except ValueError as error:
            violations.add(Violation(f"sources[{number}].credentials", "INVALID_SETTING", str(error)))
            continue
        made[settings.prefix] = _make_source(settings, keys)
    violations.raise_if_any()
    return made


def _make_source(settings: SourceSettings, keys: Mapping[str, str]) -> ByteSource:
    # Late: what a server without such sources does not need.
    if settings.scheme in HTTP_SCHEMES:
        from rasterwire.files.sources.https import HttpClient

        return RemoteSource(settings, HttpClient(settings, keys))
    from rasterwire.files.sources.objects import ObjectClient

    return StoreSource(settings, ObjectClient(settings, keys))
