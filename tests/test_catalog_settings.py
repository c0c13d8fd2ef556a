"""Catalogs, sources and the cache in the config file: read, or refused with all that is wrong."""

import json
from pathlib import Path

import pytest

from cases import every
from rasterwire.catalog.band_names import BandNames, NamedBy
from rasterwire.catalog.folder import FolderCatalog
from rasterwire.catalog.index import IndexStore
from rasterwire.catalog.items import entry_of_item
from rasterwire.catalog.make import check_sources
from rasterwire.catalog.settings import CatalogKind, CatalogSettings
from rasterwire.catalog.tree import Location
from rasterwire.errors import InvalidRequest
from rasterwire.files.sources import configure
from rasterwire.files.sources.make import make_sources
from rasterwire.files.sources.settings import SourceSettings
from rasterwire.server.readiness import server_probes
from rasterwire.server.settings import BadSettings, load_settings
from stac_double import item_of
from test_refusals import write_tiff

API = 'kind = "stac-api"\nsource = "https://stac.example.org/v1"\n'


def read(tmp_path: Path, text: str, *, with_folder: bool = False) -> object:
    config = tmp_path / "rasterwire.toml"
    config.write_text(text.replace("FOLDER", str(tmp_path)))
    return load_settings(config, {"catalog": tmp_path} if with_folder else {})


def problems(tmp_path: Path, text: str, *, with_folder: bool = False) -> list[str]:
    with pytest.raises(BadSettings) as error:
        read(tmp_path, text, with_folder=with_folder)
    return str(error.value).splitlines()


def test_catalogs_need_no_folder(tmp_path: Path) -> None:
    config = tmp_path / "rasterwire.toml"
    config.write_text(
        f"""
        [[catalogs]]
        kind = "folder"
        source = "{tmp_path}"
        [[catalogs]]
        prefix = "ESA"
        {API}
        collection = ["a", "b/c"]
        bands = {{ red = "B4" }}
        [cache]
        tile_cache_bytes = "3 MiB"
        """
    )
    settings = load_settings(config, {})
    first, second = settings.catalogs
    assert (settings.catalog, settings.folders) == (None, {"": tmp_path})
    assert (first.kind, first.roots, first.bands) == (CatalogKind.FOLDER, (("", ""),), BandNames())
    assert second.roots == (("ESA/a", "a"), ("ESA/b/c", "b/c"))
    assert second.bands == BandNames(table={"red": "B4"})
    assert settings.cache.tile_cache_bytes == 3 << 20
    assert settings.images == "all ids (folder), ESA (stac-api)"


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = f"""
        threads = 0
        limits = "mine"
        unheard_of = 1
        [[catalogs]]
        kind = "database"
        source = ""
        colour = 1
        [[catalogs]]
        prefix = "/a"
        {API}
        [[catalogs]]
        kind = "folder"
        source = "/nowhere"
        [[sources]]
        prefix = "ftp://x/"
        [cache]
        tile_cache_bytes = "much"
        size = 1
    """
    lines = problems(tmp_path, text)
    begins = [line.partition(":")[0] for line in lines]
    assert begins == [
        "cache.size",
        "cache.tile_cache_bytes",
        "catalogs[0].colour",
        "catalogs[0].kind",
        "catalogs[0].source",
        "catalogs[1].collection",
        "catalogs[1].prefix",
        "catalogs[2].source",
        "limits",
        "sources[0].prefix",
        "threads",
        "unheard_of",
    ]
    assert lines[-1].startswith("unheard_of: there is no such setting; there are catalog, host, grpc_port")


@every(
    ("text", "message"),
    [
        ('[[catalog]]\nkind = "folder"\nsource = "/x"', "catalog: it is a list; did you mean [[catalogs]]?"),
        ('[catalog]\nkind = "folder"', "catalog: it is a table; did you mean [[catalogs]]?"),
        ('[[source]]\nprefix = "s3://x/"', "source: there is no such setting; did you mean [[sources]]?"),
        ("[chache]\ntile_cache_bytes = 1", "chache: there is no such setting; did you mean cache?"),
        ("[cache]\ntile_cache_byte = 1", "cache.tile_cache_byte: there is no such setting; did you mean tile_cache_b"),
        ("treads = 3", "treads: there is no such setting; did you mean threads?"),
        ("host = ['a']", "host: it is a list; write one value"),
        (
            "[[catalogs]]\nsorce = '/x'\nkind = 'folder'",
            "catalogs[0].sorce: there is no such setting; did you mean so",
        ),
        ("[[sources]]\nprefix = 's3://x'\nregon = 'x'", "sources[0].regon: there is no such setting; did you mean r"),
    ],
)
def test_a_name_that_is_nearly_right_is_told(tmp_path: Path, text: str, message: str) -> None:
    lines = problems(tmp_path, text)
    assert any(line.startswith(message) for line in lines), lines


@every(
    ("table", "message"),
    [
        ('kind = "x"', "'x' is no kind of catalog; set one of folder, index, stac-api"),
        ("source = 5", "catalogs[0].source: it is no text"),
        (f'{API}collection = ""', "'' is no name of a collection"),
        (f"{API}collection = []", "[] is no name of a collection"),
        (f'{API}collection = ["a", "a"]', "names a collection twice"),
        (f'{API}collection = "a"\nbands = "name"', "'name' is no rule; set one of asset, eo:name, common-name"),
        (f'{API}collection = "a"\nbands = {{ a = "x", b = "x" }}', "it gives several assets the name 'x'"),
        (f'{API}collection = "a"\nprefix = "a//b"', "'a//b' is no prefix of ids"),
        ('kind = "stac-api"\ncollection = "a"\nsource = "https://me:secret@x.org/"', "it is no address"),
        ('kind = "stac-api"\ncollection = "a"\nsource = "https://x.org/?key=secret"', "it is no address"),
        ('kind = "index"\nsource = "gone.sqlite"', "make it with rasterwire index"),
        ('kind = "index"\nsource = "/gone.parquet"', "neither a URL nor an absolute path"),
        ('kind = "index"\nsource = "s3://imagery/2024"', "a bucket or a part of its keys ends with a slash"),
        ('kind = "index"\nsource = "s3://imagery"', "a bucket or a part of its keys ends with a slash"),
        ('kind = "folder"\nsource = "FOLDER"\nprefix = ""', "the images of the folder 'catalog' have no prefix"),
    ],
)
def test_a_wrong_value_is_named_with_its_remedy(tmp_path: Path, table: str, message: str) -> None:
    lines = problems(tmp_path, f"[[catalogs]]\n{table}", with_folder=True)
    assert any(message in line for line in lines), lines
    assert "secret" not in str(lines)


def test_a_file_that_is_no_index_by_its_name_or_by_its_content_is_refused(tmp_path: Path) -> None:
    index, other = tmp_path / "index.db", tmp_path / "other.sqlite"
    IndexStore(index).close()
    other.write_text("no index")
    (line,) = problems(tmp_path, f'[[catalogs]]\nkind = "index"\nsource = "{index}"\n')
    assert line.endswith("is an index whose name does not end with .sqlite; rename the file")
    (line,) = problems(tmp_path, f'[[catalogs]]\nkind = "index"\nsource = "{other}"\n')
    assert line.endswith("is no index; make it with rasterwire index")


def test_two_catalogs_with_one_prefix_are_refused(tmp_path: Path) -> None:
    table = f'[[catalogs]]\n{API}prefix = "a"\ncollection = ["b", "c"]\n'
    (line,) = problems(tmp_path, f'{table}[[catalogs]]\n{API}prefix = "a/c"\ncollection = "x"\n')
    assert line == "catalogs[1].prefix: catalogs[0] has the ids under 'a/c'; set another prefix"


@every("text", ["catalogs = 5", "catalogs = [5]", 'catalogs = "x"', "sources = 5", "cache = 5"])
def test_what_is_no_table_is_told(tmp_path: Path, text: str) -> None:
    (line,) = problems(tmp_path, text, with_folder=True)
    assert "table" in line or "list" in line


def test_every_folder_has_to_be_there_for_readiness(tmp_path: Path) -> None:
    folders = {"": tmp_path, "a/b": tmp_path / "second"}
    probe = server_probes(folders, tmp_path)["catalog"]
    assert probe() == "a/b: No such file or directory"
    folders["a/b"].mkdir()
    assert probe() == ""


def assets_of(names: BandNames, **assets: object) -> tuple[list[str], list[str]]:
    """Return the keys of the assets of an item after a rule, and those that kept theirs against it."""
    entry = names.applied(entry_of_item(item_of("i", assets=assets), "i", lambda href: Location(href, f"/{href}")))
    return [source.key for source in entry.sources], [note.band for note in entry.notes]


def test_bands_are_named_by_rule() -> None:
    red = {"href": "r.tif", "eo:bands": [{"name": "B04", "common_name": "red"}]}
    near = {"href": "n.tif", "bands": [{"name": "B08", "eo:common_name": "nir"}]}
    both = {"href": "b.tif", "bands": [{"name": "B04"}, {"name": "B08"}]}
    assets = {"r": red, "n": near, "b": both, "odd": 5}
    assert assets_of(BandNames(), **assets) == (["r", "n", "b"], [])
    assert assets_of(BandNames(NamedBy.EO_NAME), **assets) == (["B04", "B08", "b"], [])
    assert assets_of(BandNames(NamedBy.COMMON_NAME), **assets) == (["red", "nir", "b"], [])
    assert assets_of(BandNames(table={"b": "x", "gone": "y"}), **assets) == (["r", "n", "x"], [])


def test_a_name_that_two_assets_would_have_is_that_of_neither() -> None:
    red = {"href": "r.tif", "eo:bands": [{"name": "B04"}]}
    names = BandNames(NamedBy.EO_NAME)
    assert assets_of(names, cog=red, jp2=red) == (["cog", "jp2"], ["cog", "jp2"])
    # the key that one falls back to is the name of a third
    third = {"href": "t.tif", "eo:bands": [{"name": "jp2"}]}
    assert assets_of(names, cog=red, jp2=red, t=third) == (["cog", "jp2", "t"], ["cog", "jp2", "t"])


def test_a_folder_and_its_index_name_bands_by_the_rule(tmp_path: Path) -> None:
    write_tiff(tmp_path / "r.tif")
    asset = {"href": "r.tif", "eo:bands": [{"name": "B04", "common_name": "red"}]}
    (tmp_path / "i.json").write_text(json.dumps(item_of("i", assets={"key": asset})))
    for names, band in ((BandNames(NamedBy.COMMON_NAME), "red"), (BandNames(table={"key": "B4"}), "B4")):
        catalog = FolderCatalog(tmp_path, bands=names)
        first = catalog.get("i")
        assert [band.name for band in first.bands] == [band]
        assert catalog.get("i") is first


@every(
    ("source", "prefix"),
    [
        ("s3://eo", "s3://eo/"),
        ("s3://eo/2024", "s3://eo/"),
        ("https://stac.example.org/a/catalog.json", "https://stac.example.org/"),
        ("gs://eo/items.parquet", "gs://eo/"),
    ],
)
def test_what_no_source_covers_is_told_at_start(source: str, prefix: str) -> None:
    catalogs = [CatalogSettings(CatalogKind.INDEX, source)]
    configure({})
    with pytest.raises(InvalidRequest) as error:
        check_sources(catalogs)
    assert str(error.value) == (
        "catalogs[0].source: no table [[sources]] covers it, so that it cannot be read; "
        f"add one with prefix = {prefix!r}"
    )
    configure(make_sources([SourceSettings(prefix)]))
    try:
        check_sources(catalogs)
    finally:
        configure({})


def test_a_folder_and_an_api_need_no_source(tmp_path: Path) -> None:
    api = CatalogSettings(CatalogKind.STAC_API, "https://x.org/")
    local = CatalogSettings(CatalogKind.INDEX, "/a.json")
    check_sources([CatalogSettings(CatalogKind.FOLDER, str(tmp_path)), api, local])
