"""The workers of Dask in the Helm chart: they find each other, nobody else reaches them, and they render."""

import subprocess
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from click.testing import CliRunner

import rasterwire
from cases import every
from certificates import authority, signed
from containers import Place, server_process, status_of, wait_until_ready
from helm_chart import Manifest, Manifests, rendered
from ports import free_port
from rasterwire.cli.worker import worker
from rasterwire.server.settings import BadSettings, load_settings
from replica_servers import write_image

SECRET = "dask-tls"

VALUES: dict[str, dict[str, Any]] = {
    "open": {"dask": {"enabled": True}},
    "encrypted": {"dask": {"enabled": True, "workers": 3, "tlsSecret": SECRET}},
    "with tables": {"dask": {"enabled": True}, "config": 'log = "json"\n[cache]\ntile_cache_bytes = "1 GiB"'},
}
"""Values, by name."""


def pod_of(manifests: Manifests, component: str) -> Manifest:
    """Return the template of the pods of a component."""
    parts = {"server": manifests.release} | manifests.dask
    template: Manifest = parts[component]["Deployment"]["spec"]["template"]
    return template


def container_of(manifests: Manifests, component: str) -> Manifest:
    """Return the only container of a pod."""
    (container,) = pod_of(manifests, component)["spec"]["containers"]
    found: Manifest = container
    return found


def config_of(manifests: Manifests) -> str:
    """Return the config file."""
    return str(manifests.release["ConfigMap"]["data"]["rasterwire.toml"])


def selects(selector: Manifest, manifests: Manifests, component: str) -> bool:
    """Tell whether a selector of labels has the pods of a component."""
    labels: dict[str, str] = pod_of(manifests, component)["metadata"]["labels"]
    return bool(selector.items() <= labels.items())


def peers(rules: list[Manifest], side: str, manifests: Manifests) -> dict[str, set[Any] | None]:
    """Return the components that rules of a NetworkPolicy name, with the ports; None for all ports."""
    found: dict[str, set[Any] | None] = {}
    for rule in rules:
        for peer in rule.get(side, []):
            selector = peer.get("podSelector", {}).get("matchLabels", {})
            names = [name for name in ("server", "scheduler", "worker") if selects(selector, manifests, name)]
            if selector and names:
                (name,) = names
                found[name] = {port["port"] for port in rule["ports"]} if "ports" in rule else None
    return found


def test_without_it_there_is_none_of_it() -> None:
    manifests = rendered({})
    assert not manifests.dask
    assert "dask" not in config_of(manifests)
    assert "dask" not in str(manifests.release["Deployment"])


@every("name", VALUES)
def test_servers_and_workers_have_the_address_of_the_scheduler(name: str, tmp_path: Path) -> None:
    manifests = rendered(VALUES[name])
    service, port = manifests.dask["scheduler"]["Service"], 8786
    (entry,) = service["spec"]["ports"]
    assert entry["port"] == port
    (number,) = [
        port["containerPort"]
        for port in container_of(manifests, "scheduler")["ports"]
        if port["name"] == entry["targetPort"]
    ]
    assert f"--port={number}" in container_of(manifests, "scheduler")["args"]
    assert [selects(service["spec"]["selector"], manifests, pod) for pod in ("scheduler", "worker")] == [True, False]
    secret = VALUES[name]["dask"].get("tlsSecret")
    scheme = "tls" if secret else "tcp"
    document = tomllib.loads(config_of(manifests))
    assert (document["engine"], document["dask"]["scheduler"]) == ("dask", f"{scheme}://rasterwire-scheduler:{port}")
    for key, value in tomllib.loads(VALUES[name].get("config", "")).items():
        assert document[key] == value, "what the values say is there too"
    for file in ("ca.crt", "tls.crt", "tls.key"):
        (tmp_path / file).touch()
    config = tmp_path / "rasterwire.toml"
    config.write_text(config_of(manifests).replace("/etc/rasterwire/dask", str(tmp_path)))
    settings = load_settings(config, {"catalog": tmp_path})
    assert (settings.engine, settings.dask.files is not None) == ("dask", bool(secret))
    for component in ("server", "worker", "scheduler"):
        pod = pod_of(manifests, component)["spec"]
        secrets = [volume["secret"]["secretName"] for volume in pod["volumes"] if "secret" in volume]
        assert secrets == ([secret] if secret else []), component


@every("config", ['engine = "threads"', "[dask]\nprocesses = 2", "  [ dask ]\n"])
def test_a_config_that_says_it_too_is_refused(config: str) -> None:
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    with pytest.raises(helm.HelmError, match="the chart writes engine and"):
        rendered({"dask": {"enabled": True}, "config": config})
    assert rendered({"config": config}), "without workers it is the operator's"


def test_nobody_may_run_code_in_it() -> None:
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    is_open = {"networkPolicy": {"enabled": False}}
    with pytest.raises(helm.HelmError, match=r"set dask\.tlsSecret, or networkPolicy\.enabled"):
        rendered(VALUES["open"] | is_open)
    assert rendered(VALUES["encrypted"] | is_open).dask
    assert rendered(is_open), "without workers there is nothing to run it in"


def test_only_those_who_work_together_reach_each_other() -> None:
    manifests = rendered(VALUES["encrypted"])
    server = manifests.release["NetworkPolicy"]["spec"]
    scheduler, worker = (manifests.dask[name]["NetworkPolicy"]["spec"] for name in ("scheduler", "worker"))
    for name, policy in (("server", server), ("scheduler", scheduler), ("worker", worker)):
        assert policy["policyTypes"] == ["Ingress", "Egress"], name
        matched = policy["podSelector"]["matchLabels"]
        assert [pod for pod in ("server", "scheduler", "worker") if selects(matched, manifests, pod)] == [name]
    assert peers(server["egress"], "to", manifests) == {"scheduler": {8786}, "worker": None}
    assert peers(worker["egress"], "to", manifests) == {"scheduler": {8786}, "worker": None}
    assert peers(scheduler["egress"], "to", manifests) == {"worker": None}
    assert peers(scheduler["ingress"], "from", manifests) == {"server": {"scheduler"}, "worker": {"scheduler"}}
    assert peers(worker["ingress"], "from", manifests) == {"server": None, "scheduler": None, "worker": None}
    for policy in (scheduler, worker):
        assert all(rule["from"] for rule in policy["ingress"]), "an empty list would let everyone in"
    sources = [rule for rule in worker["egress"] if {"port": 443, "protocol": "TCP"} in rule.get("ports", [])]
    assert sources, "workers read the same sources as servers"


def test_workers_are_what_servers_are() -> None:
    manifests = rendered(VALUES["encrypted"] | {"imagesClaim": "rasters"})
    server, worker = (container_of(manifests, name) for name in ("server", "worker"))
    assert worker["image"] == server["image"] == container_of(manifests, "scheduler")["image"]
    assert worker["volumeMounts"] == server["volumeMounts"]
    assert pod_of(manifests, "worker")["spec"]["volumes"] == manifests.pod["spec"]["volumes"]
    assert manifests.dask["worker"]["Deployment"]["spec"]["replicas"] == 3
    assert manifests.dask["scheduler"]["Deployment"]["spec"]["replicas"] == 1
    account = pod_of(manifests, "worker")["spec"]["serviceAccountName"]
    assert account == manifests.release["ServiceAccount"]["metadata"]["name"], "it reads buckets as a server does"
    before, after = (
        pod_of(rendered(VALUES["open"] | {"config": config}), "worker")["metadata"]["annotations"]
        for config in ("threads = 1\n", "threads = 2\n")
    )
    assert before != after, "a changed config replaces workers too"


def test_workers_have_secrets_of_their_own() -> None:
    dask = VALUES["encrypted"]["dask"] | {"secretFiles": ["bucket"], "secretVariables": ["bucket.keys"]}
    of_servers = {"secretFiles": ["stores"], "secretVariables": ["database.password"]}
    manifests = rendered({"dask": dask} | of_servers)
    expected = {
        "server": (["stores", SECRET], ["database.password"]),
        "worker": (["bucket", SECRET], ["bucket.keys"]),
        "scheduler": ([SECRET], []),
    }
    for component, (files, variables) in expected.items():
        container, volumes = container_of(manifests, component), pod_of(manifests, component)["spec"]["volumes"]
        assert [volume["secret"]["secretName"] for volume in volumes if "secret" in volume] == files, component
        assert [entry["secretRef"]["name"] for entry in container.get("envFrom", [])] == variables, component
        paths = {mount["mountPath"] for mount in container["volumeMounts"]}
        prefix = "/etc/rasterwire/secrets/"
        assert {path for path in paths if path.startswith(prefix)} == {
            prefix + name for name in files if name != SECRET
        }


OF_SERVERS = """
[store]
database_file = "/nowhere/database"
objects = "s3://bucket/rasterwire"
[auth]
keys_file = "/nowhere/keys"
[[tenants]]
name = "forestry"
prefixes = ["forestry"]
[tls]
certificate_file = "/nowhere/tls.crt"
key_file = "/nowhere/tls.key"
[[sources]]
prefix = "s3://forestry/"
region = "eu-central-1"
credentials = "env"
"""


def test_a_worker_starts_without_the_secrets_of_servers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'rasterwire[dask]'")
    from rasterwire.server.process import render_worker

    orders: list[render_worker.WorkerOrder] = []
    monkeypatch.setattr(render_worker, "work", orders.append)
    config = tmp_path / "rasterwire.toml"
    config.write_text(f'state_dir = "{tmp_path}"\n[dask]\nscheduler = "tcp://scheduler:8786"\n{OF_SERVERS}')
    with pytest.raises(BadSettings, match=r"/nowhere/tls\.key"):
        load_settings(config, {}, needs_images=False)
    done = CliRunner().invoke(worker, ["--config", str(config), "--threads", "1"])
    assert done.exit_code == 0, done.output
    (order,) = orders
    assert [source.prefix for source in order.settings.sources] == ["s3://forestry/"]
    assert order.settings.threads == 1


@contextmanager
def run(manifests: Manifests, component: str, place: Place, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the container of a component as a process."""
    container = container_of(manifests, component)
    variables = {entry["name"]: entry["value"] for entry in container["env"]}
    module = container.get("command", ["rasterwire.cli"])[0]
    with server_process(container["args"], variables, place, log, module) as process:
        yield process


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Path]]:
    """Run scheduler, worker and server of a release, encrypted; give the place of the server, and an image of it."""
    pytest.importorskip("distributed", reason="distributed is not installed: pip install 'rasterwire[dask]'")
    folder = tmp_path_factory.mktemp("dask")
    image = write_image(folder / "catalog", 2048)
    manifests = rendered(VALUES["encrypted"] | {"imagesClaim": "rasters", "lameDuckSeconds": 0})
    issuer = authority(folder, "ca")
    pair = signed(folder, "dask", issuer, alternative="DNS:rasterwire-scheduler")
    tls = folder / "tls"
    tls.mkdir()
    for source, name in ((issuer.certificate, "ca.crt"), (pair.certificate, "tls.crt"), (pair.key, "tls.key")):
        (tls / name).write_bytes(source.read_bytes())
    ports = {number: free_port() for number in (50051, 8080, 9464, 8786, 8787)}
    config = folder / "rasterwire.toml"
    files = {"/etc/rasterwire/rasterwire.toml": config, "/etc/rasterwire/dask": tls, "/data": image.parent}
    with ExitStack() as stack:
        places = {}
        for component in ("scheduler", "worker", "server"):
            own = {"/var/lib/rasterwire": folder / component, "/tmp": folder / f"{component}-tmp"}
            for path in own.values():
                path.mkdir()
            places[component] = Place(files | own, ports, ("0.0.0.0", "rasterwire-scheduler"))
        config.write_text(places["server"].here(config_of(manifests)))
        for component, place in places.items():
            log = folder / f"{component}.log"
            process = stack.enter_context(run(manifests, component, place, log))
            if component != "worker":
                probe = "health" if component == "scheduler" else "readyz"
                port = ports[8787 if component == "scheduler" else 8080]
                wait_until_ready(f"http://127.0.0.1:{port}/{probe}", process, log)
        yield places["server"], image


def test_the_scheduler_answers_its_probe(server: tuple[Place, Path]) -> None:
    place, _ = server
    address = f"http://127.0.0.1:{place.ports[8787]}"
    assert status_of(f"{address}/health") == 200
    for path in ("info/main/workers.html", "json/counts.json", "metrics"):
        assert status_of(f"{address}/{path}") == 404, "it tells nobody what is computed"


def test_a_server_is_ready_with_the_worker_and_renders_by_it(server: tuple[Place, Path], tmp_path: Path) -> None:
    place, image = server
    assert status_of(f"http://127.0.0.1:{place.ports[8080]}/readyz") == 200, "it has a check of workers"
    with rasterwire.Client(f"127.0.0.1:{place.ports[50051]}") as client:
        client.download({"image": image.stem, "format": "GEO_TIFF"}, tmp_path / "a.tif")
    with rasterio.open(tmp_path / "a.tif") as found, rasterio.open(image) as source:
        assert np.array_equal(found.read(), source.read())
