"""The Helm chart of ``deploy``, rendered by Helm itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

__all__ = ["CHART", "Manifest", "Manifests", "rendered"]

CHART = Path(__file__).parents[1] / "deploy" / "helm" / "rasterwire"

Manifest = dict[str, Any]


class Manifests(NamedTuple):
    """What a release consists of, by kind; the parts of the migration are apart, and those of Dask by component too."""

    release: dict[str, Manifest]
    migration: dict[str, Manifest]
    dask: dict[str, dict[str, Manifest]]

    @property
    def documents(self) -> list[Manifest]:
        """All of it."""
        return [document for part in (self.release, self.migration, *self.dask.values()) for document in part.values()]

    @property
    def pod(self) -> Manifest:
        """The pod of the server."""
        template: Manifest = self.release["Deployment"]["spec"]["template"]
        return template

    @property
    def container(self) -> Manifest:
        """The only container of it."""
        (container,) = self.pod["spec"]["containers"]
        found: Manifest = container
        return found


def rendered(values: Mapping[str, Any], name: str = "rasterwire") -> Manifests:
    """Return what the chart makes of values; skips the test where Helm is not installed.

    Raises:
        helm_python.HelmError: the values are refused.
    """
    helm = pytest.importorskip("helm_python", reason="Helm is not installed; make test-deployment does it")
    manifests = Manifests({}, {}, {})
    with helm.Chart.load(CHART) as chart:
        chart.validate_schema(dict(values))
        texts = chart.render(dict(values), name=name, namespace="images")
    for path, text in texts.items():
        if not path.endswith(".yaml"):
            continue
        for document in yaml.safe_load_all(text):
            if document is not None:
                hooks = document["metadata"].get("annotations", {})
                component = document["metadata"].get("labels", {}).get("app.kubernetes.io/component", "server")
                part = manifests.migration if "helm.sh/hook" in hooks else manifests.release
                if component != "server":
                    part = manifests.dask.setdefault(component, {})
                assert document["kind"] not in part, "one of a kind"
                part[document["kind"]] = document
    return manifests
