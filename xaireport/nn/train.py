"""Train one variant and release its model file. Knows no store, no report and no study files."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xaireport.errors import ModelError
from xaireport.nn import backbone, batches, checkpoint, zoo
from xaireport.nn.backend import import_keras, import_tensorflow
from xaireport.nn.keras.release import save_model
from xaireport.study_schema import Recipe, TrainSettings
from xaireport.types.artefacts import KERAS_FILE
from xaireport.types.data import Dataset
from xaireport.types.models import Epoch, OnEpoch, TrainingRecord
from xaireport.types.notes import Note

VALIDATION_BATCH = 256


@dataclass(frozen=True)
class _Data:
    """Arrays to fit on: pixels, or the features of a frozen trunk."""

    x_train: NDArray[Any]
    y_train: NDArray[np.float32]
    weights: NDArray[np.float32] | None
    x_val: NDArray[Any]
    y_val: NDArray[np.float32]


def train(
    dataset: Dataset,
    recipe: Recipe,
    *,
    seed: int,
    out: Path,
    checkpoints: Path,
    max_minutes: float | None = None,
    allow_random_backbone: bool = False,
    on_epoch: OnEpoch | None = None,
) -> TrainingRecord:
    """Train ``recipe`` on ``dataset`` and write ``out/model.keras``.

    The same seed gives the same weights, whether or not the training was killed and resumed on the way; on
    another kind of processor, or with other versions, sums are added in another order.

    Parameters
    ----------
    dataset : Dataset
        Trained on ``train``, watched on ``val``; ``test`` is not touched.
    recipe : Recipe
        Architecture, options, training and augmentation settings.
    seed : int
        Of initial weights, order, augmentation and dropout.
    out : Path
        Folder for the released file.
    checkpoints : Path
        Folder for the state after each epoch; a training found there goes on.
    max_minutes : float, optional
        Stop after the epoch in which this much training time is used up.
    allow_random_backbone : bool
        Go on with a random trunk where pretrained weights cannot be had.
    on_epoch : callable, optional
        Told after each epoch.

    Returns
    -------
    TrainingRecord

    Raises
    ------
    ConfigError
        Architecture and images do not fit.
    ModelError
        No weights for the trunk; or the loss is not a number.
    """
    keras, tf = import_keras(), import_tensorflow()
    keras.utils.set_random_seed(seed)
    tf.config.experimental.enable_op_determinism()
    n_classes = len(dataset.info.classes)
    model = zoo.build(recipe.architecture, keras, dataset.input_shape, n_classes, recipe.options)
    arch = zoo.architecture(recipe.architecture)
    notes: tuple[Note, ...] = ()
    if arch.frozen:
        weights = backbone.weights_of(recipe.options)
        notes = backbone.load_vgg19(model, weights, allow_random=allow_random_backbone)
    data = _arrays(dataset, n_classes, recipe.train)
    if arch.frozen and not batches.changes(recipe.augment):
        learner, data = _head_on_features(keras, model, dataset, recipe, n_classes, data)
    else:
        learner = model
    fitting = _Fitting(learner, data, recipe, seed, checkpoints, max_minutes, on_epoch)
    record = fitting.run(notes)
    if learner is not model:
        for layer in learner.layers:
            if layer.get_weights():
                model.get_layer(layer.name).set_weights(layer.get_weights())
    save_model(model, out / KERAS_FILE)
    return record


def _arrays(dataset: Dataset, n_classes: int, settings: TrainSettings) -> _Data:
    one_hot = np.eye(n_classes, dtype=np.float32)
    weights = batches.class_weights(dataset.train.labels, n_classes) if settings.class_weight else None
    return _Data(
        dataset.train.images,
        one_hot[dataset.train.labels],
        weights,
        dataset.val.images,
        one_hot[dataset.val.labels],
    )


def _head_on_features(
    keras: Any, model: Any, dataset: Dataset, recipe: Recipe, n_classes: int, data: _Data
) -> tuple[Any, _Data]:
    """Compute the frozen features once; what is left to train is the head on them."""
    trunk = zoo.build_trunk(recipe.architecture, keras, dataset.input_shape, recipe.options)
    for layer in trunk.layers:
        if layer.get_weights():
            layer.set_weights(model.get_layer(layer.name).get_weights())
    x_train, x_val = (
        trunk.predict(x.astype(np.float32), batch_size=VALIDATION_BATCH, verbose=0)
        for x in (data.x_train, data.x_val)
    )
    head = zoo.build_head(recipe.architecture, keras, x_train.shape[1:], n_classes, recipe.options)
    for layer in head.layers:
        if layer.get_weights():
            layer.set_weights(model.get_layer(layer.name).get_weights())
    return head, _Data(x_train, data.y_train, data.weights, x_val, data.y_val)


class _Fitting:
    """One call of ``fit``, with the state that a resumption needs."""

    def __init__(
        self,
        model: Any,
        data: _Data,
        recipe: Recipe,
        seed: int,
        folder: Path,
        max_minutes: float | None,
        on_epoch: OnEpoch | None,
    ) -> None:
        self.model, self.data, self.seed, self.folder = model, data, seed, folder
        self.settings, self.augment = recipe.train, recipe.augment
        self.max_seconds = None if max_minutes is None else 60 * max_minutes
        self.on_epoch = on_epoch
        self.keras = import_keras()
        self.steps = -(-len(data.x_train) // recipe.train.batch_size)
        self.state = checkpoint.load(folder) or checkpoint.TrainingState()
        self.watchers = self._watchers()

    def run(self, notes: tuple[Note, ...]) -> TrainingRecord:
        """Fit from where the checkpoint stands to the end, and leave the best weights in the model."""
        state, settings = self.state, self.settings
        self.model.compile(
            self._optimizer(), loss="categorical_crossentropy", metrics=["accuracy"], jit_compile=False
        )
        # What stopped by its time budget goes on when the budget allows; what stopped by itself does not.
        if state.stopped_by == "max_minutes":
            state.stopped_by = ""
        if self._out_of_time():
            state.stopped_by = "max_minutes"
        if not state.stopped_by and state.epochs_run < settings.epochs:
            self.model.fit(
                batches.epochs(
                    self.data.x_train,
                    self.data.y_train,
                    self.data.weights,
                    batch_size=settings.batch_size,
                    seed=self.seed,
                    first_epoch=state.epochs_run,
                    augment=self.augment,
                ),
                steps_per_epoch=self.steps,
                initial_epoch=state.epochs_run,
                epochs=settings.epochs,
                validation_data=batches.in_order(self.data.x_val, self.data.y_val, VALIDATION_BATCH),
                callbacks=[*self.watchers.values(), self._keeper()],
                shuffle=False,  # the batches come shuffled
                verbose=0,
            )
        elif state.epochs_run:
            self.model.set_weights(state.weights)
        best_epoch = state.epochs_run
        if state.best_weights:
            self.model.set_weights(state.best_weights)
            best_epoch = int(state.callbacks["early_stopping"]["best_epoch"] or 0) + 1
        return TrainingRecord(
            epochs_run=state.epochs_run,
            best_epoch=best_epoch,
            seconds=state.seconds,
            stopped_by=state.stopped_by or "epochs",
            history=state.history,
            notes=notes,
        )

    def _optimizer(self) -> Any:
        settings, keras = self.settings, self.keras
        rate: Any = settings.learning_rate
        if settings.schedule == "cosine":
            warmup = round(settings.warmup_epochs * self.steps)
            rate = keras.optimizers.schedules.CosineDecay(
                0.0 if warmup else rate,
                max(1, settings.epochs * self.steps - warmup),
                warmup_target=rate if warmup else None,
                warmup_steps=warmup,
            )
        if settings.optimizer == "sgd":
            return keras.optimizers.SGD(rate, momentum=0.9, nesterov=True)
        return keras.optimizers.Adam(rate)

    def _watchers(self) -> dict[str, Any]:
        settings, callbacks = self.settings, self.keras.callbacks
        watchers = {}
        if settings.early_stopping:
            watchers["early_stopping"] = callbacks.EarlyStopping(
                settings.monitor, patience=settings.early_stopping, restore_best_weights=True
            )
        if settings.reduce_lr:
            watchers["reduce_lr"] = callbacks.ReduceLROnPlateau(
                settings.monitor, patience=settings.reduce_lr, factor=settings.reduce_lr_factor
            )
        return watchers

    def _out_of_time(self) -> bool:
        return self.max_seconds is not None and self.state.seconds >= self.max_seconds

    def _keeper(self) -> Any:
        """Make the callback that seeds each epoch, and keeps and restores the state; it runs last."""
        fitting, state = self, self.state

        class Keeper(self.keras.callbacks.Callback):  # type: ignore[name-defined]
            def on_train_begin(self, logs: Mapping[str, float] | None = None) -> None:
                if state.epochs_run:
                    fitting.restore()

            def on_epoch_begin(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
                fitting.seed_dropout(epoch)
                # Of this epoch: at its end ReduceLROnPlateau may have set the next one's.
                self.rate = float(fitting.model.optimizer.learning_rate)
                self.started = time.perf_counter()

            def on_epoch_end(self, epoch: int, logs: Mapping[str, float] | None = None) -> None:
                state.seconds += time.perf_counter() - self.started
                fitting.keep(epoch, logs or {}, self.rate)

        return Keeper()

    def seed_dropout(self, epoch: int) -> None:
        """Set every layer's random state to a function of (seed, layer, epoch)."""
        generators = [g for layer in self.model.layers if (g := getattr(layer, "seed_generator", None))]
        for i, generator in enumerate(generators):
            generator.state.assign([(self.seed * 7919 + i) % 2**31, epoch << 20])

    def restore(self) -> None:
        """Put model, optimiser and callbacks back to where the checkpoint left them."""
        state, optimizer = self.state, self.model.optimizer
        self.model.set_weights(state.weights)
        optimizer.build(self.model.trainable_variables)
        for variable, value in zip(optimizer.variables, state.optimizer, strict=True):
            variable.assign(value)
        for name, watcher in self.watchers.items():
            for key, fact in state.callbacks[name].items():
                setattr(watcher, key, fact)
        if "early_stopping" in self.watchers:
            self.watchers["early_stopping"].best_weights = state.best_weights

    def keep(self, epoch: int, logs: Mapping[str, float], rate: float) -> None:
        """Write the state after ``epoch`` and tell the listener."""
        state, settings, model = self.state, self.settings, self.model
        for name in ("loss", "val_loss"):
            if not np.isfinite(logs[name]):
                raise ModelError(
                    f"a finite {name}", f"{logs[name]} in epoch {epoch + 1}", "lower train.learning_rate"
                )
        values = {
            **{key: float(logs[key]) for key in ("loss", "accuracy", "val_loss", "val_accuracy")},
            "learning_rate": rate,
        }
        for key, value in values.items():
            state.history.setdefault(key, []).append(value)
        state.epochs_run = epoch + 1
        if model.stop_training:
            state.stopped_by = "early_stopping"
        elif state.epochs_run < settings.epochs and self._out_of_time():
            state.stopped_by = "max_minutes"
            model.stop_training = True
        state.weights = model.get_weights()
        state.optimizer = [variable.numpy() for variable in model.optimizer.variables]
        for name, watcher in self.watchers.items():
            state.callbacks[name] = {key: _plain(getattr(watcher, key)) for key in _WATCHED[name]}
        if "early_stopping" in self.watchers:
            state.best_weights = self.watchers["early_stopping"].best_weights
        checkpoint.save(state, self.folder)
        if self.on_epoch is not None:
            self.on_epoch(Epoch(epoch + 1, settings.epochs, state.seconds, values))


_WATCHED = {
    "early_stopping": ("wait", "stopped_epoch", "best", "best_epoch"),
    "reduce_lr": ("wait", "best", "cooldown_counter"),
}


def _plain(value: Any) -> float | int | None:
    return value if value is None or isinstance(value, int) else float(value)
