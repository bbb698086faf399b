"""The build graph: which stage reads which artefact, and where people find what it makes.

A node runs a module of ``xaireport.pipeline.stages``; the engine decides whether it has to.
"""

from __future__ import annotations

import platform
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from xaireport.engine.node import Context, Input, Node
from xaireport.errors import XaiReportError
from xaireport.nn.backbone import weights_file, weights_of
from xaireport.pipeline.labels import of_variant
from xaireport.pipeline.names import (
    MODELS,
    first_predictions,
    looked_at_beside,
    measured,
    model_of,
    model_path,
    optional,
    paired_scores,
    part_scores,
    reading,
    scoring,
    seeds,
)
from xaireport.pipeline.pages import PageNodes
from xaireport.report.plugins import code, distributions
from xaireport.study.resolve import conversion
from xaireport.study_schema import DataSpec, Recipe, StudySpec, VariantSpec
from xaireport.types import Located

STAGES = (
    "data", "audit", "train", "quantise", "predict", "evaluate", "agreement", "comparison", "explain",
    "trust", "cost", "results",
)  # fmt: skip
EVIDENCE_CODE = tuple(f"xaireport.pipeline.stages.{stage}" for stage in STAGES)
NEURAL = ("tensorflow", "keras", "numpy")
RUNTIME = (*NEURAL, "ai-edge-litert")
CONVERTERS = (*RUNTIME, "tf-keras", "tensorflow-model-optimization")
OF_EVIDENCE = ("xaireport", *CONVERTERS, "scipy", "scikit-learn", "tf-keras-vis")
"""Packages whose versions results.json names, and the evidence digest with them."""
OF_PAGES = ("matplotlib", "weasyprint")
"""Packages that results.json names and the evidence digest does not: they draw and print."""


def _never(context: Context) -> None:
    raise AssertionError("a node that was refused does not run")


class Graph(PageNodes):
    """The nodes of a build, in an order in which each comes after what it reads."""

    def __init__(
        self,
        out: Path,
        *,
        max_minutes: float | None = None,
        random_backbone: bool = False,
        formats: tuple[str, ...] = (),
    ) -> None:
        super().__init__(out, formats)
        self.max_minutes, self.random_backbone = max_minutes, random_backbone

    def empty(self) -> Graph:
        """Return a graph without nodes for the same build."""
        return Graph(
            self.out,
            max_minutes=self.max_minutes,
            random_backbone=self.random_backbone,
        )

    def evidence(self, study: StudySpec, located: Located, chosen: Sequence[str]) -> dict[str, list[str]]:
        """Add all that leads to the evidence of the chosen variants; return the names of each one's nodes."""
        data = self.add(
            f"data {study.name}",
            "data",
            {
                "study": study.model_dump(mode="json", include=set(DataSpec.model_fields)),
                "source": located.source,
                "loader": located.loader,
                "seed": study.seed,
            },
            {f"file{i}": Input(path=file) for i, file in enumerate(located.files)},
            ("numpy",),
        )
        self.add(
            f"audit {study.name}",
            "audit",
            {"seed": study.seed},
            {"data": Input(data, "dataset.npz"), "classes": Input(data, "classes.json")},
            ("numpy", "scipy", "pillow"),
        )
        # What is quantised comes after what it is made from, whatever the order of the file.
        ordered = sorted(chosen, key=lambda name: bool(study.variants[name].quantise.mode))
        names = {name: [data, *self._variant(study, study.variants[name], data, located)] for name in ordered}
        # No variant's own: what is measured side by side is never a reason to leave a finished variant out.
        self._trust(study, ordered, data)
        self._cost(study, measured(study, ordered), data)
        self._comparison(study, chosen, data)
        return names

    def _trust(self, study: StudySpec, chosen: Sequence[str], data: str) -> None:
        """Add what says of each variant whether its heatmaps can be believed."""
        for name in chosen:
            variant = study.variants[name]
            other, relation = looked_at_beside(study, chosen, name)
            inputs = {
                "data": Input(data, "dataset.npz"),
                "model": model_of(study, variant, seeds(study, variant)[0]),
                "predictions": first_predictions(study, name),
                "explained": Input(f"explain {study.name}.{name}", ""),
            }
            if other:
                inputs["other"] = optional(f"explain {study.name}.{other}", "")
                inputs["other_predictions"] = first_predictions(study, other, optional=True)
            self.add(
                f"trust {study.name}.{name}",
                "trust",
                {
                    "name": name,
                    "seed": study.seed,
                    "other": other,
                    "relation": relation,
                    "is_quantised": bool(variant.quantise.mode),
                    **reading(variant),
                },
                inputs,
                (*RUNTIME, "tf-keras-vis", "scipy", "pillow"),
            )

    def _comparison(self, study: StudySpec, chosen: Sequence[str], data: str) -> None:
        """Add what compares the variants two by two."""
        files = {of_variant(name): first_predictions(study, name, optional=True) for name in chosen}
        if len(files) < 2:
            return
        self.add(
            f"comparison {study.name}",
            "comparison",
            {
                "variants": list(chosen),
                "parents": {name: study.variants[name].parent for name in chosen},
                "scores": paired_scores(study),
                "family": study.family,
                **scoring(study),
            },
            {"data": Input(data, "dataset.npz"), **files},
            ("numpy", "scipy", "scikit-learn"),
        )

    def _cost(self, study: StudySpec, chosen: Sequence[str], data: str) -> None:
        """Add what measures the variants side by side, and the TFLite files of those that have none yet."""
        if not chosen:
            return
        files = {}
        for name in chosen:
            variant = study.variants[name]
            if not variant.quantise.mode:
                self._conversion(study, variant, Input(data, "dataset.npz"))
            files[of_variant(name)] = optional(f"quantise {study.name}.{name}", "model.tflite")
        parents = {name: each.parent for name in chosen if (each := study.variants[name]).quantise.mode}
        self.add(
            f"cost {study.name}", "cost", {"variants": list(chosen), "parents": parents}, files, RUNTIME[-2:]
        )

    def without_data(self, study: str, refused: XaiReportError) -> Input:
        """Add the node that fails for a study whose data cannot be had; return what the index reads of it."""
        name = f"data {study}"
        self.nodes.append(Node(name, "data", {}, {}, (), (), _never, refused=refused))
        return optional(name, "")

    def _variant(self, study: StudySpec, variant: VariantSpec, data: str, located: Located) -> list[str]:
        label = f"{study.name}.{variant.name}"
        arrays, classes = Input(data, "dataset.npz"), Input(data, "classes.json")
        names = []
        first = seeds(study, variant)[0]
        for seed in seeds(study, variant):
            if variant.quantise.mode:
                stands_in = located.source == "phantom"
                names.append(self._conversion(study, variant, arrays, stands_in))
            elif not variant.path:
                names.append(self._training(study, variant, seed, arrays, located))
            names.append(
                self.add(
                    f"predict {label} seed {seed}",
                    "predict",
                    reading(variant),
                    {"data": arrays, "model": model_of(study, variant, seed)},
                    RUNTIME,
                )
            )
            names.append(
                self.add(
                    f"evaluate {label} seed {seed}",
                    "evaluate",
                    # The card shows the first seed: parts of the test split are scored for that one alone.
                    {"parts": part_scores(study) if seed == first else [], **scoring(study)},
                    {
                        "data": arrays,
                        "classes": classes,
                        "predictions": Input(names[-1], "predictions.npz"),
                        **({"clean": optional(f"audit {study.name}", "clean.npz")} if seed == first else {}),
                    },
                    ("numpy", "scipy", "scikit-learn"),
                )
            )
        predictions = first_predictions(study, variant.name)
        if variant.quantise.mode:
            names.append(
                self.add(
                    f"agreement {label}",
                    "agreement",
                    {},
                    {
                        "classes": classes,
                        "parent": first_predictions(study, variant.parent),
                        "predictions": predictions,
                    },
                    ("numpy",),
                )
            )
        names.append(
            self.add(
                f"explain {label}",
                "explain",
                {
                    "name": variant.name,
                    "seed": study.seed,
                    "explain": variant.explain.model_dump(mode="json"),
                    **reading(variant),
                },
                {
                    "data": arrays,
                    "classes": classes,
                    "model": model_of(study, variant, first),
                    "predictions": predictions,
                    # Read where the parent is, so that their maps can be compared.
                    **(
                        {"parent": optional(f"explain {study.name}.{variant.parent}", "heatmaps.json")}
                        if variant.quantise.mode
                        else {}
                    ),
                },
                (*RUNTIME, "tf-keras-vis", "scipy", "pillow"),
            )
        )
        return names

    def _conversion(
        self, study: StudySpec, variant: VariantSpec, arrays: Input, stands_in: bool = False
    ) -> str:
        """Add what makes a variant's TFLite file: a quantised one its model, a float one what to measure."""
        quantised = bool(variant.quantise.mode)
        parent = study.variants[variant.parent] if quantised else variant
        seed = seeds(study, parent)[0]
        retrained = variant.quantise.mode == "qat"
        return self.add(
            f"quantise {study.name}.{variant.name}",
            "quantise",
            {
                "conversion": conversion(variant).model_dump(mode="json"),
                "seed": seed,
                "max_minutes": self.max_minutes if retrained else None,
                **reading(parent),
            },
            {"data": arrays, "model": model_of(study, parent, seed)},
            CONVERTERS,
            {"model.tflite": MODELS / study.name / variant.name / "model.tflite"} if quantised else {},
            loose=("max_minutes",) if retrained else (),
            stands_in=stands_in,
        )

    def _training(
        self, study: StudySpec, variant: VariantSpec, seed: int, arrays: Input, located: Located
    ) -> str:
        inputs = {"data": arrays}
        weights = weights_of(variant.options) if variant.architecture == "vgg19" else ""
        # The weights' bytes are part of the key: a trunk trained at random is not taken for a pretrained one
        # once the weights can be had.
        if weights and (file := weights_file(weights, Path(study.folder))):
            inputs["weights"] = Input(path=file)
        return self.add(
            f"train {study.name}.{variant.name} seed {seed}",
            "train",
            {
                "recipe": variant.model_dump(mode="json", include=set(Recipe.model_fields)),
                "seed": seed,
                "max_minutes": self.max_minutes,
                "allow_random_backbone": bool(weights)
                and (self.random_backbone or located.source == "phantom"),
            },
            inputs,
            NEURAL,
            {"model.keras": model_path(study, variant, seed)},
            loose=("max_minutes",),
            stands_in=located.source == "phantom",
        )

    def results(self, study: StudySpec, chosen: Sequence[str]) -> dict[str, Input]:
        """Add what puts a study's evidence together, and its figures; return what pages are made of."""
        data = f"data {study.name}"
        inputs = {
            "data": Input(data, "dataset.npz"),
            "info": Input(data, "dataset.json"),
            "audit": optional(f"audit {study.name}", ""),
        }
        if len(chosen) > 1:
            inputs["comparison"] = optional(f"comparison {study.name}", "comparisons.json")
        for name in chosen:
            variant = study.variants[name]
            label = f"{study.name}.{name}"
            own: dict[str, Input] = {}
            for seed in seeds(study, variant):
                if variant.quantise.mode:
                    made = f"quantise {label}"
                    own["quantisation"] = optional(made, "quantisation.json")
                    own["agreement"] = optional(f"agreement {label}", "agreement.json")
                    if variant.quantise.mode == "qat":
                        own[f"training/{seed}"] = optional(made, "training.json")
                elif not variant.path:
                    own[f"training/{seed}"] = optional(f"train {label} seed {seed}", "training.json")
                own[f"model/{seed}"] = replace(model_of(study, variant, seed), optional=True)
                predict = f"predict {label} seed {seed}"
                own[f"summary/{seed}"] = optional(predict, "summary.json")
                own[f"predictions/{seed}"] = optional(predict, "predictions.npz")
                evaluate = f"evaluate {label} seed {seed}"
                own[f"evaluation/{seed}"] = optional(evaluate, "evaluation.json")
                if seed == seeds(study, variant)[0]:
                    for part in ("reliability", "subgroups", "clean"):
                        own[part] = optional(evaluate, f"{part}.json")
            own["explain"] = optional(f"explain {label}", "")
            own["trust"] = optional(f"trust {label}", "")
            inputs |= {of_variant(name, what): each for what, each in own.items()}
        if measured(study, chosen):
            inputs["cost"] = optional(f"cost {study.name}", "cost.json")
        results = self.add(
            f"results {study.name}",
            "results",
            {
                "study": study.model_dump(mode="json", exclude={"folder"}),
                "seeds": {name: list(seeds(study, study.variants[name])) for name in chosen},
                "code": list(EVIDENCE_CODE),
                "of_evidence": list(OF_EVIDENCE),
                "of_pages": list(OF_PAGES),
                "python": platform.python_version(),
            },
            inputs,
            (*OF_EVIDENCE, *OF_PAGES, "pandas", "pillow", "jsonschema"),
            code=EVIDENCE_CODE,
        )
        figures = self.add(
            f"figures {study.name}",
            "figures",
            {},
            {"results": Input(results)},
            ("matplotlib", "numpy", "seaborn", *distributions()),
            code=("xaireport.pipeline.stages.figures", *code()),
        )
        return {
            "results": Input(results, "results.json"),
            "predictions": Input(results, "predictions.csv"),
            "assets": optional(figures, "assets"),
        }
