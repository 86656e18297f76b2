"""Whether a pod is admitted and fits: quotas and limits of its namespace, and what the nodes have. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from lading.backends.base import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

Amounts = dict[str, Decimal]  # by resource

_DEMANDED = frozenset({"cpu", "memory"})  # a quota on one of them refuses pods that do not say how much
_BYTES = frozenset({"memory", "ephemeral-storage"})


@dataclass(frozen=True)
class Asked:
    """By a container, or by all of a pod."""

    requests: Amounts
    limits: Amounts


def findings(
    pod: Mapping[str, Any],
    quotas: Sequence[Mapping[str, Any]] | None,
    ranges: Sequence[Mapping[str, Any]],
) -> Iterator[Finding]:
    """Of the namespace; ``quotas`` is None where they may not be read."""
    containers = _as_admitted(pod, ranges)
    whole = _sum(containers)
    for limit_range in ranges:
        yield _within(limit_range, containers, whole)
    for quota in quotas or ():
        yield _left_of(quota, whole)
    if quotas == []:
        yield Finding("quota", None, "the namespace has none")


def nodes_for(
    pod: Mapping[str, Any], nodes: Sequence[Mapping[str, Any]], ranges: Sequence[Mapping[str, Any]]
) -> Finding:
    """By size and by what the pod says of nodes; what other pods use of them now changes by the minute."""
    wanted = _sum(_as_admitted(pod, ranges)).requests
    open_ones = [node for node in nodes if _takes(node, pod)]
    fitting = [node for node in open_ones if not _short(node, wanted)]
    asked = _listed(wanted) or "nothing in particular"
    if fitting:
        return Finding("nodes", True, f"{len(fitting)} of {len(nodes)} are big enough for {asked}")
    selector = pod["spec"].get("nodeSelector")
    cure = "ask for less or name other nodes in the target; where a cluster adds nodes by itself, run a step"
    if not open_ones:
        only = f" with {_pairs(selector)}" if selector else ""
        text = f"none of {len(nodes)} is ready and takes the pod{only}"
    else:
        lacks = {name for node in open_ones for name in _short(node, wanted)}
        most = ", ".join(f"{name} {_most(open_ones, name)}" for name in sorted(lacks))
        text = f"none of {len(open_ones)} is big enough: the step asks {asked}, the largest node has {most}"
    return Finding("nodes", False, text, cure)


def _as_admitted(pod: Mapping[str, Any], ranges: Sequence[Mapping[str, Any]]) -> list[Asked]:
    """With the defaults that the namespace gives to containers that do not say."""
    defaults = [item for item in _items(ranges) if item["type"] == "Container"]
    admitted = []
    for container in pod["spec"]["containers"]:
        said = container.get("resources") or {}
        limits = _amounts(said.get("limits"))
        requests = {**limits, **_amounts(said.get("requests"))}
        for item in defaults:
            requests = {**_amounts(item.get("defaultRequest")), **requests}
            limits = {**_amounts(item.get("default")), **limits}
        admitted.append(Asked(requests, limits))
    return admitted


def _within(limit_range: Mapping[str, Any], containers: Sequence[Asked], whole: Asked) -> Finding:
    wrong, seen = list[str](), list[str]()
    for item in _items([limit_range]):
        if item["type"] not in ("Container", "Pod"):
            continue
        for asked in containers if item["type"] == "Container" else [whole]:
            wrong += _outside(item, asked)
        seen += [f"{edge} {_pairs(item[edge])}" for edge in ("min", "max") if item.get(edge)]
    name = f"limits {limit_range['metadata']['name']}"
    if wrong:
        return Finding(name, False, "; ".join(wrong), 'correct "resources" of the target, or the LimitRange')
    return Finding(name, True, ", ".join(seen) or "defaults only")


def _outside(item: Mapping[str, Any], asked: Asked) -> Iterator[str]:
    each = item["type"].lower()
    for name, most in _amounts(item.get("max")).items():
        value = asked.limits.get(name, asked.requests.get(name))
        if name not in asked.limits:
            yield f"a {each} needs a limit of {name}, {_text(name, most)} at most; the step has none"
        elif value is not None and value > most:
            yield f"{name} {_text(name, value)} is more than a {each} may have, {_text(name, most)}"
    for name, least in _amounts(item.get("min")).items():
        value = asked.requests.get(name)
        if value is None or value < least:
            said = "nothing" if value is None else _text(name, value)
            yield f"{name}: a {each} has to ask {_text(name, least)} at least; the step asks {said}"


def _left_of(quota: Mapping[str, Any], whole: Asked) -> Finding:
    name, status = f"quota {quota['metadata']['name']}", quota.get("status", {})
    hard, used = status.get("hard", {}), status.get("used", {})
    told = [f"{what} {used.get(what, 0)} of {most} used" for what, most in sorted(hard.items())]
    spec = quota.get("spec", {})
    if spec.get("scopes") or spec.get("scopeSelector"):
        return Finding(name, None, f"for some pods only, which is not judged here: {', '.join(told)}")
    left = {what: _amount(most) - _amount(used.get(what, 0)) for what, most in hard.items()}
    wrong = [text for what in sorted(left) if (text := _too_much(what, left[what], whole))]
    if not wrong:
        return Finding(name, True, ", ".join(told))
    text = f"{'; '.join(wrong)} ({', '.join(told)})"
    return Finding(
        name, False, text, 'correct "resources" of the target, wait for others to end, or raise the quota'
    )


def _too_much(what: str, left: Decimal, whole: Asked) -> str:
    """Empty: the quota leaves enough, or is not about pods."""
    if what in ("pods", "count/pods"):
        return "" if left >= 1 else f"{what}: none is left"
    prefix, dot, resource = what.partition(".")
    amounts = whole.limits if prefix == "limits" else whole.requests
    if prefix not in ("requests", "limits") or not dot:
        if what not in _DEMANDED | _BYTES:
            return ""
        resource = what
    if resource not in amounts:
        return f"{what} is demanded of each pod, and the step says nothing" if resource in _DEMANDED else ""
    if amounts[resource] <= left:
        return ""
    return f"{what}: the step asks {_text(resource, amounts[resource])}, {_text(resource, left)} is left"


def _takes(node: Mapping[str, Any], pod: Mapping[str, Any]) -> bool:
    labels = node["metadata"].get("labels", {})
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in node["status"].get("conditions", ()))
    selector = pod["spec"].get("nodeSelector") or {}
    tolerations = pod["spec"].get("tolerations") or ()
    taints = [t for t in node["spec"].get("taints", ()) if t["effect"] in ("NoSchedule", "NoExecute")]
    return (
        ready
        and selector.items() <= labels.items()
        and all(any(_tolerates(toleration, taint) for toleration in tolerations) for taint in taints)
    )


def _tolerates(toleration: Mapping[str, Any], taint: Mapping[str, Any]) -> bool:
    if toleration.get("effect") not in (None, "", taint["effect"]):
        return False
    if toleration.get("operator") == "Exists":
        return toleration.get("key") in (None, "", taint["key"])
    return all(toleration.get(field, "") == taint.get(field, "") for field in ("key", "value"))


def _short(node: Mapping[str, Any], wanted: Amounts) -> list[str]:
    """What the node has too little of, even when nothing else runs on it."""
    there = _amounts(node["status"].get("allocatable"))
    return [name for name, value in wanted.items() if value > there.get(name, Decimal(0))]


def _most(nodes: Sequence[Mapping[str, Any]], name: str) -> str:
    most = max(_amount(node["status"].get("allocatable", {}).get(name, 0)) for node in nodes)
    return _text(name, most)


def _items(ranges: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [item for limit_range in ranges for item in limit_range["spec"]["limits"]]


def _sum(containers: Sequence[Asked]) -> Asked:
    return Asked(_added(c.requests for c in containers), _added(c.limits for c in containers))


def _added(each: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for amounts in each:
        for name, value in amounts.items():
            total[name] = total.get(name, Decimal(0)) + value
    return total


def _amounts(said: Mapping[str, Any] | None) -> Amounts:
    return {name: _amount(value) for name, value in (said or {}).items()}


def _amount(said: object) -> Decimal:
    from kubernetes.utils.quantity import parse_quantity

    return Decimal(parse_quantity(said))


def _listed(amounts: Amounts) -> str:
    return ", ".join(f"{name} {_text(name, value)}" for name, value in sorted(amounts.items()))


def _pairs(said: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(said.items()))


def _text(name: str, value: Decimal) -> str:
    if name not in _BYTES:
        return f"{value.normalize():f}"
    size = float(value)
    return f"{size / 2**30:.4g} GiB" if size >= 2**30 else f"{size / 2**20:.4g} MiB"
