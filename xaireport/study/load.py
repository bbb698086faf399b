"""Loading of study files: parents resolved, this run's settings laid over, everything checked.

Trains nothing, reads no data, and does not know which
architectures exist.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from xaireport.errors import ConfigError
from xaireport.study import overrides as settings
from xaireport.study.changes import changes
from xaireport.study.file import (
    Table,
    check_keys,
    check_name,
    join,
    plain,
    read_toml,
    table_at,
    validated,
)
from xaireport.study.find import Selection, variant_names
from xaireport.study.inherit import Layers, inherit, merge
from xaireport.study.rules import (
    Architectures,
    check_architecture,
    check_data,
    check_headline,
    check_margin,
    check_origin,
    check_quantise,
    check_schedule,
    check_seeds,
    parents_first,
)
from xaireport.study_schema import StudySpec, TrainSettings, VariantSpec

STUDY_KEYS = tuple(key for key in StudySpec.model_fields if key not in ("name", "overrides", "folder"))
VARIANT_KEYS = (
    *(key for key in VariantSpec.model_fields if key not in ("name", "changed_from_parent")),
    "phantom",
)
PHANTOM_KEYS = ("train", "options", "quantise")


def assign_overrides(texts: Sequence[str], selections: Sequence[Selection]) -> dict[str, tuple[str, ...]]:
    """Return for each selected study the ``--set`` that are meant for it.

    Raises
    ------
    ConfigError
        One that fits none of them.
    """
    return settings.assign(texts, {each.name: variant_names(each.path) for each in selections})


def load_study(
    path: Path,
    overrides: Sequence[str] = (),
    epochs: int | None = None,
    seed: int | None = None,
    phantom: bool = False,
    architectures: Architectures | None = None,
) -> StudySpec:
    """Read a study file.

    Parameters
    ----------
    path : Path
        The TOML file; its stem is the study's name.
    overrides : sequence of str
        ``variant.key.path=VALUE`` for this run, see :func:`xaireport.study.overrides.parse`.
    epochs : int, optional
        At most so many, for every variant that is trained.
    seed : int, optional
        The one training seed of this run, also where a variant names its own.
    phantom : bool
        Whether the short recipes (tables ``phantom``) hold.
    architectures : mapping of str to collection of str, optional
        Those that can be trained, each with the names of its options; without it none is looked up.

    Returns
    -------
    StudySpec
        Every variant complete: its parent's settings are merged in.

    Raises
    ------
    ConfigError
        Anything wrong with the file or the settings of this run, with file, key and value.
    """
    raw = read_toml(path)
    file = str(path)
    check_name(path.stem, "study", file)
    check_keys(raw, STUDY_KEYS, file)
    tables = {name: table_at(raw["variants"], name, f"{file}: variants.{name}") for name in _names(raw, file)}
    parsed = [settings.parse(text, path.stem, tables) for text in overrides]
    if epochs is not None:
        validated(TrainSettings, {"epochs": epochs}, f"--epochs {epochs}")
    if seed is not None and seed < 0:
        raise ConfigError("a seed of at least 0", seed, where=f"--seed {seed}")

    layers = {
        name: _layers(name, table, [each for each in parsed if each.variant == name], file, phantom)
        for name, table in tables.items()
    }
    variants: dict[str, VariantSpec] = {}
    for name in parents_first({key: each.merged().get("parent", "") for key, each in layers.items()}, file):
        spec = _variant(name, layers, variants, f"{file}: variants.{name}")
        if architectures is not None:
            check_architecture(spec, architectures, _set_by(parsed, name) or f"{file}: variants.{name}")
        if epochs is not None and not spec.path:
            spec = _shortened(spec, epochs)
        if seed is not None:
            spec = spec.model_copy(update={"seeds": ()})
        if spec.parent:
            spec = spec.model_copy(update={"changed_from_parent": changes(variants[spec.parent], spec)})
        variants[name] = spec
    study = _study(raw, path, parsed, {name: variants[name] for name in tables})
    recorded = (*overrides, *([f"--epochs {epochs}"] if epochs is not None else []))
    update: Table = {"overrides": recorded}
    if seed is not None:
        update["seed"] = seed
    return study.model_copy(update=update)


def _names(raw: Table, file: str) -> list[str]:
    tables = table_at(raw, "variants", f"{file}: variants")
    if not tables:
        raise ConfigError("at least one table [variants.NAME]", "none", where=file)
    for name in tables:
        check_name(name, "variant", f"{file}: variants")
    return list(tables)


def _layers(name: str, table: Table, chosen: Sequence[settings.Override], file: str, phantom: bool) -> Layers:
    """Check each layer of a variant where it stands, so that an error names the right place."""
    where = f"{file}: variants.{name}"
    own = {key: value for key, value in table.items() if key != "phantom"}
    short = table_at(table, "phantom", join(where, "phantom"))
    _check_layer(name, own, where, VARIANT_KEYS)
    _check_layer(name, short, join(where, "phantom"), PHANTOM_KEYS)
    over: Table = {}
    for each in chosen:
        _check_layer(name, each.table(), each.where, VARIANT_KEYS[:-1])
        over = merge(over, each.table())
    return Layers(own, short if phantom else {}, over)


def _check_layer(name: str, table: Table, where: str, known: Sequence[str]) -> None:
    check_keys(table, known, where)
    validated(VariantSpec, {**table, "name": name}, where)
    plain(table.get("options", {}), join(where, "options"))


def _variant(
    name: str, layers: dict[str, Layers], done: Mapping[str, VariantSpec], where: str
) -> VariantSpec:
    """Resolve one variant; ``layers`` of its parents are resolved already, and its own become so."""
    given = layers[name].merged()
    parent = given.get("parent", "")
    if parent:
        layers[name] = inherit(layers[parent], layers[name])
    table = layers[name].merged()
    spec = validated(VariantSpec, {**table, "name": name}, where)
    check_quantise(spec, done.get(parent), given, where)
    check_origin(spec, given, where)
    check_schedule(spec, where)
    check_seeds(spec, where)
    return spec


def _shortened(spec: VariantSpec, epochs: int) -> VariantSpec:
    """Return a variant that trains for so many epochs, or is retrained for no more than so many."""
    train = spec.train.model_copy(update={"epochs": epochs})
    if spec.quantise.mode != "qat":
        return spec.model_copy(update={"train": train})
    quantise = spec.quantise.model_copy(update={"epochs": min(epochs, spec.quantise.epochs)})
    return spec.model_copy(update={"train": train, "quantise": quantise})


def _set_by(parsed: Sequence[settings.Override], variant: str) -> str:
    """Return the setting of this run that chose a variant's architecture or options, if one did."""
    ours = [
        each for each in parsed if each.variant == variant and each.keys[0] in ("architecture", "options")
    ]
    return ours[-1].where if ours else ""


def _study(
    raw: Table, path: Path, parsed: Sequence[settings.Override], variants: dict[str, VariantSpec]
) -> StudySpec:
    file = str(path)
    fixed: Table = {"name": path.stem, "folder": str(path.parent), "variants": variants}
    table = {**raw, **fixed}
    study = validated(StudySpec, table, file)
    headline_at = join(file, "headline")
    for each in parsed:
        if each.variant:
            continue
        table |= each.table()
        study = validated(StudySpec, table, each.where)
        if each.keys == ("headline",):
            headline_at = each.where
            study = study.model_copy(update={"headline_reason": "chosen for this run"})
            table["headline_reason"] = study.headline_reason
    check_headline(study, headline_at)
    check_margin(study, join(file, "margin"))
    check_data(study, file)
    return study
