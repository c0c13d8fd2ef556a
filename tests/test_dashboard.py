"""The dashboard and the alert rules of ``deploy``: each expression is asked of a Prometheus that watches a server."""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import urlopen

import pytest
import yaml

from asking import ask
from ports import free_port
from rasterwire.server.settings import Settings
from serving import Served, served
from test_sight import JSON, PARAMS, params, settings
from waiting import until

__all__ = ["settings"]

DEPLOY = Path(__file__).parents[1] / "deploy"
RULES = DEPLOY / "prometheus" / "rasterwire.rules.yml"

needs_prometheus = pytest.mark.skipif(
    not (shutil.which("prometheus") and shutil.which("promtool")),
    reason="Prometheus is not installed (apt-get install prometheus)",
)


def expressions() -> dict[str, str]:
    """Return the expressions of all panels and alerts, with what Grafana puts for its variables."""
    board = json.loads((DEPLOY / "grafana" / "rasterwire.json").read_text())
    found = {
        f"{panel['title']} {target['refId']}": target["expr"]
        .replace("$__rate_interval", "1m")
        .replace("$instance", ".*")
        for panel in board["panels"]
        for target in panel["targets"]
    }
    rules = [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]
    return found | {rule["alert"]: rule["expr"] for rule in rules}


def served_names(server: Served) -> set[str]:
    page = ask(server, "GET", "/metrics")[2].decode()
    return set(re.findall(r"^(rasterwire_\w+)", page, re.MULTILINE))


def load(server: Served) -> None:
    """Do a bit of everything."""
    for _ in range(3):
        server.stream(params())
        url = json.loads(ask(server, "POST", "/v1/downloads", PARAMS, JSON)[2])["downloadId"]["url"]
        ask(server, "GET", url.removeprefix(server.http))
        ask(server, "GET", "/v1/images/nope")


def test_every_expression_names_what_a_server_counts(settings: Settings, tmp_path: Path) -> None:
    with served(Settings(settings.catalog, grpc_port=0, http_port=0, state_dir=tmp_path)) as server:
        load(server)
        names = served_names(server)
    for title, expression in expressions().items():
        assert not set(re.findall(r"rasterwire_\w+", expression)) - names, title


@needs_prometheus
def test_alerts_fire_when_they_should() -> None:
    test = RULES.with_name("rasterwire.rules.test.yml")
    done = subprocess.run(["promtool", "test", "rules", test.name], cwd=test.parent, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture
def prometheus(settings: Settings, tmp_path: Path) -> Iterator[tuple[Served, str]]:
    """Run a server and a Prometheus that asks it each second; give both."""
    port = free_port()
    with served(Settings(settings.catalog, grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as server:
        job = {"job_name": "rasterwire", "static_configs": [{"targets": [server.http.removeprefix("http://")]}]}
        document = {"global": {"scrape_interval": "1s"}, "rule_files": [str(RULES)], "scrape_configs": [job]}
        config = tmp_path / "prometheus.yml"
        config.write_text(yaml.safe_dump(document))
        command = ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        command += [f"--web.listen-address=127.0.0.1:{port}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            try:
                yield server, f"http://127.0.0.1:{port}"
            finally:
                process.terminate()


def asked(address: str, expression: str) -> list[Any]:
    """Return what Prometheus answers; nothing while it does not listen yet."""
    try:
        with urlopen(f"{address}/api/v1/query?query={quote(expression)}") as answer:
            document = json.load(answer)
    except URLError as error:
        is_starting = isinstance(error, HTTPError) and error.code == 503
        if is_starting or isinstance(error.reason, ConnectionRefusedError):
            return []
        raise
    assert document["status"] == "success", expression
    result: list[Any] = document["data"]["result"]
    return result


@needs_prometheus
def test_a_prometheus_answers_every_expression(prometheus: tuple[Served, str]) -> None:
    server, address = prometheus
    until(lambda: bool(asked(address, "rasterwire_build_info")), True)
    load(server)
    for title, expression in expressions().items():
        if title.startswith("Rasterwire"):
            asked(address, expression)  # an alert that does not fire has no answer
            continue
        load(server)  # what is a rate needs to grow
        until(lambda expression=expression: bool(asked(address, expression)), True)  # type: ignore[misc]
