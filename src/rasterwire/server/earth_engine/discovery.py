"""The discovery document, by which Earth Engine's Python client learns what it may call.

Source of the form: Google's API discovery service, https://developers.google.com/discovery/v1/reference/apis
"""

from functools import lru_cache
from typing import Any

_METHODS = """
projects.listAssets                  GET    v1/{+parent}:listAssets              pageSize pageToken filter view
projects.getConfig                   GET    v1/{+name}
projects.algorithms.list             GET    v1/{+parent}/algorithms
projects.assets.get                  GET    v1/{+name}
projects.assets.listAssets           GET    v1/{+parent}:listAssets              pageSize pageToken filter view
projects.assets.listFeatures         GET    v1/{+asset}:listFeatures             pageSize pageToken region filter
projects.assets.getPixels            POST   v1/{+name}:getPixels
projects.assets.create               POST   v1/{+parent}/assets                  assetId overwrite
projects.assets.copy                 POST   v1/{+sourceName}:copy
projects.assets.move                 POST   v1/{+sourceName}:move
projects.assets.delete               DELETE v1/{+name}
projects.assets.patch                PATCH  v1/{+name}
projects.assets.getIamPolicy         POST   v1/{+resource}:getIamPolicy
projects.assets.setIamPolicy         POST   v1/{+resource}:setIamPolicy
projects.assets.testIamPermissions   POST   v1/{+resource}:testIamPermissions
projects.value.compute               POST   v1/{+project}/value:compute
projects.image.computePixels         POST   v1/{+project}/image:computePixels
projects.image.export                POST   v1/{+project}/image:export
projects.imageCollection.computeImages POST v1/{+project}/imageCollection:computeImages
projects.table.computeFeatures       POST   v1/{+project}/table:computeFeatures
projects.table.export                POST   v1/{+project}/table:export
projects.tables.create               POST   v1/{+parent}/tables                  workloadTag
projects.tables.getFeatures          GET    v1/{+name}:getFeatures
projects.video.export                POST   v1/{+project}/video:export
projects.map.export                  POST   v1/{+project}/map:export
projects.videoMap.export             POST   v1/{+project}/videoMap:export
projects.classifier.export           POST   v1/{+project}/classifier:export
projects.maps.create                 POST   v1/{+parent}/maps                    workloadTag
projects.maps.tiles.get              GET    v1/{+parent}/tiles/{zoom}/{x}/{y}
projects.thumbnails.create           POST   v1/{+parent}/thumbnails              workloadTag
projects.thumbnails.getPixels        GET    v1/{+name}:getPixels
projects.videoThumbnails.create      POST   v1/{+parent}/videoThumbnails         workloadTag
projects.videoThumbnails.getPixels   GET    v1/{+name}:getPixels
projects.filmstripThumbnails.create  POST   v1/{+parent}/filmstripThumbnails     workloadTag
projects.filmstripThumbnails.getPixels GET  v1/{+name}:getPixels
projects.operations.list             GET    v1/{+name}/operations                pageSize pageToken filter
projects.operations.get              GET    v1/{+name}
projects.operations.cancel           POST   v1/{+name}:cancel
"""

_PARAMETERS = (
    "$.xgafv", "access_token", "alt", "callback", "fields", "key", "oauth_token", "prettyPrint", "quotaUser",
    "uploadType", "upload_protocol",
)  # fmt: skip


@lru_cache(maxsize=8)
def discovery_document(root: str) -> dict[str, Any]:
    """Return the document for a server that is reached at an address, which ends with a slash."""
    resources: dict[str, Any] = {}
    for line in _METHODS.strip().splitlines():
        name, verb, path, *query = line.split()
        *owners, method = name.split(".")
        level = resources
        node: dict[str, Any] = {}
        for owner in owners:
            node = level.setdefault(owner, {"methods": {}, "resources": {}})
            level = node["resources"]
        node["methods"][method] = _method(name, verb, path, query)
    return {
        "kind": "discovery#restDescription",
        "discoveryVersion": "v1",
        "id": "earthengine:v1",
        "name": "earthengine",
        "version": "v1",
        "revision": "1",
        "title": "rasterwire, by the calls of the Earth Engine API",
        "protocol": "rest",
        "rootUrl": root,
        "servicePath": "",
        "baseUrl": root,
        "batchPath": "batch",
        "parameters": {name: {"type": "string", "location": "query"} for name in _PARAMETERS},
        "schemas": {},
        "resources": resources,
    }


def _method(name: str, verb: str, path: str, query: list[str]) -> dict[str, Any]:
    named = [part.split("}")[0].lstrip("+") for part in path.split("{")[1:]]
    parameters: dict[str, Any] = {key: {"type": "string", "location": "path", "required": True} for key in named}
    for key in query:
        kind = {"pageSize": "integer", "overwrite": "boolean"}.get(key, "string")
        parameters[key] = {"type": kind, "location": "query"}
    pages = "pageToken" in query
    listed = {"type": "object", "properties": {"nextPageToken": {"type": "string"}}}
    made: dict[str, Any] = {
        "id": f"earthengine.{name}",
        "path": path,
        "flatPath": path.replace("+", ""),
        "httpMethod": verb,
        "parameters": parameters,
        "parameterOrder": named,
        "response": listed if pages else {"type": "any"},
    }
    if verb in {"POST", "PATCH"}:
        made["request"] = {"type": "any"}
    return made
