"""Vectors of texts."""
import numpy as np
import openai
from talk import refused

TEXTS = ["How do I reset my password?", "I forgot my login.", "The weather is nice today."]


def vectors_of_texts(b):
    answer = b.client.embeddings.create(model="minilm", input=TEXTS)
    vectors = np.array([d.embedding for d in answer.data])
    assert vectors.shape == (3, 384), vectors.shape
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-4)
    near, far = vectors[0] @ vectors[1], vectors[0] @ vectors[2]
    assert near > far + 0.2, (near, far)
    assert answer.usage.prompt_tokens > 15, answer.usage


def both_encodings(b):
    # The client asks for base64 by itself, and for numbers if it is told to.
    base64 = b.client.embeddings.create(model="minilm", input=TEXTS[0])
    numbers = b.client.embeddings.create(model="minilm", input=TEXTS[0], encoding_format="float")
    assert np.allclose(base64.data[0].embedding, numbers.data[0].embedding, atol=1e-6)


def fewer_numbers(b):
    whole = np.array(b.client.embeddings.create(model="minilm", input=TEXTS[0]).data[0].embedding)
    short = np.array(b.client.embeddings.create(model="minilm", input=TEXTS[0], dimensions=64).data[0].embedding)
    assert np.allclose(short, whole[:64] / np.linalg.norm(whole[:64]), atol=1e-5)
    with refused(openai.BadRequestError, param="dimensions"):
        b.client.embeddings.create(model="minilm", input=TEXTS[0], dimensions=9999)


def what_gives_no_vectors(b):
    for model in ("smol", "iris"):
        with refused(openai.BadRequestError, param="model"):
            b.client.embeddings.create(model=model, input="a")


CHECKS = [vectors_of_texts, both_encodings, fewer_numbers, what_gives_no_vectors]
