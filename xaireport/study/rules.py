"""Rules that span several keys of a study file: what must be stated together, what excludes each other."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xaireport.errors import ConfigError
from xaireport.study.file import Table, join, unknown_name
from xaireport.study.resolve import QUANTISE_MODES
from xaireport.study_schema import StudySpec, VariantSpec
from xaireport.types.metrics import METRICS

HEADLINES = tuple(metric.name for metric in METRICS if metric.headline)
"""Scores a study may be judged by: all of them better when higher."""

Architectures = Mapping[str, Collection[str]]
"""Each architecture's name, and the names of its options."""

TRAINING_KEYS = ("options", "train", "augment", "seeds")


def parents_first(parents: Mapping[str, str], file: str) -> list[str]:
    """Return the variants in an order in which each follows its parent; every chain of parents ends.

    Parameters
    ----------
    parents : mapping of str to str
        Each variant's parent; empty where it has none.
    file : str
        For errors.
    """
    order: list[str] = []
    for start in parents:
        chain: list[str] = []
        name = start
        while name and name not in order:
            where = f"{file}: variants.{chain[-1] if chain else name}.parent"
            if name not in parents:
                raise unknown_name("variant", name, [key for key in parents if key != chain[-1]], where)
            if name in chain:
                cycle = " → ".join([*chain[chain.index(name) :], name])
                raise ConfigError("parents that end somewhere", cycle, where=where)
            chain.append(name)
            name = parents[name]
        order += reversed(chain)
    return order


def check_origin(spec: VariantSpec, given: Table, where: str) -> None:
    """Trained or quantised here, or brought along with all stated that cannot be read off the file."""
    if spec.quantise.mode:
        return  # check_quantise knows what it may say
    if not spec.path:
        if not spec.architecture:
            raise ConfigError(
                "architecture (to train one) or path (to bring your own)", "neither", where=where
            )
        for key in ("pixel_scale", "output"):
            if given.get(key):
                raise ConfigError(
                    f"{key} with path only",
                    repr(given[key]),
                    "a model trained here takes 0-255",
                    join(where, key),
                )
        return
    if given.get("architecture"):
        raise ConfigError("architecture or path, not both", "both", where=join(where, "architecture"))
    for key in TRAINING_KEYS:
        if given.get(key):
            raise ConfigError(
                f"no {key} beside path", repr(given[key]), "the model is not trained here", where
            )
    for key, meaning in (
        ("pixel_scale", "what the model takes: 0-255, 0-1 or -1-1"),
        ("output", "what it gives: probabilities or logits"),
    ):
        if not getattr(spec, key):
            raise ConfigError(f"{key}, {meaning}", "nothing", "it is never guessed", join(where, key))


def check_quantise(spec: VariantSpec, parent: VariantSpec | None, given: Table, where: str) -> None:
    """A quantised variant has a floating-point parent, and all it says is how it is made from that.

    Parameters
    ----------
    spec, parent : VariantSpec
        The variant, and the one that its ``parent`` names.
    given : Table
        Its own settings, nothing inherited.
    where : str
        For errors.
    """
    table, at = given.get("quantise", {}), join(where, "quantise")
    if not spec.quantise.mode:
        if table:
            raise ConfigError("mode, one of dynamic, float16, int8, qat", "none", where=join(at, "mode"))
        return
    for key in table:
        modes = QUANTISE_MODES.get(key, (spec.quantise.mode,))
        if spec.quantise.mode not in modes:
            raise ConfigError(
                f"{key} with mode {' or '.join(modes)} only",
                f"mode {spec.quantise.mode}",
                where=join(at, key),
            )
    if parent is None:
        raise ConfigError(
            "parent, the variant to quantise", "nothing", "it is one of the same study", join(where, "parent")
        )
    for key in ("architecture", "path", "pixel_scale", "output", *TRAINING_KEYS):
        if given.get(key):
            raise ConfigError(
                f"no {key} beside quantise", repr(given[key]), "it is the parent's", join(where, key)
            )
    if parent.quantise.mode or parent.path.endswith(".tflite"):
        raise ConfigError(
            "a parent in floating point",
            f"{parent.name}, which is quantised itself" if parent.quantise.mode else parent.path,
            "name the Keras model that it was made from",
            join(where, "parent"),
        )
    if spec.quantise.mode == "qat" and parent.path:
        raise ConfigError(
            "a parent that is trained here, for quantisation-aware training",
            f"{parent.name}, a model file that was brought along",
            "mode int8 takes any Keras model",
            join(where, "parent"),
        )


def check_architecture(spec: VariantSpec, known: Architectures, where: str) -> None:
    """The architecture exists and takes these options: a slip in one must not train something else."""
    if spec.path or (spec.quantise.mode and not spec.architecture):
        return
    if spec.architecture not in known:
        raise unknown_name("architecture", spec.architecture, list(known), join(where, "architecture"))
    for key in spec.options:
        if key not in known[spec.architecture]:
            raise unknown_name("option", key, known[spec.architecture], join(where, "options"))


def check_seeds(spec: VariantSpec, where: str) -> None:
    """Each seed is one run: none below 0, none twice."""
    if any(seed < 0 for seed in spec.seeds) or len(set(spec.seeds)) < len(spec.seeds):
        raise ConfigError("seeds of at least 0, each once", list(spec.seeds), where=join(where, "seeds"))


def check_schedule(spec: VariantSpec, where: str) -> None:
    """One thing steers the learning rate, and a warm-up belongs to a schedule."""
    train = spec.train
    if train.warmup_epochs and train.schedule != "cosine":
        raise ConfigError(
            'train.warmup_epochs = 0, or train.schedule = "cosine"',
            f"a warm-up of {train.warmup_epochs:g} epochs with schedule = {train.schedule!r}",
            where=join(where, "train", "warmup_epochs"),
        )
    if train.reduce_lr and train.schedule != "constant":
        raise ConfigError(
            'train.reduce_lr = 0, or train.schedule = "constant"',
            f"reduce_lr = {train.reduce_lr} with schedule = {train.schedule!r}",
            "only one of them can steer the learning rate",
            join(where, "train", "reduce_lr"),
        )


def check_headline(study: StudySpec, where: str) -> None:
    """The score that the study is judged by is one that exists, and is better when higher."""
    if study.headline not in HEADLINES:
        raise unknown_name("score", study.headline, HEADLINES, where)
    if study.headline == "kappa_weighted" and not study.ordinal:
        raise ConfigError(
            "ordinal = true with the headline kappa_weighted",
            "classes in no order",
            "without an order no call is nearer to the truth than another",
            where,
        )


def check_margin(study: StudySpec, where: str) -> None:
    """A margin is a share of a score that runs to 1: none is no margin, all of it is no test."""
    if study.margin is not None and not 0 < study.margin < 1:
        raise ConfigError("a margin of more than 0 and less than 1", study.margin, where=where)


def check_costs(study: StudySpec, n_classes: int, where: str) -> None:
    """A cost for each true and each called class, and no prize for being wrong."""
    rows = study.cost_matrix
    if not rows:
        return
    shape = " and ".join(sorted({str(len(row)) for row in rows}))
    if len(rows) != n_classes or any(len(row) != n_classes for row in rows):
        raise ConfigError(
            f"{n_classes} rows of {n_classes} costs: true classes down, called ones across",
            f"{len(rows)} rows of {shape}",
            where=where,
        )
    if min(map(min, rows)) < 0:
        raise ConfigError("costs of at least 0", min(map(min, rows)), where=where)
    if any(row[i] > min(row) for i, row in enumerate(rows)):
        raise ConfigError("calling a class by its name to cost least in each row", rows, where=where)


def check_data(study: StudySpec, file: str) -> None:
    """The data are known by name or brought along, and then with the names of their classes."""
    if bool(study.dataset) == bool(study.data):
        raise ConfigError(
            "either dataset (one known by name) or data (an .npz of your own)",
            "both" if study.data else "neither",
            where=file,
        )
    if study.dataset and study.classes:
        raise ConfigError(
            "classes with data only",
            list(study.classes),
            f"{study.dataset} brings its own",
            join(file, "classes"),
        )
    if study.data and (len(study.classes) < 2 or len(set(study.classes)) < len(study.classes)):
        raise ConfigError(
            "classes, the name of each label from 0 on: at least two, each once",
            list(study.classes) or "nothing",
            where=join(file, "classes"),
        )
