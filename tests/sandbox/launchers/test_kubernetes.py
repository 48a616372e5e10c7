"""Kubernetes: the official client against the double, then our launcher over both."""

import asyncio
import os
import time

import pytest
from kubernetes.aio import client, config, stream

from rlm.errors import ConfigError, SandboxUnavailableError
from rlm.sandbox import far as sandbox_far
from rlm.sandbox import pods, reaper
from rlm.sandbox.launchers import find_launcher, kubernetes
from rlm.sandbox.options import Sandbox
from rlm.types import Cell, Limits
from sandbox.doubles.kubernetes import TOKEN, Kubernetes, forget
from sandbox.launchers import far
from sandbox.wheels import make_wheel, only_from

_STUBBORN = "while True:\n    try:\n        while True:\n            pass\n    except BaseException:\n        pass"


@pytest.fixture
def cluster(monkeypatch):
    with Kubernetes() as double:
        variables = double.variables()
        monkeypatch.setenv("KUBECONFIG", variables["KUBECONFIG"])
        yield double
        forget(variables)


def pod(name, **labels):
    container = {"name": "c", "image": "i", "command": ["sleep", "60"], "volumeMounts": []}
    return {"metadata": {"name": name, "labels": labels}, "spec": {"containers": [container]}}


class TestClient:
    """What the official client makes of the double: pods, commands in them, policies, refusals."""

    def test_pods_are_made_listed_and_removed(self, cluster):
        async def scene():
            async with await config.new_client_from_config(os.environ["KUBECONFIG"]) as api:
                core = client.CoreV1Api(api)
                for name, labels in (("one", {"a": "b"}), ("two", {})):
                    await core.create_namespaced_pod("n", client.V1Pod.from_dict(pod(name, **labels)))
                phases = [(await core.read_namespaced_pod("one", "n")).status.phase for _ in range(2)]
                listed = await core.list_namespaced_pod("n", label_selector="a=b")
                await core.delete_namespaced_pod("one", "n", grace_period_seconds=0)
                with pytest.raises(client.ApiException) as gone:
                    await core.read_namespaced_pod("one", "n")
                return phases, [one.metadata.name for one in listed.items], gone.value.status

        assert asyncio.run(scene()) == (["Pending", "Running"], ["one"], 404)

    def test_commands_have_streams_and_a_status(self, cluster):
        async def scene():
            async with await config.new_client_from_config(os.environ["KUBECONFIG"]) as api:
                await client.CoreV1Api(api).create_namespaced_pod("n", client.V1Pod.from_dict(pod("one")))
                async with stream.WsApiClient(api.configuration) as streams:
                    core = client.CoreV1Api(streams)
                    asked = {"stdin": True, "stdout": True, "stderr": True}
                    connecting = await core.connect_get_namespaced_pod_exec_without_preload_content(
                        "one", "n", command=["sh", "-c", "head -c 4; echo oh >&2; exit 3"], **asked
                    )
                    async with connecting as socket:
                        await socket.send_bytes(b"\x00a\x00\xffb")
                        return [message.data async for message in socket]

        *printed, status = asyncio.run(scene())
        assert sorted(printed) == [b"\x01a\x00\xffb", b"\x02oh\n"]
        assert stream.WsApiClient.parse_error_data(status[1:]) == 3

    def test_a_wrong_token_is_refused(self, cluster):
        async def scene():
            async with await config.new_client_from_config(os.environ["KUBECONFIG"]) as api:
                api.configuration.api_key["BearerToken"] = "Bearer other"
                with pytest.raises(client.ApiException) as refused:
                    await client.CoreV1Api(api).list_namespaced_pod("n")
                return refused.value.status

        assert asyncio.run(scene()) == 401


class TestLauncher:
    @pytest.mark.slow
    def test_lies_do_not_get_through(self, cluster, tmp_path):
        far.lies_do_not_get_through("kubernetes", cluster, tmp_path)

    @pytest.mark.slow
    def test_the_contract_holds(self, cluster):
        cluster.pending = 0
        far.the_contract_holds("kubernetes", cluster)

    def test_a_run_goes_all_the_way(self, cluster, tmp_path):
        place = far.a_run_goes_all_the_way("kubernetes", cluster, tmp_path, cpus=2)
        spec = place.created["spec"]
        (container,) = spec["containers"]
        assert container["resources"]["limits"]["cpu"] == "2"
        assert container["resources"]["limits"]["memory"] == "2128Mi"
        assert TOKEN not in str(place.created)
        assert (cluster.policies, len(cluster.removed_policies)) == ({}, 1)

    def test_what_a_pod_is_allowed(self, cluster):
        async def scene():
            sandbox = Sandbox("kubernetes", image="mine:1", disk_mb=100, options={"runtime_class": "gvisor"})
            limits = Limits(memory_mb=256, seconds=30)
            async with far.opened(find_launcher(sandbox), limits=limits):
                (place,) = cluster.places.values()
                return place.created, dict(cluster.policies)

        made, policies = asyncio.run(scene())
        spec, name = made["spec"], made["metadata"]["name"]
        assert spec["automountServiceAccountToken"] is False
        assert spec["activeDeadlineSeconds"] == 630
        assert spec["runtimeClassName"] == "gvisor"
        (container,) = spec["containers"]
        assert container["image"] == "mine:1"
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
            "runAsNonRoot": True,
            "runAsUser": 65534,
            "runAsGroup": 65534,
            "seccompProfile": {"type": "RuntimeDefault"},
        }
        assert spec["volumes"] == [{"name": "rlm", "emptyDir": {"sizeLimit": "166Mi"}}]
        assert policies[name]["spec"] == {
            "podSelector": {"matchLabels": {"rlm-engine/run": name}},
            "policyTypes": ["Ingress", "Egress"],
        }
        (owner,) = policies[name]["metadata"]["ownerReferences"]
        assert owner == {"apiVersion": "v1", "kind": "Pod", "name": name, "uid": f"uid-of-{name}"}

    @pytest.mark.slow
    def test_packages_are_installed_here_and_uploaded(self, cluster, tmp_path, monkeypatch):
        make_wheel(tmp_path, "rlm-example", "value = 42", needs=("rlm-other; python_version < '3'",))
        only_from(monkeypatch, tmp_path)

        async def scene():
            async with far.opened(find_launcher(Sandbox("kubernetes", packages=["rlm-example"]))) as (session, there):
                code = (
                    "import rlm_example, os\nfrom importlib.metadata import version\n"
                    "print(rlm_example.value, version('rlm-example'), os.path.exists(rlm_example.__cached__))\n"
                    "open(rlm_example.__file__, 'a')"
                )
                (place,) = cluster.places.values()
                return await session.run(Cell(code)), there.names, place.created["spec"]

        result, names, spec = asyncio.run(scene())
        assert result.output == "42 1.0 True\n"
        assert "PermissionError" in result.error
        assert names == {"packages": ["rlm-example"]}
        assert spec["volumes"][0]["emptyDir"] == {"sizeLimit": "3394Mi"}

    @pytest.mark.slow
    def test_packages_that_can_not_be_had_leave_no_pod(self, cluster, tmp_path, monkeypatch):
        make_wheel(tmp_path, "rlm-example", "value = 42")
        only_from(monkeypatch, tmp_path)
        sandbox = Sandbox("kubernetes", packages=["rlm-missing"])
        with pytest.raises(
            ConfigError, match=r"^packages can't be installed for Python 3\.\d+\.\d+ \(linux .*rlm-missing"
        ):
            asyncio.run(self._opened(sandbox))
        monkeypatch.setattr(sandbox_far, "MOST_PACKAGES_MB", -1)
        with pytest.raises(ConfigError, match=r"^packages take 0 MiB, and at most -1 are uploaded for each run: put "):
            asyncio.run(self._opened(Sandbox("kubernetes", packages=["rlm-example"])))
        assert (cluster.places, cluster.policies) == ({}, {})

    async def _opened(self, sandbox):
        async with far.opened(find_launcher(sandbox)):
            pass

    @pytest.mark.slow
    def test_a_policy_that_nothing_enforces_refuses_the_run(self, cluster, monkeypatch):
        cluster.enforces = False
        monkeypatch.setattr(kubernetes, "_SETTLES", 1)
        assert self._refused() == (
            "no machine could be had: its network policy is not enforced: the cluster's network plugin has to enforce "
            "them"
        )
        assert (cluster.places, cluster.policies) == ({}, {})

    def test_a_policy_that_can_not_be_made_refuses_the_run(self, cluster):
        cluster.forbidden = {"POST networkpolicies"}
        assert self._refused() == "no machine could be had: Kubernetes: 403 POST networkpolicies is forbidden"
        assert cluster.gone == []

    def test_an_image_that_is_not_there_is_told(self, cluster):
        cluster.broken = ("ErrImagePull", "not found: mine:1")
        assert self._refused() == "no machine could be had: its pod can't start: ErrImagePull: not found: mine:1"
        assert (cluster.places, cluster.policies) == ({}, {})

    def _refused(self):
        async def scene():
            with pytest.raises(SandboxUnavailableError) as told:
                async with far.opened("kubernetes"):
                    pass
            return str(told.value)

        return asyncio.run(scene())

    @pytest.mark.parametrize("version", [pytest.param("v1alpha1", marks=pytest.mark.slow), "v1beta1"])
    def test_an_agent_sandbox_is_used_where_there_are_some(self, cluster, version):
        cluster.agent_sandbox = version

        async def scene():
            async with far.opened("kubernetes", limits=Limits(seconds=60, memory_mb=256)) as (session, _):
                shown = (await session.run(Cell("context"))).output
                ((name, made),) = cluster.sandboxes.items()
                return shown, made, cluster.policies[name]

        shown, made, policy = asyncio.run(scene())
        assert shown == "'one two\\n'\n"
        assert made["apiVersion"] == f"agents.x-k8s.io/{version}"
        assert made["spec"]["shutdownPolicy"] == "Delete"
        ends = time.strptime(made["spec"]["shutdownTime"], "%Y-%m-%dT%H:%M:%SZ")
        assert 600 < time.mktime(ends) - time.mktime(time.gmtime()) <= 660
        assert policy["metadata"]["ownerReferences"][0]["kind"] == "Sandbox"
        assert (cluster.sandboxes, cluster.places, cluster.policies) == ({}, {}, {})

    def test_what_dead_hosts_left_is_removed_and_what_lives_is_not(self, cluster):
        async def scene():
            async with await config.new_client_from_config(os.environ["KUBECONFIG"]) as api:
                core = client.CoreV1Api(api)
                labels = {**pods.MANAGED, reaper.HOST: "elsewhere-1-1"}
                for name, ends in (("rlm-old", time.time() - 5), ("rlm-live", time.time() + 500), ("other", 0)):
                    whose = {**labels, pods.RUN: name, reaper.DEADLINE: str(int(ends))}
                    made = pod(name, **({} if name == "other" else whose))
                    await core.create_namespaced_pod("trials", client.V1Pod.from_dict(made))
                nameless = pod("nameless", **labels, **{reaper.DEADLINE: "1"})
                await core.create_namespaced_pod("trials", client.V1Pod.from_dict(nameless))
            async with far.opened("kubernetes"):
                return set(cluster.places)

        there = asyncio.run(scene())
        assert {"rlm-live", "other", "nameless"} < there
        assert not [asked for asked in cluster.requests if asked.startswith("DELETE") and asked.endswith("/")]
        assert "rlm-old" not in there

    @pytest.mark.slow
    def test_a_living_host_renews_the_lease_and_the_pod_ends_without(self, cluster, monkeypatch):
        monkeypatch.setattr(pods, "LEASE", 1)

        async def scene():
            async with far.opened("kubernetes") as (_, environment):
                (place,) = cluster.places.values()
                await asyncio.sleep(1.2)
                assert place.keeper.returncode is None
                await environment._machine._lease.end()  # as when the host is gone
                await far.until(lambda: place.keeper.returncode == 0)

        asyncio.run(scene())

    def test_a_dead_host_leaves_a_deadline(self, cluster):
        place = far.a_dead_host_leaves_a_deadline("kubernetes", cluster)
        assert place.created["spec"]["activeDeadlineSeconds"] == 86400

    @pytest.mark.slow
    def test_a_killed_host_leaves_no_worker(self, cluster):
        far.a_killed_host("kubernetes", cluster, lambda place: place.running() == [place.keeper])

    @pytest.mark.slow
    def test_a_killed_worker_is_gone_and_the_pod_stays(self, cluster):
        async def scene():
            async with far.opened("kubernetes", limits=Limits(cell_seconds=0.2, memory_mb=256)) as (session, _):
                lost = (await session.run(Cell(_STUBBORN))).lost
                (place,) = cluster.places.values()
                await far.until(lambda: place.running() == [place.keeper])
                return lost, (await session.run(Cell("1 + 1"))).output

        lost, shown = asyncio.run(scene())
        assert lost == "it ran for more than 0.2 s and did not stop when it was interrupted"
        assert shown == "2\n"

    def test_what_a_command_prints_is_bounded(self, cluster):
        far.what_a_command_prints_is_bounded("kubernetes", cluster, streams=[""])

    @pytest.mark.slow
    def test_a_lost_machine_is_told(self, cluster):
        lost, told = far.a_lost_machine_is_told("kubernetes", cluster)
        assert lost in ("it was killed by SIGKILL", "its stream broke")
        assert told.startswith("Kubernetes: ")

    def test_options_that_it_has_not_are_refused(self, cluster):
        with pytest.raises(
            ConfigError, match="can't keep `network`: a NetworkPolicy knows addresses, not hosts; one that can: modal"
        ):
            find_launcher(Sandbox("kubernetes", network=("pypi.org",)))
        with pytest.raises(ConfigError, match="has no option node; it has namespace, context, runtime_class"):
            find_launcher(Sandbox("kubernetes", options={"node": "x"}))

    def test_nothing_runs_without_a_cluster_or_the_client(self, cluster, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setenv("KUBECONFIG", "/nowhere")
            with pytest.raises(ConfigError) as told:
                find_launcher("kubernetes")
            assert str(told.value) == (
                "the sandbox 'kubernetes' needs a cluster: name its kubeconfig file in KUBECONFIG"
            )
        assert cluster.requests == []
        far.nothing_runs_without_the_sdk("kubernetes", "kubernetes", monkeypatch)
