"""Which calls are sent again is said once, in the schema's folder, for all languages."""

import json
from pathlib import Path

from rasterwire.client import channel

ROOT = Path(__file__).parents[1]


def test_the_python_client_and_the_copies_of_other_languages_are_those_of_the_schema() -> None:
    schema = (ROOT / "protos" / "service_config.json").read_text()
    assert json.loads(schema) == channel._SERVICE_CONFIG
    copies = [*ROOT.glob("clients/*/service_config.json")]
    assert copies
    assert all(copy.read_text() == schema for copy in copies)
