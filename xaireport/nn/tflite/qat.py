"""Quantisation-aware training: go on training a model that rounds as the integer file will.

Made with tensorflow-model-optimization (Jacob et al. 2018, doi:10.1109/CVPR.2018.00286), which knows Keras 2
models only.
"""

from __future__ import annotations

import re
import time
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from xaireport.errors import ModelError
from xaireport.nn import batches, checkpoint
from xaireport.nn.backend import import_tensorflow, import_tf_keras, import_tfmot
from xaireport.study_schema import TrainSettings
from xaireport.types.data import Dataset, Pixels
from xaireport.types.models import Epoch, OnEpoch, TrainingRecord

VALIDATION_BATCH = 256
_PREFIX = "quant_"
_RANGE = re.compile(r"(?P<what>.*?)_?(?P<end>min|max)(:0)?$")
_ANNOTATED = ("Rescaling", "Resizing")
"""Layers that the library does not know, and whose output is to be rounded like any other's."""


def retrain(
    model: Any,
    settings: TrainSettings,
    dataset: Dataset,
    calibration: Pixels,
    *,
    seed: int,
    checkpoints: Path,
    max_minutes: float | None = None,
    on_epoch: OnEpoch | None = None,
) -> tuple[Any, TrainingRecord]:
    """Return the model with its rounding simulated, trained on; weights are those of the best epoch.

    It has to learn to live with rounding, not to see the world anew: images are shown as they are, dropout is
    off, and batch normalisation keeps its averages. With the parent's augmentation and dropout the validation
    accuracy of a CNN on HAM10000 went between .70 and .78 from epoch to epoch; without, between .78 and .79.

    Parameters
    ----------
    model : tf_keras.Model
        Trained, flat, functional.
    settings : TrainSettings
        Adam's at a constant rate, for a number of epochs.
    dataset : Dataset
    calibration : uint8 array, (n, ...)
        Images that give the first ranges of activations. Left to itself the library starts all of them at
        ±6 and moves by a thousandth per batch: pixels up to 255 would be cut off for hours.
    seed : int
        Of the order of images: nothing else is random.
    checkpoints : Path
        Folder for the state after each epoch; a retraining found there goes on as if it had not stopped.
    max_minutes, on_epoch
        See :func:`xaireport.nn.tflite.quantise.quantise`.

    Raises
    ------
    ModelError
        A layer that the library does not know; or the loss is not a number.
    """
    keras, tf = import_tf_keras(), import_tensorflow()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    for layer in model.layers:
        if type(layer).__name__ == "Dropout":
            layer.rate = 0.0
        if type(layer).__name__ == "BatchNormalization":
            # A trained model's averages are those of many epochs; a few more, rounded otherwise, only shake
            # them (Krishnamoorthi 2018, arXiv:1806.08342).
            layer.trainable = False
    rounding = simulated(model)
    _set_ranges(rounding, model, calibration)
    rounding.compile(
        keras.optimizers.Adam(settings.learning_rate), loss="categorical_crossentropy", metrics=["accuracy"]
    )
    one_hot = np.eye(len(dataset.info.classes), dtype=np.float32)
    train, val = dataset.train, dataset.val
    weights = batches.class_weights(train.labels, len(one_hot)) if settings.class_weight else None
    state = checkpoint.load(checkpoints) or checkpoint.TrainingState()
    with warnings.catch_warnings():
        # Its wrappers hand on a flag that Keras 2 deprecated.
        warnings.simplefilter("ignore")
        if state.epochs_run < settings.epochs and not (state.epochs_run and _out_of_time(state, max_minutes)):
            rounding.fit(
                batches.epochs(
                    train.images,
                    one_hot[train.labels],
                    weights,
                    batch_size=settings.batch_size,
                    seed=seed,
                    first_epoch=state.epochs_run,
                ),
                steps_per_epoch=-(-len(train) // settings.batch_size),
                epochs=settings.epochs,
                validation_data=batches.in_order(val.images, one_hot[val.labels], VALIDATION_BATCH),
                initial_epoch=state.epochs_run,
                callbacks=[_keeper(keras, settings, state, checkpoints, max_minutes, on_epoch)],
                shuffle=False,
                verbose=0,
            )
    rounding.set_weights(state.best_weights)
    return rounding, _record(state, settings)


def simulated(model: Any) -> Any:
    """Return a copy of a Keras 2 model that rounds weights and activations to 8 bits as it computes.

    Raises
    ------
    ModelError
        The library refuses a layer.
    """
    keras, tfmot = import_tf_keras(), import_tfmot()
    library = tfmot.quantization.keras

    class RoundOutput(library.QuantizeConfig):  # type: ignore[name-defined]
        """No weights: only what the layer gives is rounded."""

        def get_weights_and_quantizers(self, layer: Any) -> list[Any]:
            return []

        def get_activations_and_quantizers(self, layer: Any) -> list[Any]:
            return []

        def set_quantize_weights(self, layer: Any, quantize_weights: list[Any]) -> None:
            pass

        def set_quantize_activations(self, layer: Any, quantize_activations: list[Any]) -> None:
            pass

        def get_output_quantizers(self, layer: Any) -> list[Any]:
            return [
                library.quantizers.MovingAverageQuantizer(
                    num_bits=8, per_axis=False, symmetric=False, narrow_range=False
                )
            ]

        def get_config(self) -> dict[str, Any]:
            return {}

    def annotate(layer: Any) -> Any:
        if type(layer).__name__ in _ANNOTATED:
            return library.quantize_annotate_layer(layer, RoundOutput())
        return layer if type(layer).__name__ == "InputLayer" else library.quantize_annotate_layer(layer)

    keras.backend.reset_uids()  # names of new layers end up in the file: the second is to be as the first
    try:
        with library.quantize_scope({"RoundOutput": RoundOutput}), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            annotated = keras.models.clone_model(model, clone_function=annotate)
            # Cloned layers have fresh weights; the copy is given the trained ones by name.
            _copy_weights(model, annotated)
            return library.quantize_apply(annotated)
    except (RuntimeError, ValueError, TypeError) as error:
        named = re.search(r"Layer (\S+?):<class '[\w.]*?(\w+)'> is not supported", str(error))
        said = f"{named[2]} in layer {named[1]}" if named else str(error).strip().splitlines()[0][:200]
        raise ModelError(
            "layers that quantisation-aware training knows", said, "use mode int8, which needs no retraining"
        ) from error


def _copy_weights(model: Any, annotated: Any) -> None:
    for layer in annotated.layers:
        inner = getattr(layer, "layer", layer)
        if inner.get_weights():
            inner.set_weights(model.get_layer(inner.name).get_weights())


def _set_ranges(rounding: Any, model: Any, images: Pixels) -> None:
    """Start every range of activations where the trained model's are on the calibration images."""
    keras = import_tf_keras()
    floats = images.astype(np.float32)
    names = [layer.name for layer in model.layers if type(layer).__name__ != "InputLayer"]
    outputs = keras.Model(model.input, [model.get_layer(name).output for name in names])
    low: dict[str, float] = {}
    high: dict[str, float] = {}
    for start in range(0, len(floats), VALIDATION_BATCH):
        found = outputs.predict_on_batch(floats[start : start + VALIDATION_BATCH])
        for name, values in zip(names, found if len(names) > 1 else [found], strict=True):
            low[name] = min(low.get(name, 0.0), float(values.min()))
            high[name] = max(high.get(name, 0.0), float(values.max()))
    for layer in rounding.layers:
        name = layer.name.removeprefix(_PREFIX)
        if type(layer).__name__ == "QuantizeLayer":
            known = (0.0, 255.0)  # raw pixels
        elif name in low:
            known = (low[name], high[name])
        else:
            continue
        for variable in layer.weights:
            last = variable.name.rpartition("/")[2]
            parts = _RANGE.fullmatch(last)
            # Those of kernels are set from the kernel itself at every step.
            if parts is None or variable.shape.rank or parts["what"].startswith("kernel"):
                continue
            variable.assign(known[parts["end"] == "max"])


def _keeper(
    keras: Any,
    settings: TrainSettings,
    state: checkpoint.TrainingState,
    folder: Path,
    max_minutes: float | None,
    on_epoch: OnEpoch | None,
) -> Any:
    """Make the callback that restores and keeps the state, the best weights among it, and heeds the time."""
    sign = -1 if settings.monitor == "val_loss" else 1

    class Keeper(keras.callbacks.Callback):
        def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
            if not state.epochs_run:
                return
            optimizer = self.model.optimizer
            self.model.set_weights(state.weights)
            optimizer.build(self.model.trainable_variables)
            for variable, value in zip(optimizer.variables, state.optimizer, strict=True):
                variable.assign(value)

        def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
            state.seconds += time.perf_counter() - self.started
            values = {
                key: float((logs or {})[key]) for key in ("loss", "accuracy", "val_loss", "val_accuracy")
            }
            for name in ("loss", "val_loss"):
                if not np.isfinite(values[name]):
                    raise ModelError(
                        f"a finite {name}",
                        f"{values[name]} in epoch {epoch + 1} of retraining",
                        "lower quantise.learning_rate",
                    )
            values["learning_rate"] = float(self.model.optimizer.learning_rate.numpy())
            state.weights = self.model.get_weights()
            state.optimizer = [variable.numpy() for variable in self.model.optimizer.variables]
            for key, value in values.items():
                state.history.setdefault(key, []).append(value)
            seen = [sign * value for value in state.history[settings.monitor]]
            if seen.index(max(seen)) == epoch:  # the first of equals
                state.best_weights = state.weights
            state.epochs_run = epoch + 1
            if epoch + 1 < settings.epochs and _out_of_time(state, max_minutes):
                self.model.stop_training = True
            checkpoint.save(state, folder)
            if on_epoch is not None:
                on_epoch(Epoch(epoch + 1, settings.epochs, state.seconds, values))

    return Keeper()


def _out_of_time(state: checkpoint.TrainingState, max_minutes: float | None) -> bool:
    return max_minutes is not None and state.seconds >= 60 * max_minutes


def _record(state: checkpoint.TrainingState, settings: TrainSettings) -> TrainingRecord:
    watched = state.history[settings.monitor]
    best = min(watched) if settings.monitor == "val_loss" else max(watched)
    return TrainingRecord(
        epochs_run=state.epochs_run,
        best_epoch=watched.index(best) + 1,
        seconds=state.seconds,
        stopped_by="epochs" if state.epochs_run >= settings.epochs else "max_minutes",
        history=state.history,
    )
