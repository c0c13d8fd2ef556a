"""The OpenAPI document of the HTTP door, made from the descriptions of the schema's calls.

Source of the form: https://spec.openapis.org/oas/v3.1.1.html
"""

import json
from functools import cache
from typing import Any

from google.protobuf.descriptor import MethodDescriptor

from rasterwire.server.http.json_schemas import JsonSchemas, Schema
from rasterwire.server.http.routes import ROUTES, SERVICES, Route, described

_ABOUT = (
    "The calls of the schema that have one answer, as JSON, and the bytes of a download. Names of fields may be "
    "written in camelCase or in snake_case, and values of enums with or without their prefix, in any case. Null stands "
    "for an absent value. All that is wrong with a request is told at once, in `error.violations`."
)

_TEXT: Schema = {"type": "string"}

_ERROR: Schema = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "status"],
            "properties": {
                "code": {"type": "integer", "description": "The HTTP status."},
                "message": _TEXT,
                "status": {"type": "string", "description": "The name of the gRPC status."},
                "reason": {"type": "string", "description": "Stable, in upper case, for programs."},
                "requestId": {"type": "string", "description": "As in the header X-Request-Id; the log names it."},
                "violations": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["field", "reason", "description"],
                        "properties": {"field": _TEXT, "reason": _TEXT, "description": _TEXT},
                    },
                },
            },
        }
    },
}

_PIXELS = {
    "get": {
        "operationId": "GetPixels",
        "tags": ["DownloadService"],
        "summary": "Returns the bytes of a registered download.",
        "description": "Renders the file on the first call. `downloadId.url` of CreateDownload is this address. Ranges "
        "and conditions on the etag are honoured.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "`name` after the slash."},
            {"name": "token", "in": "query", "schema": _TEXT, "description": "`downloadId.token`."},
            {"name": "expires", "in": "query", "schema": _TEXT, "description": "In place of the token, of its url."},
            {"name": "key", "in": "query", "schema": _TEXT, "description": "Likewise."},
            {"name": "signature", "in": "query", "schema": _TEXT, "description": "Likewise."},
        ],
        "responses": {
            "200": {"description": "The file.", "content": {"*/*": {}}},
            "206": {"description": "A part of the file.", "content": {"*/*": {}}},
            "307": {"description": "The file is at another address, which needs nothing else."},
            "304": {"description": "The file has the etag of If-None-Match."},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
}

_WHOLE: Schema = {"type": "integer", "minimum": 0}

_TILE = {
    "get": {
        "operationId": "GetTile",
        "tags": ["DownloadService"],
        "summary": "Returns a tile of a registered download.",
        "description": "The download, which has crs, crs_transform and two dimensions, is tile 0/0/0. Each zoom halves "
        "the pixels and doubles the tiles along both axes. The answer may be kept for ever.",
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": _TEXT, "description": "`name` after the slash."},
            {"name": "z", "in": "path", "required": True, "schema": _WHOLE, "description": "The zoom."},
            {"name": "x", "in": "path", "required": True, "schema": _WHOLE, "description": "The column of tiles."},
            {"name": "y", "in": "path", "required": True, "schema": _WHOLE, "description": "The row of tiles."},
            {"name": "token", "in": "query", "required": True, "schema": _TEXT, "description": "`downloadId.token`."},
        ],
        "responses": {
            "200": {"description": "The tile.", "content": {"*/*": {}}},
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
}


@cache
def openapi_json() -> str:
    """Return the document as JSON."""
    return json.dumps(openapi_document())


def openapi_document() -> dict[str, Any]:
    """Return the document: an operation for each route, and the schemas that they refer to."""
    schemas = JsonSchemas()
    paths: dict[str, Any] = {}
    for route in ROUTES:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    paths["/v1/downloads/{id}:getPixels"] = _PIXELS
    paths["/v1/downloads/{id}/tiles/{z}/{x}/{y}"] = _TILE
    error = {"description": "An error.", "content": {"application/json": {"schema": _ERROR}}}
    tags = [{"name": service.name, "description": schemas.description(service.full_name)} for service in SERVICES]
    return {
        "openapi": "3.1.0",
        "info": {"title": "rasterwire", "version": SERVICES[0].file.package.rpartition(".")[2], "description": _ABOUT},
        "servers": [{"url": "/"}],
        "tags": tags,
        "paths": paths,
        "components": {"schemas": schemas.components, "responses": {"Error": error}},
    }


def _operation(route: Route, schemas: JsonSchemas) -> dict[str, Any]:
    call = described(route.call)
    description = schemas.description(call.full_name)
    answer = schemas.message(call.output_type, of_request=False)
    operation: dict[str, Any] = {
        "operationId": call.name,
        "tags": [call.containing_service.name],
        "summary": description.partition("\n")[0],
        "description": description,
        "responses": {
            "200": {
                "description": schemas.description(call.output_type.full_name),
                "content": {"application/json": {"schema": answer}},
            },
            "default": {"$ref": "#/components/responses/Error"},
        },
    }
    if not route.has_body:
        return operation | {"parameters": _parameters(route, call, schemas)}
    params = schemas.field(call.input_type.fields_by_name["params"], of_request=True)
    body = {"required": True, "content": {"application/json": {"schema": params}}}
    return operation | {"requestBody": body}


def _parameters(route: Route, call: MethodDescriptor, schemas: JsonSchemas) -> list[dict[str, Any]]:
    found = []
    for field in call.input_type.fields:
        is_of_path = f"{{{field.name}}}" in route.path
        parameter = {
            "name": field.name if is_of_path else field.json_name,
            "in": "path" if is_of_path else "query",
            "required": is_of_path,
            "schema": schemas.field(field, of_request=False),
        }
        found.append(schemas.described(parameter, field.full_name))
    return found
