"""A catalogue's file into a `Catalogue`."""

from __future__ import annotations

import re
from collections import Counter
from difflib import get_close_matches
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from pytest_modal_bench.catalogue import cases, hosts, ids, limits, placeholders, resources
from pytest_modal_bench.catalogue import fields as endpoint_fields
from pytest_modal_bench.catalogue.errors import LIKE, Place, way_out
from pytest_modal_bench.catalogue.schema import App, Catalogue, Lora, ResourcePaths
from pytest_modal_bench.catalogue.tables import check_json, read, table
from pytest_modal_bench.model import Budget, Endpoint, HistoryStart

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pytest_modal_bench.model import StreamForm

_REQUIRED = ("path", "app", "category")
_MAIN = "main"
"""The environment that a Modal workspace begins with; its URLs have no suffix."""
_RESOURCE = re.compile(r"[a-z_][a-z0-9_]*")


class _File(msgspec.Struct, frozen=True):
    workspace: str | None = None
    environment: str | None = None
    defaults: dict[str, Any] = {}
    resources: dict[str, Any] = {}
    budget: dict[str, Any] = {}
    history: dict[str, Any] = {}
    load: dict[str, Any] = {}
    apps: dict[str, Any] = {}
    endpoints: list[Any] = []


class _LoadFields(msgspec.Struct, frozen=True):
    spec: str | None = None
    mix: bool = False


class _AppFields(msgspec.Struct, frozen=True):
    app: str | None = None
    url: str | None = None
    function: str | None = None
    gpu: str | None = None
    scaledown_window: float | None = None
    cpu: float | None = None
    memory: float | None = None
    region: Literal["broad", "narrow"] | None = None
    nonpreemptible: bool = False


def load(
    path: Path,
    *,
    root: Path | None = None,
    workspace: str | None = None,
    environment: str | None = None,
    media: Path | None = None,
) -> Catalogue:
    """Read the catalogue at `path`.

    `workspace` and `environment` win over the catalogue's own. A relative path under `[resources]` is looked
    for in the directory `media`, by default the catalogue's, then in each directory above it up to `root`; a file
    that is nowhere belongs where its folder is, or else in that directory. Raises CatalogueError for whatever is
    wrong.
    """
    path = path.absolute()
    root = path.parent if root is None else root.absolute()
    place = _place(path, root)
    raw = read(path, place)
    file = table(raw, _File, place)
    names = {
        "workspace": file.workspace if workspace is None else workspace,
        "environment": file.environment if environment is None else environment,
    }
    for kind, name in names.items():
        if name is not None:
            hosts.check_name(name, place.at(kind))
    known = {**names, "environment_suffix": _suffix(names["environment"])}
    apps = {name: _app(name, app, known, place.at(f"apps.{name}")) for name, app in file.apps.items()}
    loads = table(file.load, _LoadFields, place.at("load"))
    if loads.spec is not None:
        endpoint_fields.check_line(loads.spec, place.at("load", "spec"))
    endpoints = _endpoints(file, apps, loads.spec, place)
    folders = _folders(path.parent if media is None else media.absolute(), root)
    return Catalogue(
        path=path,
        workspace=names["workspace"],
        environment=names["environment"],
        apps=apps,
        endpoints=endpoints,
        resources=_resources(file.resources, endpoints, folders, place.at("resources")),
        mix=loads.mix,
    )


def check_selected(
    catalogue: Catalogue, selected: Iterable[Endpoint], *, root: Path, environ: Mapping[str, str], media: bool
) -> None:
    """Raise CatalogueError where something is missing that calls to the `selected` endpoints need.

    That is a variable, which headers name, in `environ`, or, with `media`, a file that the catalogue names. Nothing is
    asked for endpoints that are not called.
    """
    place = _place(catalogue.path, root)
    chosen = list(selected)
    for endpoint in chosen:
        endpoint_fields.check_variables(endpoint.headers, place.at(endpoint.path, "headers"), environ)
    if media:
        needs = {need for endpoint in chosen for need in endpoint.needs}
        resources.check(catalogue.resources, needs, place)


def _place(path: Path, root: Path) -> Place:
    return Place((str(path.relative_to(root) if path.is_relative_to(root) else path),))


def _suffix(environment: str | None) -> str:
    """What the URLs of an environment have behind the workspace: nothing in Modal's main environment."""
    return "" if environment in (None, _MAIN) else f"-{environment}"


def _app(name: str, raw: object, names: Mapping[str, str | None], place: Place) -> App:
    hosts.check_name(name, place)
    check_json(raw, place)
    given = table(raw, _AppFields, place)
    if given.app is not None:
        hosts.check_name(given.app, place.at("app"))
    for field in ("function", "gpu"):
        text = getattr(given, field)
        if text is not None:
            endpoint_fields.check_line(text, place.at(field))
    for field, unit in (("scaledown_window", "seconds"), ("cpu", "cores"), ("memory", "GiB")):
        amount = getattr(given, field)
        if amount is not None and amount <= 0:
            raise place.at(field).error(f"expected {unit} above 0")
    if given.url is None and given.function is None:
        raise place.at("url").error("missing field; or give function, and Modal is asked for its URL")
    return App(
        name=name,
        modal_app=given.app,
        url=None if given.url is None else hosts.base_url(given.url, names, place.at("url")),
        function=given.function,
        gpu=given.gpu,
        scaledown_window=given.scaledown_window,
        cpu=given.cpu,
        memory=given.memory,
        region=given.region,
        nonpreemptible=given.nonpreemptible,
    )


def _endpoints(file: _File, apps: Mapping[str, App], load: str | None, place: Place) -> tuple[Endpoint, ...]:
    if not file.endpoints:
        raise place.at("endpoints").error("there are none; add [[endpoints]] with path, app and category")
    files = {*placeholders.MEDIA, *(name for name in file.resources if name not in placeholders.NO_FILES)}
    defaults = endpoint_fields.read(file.defaults, place.at("defaults"), files)
    seen: dict[ids.Route, int] = {}
    found: list[tuple[ids.Route, str | None, dict[str, Any]]] = []
    for index, raw in enumerate(file.endpoints):
        here = place.at(_label(raw, index))
        own, variants = cases.split(raw, here)
        fields = endpoint_fields.merged(defaults, endpoint_fields.read(own, here, files))
        for name in _REQUIRED:
            if name not in fields:
                raise here.at(name).error("missing field")
        if fields["app"] not in apps:
            raise here.at("app").error(f"unknown app; {way_out(fields['app'], apps)}")
        route = ids.Route(fields["app"], fields["path"], fields.get("method", "POST"), fields.get("name"))
        if route in seen:
            raise here.at("path").error(
                f"{route.method} of app {route.app} is here twice, as endpoints[{seen[route]}] and "
                f"endpoints[{index}]; take one out, or give each a name of its own"
            )
        seen[route] = index
        found.append((route, None, fields))
        for case, over in variants.items():
            there = here.at(f"cases.{case}")
            put = cases.put_over(file.defaults, own, over, there)
            found.append(
                (route, case, endpoint_fields.merged(defaults, endpoint_fields.read(put, there, files)))
            )
    general, categories = limits.by_category(file.budget, place.at("budget"))
    begins, begin_by_category = limits.histories(file.history, place.at("history"))
    known = {fields["category"] for _, _, fields in found}
    _check_categories({"budget": categories, "history": begin_by_category}, known, place)
    names = Counter(
        _title(fields, apps[fields["app"]])
        for _, case, fields in found
        if case is None and "name" not in fields
    )
    route_ids = dict(zip(seen, ids.identify([*seen]), strict=True))
    return tuple(
        _endpoint(
            (route_ids[route], case),
            {
                **fields,
                "budget": _budget(general, categories, fields, defaults),
                "history": _latest(
                    begins,
                    begin_by_category.get(fields["category"]),
                    defaults.get("history"),
                    fields.get("history"),
                ),
                "load": fields.get("load", load),
            },
            apps[fields["app"]],
            names,
        )
        for route, case, fields in found
    )


def _check_categories(named: Mapping[str, Iterable[str]], known: set[str], place: Place) -> None:
    for table_name, categories in named.items():
        for name in categories:
            if name not in known:
                raise place.at(table_name, "category", name).error(
                    f"no endpoint is of it; {way_out(name, known)}"
                )


def _budget(
    general: Budget, categories: Mapping[str, Budget], fields: Mapping[str, Any], defaults: Mapping[str, Any]
) -> Budget:
    """The most specific one. What of one for many endpoints is about streams holds for these alone."""
    category = categories.get(fields["category"], Budget())
    if "budget" not in fields:
        return _shared_budget(general, category, fields.get("stream"))
    shared = general.under(category)
    own = fields.get("budget", Budget())
    if "budget" in defaults and own is defaults["budget"]:
        shared, own = shared.under(own), Budget()
    return shared.for_form(fields.get("stream")).under(own)


@cache
def _shared_budget(general: Budget, category: Budget, stream: StreamForm | None) -> Budget:
    """One for all endpoints of a category that have none of their own."""
    return general.under(category).for_form(stream)


def _latest(*begins: HistoryStart | None) -> HistoryStart | None:
    """Where a history begins: what was changed for all endpoints was changed for this one, too."""
    return max(filter(None, begins), key=lambda each: each.moment, default=None)


def _label(raw: object, index: int) -> str:
    path = raw.get("path") if isinstance(raw, dict) else None
    return path if isinstance(path, str) and path else f"endpoints[{index}]"


def _title(fields: Mapping[str, Any], app: App) -> str:
    """The name of an endpoint that is given none."""
    return ids.title(fields["path"], app.function or app.name)


def _endpoint(
    id_: tuple[str, str | None], fields: Mapping[str, Any], app: App, names: Mapping[str, int]
) -> Endpoint:
    route, case = id_
    name = _title(fields, app)
    if names.get(name, 0) > 1:
        # Several apps may have the same path: people must be able to tell their endpoints apart.
        name = f"{ids.title(app.name)} {name}" if name != ids.title(app.name) else name
    name = fields.get("name", name)
    return Endpoint(
        id=route if case is None else f"{route}[{case}]",
        case=case,
        modal_app=app.modal_app,
        url=app.url or "",
        pool=hosts.pool(app.url) if app.url is not None else f"{app.name}/{app.function}",
        function=app.function,
        scaledown_window=app.scaledown_window,
        cpu=app.cpu,
        memory=app.memory,
        region=app.region,
        nonpreemptible=app.nonpreemptible,
        needs=endpoint_fields.needs(fields),
        **{
            "gpu": app.gpu,
            **fields,
            "name": name if case is None else f"{name} ({case})",
        },
    )


def _folders(innermost: Path, root: Path) -> list[Path]:
    """Return the directories to look for files in: `innermost`, then outwards to `root` if it lies around."""
    above = [folder for folder in innermost.parents if folder.is_relative_to(root)]
    return [innermost, *above]


def _resources(
    raw: Mapping[str, Any], endpoints: Sequence[Endpoint], folders: Sequence[Path], place: Place
) -> ResourcePaths:
    check_json(raw, place)
    files = {}
    for name, file in raw.items():
        if name == "lora":
            continue
        here = place.at(name)
        if not _RESOURCE.fullmatch(name) or name in placeholders.NO_FILES:
            raise here.error(
                "expected a name of small letters, digits and '_', and none of seed, lora and env"
            )
        if not isinstance(file, str):
            raise here.error('expected the path of a file, such as "fixtures/voice.wav"')
        endpoint_fields.check_line(file, here)
        needed = any(name in endpoint.needs for endpoint in endpoints)
        close = get_close_matches(name, resources.USUAL, n=1, cutoff=LIKE)
        if not needed and close and name not in resources.USUAL:
            raise here.error(f"no endpoint has {{{name}}}; did you mean {close[0]}?")
        files[name] = _located(file, folders)
    usual = {name: files.pop(name, None) for name in ("image", "video", "mask")}
    return ResourcePaths(**usual, lora=_lora(raw, endpoints, place), others=files)


def _lora(raw: Mapping[str, Any], endpoints: Sequence[Endpoint], place: Place) -> Lora | None:
    if "lora" not in raw:
        return None
    lora = table(raw["lora"], Lora, place.at("lora"))
    endpoint_fields.check_line(lora.id, place.at("lora", "id"))
    probes = [endpoint.path for endpoint in endpoints if "lora" in endpoint.needs]
    if lora.probe is not None and lora.probe not in probes:
        raise place.at("lora", "probe").error(
            f"no endpoint with {{lora}} has this path; {way_out(lora.probe, probes)}"
        )
    return lora


def _located(file: str, folders: Sequence[Path]) -> Path:
    candidates = [folder / file for folder in folders]
    existing = [path for path in candidates if path.exists()]
    beside = [path for path in candidates if path.parent.exists()]
    return [*existing, *beside, *candidates][0]
