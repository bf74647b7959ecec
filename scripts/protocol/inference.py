"""The Open Inference Protocol, spoken by Triton's client. Every function is a check; those of pictures
get a model of 8 by 8 grey pixels, those of tables one of numbers alone and one of words and gaps."""
import contextlib
import json

import numpy as np
from program import fetch
from pictures import png
from tritonclient.http import InferenceServerClient, InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException, np_to_triton_dtype

TYPES = {"FP64": np.float64, "BYTES": np.object_}


class Bench:
    """A client, the models that it asks, and the program to compare with."""

    def __init__(self, address, program, runs, headers=()):
        self.address = address
        self.program = program
        self.runs = runs
        self.common = headers
        self.client = InferenceServerClient(address, concurrency=4)
        random = np.random.default_rng(7)
        self.pixels = random.integers(0, 256, (3, 8, 8, 1), dtype=np.uint8)

    @property
    def headers(self):
        """A copy each time: the client adds to what it is given."""
        return dict(self.common)

    def infer(self, model, inputs, **more):
        return self.client.infer(model, inputs, headers=self.headers, **more)

    def example(self, model):
        """The row that the server itself gives as an example."""
        _, _, text = fetch(f"http://{self.address}/v1/models/{model}", **self.headers)
        return json.loads(text)["example"]


def tensor(name, values, datatype=None, binary=True):
    """An input with an array's values."""
    made = InferInput(name, list(values.shape), datatype or np_to_triton_dtype(values.dtype))
    made.set_data_from_numpy(values, binary_data=binary)
    return made


def columns(metadata, rows, binary):
    """A tensor for each column of rows."""
    for column in metadata["inputs"]:
        name, datatype = column["name"], column["datatype"]
        values = [row[name] for row in rows]
        if datatype == "BYTES":
            values = ["" if v is None else str(v) for v in values]
        else:
            values = [np.nan if v is None else v for v in values]
        yield tensor(name, np.array(values, dtype=TYPES[datatype]), datatype, binary)


@contextlib.contextmanager
def refused(status, *words):
    """Passes if the server refuses with this status and an error that has these words."""
    try:
        yield
    except InferenceServerException as error:
        assert error.status() == str(status), f"status {error.status()}, not {status}: {error.message()}"
        for word in words:
            assert word in error.message(), f"`{word}` is not in the error `{error.message()}`"
        return
    raise AssertionError(f"was accepted; status {status} is right")


def same(left, right, what):
    assert np.allclose(left, right, atol=1e-5), f"{what} differ: {left} and {right}"


def server(b):
    assert b.client.is_server_live(), "not live"
    assert b.client.is_server_ready(), "not ready"
    metadata = b.client.get_server_metadata(headers=b.headers)
    assert metadata["name"] == "modelwright" and metadata["version"], metadata
    assert "binary_tensor_data" in metadata["extensions"], metadata


def models(b):
    index = b.client.get_model_repository_index(headers=b.headers)
    names = {m["name"] for m in index}
    assert names == set(b.runs), index
    assert all(m["state"] == "READY" for m in index), index
    for name in b.runs:
        assert b.client.is_model_ready(name, headers=b.headers), name
        assert b.client.is_model_ready(name, "1", headers=b.headers), name
    assert not b.client.is_model_ready("nothing", headers=b.headers)
    assert not b.client.is_model_ready("iris", "99", headers=b.headers)


def metadata(b):
    digits = b.client.get_model_metadata("digits", headers=b.headers)
    assert digits["name"] == "digits" and digits["versions"] == ["1"], digits
    assert digits["inputs"] == [{"name": "image", "datatype": "UINT8", "shape": [-1, 8, 8, 1]}], digits
    shapes = {o["name"]: (o["datatype"], o["shape"]) for o in digits["outputs"]}
    assert shapes == {"label": ("BYTES", [-1]), "probabilities": ("FP32", [-1, 10])}, digits
    houses = b.client.get_model_metadata("ames", model_version="1", headers=b.headers)
    assert {i["datatype"] for i in houses["inputs"]} == {"FP64", "BYTES"}, houses
    assert houses["outputs"] == [{"name": "value", "datatype": "FP64", "shape": [-1]}], houses
    config = b.client.get_model_config("digits", headers=b.headers)
    assert config["max_batch_size"] > 0 and config["input"][0]["data_type"] == "TYPE_UINT8", config
    with refused(404, "nothing"):
        b.client.get_model_metadata("nothing", headers=b.headers)


def pictures_in_every_form(b):
    """JSON and bytes, in and out, UINT8, FP32 and files: the same answer, which is the program's own."""
    files = np.array([png(p.tobytes(), 8, 8) for p in b.pixels], dtype=np.object_)
    answers = []
    for values in (b.pixels, b.pixels.astype(np.float32)):
        for binary in (True, False):
            for wanted in (True, False):
                outputs = [InferRequestedOutput(n, binary_data=wanted) for n in ("label", "probabilities")]
                answers.append(b.infer("digits", [tensor("image", values, binary=binary)], outputs=outputs))
    answers.append(b.infer("digits", [tensor("image", files, "BYTES")]))
    first = answers[0].as_numpy("probabilities")
    assert first.shape == (3, 10) and first.dtype == np.float32, first
    same(first.sum(axis=1), 1.0, "sum and 1")
    for answer in answers:
        same(answer.as_numpy("probabilities"), first, "answers of two forms")
        labels = [text(v) for v in answer.as_numpy("label")]
        assert labels == [str(i) for i in first.argmax(axis=1)], labels
    for i, file in enumerate(files):
        path = b.program.folder / "digit.png"
        path.write_bytes(file)
        (said,) = b.program.predict(b.runs["digits"], path)
        assert said["prediction"] == str(first[i].argmax()), said


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def rows_in_every_form(b):
    metadata = b.client.get_model_metadata("iris", headers=b.headers)
    rows = [b.example("iris")] * 2
    answers = [b.infer("iris", list(columns(metadata, rows, binary))) for binary in (True, False)]
    shorter = [tensor(i.name(), np.array([r[i.name()] for r in rows], np.float32)[:, None])
               for i in columns(metadata, rows, True)]
    answers.append(b.infer("iris", shorter))
    status, _, body = fetch(
        f"http://{b.address}/v1/models/iris/predict",
        json.dumps(rows).encode(),
        Content_Type="application/json",
        **b.headers,
    )
    assert status == 200, body
    for i, friendly in enumerate(json.loads(body)["predictions"]):
        for answer in answers:
            same(answer.as_numpy("probabilities")[i], list(friendly["probabilities"].values()), "/v1 and /v2")
            assert text(answer.as_numpy("label")[i]) == friendly["label"], friendly


def words_and_gaps(b):
    metadata = b.client.get_model_metadata("ames", headers=b.headers)
    row = b.example("ames")
    gap = {name: None for name in row}
    both = b.infer("ames", list(columns(metadata, [row, gap], True))).as_numpy("value")
    assert both.shape == (2,) and both.dtype == np.float64 and np.isfinite(both).all(), both
    # The client cannot write a gap among numbers in JSON.
    alone = b.infer("ames", list(columns(metadata, [row], False))).as_numpy("value")
    assert np.allclose(alone, both[:1], rtol=1e-6), (alone, both)


def ids_versions_outputs(b):
    image = [tensor("image", b.pixels)]
    answer = b.infer("digits", image, request_id="order-17", model_version="1").get_response()
    assert (answer["id"], answer["model_name"], answer["model_version"]) == ("order-17", "digits", "1"), answer
    only = b.infer("digits", image, outputs=[InferRequestedOutput("label", binary_data=False)]).get_response()
    assert [o["name"] for o in only["outputs"]] == ["label"], only
    best = b.infer("digits", image, outputs=[InferRequestedOutput("probabilities", class_count=3)])
    best = best.as_numpy("probabilities")
    assert best.shape == (3, 3) and text(best[0, 0]).count(":") == 2, best
    with refused(404, "digits", "version"):
        b.infer("digits", image, model_version="99")
    with refused(404, "nothing"):
        b.infer("nothing", image)


def at_once(b):
    """Several requests under way on several connections."""
    expected = b.infer("digits", [tensor("image", b.pixels)]).as_numpy("probabilities")
    waiting = [
        b.client.async_infer("digits", [tensor("image", b.pixels[i % 3 : i % 3 + 1])], headers=b.headers)
        for i in range(32)
    ]
    for i, request in enumerate(waiting):
        same(request.get_result().as_numpy("probabilities")[0], expected[i % 3], "answers alone and together")


def statistics(b):
    def count():
        stats = b.client.get_inference_statistics("digits", headers=b.headers)["model_stats"]
        return next(s["inference_count"] for s in stats)

    before = count()
    b.infer("digits", [tensor("image", b.pixels)])
    assert count() == before + 3, (before, count())


def wrong_requests(b):
    image = b.pixels
    with refused(400, "image", "[-1, 8, 8, 1]"):
        b.infer("digits", [tensor("image", image[:, :, :4])])
    with refused(400, "image"):
        b.infer("digits", [tensor("image", image[0])])
    with refused(400, "image", "300"):
        b.infer("digits", [tensor("image", np.full(image.shape, 300, np.float32))])
    with refused(400, "picture", "image"):
        b.infer("digits", [tensor("picture", image)])
    with refused(400, "FP16"):
        b.infer("digits", [tensor("image", image.astype(np.float16))])
    with refused(400, "picture 1"):
        b.infer("digits", [tensor("image", np.array([b"no picture"], np.object_), "BYTES")])
    with refused(400, "scores"):
        b.infer("digits", [tensor("image", image)], outputs=[InferRequestedOutput("scores")])
    metadata = b.client.get_model_metadata("iris", headers=b.headers)
    row = {i["name"]: 1.0 for i in metadata["inputs"]}
    good = list(columns(metadata, [row], True))
    with refused(400, good[-1].name()):
        b.infer("iris", good[:-1])
    with refused(400, good[0].name(), "rows"):
        b.infer("iris", [*good[1:], tensor(good[0].name(), np.ones(2))])
    with refused(400, good[0].name()):
        b.infer("iris", [tensor(good[0].name(), np.array(["wide"], np.object_), "BYTES"), *good[1:]])
    with refused(415, "compressed"):
        b.infer("digits", [tensor("image", image)], request_compression_algorithm="gzip")


CHECKS = [
    server,
    models,
    metadata,
    pictures_in_every_form,
    rows_in_every_form,
    words_and_gaps,
    ids_versions_outputs,
    at_once,
    statistics,
    wrong_requests,
]
