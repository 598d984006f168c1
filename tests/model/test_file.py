"""The model file: what is saved comes back, and everything else is refused by name."""

import dataclasses
import errno
import gzip
import hashlib
import json
import math
import os
import pickle
import sys
import tracemalloc
import zipfile
from pathlib import Path

import joblib
import numpy as np
import pytest
import safetensors
import safetensors.numpy
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from imlogit.errors import ModelFileError, OutputError
from imlogit.model import file
from imlogit.model.fields import SavedModel
from imlogit.model.file import decode, encode, read, write
from imlogit.model.fingerprints import MOST_FINGERPRINTS, fingerprints_of

from helpers.feature_models import CERTIFICATE
from helpers.model_files import parts, refuse, signed, signed_text

GOLDEN = Path(__file__).parent / "golden" / "format1.imlogit"


def make(**changes):
    """Make a small valid model file, with some fields changed."""
    content = {
        "coef": np.array([[0.5, -1.5, 0.0, 2.0]]),
        "intercept": np.array([-0.25]),
        "classes": ("0", "2"),
        "classes_dtype": "str",
        "image_shape": (2, 2),
        "pixel_scale": 1 / 255,
        "fitted_dtype": "uint8",
        "multi_class": "ovr",
        "data_name": "mnist-5k",
        "data_sha256": "0" * 64,
        "positive": "2",
        "certificate": CERTIFICATE,
        "versions": {"numpy": "2.0.2"},
    }
    return SavedModel(**content | changes)


# What is saved comes back -----------------------------------------------------------------------

TEXT = st.text(st.characters(), max_size=8)
FINITE = st.floats(allow_nan=False, allow_infinity=False)
WEIGHTS = st.floats(-1e150, 1e150)
WORDS = st.from_regex("[A-Za-z0-9][A-Za-z0-9_.+-]{0,9}", fullmatch=True)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
PIXELS = st.binary(min_size=4, max_size=4).map(lambda b: np.frombuffer(b, np.uint8))
LABELS = {
    "str": TEXT,
    "int": st.integers(-(2**63), 2**63 - 1),
    "float": FINITE,
    "bool": st.booleans(),
}


@st.composite
def model_files(draw):
    dtype = draw(st.sampled_from(sorted(LABELS)))
    labels = draw(st.lists(LABELS[dtype], min_size=2, max_size=4, unique=True))
    classes = tuple(labels if dtype == "str" else sorted(labels))
    k = 1 if len(classes) == 2 and draw(st.booleans()) else len(classes)
    shape = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    d = math.prod(shape)
    return make(
        coef=draw(hnp.arrays(np.float64, (k, d), elements=WEIGHTS)),
        intercept=draw(hnp.arrays(np.float64, (k,), elements=WEIGHTS)),
        classes=classes,
        classes_dtype=dtype,
        image_shape=draw(st.sampled_from([tuple(shape), None])),
        pixel_scale=draw(st.floats(1e-100, 1e100)),
        fitted_dtype=draw(st.sampled_from(["uint8", ">f8", "bfloat16"])),
        multi_class=draw(st.sampled_from(["ovr", "multinomial"])),
        data_name=draw(st.none() | TEXT),
        data_sha256=draw(st.none() | st.binary(min_size=32, max_size=32).map(bytes.hex)),
        certificate=CERTIFICATE | {"plan": draw(TEXT), "gap": draw(st.floats(0, 1e300))},
        versions=draw(st.dictionaries(WORDS, WORDS, max_size=3)),
        fingerprints=draw(st.none() | st.lists(PIXELS, min_size=1).map(fingerprints_of)),
        **draw(of_what_is_looked_for(classes)),
    )


@st.composite
def of_what_is_looked_for(draw, classes):
    if classes == (False, True) and draw(st.booleans()):
        positive, *rest = draw(st.lists(TEXT, min_size=2, max_size=5, unique=True))
        return {"positive": positive, "rest": tuple(rest)}
    return {
        "positive": draw(st.sampled_from([None, str(classes[1])])) if len(classes) == 2 else None
    }


def assert_same(a, b):
    for field in dataclasses.fields(SavedModel):
        x, y = getattr(a, field.name), getattr(b, field.name)
        if isinstance(x, np.ndarray):
            assert (x.dtype, x.shape, x.tobytes()) == (y.dtype, y.shape, y.tobytes())
        else:
            assert repr(x) == repr(y) or x == y
            assert type(x) is type(y)
    assert [type(label) for label in a.classes] == [type(label) for label in b.classes]


@given(model_files())
@settings(deadline=None)
def test_any_contents_come_back(model):
    data = encode(model)
    assert_same(decode(data), model)
    assert encode(decode(data)) == data


@given(model_files())
@settings(deadline=None, max_examples=30)
def test_safetensors_reads_any_of_them(model):
    tensors = safetensors.numpy.load(encode(model))
    np.testing.assert_array_equal(tensors["coef"], model.coef, strict=True)
    np.testing.assert_array_equal(tensors["intercept"], model.intercept, strict=True)


def test_safetensors_opens_the_file(tmp_path):
    path = tmp_path / "m.imlogit"
    write(path, make())
    tensors = safetensors.numpy.load_file(path)
    assert sorted(tensors) == ["coef", "intercept"]
    with safetensors.safe_open(path, "np") as file:
        assert json.loads(file.metadata()["imlogit"])["classes"] == ["0", "2"]
        np.testing.assert_array_equal(file.get_tensor("coef"), make().coef)


def test_a_file_comes_back_from_disk(tmp_path):
    path = tmp_path / "m.imlogit"
    write(path, make())
    assert_same(read(path), make())
    assert_same(read(str(path)), make())
    assert path.read_bytes() == encode(make())


def test_the_order_of_dict_keys_does_not_reach_the_file():
    a = make(versions={"a": "1", "b": "2"}, certificate=CERTIFICATE | {"plan": "one"})
    b = make(versions={"b": "2", "a": "1"}, certificate={"plan": "one"} | CERTIFICATE)
    assert encode(a) == encode(b)


def test_the_tensors_are_aligned():
    for name in ("", "n", "na", "nam", "name", "name5", "name56", "name567"):
        assert int.from_bytes(encode(make(data_name=name))[:8], "little") % 8 == 0


def test_a_model_file_does_not_change_with_what_it_was_made_from():
    coef, certificate = np.ones((1, 4)), dict(CERTIFICATE)
    model = make(coef=coef, certificate=certificate)
    coef[:] = 7
    certificate["gap"] = 2.0
    assert model.coef[0, 0] == 1
    assert model.certificate == CERTIFICATE
    assert not model.coef.flags.writeable


def test_a_header_length_that_looks_like_a_pickle_is_no_pickle():
    files = (encode(make(data_name="x" * n)) for n in range(0, 2000, 8))
    data = next(data for data in files if data[:2] == b"\x80\x04")
    assert encode(decode(data)) == data
    for size in (2, 4, 7, 8, 60, 700):
        refuse(data[:size], "cut short")


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        (2, {"threshold": 0.25}),
        (3, {"threshold": 0.25, "normalize": "l2"}),
        (4, {"threshold": 0.25, "fit": "pad"}),
    ],
)
def test_later_formats_stay_readable(number, fields):
    data = GOLDEN.with_name(f"format{number}.imlogit").read_bytes()
    assert parts(data)[1]["format"] == number
    assert_same(decode(data), dataclasses.replace(read(GOLDEN), **fields))
    assert encode(decode(data)) == data


def test_format_7_stays_readable():
    data = GOLDEN.with_name("format7.imlogit").read_bytes()
    assert parts(data)[1]["format"] == 7
    old, found = read(GOLDEN), decode(data)
    assert found.multi_label is True
    assert found.classes == old.classes
    np.testing.assert_array_equal(found.coef, np.concatenate([old.coef, -2 * old.coef]))
    assert encode(found) == data


@pytest.mark.parametrize("wrong", [False, 1, "yes"])
def test_labels_that_are_no_labels(wrong):
    found = read(GOLDEN.with_name("format7.imlogit"))
    with pytest.raises(ModelFileError, match="multi_label must be true"):
        dataclasses.replace(found, multi_label=wrong)
    with pytest.raises(ModelFileError, match="multi_label must be true"):
        dataclasses.replace(found, threshold=0.5)


def test_format_1_stays_readable():
    data = GOLDEN.read_bytes()
    digest = "07bfd7fa9afc7f6bf5458aefdcdfe8eaae2ae8fc160caba337026d66d2789cab"
    assert hashlib.sha256(data).hexdigest() == digest
    model = read(GOLDEN)
    assert model.coef.tolist() == [[0.1, -2.5, 1e-300, 0.0]]
    assert math.copysign(1, model.coef[0, 3]) == -1
    assert model.intercept.tolist() == [-0.3333333333333333]
    assert model.classes == (False, True)
    assert model.classes_dtype == "bool"
    assert model.image_shape == (2, 2)
    assert model.pixel_scale == 0.00392156862745098
    assert model.fitted_dtype == "uint8"
    assert model.multi_class == "ovr"
    assert model.data_name == "Zürich <2>"
    assert model.data_sha256 == "5b92582eb909c82a9bfefcd44acbe9233be3eb5b419a44cf211022ad2bf4bf96"
    assert model.positive == "2"
    assert model.certificate == {
        "C": "1.0",
        "status": "converged",
        "objective": 3833.177584,
        "gap": 0.0038,
        "relative_gap": 1e-6,
        "tol": 1e-6,
        "iterations": 13,
        "passes": 27,
        "max_gradient": 0.07,
    }
    assert model.versions == {"imlogit": "0.1.0", "numpy": "2.4.6"}


# Damage -----------------------------------------------------------------------------------------


def test_every_single_bit_flip_is_refused():
    data = GOLDEN.read_bytes()
    for bit in range(8 * len(data)):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ModelFileError):
            decode(bytes(flipped))


def test_every_truncation_is_refused(tmp_path):
    data = GOLDEN.read_bytes()
    path = tmp_path / "cut.imlogit"
    for size in range(len(data)):
        path.write_bytes(data[:size])
        for attempt in (lambda: decode(path.read_bytes()), lambda: read(path)):
            with pytest.raises(ModelFileError):
                attempt()


@pytest.mark.parametrize("size", [5, 300, 780])
def test_a_truncation_is_called_one(size):
    refuse(GOLDEN.read_bytes()[:size], "cut short")


def test_an_appended_byte_is_refused():
    refuse(GOLDEN.read_bytes() + b"\0", "checksum")


def test_two_files_in_a_row_are_refused():
    refuse(GOLDEN.read_bytes() * 2, "checksum")


@given(st.binary(max_size=300))
@example(b"")
@example(b"\x02\0\0\0\0\0\0\0{}")
@example((10**5).to_bytes(8, "little") + b"[" * 10**5)
@example((10**4).to_bytes(8, "little") + b"1" * 10**4)
@example(b"\x02\0\0\0\0\0\0\0\xff\xfe")
def test_arbitrary_bytes_are_refused(data):
    with pytest.raises(ModelFileError):
        decode(data)


@given(st.data())
@settings(deadline=None)
def test_a_mutated_file_is_refused(draw):
    data = GOLDEN.read_bytes()
    start, end = sorted(draw.draw(st.tuples(*[st.integers(0, len(data))] * 2)))
    mutated = data[:start] + draw.draw(st.binary(max_size=16)) + data[end:]
    if mutated != data:
        with pytest.raises(ModelFileError):
            decode(mutated)


@given(st.data())
@settings(deadline=None)
def test_a_forged_fact_is_refused_or_valid(draw):
    header, facts, weights = parts(GOLDEN.read_bytes())
    name = draw.draw(st.sampled_from(sorted(facts)))
    facts[name] = draw.draw(JSON | st.sampled_from([math.nan, math.inf, 10**400]))
    data = signed(header, facts, weights)
    try:
        model = decode(data)
    except ModelFileError:
        return
    assert_same(decode(encode(model)), model)


@given(st.data())
@settings(deadline=None)
def test_a_forged_header_is_refused(draw):
    header, facts, weights = parts(GOLDEN.read_bytes())
    name = draw.draw(st.sampled_from(["coef", "intercept", "more"]))
    changed = draw.draw(
        JSON | st.fixed_dictionaries({"dtype": st.just("F64"), "shape": JSON, "data_offsets": JSON})
    )
    if repr(header.get(name)) != repr(changed):
        with pytest.raises(ModelFileError):
            decode(signed(header | {name: changed}, facts, weights))


# A right checksum over wrong contents -----------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("classes", "02"),
        ("classes", ["2"]),
        ("classes", ["0", "0"]),
        ("classes", ["0", "1", "2"]),
        ("classes", ["0", 2]),
        ("classes", [0, 2]),
        ("classes", ["0", "x" * 1001]),
        ("classes", ["x" * 5_000_000, "2"]),
        ("classes_dtype", "object"),
        ("classes_dtype", ["str"]),
        ("image_shape", [3, 2]),
        ("image_shape", [-2, -2]),
        ("image_shape", [2.0, 2.0]),
        ("image_shape", [4] + [1] * 40),
        ("image_shape", []),
        ("pixel_scale", 0.0),
        ("pixel_scale", math.nan),
        ("pixel_scale", "1"),
        ("pixel_scale", 10**400),
        ("pixel_scale", 1e308),
        ("fitted_dtype", ""),
        ("fitted_dtype", "uint8\x1b[2J"),
        ("fitted_dtype", None),
        ("multi_class", "auto"),
        ("data_name", 5),
        ("data_name", "x" * 1001),
        ("data_sha256", "0" * 63),
        ("data_sha256", "A" * 64),
        ("positive", 2),
        ("positive", "0"),
        ("certificate", []),
        ("certificate", {}),
        ("certificate", CERTIFICATE | {"gap": math.inf}),
        ("certificate", CERTIFICATE | {"gap": "small"}),
        ("certificate", CERTIFICATE | {"status": "perfect"}),
        ("certificate", CERTIFICATE | {"iterations": 10**30}),
        ("certificate", CERTIFICATE | {"tol": -1.0}),
        ("certificate", CERTIFICATE | {"C": "nan"}),
        ("certificate", CERTIFICATE | {"C": "-1"}),
        ("certificate", CERTIFICATE | {"C": "1_0"}),
        ("certificate", CERTIFICATE | {"C": 1.0}),
        ("certificate", CERTIFICATE | {"status": ["converged"]}),
        ("certificate", CERTIFICATE | {"objective": {}}),
        ("certificate", CERTIFICATE | {"gap": -1.0}),
        ("certificate", CERTIFICATE | {"passes": True}),
        ("certificate", CERTIFICATE | {"more": 1}),
        ("certificate", CERTIFICATE | {"fit_intercept": None}),
        *(
            ("certificate", {key: one for key, one in CERTIFICATE.items() if key != name})
            for name in sorted(set(CERTIFICATE) - {"fit_intercept"})
        ),
        ("certificate", CERTIFICATE | {"fit_intercept": 1}),
        ("versions", {"numpy": 2}),
        ("versions", {"numpy": "2\u202e"}),
        ("versions", {f"n{k}": "1" for k in range(65)}),
        ("versions", None),
    ],
)
def test_a_wrong_field_is_named(name, value):
    header, facts, weights = parts(encode(make()))
    refuse(signed(header, facts | {name: value}, weights), name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rest", "cat"),
        ("rest", []),
        ("rest", ["cat", "cat"]),
        ("rest", ["cat", "dog"]),
        ("rest", ["cat", 1]),
        ("rest", ["cat", ["eel"]]),
        ("positive", None),
        ("classes", [True, False]),
        ("fingerprints", ""),
        ("fingerprints", "0" * 11),
        ("fingerprints", "G" * 12),
        ("fingerprints", "1" * 12 + "0" * 12),
        ("fingerprints", "0" * 24),
        ("fingerprints", 5),
        ("fingerprints", ["0" * 12]),
        ("fingerprints", "".join(f"{n:012x}" for n in range(MOST_FINGERPRINTS + 1))),
    ],
)
def test_a_wrong_origin_is_named(name, value):
    model = make(
        classes=(False, True),
        classes_dtype="bool",
        positive="dog",
        rest=("cat", "eel"),
        fingerprints="0" * 12,
    )
    header, facts, weights = parts(encode(model))
    assert facts["format"] == 5
    refuse(signed(header, facts | {name: value}, weights), f"{name}|rest")


@pytest.mark.parametrize("field", [{"rest": ("cat",)}, {"positive": None, "rest": ("cat",)}])
def test_only_what_has_a_positive_label_has_a_rest(field):
    with pytest.raises(ModelFileError, match="rest must be"):
        make(**field)


@pytest.mark.parametrize(
    ("labels", "dtype"), [([1, 0], "int"), ([True, False], "bool"), ([0.5, -0.5], "float")]
)
def test_numbers_as_labels_ascend(labels, dtype):
    header, facts, weights = parts(encode(make(positive=None)))
    refuse(signed(header, facts | {"classes": labels, "classes_dtype": dtype}, weights), "ascend")


@pytest.mark.parametrize("positive", ["a", "b", "c"])
def test_none_of_three_classes_is_looked_for(positive):
    three = {"coef": np.ones((3, 4)), "intercept": np.ones(3), "classes": ("a", "b", "c")}
    header, facts, weights = parts(encode(make(**three, positive=None)))
    refuse(signed(header, facts | {"positive": positive}, weights), "positive must be")


@pytest.mark.parametrize("name", sorted(set(CERTIFICATE) - {"fit_intercept"}))
@pytest.mark.parametrize("value", [[], {}, "text\x1b", 10**301, -1, True])
def test_a_wrong_field_of_the_certificate_is_named(name, value):
    header, facts, weights = parts(encode(make()))
    proof = CERTIFICATE | {name: value}
    refuse(signed(header, facts | {"certificate": proof}, weights), rf"certificate\.{name} must be")


@pytest.mark.parametrize("name", ["classes", "versions", "certificate"])
def test_a_missing_field_is_named(name):
    header, facts, weights = parts(GOLDEN.read_bytes())
    del facts[name]
    refuse(signed(header, facts, weights), f"missing or unknown: {name}")


def test_an_unknown_field_is_named():
    header, facts, weights = parts(GOLDEN.read_bytes())
    refuse(signed(header, facts | {"run_me": "x"}, weights), "missing or unknown: run_me")


@pytest.mark.parametrize("bad", [1e151, -1e308])
def test_weights_that_overflow_are_refused(bad):
    with pytest.raises(ModelFileError, match="coef must be from"):
        make(coef=np.array([[0.0, 1.0, bad, 0.0]]))


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_weights_that_are_not_finite_are_refused(bad):
    header, facts, weights = parts(GOLDEN.read_bytes())
    refuse(signed(header, facts, np.float64(bad).tobytes() + weights[8:]), "coef must be finite")
    refuse(signed(header, facts, weights[:-8] + np.float64(bad).tobytes()), "intercept must be fin")
    with pytest.raises(ModelFileError, match="finite"):
        make(intercept=np.array([bad]))


@pytest.mark.parametrize(
    "changes",
    [
        {"coef": np.ones(4)},
        {"coef": np.ones((1, 4), np.float32)},
        {"coef": np.ones((0, 4))},
        {"coef": [[1.0, 2.0, 3.0, 4.0]]},
        {"intercept": np.ones(2)},
        {"classes": ["0", "2"]},
        {"classes": (np.str_("0"), np.str_("2"))},
        {"classes": (False, 1), "classes_dtype": "bool"},
        {"classes": (0, 2**63), "classes_dtype": "int"},
        {"classes": (0.0, math.nan), "classes_dtype": "float"},
        {"classes": ("\ud83d\ude00", "2")},
        {"certificate": CERTIFICATE | {"shape": (2, 2)}},
        {"certificate": CERTIFICATE | {1: 2}},
        {"certificate": CERTIFICATE | {"gap": np.float32(1)}},
        {"certificate": CERTIFICATE | {"gap": math.nan}},
    ],
)
def test_contents_that_would_not_come_back_are_not_accepted(changes):
    with pytest.raises(ModelFileError, match=next(iter(changes))):
        make(**changes)


def test_a_certificate_that_contains_itself_is_not_accepted():
    certificate = dict(CERTIFICATE)
    certificate["itself"] = certificate
    with pytest.raises(ModelFileError, match="certificate"):
        make(certificate=certificate)


@pytest.mark.parametrize(
    "hostile",
    [
        "[" * 100_000,
        "[" + "{}," * 3_000_000 + "1]",
        "[" + '{"":0},' * 2_000_000 + "1]",
        "[" + "0.1," * 3_000_000 + "1]",
    ],
    ids=["deep", "empty objects", "objects", "numbers"],
)
def test_a_hostile_header_takes_little_memory(tmp_path, hostile):
    header, facts, weights = parts(encode(make()))
    data = signed(header, facts | {"versions": "HERE"}, weights)
    text = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])["__metadata__"]["imlogit"]
    path = tmp_path / "m.imlogit"
    path.write_bytes(signed_text(header, text.replace('"HERE"', hostile), weights))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 10 * path.stat().st_size
    finally:
        tracemalloc.stop()


def test_wrong_facts_are_refused_before_weights_are_read(tmp_path):
    header, facts, weights = parts(encode(make(coef=np.zeros((1, 2**21)), image_shape=None)))
    path = tmp_path / "m.imlogit"
    path.write_bytes(signed(header, facts | {"pixel_scale": 1e308}, weights))
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match="pixel_scale must be"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < len(weights) / 2
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [[1, 10**18], [10**9, 10**9], [2**62, 4], [0, 4], [True, 4]])
def test_a_forged_shape_allocates_nothing(shape):
    header, facts, weights = parts(GOLDEN.read_bytes())
    header["coef"]["shape"] = shape
    data = signed(header, facts, weights)
    tracemalloc.start()
    try:
        refuse(data, "shape")
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [2**63, 2**40, 2**24 + 1, 2**20])
def test_a_forged_header_length_allocates_nothing(tmp_path, length):
    path = tmp_path / "m.imlogit"
    path.write_bytes(length.to_bytes(8, "little") + GOLDEN.read_bytes()[8:])
    tracemalloc.start()
    try:
        with pytest.raises(ModelFileError, match=rf"header of {length} bytes"):
            read(path)
        assert tracemalloc.get_traced_memory()[1] < 200_000
    finally:
        tracemalloc.stop()


def test_a_huge_file_is_not_read(tmp_path):
    path = tmp_path / "m.imlogit"
    path.touch()
    os.truncate(path, file.MAX_FILE_BYTES + 1)
    with pytest.raises(ModelFileError, match="more than"):
        read(path)


def test_a_model_too_large_for_a_file_is_not_written(monkeypatch):
    monkeypatch.setattr(file, "MAX_HEADER_BYTES", 100)
    with pytest.raises(ModelFileError, match="a model file may hold"):
        encode(make())


def test_white_space_in_the_header_is_refused():
    header, facts, weights = parts(GOLDEN.read_bytes())
    spaced = json.dumps(header).encode()
    digest = header["__metadata__"]["sha256"].encode()
    blank = len(spaced).to_bytes(8, "little") + spaced.replace(digest, b"0" * 64) + weights
    right = hashlib.sha256(blank).hexdigest().encode()
    refuse(blank.replace(b"0" * 64, right), "no readable header|not laid out")
    assert facts["format"] == 1


# Other kinds of file ----------------------------------------------------------------------------


def test_a_later_format_asks_for_an_update():
    header, facts, weights = parts(GOLDEN.read_bytes())
    later = signed(
        header | {"scale": header["intercept"]}, {"format": file.FORMAT + 1, "more": [1]}, weights
    )
    refuse(later, "newer imlogit.*pip install -U imlogit")
    assert facts["format"] == 1


def test_a_damaged_later_format_is_called_damaged():
    header, facts, weights = parts(GOLDEN.read_bytes())
    later = signed(header, facts | {"format": file.FORMAT + 1}, weights)
    refuse(later[:-1] + b"\x01", "checksum")


@pytest.mark.parametrize("number", [0, -1, True, 1.0, "1", None])
def test_a_format_that_is_no_number_is_refused(number):
    header, facts, weights = parts(GOLDEN.read_bytes())
    refuse(signed(header, facts | {"format": number}, weights), "which format")


class Trap:
    """Ends the test run if it is ever unpickled."""

    def __reduce__(self):
        return (sys.exit, ("a pickle was opened",))


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize("content", [Trap(), {"coef_": [1.0] * 50}, ["a" * 99] * 9])
def test_a_pickle_is_not_opened(tmp_path, protocol, content):
    path = tmp_path / "model.imlogit"
    path.write_bytes(pickle.dumps(content, protocol))
    with pytest.raises(ModelFileError, match=r"pickle.*can run any code") as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_a_joblib_dump_is_not_opened(tmp_path):
    for compress in (0, 3, ("gzip", 3), ("bz2", 3), ("xz", 3)):
        path = tmp_path / "model.imlogit"
        joblib.dump({"coef_": np.ones(100), "trap": Trap()}, path, compress=compress)
        with pytest.raises(ModelFileError, match="pickle"):
            read(path)


def test_an_archive_is_not_opened(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data.pkl", pickle.dumps(Trap()))
    refuse((tmp_path / "a.zip").read_bytes(), "zip")
    refuse(gzip.compress(GOLDEN.read_bytes()), "compressed")


def test_the_safetensors_of_somebody_else_are_named():
    refuse(safetensors.numpy.save({"coef": np.ones((1, 4))}), "not one that imlogit wrote")
    data = safetensors.numpy.save({"w": np.ones(3)}, {"format": "pt"})
    refuse(data, "not one that imlogit wrote")


def test_text_is_refused():
    refuse(b"label,pixel0\n2,0\n" * 10, "no model file")


def test_an_empty_file_is_named(tmp_path):
    (tmp_path / "m.imlogit").touch()
    with pytest.raises(ModelFileError, match=r"m\.imlogit: the file is empty"):
        read(tmp_path / "m.imlogit")


def test_a_folder_is_named(tmp_path):
    with pytest.raises(ModelFileError, match="folder"):
        read(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"no\.imlogit: there is no such file"):
        read(tmp_path / "no.imlogit")


def test_the_nearest_file_is_asked_for(tmp_path):
    (tmp_path / "model.imlogit").touch()
    with pytest.raises(
        ModelFileError, match=r"no such file\. Did you mean '.*/model\.imlogit'\? G"
    ):
        read(tmp_path / "modell.imlogit")


def test_a_path_through_a_file_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match="cannot be read"):
        read(tmp_path / "file" / "m.imlogit")


def test_a_null_character_in_the_path_is_named():
    with pytest.raises(ModelFileError, match="null character"):
        read("a\0b")


@pytest.mark.timeout(10)
def test_a_pipe_does_not_block(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ModelFileError, match="a device or a pipe"):
        read(tmp_path / "pipe")


@pytest.mark.timeout(10)
def test_a_device_is_not_read():
    with pytest.raises(ModelFileError, match="a device or a pipe"):
        read("/dev/zero")


def test_a_link_in_a_circle_is_named(tmp_path):
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(ModelFileError, match="cannot be read"):
        read(tmp_path / "loop")


# Saving -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), OutputError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_a_failed_save_leaves_the_old_model(tmp_path, monkeypatch, failure, expected):
    path = tmp_path / "m.imlogit"
    write(path, make())

    def fsync(descriptor):
        raise failure

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(expected):
        write(path, make(data_name="another"))
    assert_same(read(path), make())
    assert [p.name for p in tmp_path.iterdir()] == ["m.imlogit"]
