"""`/openapi.json`: valid, and true of real answers."""
import json

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from program import fetch


def document(b):
    status, kind, text = fetch(f"http://{b.address}/openapi.json")
    assert (status, kind) == (200, "application/json"), (status, kind)
    return json.loads(text)


def valid(b):
    found = document(b)
    assert found["openapi"].startswith("3.1."), found["openapi"]
    errors = [f"{'/'.join(map(str, e.absolute_path))}: {e.message}" for e in OpenAPIV31SpecValidator(found).iter_errors()]
    assert not errors, "; ".join(errors)


def answers_are_as_described(b):
    """Answers suit the schemas that the document gives for them."""
    found = document(b)
    row = json.dumps(b.example("iris")).encode()
    names = [i["name"] for i in b.client.get_model_metadata("iris", headers=b.headers)["inputs"]]
    inputs = [{"name": n, "shape": [1], "datatype": "FP64", "data": [1.0]} for n in names]
    tensors = json.dumps({"id": "a", "inputs": inputs}).encode()
    for method, path, body, expected in [
        ("get", "/v1/models", None, 200),
        ("get", "/v1/models/{model}", None, 200),
        ("post", "/v1/models/{model}/predict", row, 200),
        ("post", "/v1/models/{model}/predict", b"{", 400),
        ("get", "/v2", None, 200),
        ("get", "/v2/models/{model}", None, 200),
        ("post", "/v2/models/{model}/infer", tensors, 200),
        ("post", "/v2/models/{model}/infer", b"{}", 400),
    ]:
        url = f"http://{b.address}{path.format(model='iris')}"
        status, _, text = fetch(url, body, Content_Type="application/json", **b.headers)
        assert status == expected, f"{method} {path}: {status} {text}"
        content = found["paths"][path][method]["responses"][str(status)]["content"]
        schema = content["application/json"]["schema"] | {"components": found["components"]}
        errors = [e.message for e in Draft202012Validator(schema).iter_errors(json.loads(text))]
        assert not errors, f"{method} {path} {status}: {'; '.join(errors)}"


CHECKS = [valid, answers_are_as_described]
