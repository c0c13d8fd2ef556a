"""The Helm chart: what it renders is valid, the pods run the server as it is, and wrong values are refused."""

import copy
import json
import re
import shutil
import subprocess
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import rasterwire
from asking import ask
from cases import every
from containers import Place, server_process, status_of, wait_until_ready
from doc_blocks import blocks_of
from effort import HANG
from helm_chart import CHART, Manifest, Manifests, rendered
from ports import free_port
from rasterwire.server.settings import CacheSettings, Settings, load_settings
from rasterwire.tables import number_of_bytes
from replica_servers import write_image
from serving import served

STORE = """
[store]
database_file = "/etc/rasterwire/secrets/stores/database"
objects = "s3://bucket/rasterwire"
"""

WITH_TLS = """
[tls]
certificate_file = "/etc/rasterwire/secrets/tls/tls.crt"
key_file = "/etc/rasterwire/secrets/tls/tls.key"
"""

EVERYTHING: dict[str, Any] = {
    "image": "registry.example.org/rasterwire@sha256:" + 64 * "0",
    "imagePullSecrets": ["registry"],
    "config": f"log = 'json'\n{STORE}{WITH_TLS}",
    "imagesClaim": "rasters",
    "secretFiles": ["stores", "tls"],
    "secretVariables": ["database.password"],
    "lameDuckSeconds": 12,
    "drainSeconds": 600,
    "autoscaling": {"enabled": True, "queueSeconds": 0.5},
    "networkPolicy": {
        "callers": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress"}}}],
        "egress": [{"to": [{"ipBlock": {"cidr": "10.0.0.0/8"}}], "ports": [{"port": 5432, "protocol": "TCP"}]}],
    },
    "dask": {
        "enabled": True,
        "workers": 3,
        "tlsSecret": "dask-tls",
        "secretFiles": ["bucket"],
        "secretVariables": ["bucket.keys"],
    },
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "serviceAccount": {"annotations": {"example.org/role": "images"}},
}

SEVERAL: dict[str, Any] = {"replicas": 3, "config": STORE}

FILES: dict[str, dict[str, Any]] = {
    "defaults": {},
    "everything": EVERYTHING,
    "several": SEVERAL,
    "open": {"networkPolicy": {"enabled": False}, "imagesClaim": "rasters"},
    "dask": {"dask": {"enabled": True}},
    "open dask": {
        "dask": {"enabled": True, "tlsSecret": "dask-tls"},
        "networkPolicy": {"enabled": False},
        "imagesClaim": "rasters",
    },
}
"""Values, by name."""


def default_values() -> Manifest:
    values: Manifest = yaml.safe_load((CHART / "values.yaml").read_text())
    return values


def schema() -> Manifest:
    document: Manifest = json.loads((CHART / "values.schema.json").read_text())
    return document


@every("name", FILES)
def test_helm_finds_nothing_wrong_and_what_it_renders_is_valid(name: str) -> None:
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed; make test-deployment does it"
    )
    report = helm.lint(CHART, FILES[name], strict=True)
    assert not report["errors"]
    assert not [message for message in report["messages"] if message["severity"] > 1]
    manifests = rendered(FILES[name])
    for version in ("1.27", "1.37"):
        for document in manifests.documents:
            if document["kind"] != "ServiceMonitor":  # not of Kubernetes itself
                kubernetes_validate.validate(document, version, strict=True)


def test_the_validation_is_strict() -> None:
    kubernetes_validate = pytest.importorskip(
        "kubernetes_validate", reason="kubernetes-validate is not installed; make test-deployment does it"
    )
    deployment = rendered({}).release["Deployment"]
    deployment["spec"]["template"]["spec"]["containers"][0]["readynessProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError, match="readynessProbe"):
        kubernetes_validate.validate(deployment, "1.37", strict=True)


def test_the_schema_has_what_the_values_have_and_the_templates_use_each() -> None:
    def compare(values: Manifest, of: Manifest, path: str) -> None:
        assert of.get("additionalProperties") is False, path
        assert set(of["properties"]) - {"global"} >= set(values), path
        assert set(values) == set(of["properties"]) - {"global"}, path
        for name, value in values.items():
            inner = of["properties"][name]
            if isinstance(value, dict) and "properties" in inner:
                compare(value, inner, f"{path}.{name}")
            else:
                assert re.search(rf"\.{re.escape(f'{path}.{name}')}\b", templates), f"{path}.{name}"

    templates = "".join(path.read_text() for path in (CHART / "templates").iterdir())
    compare(default_values(), schema(), "Values")


@every(
    "wrong",
    [
        {"replica": 2},
        {"replicas": "2"},
        {"replicas": 0},
        {"config": {"log": "json"}},
        {"imagesClaim": "Rasters"},
        {"secretFiles": "store"},
        {"secretFiles": [{"name": "store"}]},
        {"stateSize": "16 GiB"},
        {"drainSeconds": -1},
        {"resources": {"limit": {"cpu": "1"}}},
        {"resources": {"limits": {"cpu": "much"}}},
        {"dask": {"worker": 3}},
        {"dask": {"workers": 0}},
        {"dask": {"tlsSecret": "Dask"}},
        {"dask": {"workerResources": {"limit": {"cpu": "1"}}}},
        {"autoscaling": {"maxReplica": 3}},
        {"autoscaling": {"queueSeconds": 0}},
        {"networkPolicy": {"callers": []}},
        {"networkPolicy": {"callers": [{}]}},
        {"networkPolicy": {"callers": [{"podSelector": {"matchLabel": {"a": "b"}}}]}},
        {"networkPolicy": {"egress": [{"to": []}]}},
        {"networkPolicy": {"egress": [{"ports": [{"port": 443, "protocoll": "TCP"}]}]}},
        {"serviceMonitor": {"labels": {"release": 1}}},
        {"serviceAccount": {"annotation": {"a": "b"}}},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, Any]) -> None:
    values = copy.deepcopy(default_values())
    jsonschema.validate(values, schema())
    for name, value in wrong.items():
        if isinstance(value, dict) and isinstance(values.get(name), dict):
            values[name].update(value)
        else:
            values[name] = value
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(values, schema())
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    with pytest.raises(helm.HelmError):
        rendered(wrong)


@every("values", [{"replicas": 2}, {"autoscaling": {"enabled": True}}, {"replicas": 2, "config": "# database = 'x'"}])
def test_several_servers_need_a_database(values: dict[str, Any]) -> None:
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    with pytest.raises(helm.HelmError, match="several replicas need a database"):
        rendered(values)


@every("name", FILES)
def test_a_pod_can_do_no_more_than_it_needs(name: str) -> None:
    manifests = rendered(FILES[name])
    job = manifests.migration.get("Job")
    assert (job is not None) == ("database" in FILES[name].get("config", ""))
    dask = [parts["Deployment"]["spec"]["template"] for parts in manifests.dask.values()]
    assert len(dask) == (2 if FILES[name].get("dask") else 0)
    for template in [manifests.pod, *([job["spec"]["template"]] if job else []), *dask]:
        pod = template["spec"]
        assert pod["automountServiceAccountToken"] is False
        assert pod["enableServiceLinks"] is False
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] == 10001
        (container,) = pod["containers"]
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert {mount["name"] for mount in container["volumeMounts"]} == set(volumes)
        writable = {mount["mountPath"] for mount in container["volumeMounts"] if not mount.get("readOnly")}
        state = set() if container["name"] == "scheduler" else {"/var/lib/rasterwire"}
        assert writable == {"/tmp", *state}
        assert all("sizeLimit" in volume["emptyDir"] for volume in volumes.values() if "emptyDir" in volume)


def test_what_is_named_in_one_place_is_there_in_the_other() -> None:
    manifests = rendered(EVERYTHING)
    release, container = manifests.release, manifests.container
    labels, ports = manifests.pod["metadata"]["labels"], {port["name"] for port in container["ports"]}
    service, policy, monitor = (release[kind] for kind in ("Service", "NetworkPolicy", "ServiceMonitor"))
    selectors = [
        service["spec"]["selector"],
        *(
            release[kind]["spec"]["selector"]["matchLabels"]
            for kind in ("Deployment", "PodDisruptionBudget", "ServiceMonitor")
        ),
        policy["spec"]["podSelector"]["matchLabels"],
    ]
    assert all(selector.items() <= labels.items() for selector in selectors)
    assert monitor["spec"]["selector"]["matchLabels"].items() <= service["metadata"]["labels"].items()
    assert labels[monitor["spec"]["jobLabel"]] == "rasterwire", "the job of the alerts"
    assert {port["targetPort"] for port in service["spec"]["ports"]} == ports
    allowed = [(rule["from"], {port["port"] for port in rule["ports"]}) for rule in policy["spec"]["ingress"]]
    monitoring = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]
    assert allowed == [(EVERYTHING["networkPolicy"]["callers"], {"grpc", "http"}), (monitoring, {"metrics"})]
    migration = manifests.migration["NetworkPolicy"]["spec"]
    pod_labels = manifests.migration["Job"]["spec"]["template"]["metadata"]["labels"]
    assert migration["podSelector"]["matchLabels"].items() <= pod_labels.items()
    assert "ingress" not in migration, "nobody may call it"
    assert migration["policyTypes"] == ["Ingress", "Egress"]
    assert migration["egress"] == policy["spec"]["egress"][: len(migration["egress"])], "without Dask"
    target = release["HorizontalPodAutoscaler"]["spec"]["scaleTargetRef"]
    assert target["name"] == release["Deployment"]["metadata"]["name"]
    assert "replicas" not in release["Deployment"]["spec"], "the autoscaler sets them"
    assert manifests.pod["spec"]["serviceAccountName"] == release["ServiceAccount"]["metadata"]["name"]
    config = next(volume for volume in manifests.pod["spec"]["volumes"] if volume["name"] == "config")
    assert config["configMap"]["name"] == release["ConfigMap"]["metadata"]["name"]
    assert manifests.migration["ConfigMap"]["data"] == {"rasterwire.toml": EVERYTHING["config"]}
    assert EVERYTHING["config"] in release["ConfigMap"]["data"]["rasterwire.toml"]
    assert rendered(SEVERAL).release["ConfigMap"]["data"] == {"rasterwire.toml": SEVERAL["config"]}
    probes = [container[f"{name}Probe"]["httpGet"]["scheme"] for name in ("startup", "liveness", "readiness")]
    assert probes == ["HTTPS"] * 3


def test_pods_are_replaced_when_the_config_changes_and_have_time_to_end() -> None:
    first, second = rendered({}), rendered({"config": "workers = 2\n"})
    assert first.pod["metadata"]["annotations"] != second.pod["metadata"]["annotations"]
    assert rendered(EVERYTHING).pod["spec"]["terminationGracePeriodSeconds"] == 12 + 600 + 10


def test_names_of_a_release_stand_before_that_of_the_chart() -> None:
    assert rendered({}, name="maps").release["Service"]["metadata"]["name"] == "maps-rasterwire"
    assert rendered({}, name="rasterwire-b").release["Service"]["metadata"]["name"] == "rasterwire-b"


def test_the_versions_are_those_of_the_code() -> None:
    document = yaml.safe_load((CHART / "Chart.yaml").read_text())
    assert document["version"] == document["appVersion"] == rasterwire.__version__


def test_the_values_of_the_documentation_are_values_and_their_config_is_one(tmp_path: Path) -> None:
    values = documented_values()
    manifests = rendered(values)
    assert manifests.release["Deployment"]["spec"]["replicas"] == 3
    config = tmp_path / "rasterwire.toml"
    config.write_text(values["config"].replace("/etc/rasterwire/secrets", str(tmp_path)))
    for name in values["secretFiles"]:
        (tmp_path / name).mkdir()
    (tmp_path / "rasterwire-store" / "database").write_text("postgresql://rasterwire@db/rasterwire")
    (tmp_path / "rasterwire-keys" / "keys").touch()
    assert {tenant.name for tenant in load_settings(config, {}).tenants} == {"forestry"}


def place_of(manifests: Manifests, catalog: Path, folder: Path) -> Place:
    """Return what is here in place of the volumes and ports of the pod."""
    config = folder / "rasterwire.toml"
    config.write_text(manifests.release["ConfigMap"]["data"]["rasterwire.toml"])
    paths = {"config": config, "images": catalog, "state": folder / "state", "tmp": folder / "tmp"}
    mounts = manifests.container["volumeMounts"]
    for name in ("state", "tmp"):
        paths[name].mkdir(mode=0o777)
    ports = {port["containerPort"]: free_port() for port in manifests.container["ports"]}
    return Place({mount["mountPath"]: paths[mount["name"]] for mount in mounts}, ports)


@pytest.fixture(scope="module")
def pod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Manifests, Place]]:
    """Run what the pod would run; give its manifests, and where its ports are."""
    folder = tmp_path_factory.mktemp("pod")
    image = write_image(folder / "catalog", 64)
    manifests = rendered({"imagesClaim": "rasters", "lameDuckSeconds": 0})
    place, log = place_of(manifests, image.parent, folder), folder / "log"
    variables = {variable["name"]: variable["value"] for variable in manifests.container["env"]}
    with server_process(manifests.container["args"], variables, place, log) as process:
        wait_until_ready(address_of(manifests, place, "readiness"), process, log)
        yield manifests, place
        process.terminate()
        assert process.wait(HANG) == 0, log.read_text()[-2000:]


def address_of(manifests: Manifests, place: Place, probe: str) -> str:
    """Return the address that a probe asks."""
    numbers = {port["name"]: place.ports[port["containerPort"]] for port in manifests.container["ports"]}
    get = manifests.container[f"{probe}Probe"]["httpGet"]
    return f"{get['scheme'].lower()}://127.0.0.1:{numbers[get['port']]}{get['path']}"


@pytest.mark.parametrize("probe", ["startup", "liveness", "readiness"])
def test_a_server_answers_the_probes(pod: tuple[Manifests, Place], probe: str) -> None:
    address = address_of(*pod, probe)
    assert status_of(address) == 200
    assert status_of(f"{address}x") == 404, "a probe of a wrong path fails"


def test_a_server_listens_at_every_port_of_the_pod(pod: tuple[Manifests, Place]) -> None:
    _, place = pod
    assert status_of(f"http://127.0.0.1:{place.ports[9464]}/metrics") == 200
    with rasterwire.Client(f"127.0.0.1:{place.ports[50051]}") as client:
        assert client.stream({"image": "a"})


def test_state_is_in_a_folder_that_only_the_server_reads(pod: tuple[Manifests, Place]) -> None:
    _, place = pod
    assert (place.files["/var/lib/rasterwire"] / "state").stat().st_mode & 0o777 == 0o700


def documented_values() -> Manifest:
    (block,) = [block for block in blocks_of("docs/pages/deployment.md") if block.language == "yaml"]
    values: Manifest = yaml.safe_load(block.text)
    return values


@every("example", [default_values, documented_values])
def test_what_a_server_keeps_fits_on_its_disk_and_leaves_room_for_renders(example: Callable[[], Manifest]) -> None:
    values = default_values() | example()
    kept = tomllib.loads(values["config"])
    tiles = kept.get("cache", {}).get("tile_cache_bytes", CacheSettings().tile_cache_bytes)
    files = kept.get("cache_bytes", Settings(Path()).cache_bytes)
    disk = number_of_bytes(f"{values['stateSize'].removesuffix('Gi')} GiB")
    assert disk >= 1.5 * (number_of_bytes(tiles) + number_of_bytes(files))


@every("name", FILES)
def test_the_settings_of_the_pod_are_settings(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {variable["name"]: variable["value"] for variable in rendered(FILES[name]).container["env"]}
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    settings = load_settings(None, {"catalog": tmp_path})
    told = {name.removeprefix("RASTERWIRE_").lower() for name in variables if name.startswith("RASTERWIRE_")}
    assert "state_dir" in told, "administration in the pod needs it as the server does"
    values = {name: getattr(settings, name) for name in told}
    texts = {name: value if isinstance(value, Path) else f"{value:g}" for name, value in values.items()}
    assert {name: str(text) for name, text in texts.items()} == {
        name: variables[f"RASTERWIRE_{name.upper()}"] for name in told
    }


def test_the_autoscaler_asks_for_what_the_adapter_makes_of_a_metric_of_the_server(tmp_path: Path) -> None:
    rules = yaml.safe_load((CHART.parents[1] / "prometheus" / "rasterwire.adapter.yml").read_text())["rules"]
    autoscaler = rendered(EVERYTHING).release["HorizontalPodAutoscaler"]
    (metric,) = autoscaler["spec"]["metrics"]
    assert metric["pods"]["metric"]["name"] == rules[0]["name"]["as"]
    assert metric["pods"]["target"]["averageValue"] == "0.5"
    image = write_image(tmp_path / "catalog", 64)
    with served(Settings(image.parent, grpc_port=0, http_port=0, state_dir=tmp_path / "state")) as server:
        ask(server, "GET", "/v1/images")
        names = set(re.findall(r"^# TYPE (\w+)", ask(server, "GET", "/metrics")[2].decode(), re.MULTILINE))
    for text in (rules[0]["seriesQuery"], rules[0]["metricsQuery"]):
        assert set(re.findall(r"rasterwire_\w+?(?=_sum)", text)) <= names


@pytest.mark.skipif(not shutil.which("promtool"), reason="Prometheus is not installed (apt-get install prometheus)")
def test_prometheus_understands_the_query_of_the_adapter(tmp_path: Path) -> None:
    rules = yaml.safe_load((CHART.parents[1] / "prometheus" / "rasterwire.adapter.yml").read_text())["rules"]
    query = rules[0]["metricsQuery"].replace("<<.GroupBy>>", "pod").replace("<<.LabelMatchers>>", 'namespace="images"')
    assert "<<" not in query
    rule = {"record": rules[0]["name"]["as"], "expr": query}
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "adapter", "rules": [rule]}]}))
    series = [
        {"series": f'rasterwire_queue_seconds_sum{{namespace="images",pod="{pod}",work="{work}"}}', "values": "0+60x10"}
        for pod, work in (("a", "large"), ("a", "small"), ("b", "large"))
    ]
    values = [{"labels": f'{rule["record"]}{{pod="{pod}"}}', "value": value} for pod, value in (("a", 2), ("b", 1))]
    question = {"expr": rule["record"], "eval_time": "5m", "exp_samples": values}
    case = {"interval": "1m", "input_series": series, "promql_expr_test": [question]}
    test = {"rule_files": ["rules.yml"], "evaluation_interval": "1m", "tests": [case]}
    (tmp_path / "test.yml").write_text(yaml.safe_dump(test))
    done = subprocess.run(["promtool", "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
