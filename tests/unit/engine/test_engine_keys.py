"""Keys: what they depend on, what they do not, and the words for a difference."""

from __future__ import annotations

import hashlib
import json
import sys
from importlib import metadata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xaireport.engine.keys import canonical, checkpoint_key, differences, key_of, key_parts
from xaireport.engine.node import Node
from xaireport.engine.versions import NOT_INSTALLED, Versions
from xaireport.errors import ConfigError, Failure

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
params = st.dictionaries(st.text(), values, max_size=5)


def shuffled(value, random):
    if isinstance(value, dict):
        items = [(name, shuffled(inner, random)) for name, inner in value.items()]
        random.shuffle(items)
        return dict(items)
    return [shuffled(inner, random) for inner in value] if isinstance(value, list) else value


@settings(deadline=None)  # other work may share the machine
@given(params, st.randoms(use_true_random=False))
def test_the_key_is_the_same_in_any_order(value, random):
    assert canonical(shuffled(value, random)) == canonical(value)
    assert parts(shuffled(value, random)) == parts(value)


@settings(deadline=None)  # other work may share the machine
@given(params)
def test_canonical_json_loses_nothing(value):
    assert json.loads(canonical(value)) == value


@settings(deadline=None)  # other work may share the machine
@given(params, params)
def test_different_params_have_different_keys_and_a_reason(one, other):
    same = canonical(one) == canonical(other)
    assert (key_of(parts(one)) == key_of(parts(other))) is same
    assert bool(differences(parts(one), parts(other))) is not same


def parts(params, **changes):
    node = Node("n", "train", params, {}, (), (), lambda context: None)
    made = key_parts(node, {"data": "aa"}, {"pkg.mod": "bb"}, {"keras": "3.14"}, {})
    return {**made, **changes}


def test_the_key_is_the_documented_hash():
    made = parts({"b": [1, 2.5], "a": "é"})
    text = (
        '[2,{"code":{"pkg.mod":"bb"},"failures":{},"inputs":{"data":"aa"},"params":{"a":"\\u00e9","b":[1,2.5]},'
        f'"python":"3.{sys.version_info.minor}","stage":"train","versions":{{"keras":"3.14"}}}}]'
    )
    assert key_of(made) == hashlib.sha256(text.encode()).hexdigest()


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"params": {"train": {"epochs": 30}}}, "changed: train.epochs 20 → 30"),
        ({"params": {"train": {}}}, "changed: train.epochs 20 → (none)"),
        ({"inputs": {"data": "cc"}}, "changed: input data"),
        ({"inputs": {"data": "aa", "mask": "dd"}}, "new input: mask"),
        ({"inputs": {}}, "input gone: data"),
        ({"code": {"pkg.mod": "cc"}}, "code changed: pkg.mod"),
        ({"versions": {"keras": "3.15"}}, "version changed: keras 3.14 → 3.15"),
        ({"python": "3.99"}, f"version changed: python 3.{sys.version_info.minor} → 3.99"),
        ({"stage": "test"}, "changed: stage train → test"),
        ({"failures": {"x": ["train", "broken", ""]}}, "changed: failure of input x"),
    ],
)
def test_every_part_counts_and_has_its_words(changes, line):
    old = parts({"train": {"epochs": 20}})
    new = {**old, **changes}
    assert key_of(old) != key_of(new)
    assert line in differences(old, new)


def test_what_is_unknown_is_no_difference():
    old = parts({})
    new = {**old, "inputs": {}, "failures": {"data": ["train", "broken", ""]}}
    assert differences(old, new, frozenset({"data"})) == ()


def test_failures_count_with_their_words():
    node = Node("n", "train", {}, {}, (), (), lambda context: None)
    keys = {
        key_of(key_parts(node, {}, {}, {}, {"x": Failure("train", message)})) for message in ("one", "two")
    }
    assert len(keys) == 2


def test_checkpoint_key():
    one, other = parts({"t": {"minutes": 1, "epochs": 3}}), parts({"t": {"minutes": 2, "epochs": 3}})
    assert checkpoint_key(one, ("t.minutes",)) == checkpoint_key(other, ("t.minutes",))
    assert checkpoint_key(one, ()) == key_of(one) != checkpoint_key(other, ())
    assert one["params"] == {"t": {"minutes": 1, "epochs": 3}}


@pytest.mark.parametrize("value", [float("inf"), b"x", object()])
def test_what_is_no_json(value):
    with pytest.raises(ConfigError, match="JSON"):
        canonical({"p": value})


@pytest.mark.tensorflow
def test_versions_agree_with_importlib_metadata():
    names = ["numpy", "keras", "scikit-learn", "Pillow", "pytest", "typing_extensions", "pydantic-core"]
    assert Versions().of(names) == {name: metadata.version(name) for name in sorted(names)}


def test_a_distribution_that_is_not_there_and_one_of_another_name(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", [str(tmp_path), str(tmp_path / "absent"), str(tmp_path / "a.zip")])
    for name in ("tensorflow_cpu-2.21.0.dist-info", "Old.Tool-1.2-py3.11.egg-info"):
        (tmp_path / name).mkdir()
    found = Versions().of(["tensorflow", "old-tool", "absent"])
    assert found == {"tensorflow": "2.21.0", "old-tool": "1.2-py3.11", "absent": NOT_INSTALLED}


def test_the_first_folder_on_the_path_counts(tmp_path, monkeypatch):
    for folder, version in (("b", "2.0"), ("a", "1.0")):
        (tmp_path / folder / f"tool-{version}.dist-info").mkdir(parents=True)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "b"), str(tmp_path / "a")])
    assert Versions().of(["tool"]) == {"tool": "2.0"}
