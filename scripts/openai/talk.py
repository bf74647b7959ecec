"""Conversations and texts. Every function is a check; the model is too small to be right about much, so
what is checked is the form of answers, and that the same is said in every form."""
import contextlib
import json
import threading
import urllib.request

import openai

SAY = [{"role": "user", "content": "What is the capital of France? Answer in one sentence."}]
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string", "maxLength": 20}, "unit": {"enum": ["celsius", "fahrenheit"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
PERSON = {
    "type": "object",
    "properties": {"name": {"type": "string", "maxLength": 20}, "age": {"type": "integer", "minimum": 0, "maximum": 130}},
    "required": ["name", "age"],
    "additionalProperties": False,
}


def say(b, **more):
    settings = {"model": "smol", "messages": SAY, "temperature": 0, "max_tokens": 40} | more
    return b.client.chat.completions.create(**settings)


@contextlib.contextmanager
def refused(kind, param=None, code=None):
    """Expects the client's own error of a kind."""
    try:
        yield
    except kind as error:
        assert param is None or error.param == param, (error.param, str(error))
        assert code is None or error.code == code, (error.code, str(error))
    else:
        raise AssertionError(f"no {kind.__name__}")


def models(b):
    listed = {m.id: m for m in b.client.models.list()}
    assert {"smol", "minilm", "iris"} <= set(listed), set(listed)
    one = b.client.models.retrieve("smol")
    assert (one.id, one.object) == ("smol", "model") and one.created > 1_700_000_000, one
    with refused(openai.NotFoundError):
        b.client.models.retrieve("nobody")


def a_whole_answer(b):
    answer = say(b)
    choice = answer.choices[0]
    assert "Paris" in choice.message.content, choice.message.content
    assert choice.finish_reason == "stop" and choice.message.role == "assistant", choice
    usage = answer.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens and usage.prompt_tokens > 10, usage
    assert say(b).choices[0].message.content == choice.message.content


def a_stream(b):
    whole = say(b)
    chunks = list(say(b, stream=True, stream_options={"include_usage": True}))
    assert chunks[0].choices[0].delta.role == "assistant", chunks[0]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == whole.choices[0].message.content, text
    reasons = [c.choices[0].finish_reason for c in chunks if c.choices]
    assert reasons[-1] == "stop" and not any(reasons[:-1]), reasons
    assert chunks[-1].choices == [] and chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, chunks[-1]
    assert len(chunks) > 5, len(chunks)


def the_clients_own_stream_helper(b):
    with b.client.chat.completions.stream(model="smol", messages=SAY, temperature=0, max_tokens=40) as stream:
        for event in stream:
            assert event.type != "error", event
        final = stream.get_final_completion()
    assert "Paris" in final.choices[0].message.content, final


def length_and_stop(b):
    short = say(b, max_tokens=3).choices[0]
    assert short.finish_reason == "length", short
    whole = say(b).choices[0].message.content
    stopped = say(b, stop=["France"]).choices[0]
    assert stopped.finish_reason == "stop" and stopped.message.content == whole.split("France")[0], stopped
    streamed = "".join(c.choices[0].delta.content or "" for c in say(b, stop="France", stream=True))
    assert streamed == stopped.message.content, streamed
    newer = say(b, max_tokens=openai.NOT_GIVEN, max_completion_tokens=3)
    assert newer.usage.completion_tokens == 3, newer.usage


def several_answers_and_seeds(b):
    drawn = lambda seed: [c.message.content for c in say(b, n=3, temperature=1.5, seed=seed).choices]
    first = drawn(7)
    assert len(first) == 3 and len(set(first)) > 1, first
    assert drawn(7) == first and drawn(8) != first
    chunks = list(say(b, n=2, stream=True))
    assert {c.choices[0].index for c in chunks} == {0, 1}


def log_probabilities(b):
    choice = say(b, logprobs=True, top_logprobs=3).choices[0]
    tokens = choice.logprobs.content
    text = b"".join(bytes(t.bytes) for t in tokens).decode()
    assert choice.message.content in text, (text, choice.message.content)
    for token in tokens:
        assert len(token.top_logprobs) == 3 and token.logprob <= 0
        assert abs(token.top_logprobs[0].logprob - token.logprob) < 1e-6, "greedy takes the best"
    chunks = say(b, logprobs=True, stream=True)
    streamed = [t for c in chunks if c.choices[0].logprobs for t in c.choices[0].logprobs.content]
    assert [t.token for t in streamed] == [t.token for t in tokens]


def json_objects(b):
    ask = [{"role": "user", "content": "Describe a cat as JSON."}]
    answer = say(b, messages=ask, max_tokens=200, response_format={"type": "json_object"}).choices[0]
    if answer.finish_reason == "stop":
        assert isinstance(json.loads(answer.message.content), dict), answer
    else:
        assert answer.message.content.lstrip().startswith("{"), answer


def json_of_a_schema(b):
    ask = [{"role": "user", "content": "Invent a person."}]
    format = {"type": "json_schema", "json_schema": {"name": "person", "schema": PERSON, "strict": True}}
    for seed in range(3):
        answer = say(b, messages=ask, max_tokens=100, temperature=1, seed=seed, response_format=format)
        person = json.loads(answer.choices[0].message.content)
        assert set(person) == {"name", "age"} and 0 <= person["age"] <= 130, person
    with refused(openai.BadRequestError):
        say(b, response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {"type": 5}}})


def calls_of_tools(b):
    ask = [{"role": "user", "content": "What is the weather in Paris, in celsius?"}]
    named = {"type": "function", "function": {"name": "weather"}}
    for choice in ("required", named):
        answer = say(b, messages=ask, tools=[WEATHER], tool_choice=choice, max_tokens=100).choices[0]
        assert answer.finish_reason == "tool_calls", answer
        call = answer.message.tool_calls[0]
        arguments = json.loads(call.function.arguments)
        assert call.function.name == "weather" and arguments["unit"] in ("celsius", "fahrenheit"), call
        assert call.id and call.type == "function", call
    chunks = list(say(b, messages=ask, tools=[WEATHER], tool_choice="required", max_tokens=100, stream=True))
    parts = [p for c in chunks for p in c.choices[0].delta.tool_calls or []]
    assert parts[0].function.name == "weather" and parts[0].id, parts
    assert json.loads("".join(p.function.arguments for p in parts)) == arguments, parts
    assert chunks[-1].choices[0].finish_reason == "tool_calls", chunks[-1]
    # The conversation goes on with what the tool said.
    told = ask + [answer.message.model_dump(), {"role": "tool", "tool_call_id": call.id, "content": "21 degrees"}]
    assert say(b, messages=told, tools=[WEATHER]).choices[0].message.content is not None
    assert say(b, messages=ask, tools=[WEATHER], tool_choice="none").choices[0].message.tool_calls is None


def texts_in_parts(b):
    parts = [{"type": "text", "text": SAY[0]["content"][:10]}, {"type": "text", "text": SAY[0]["content"][10:]}]
    answer = say(b, messages=[{"role": "user", "content": parts}])
    assert answer.choices[0].message.content == say(b).choices[0].message.content
    with refused(openai.BadRequestError, param="messages[0].content"):
        say(b, messages=[{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a"}}]}])


def texts_that_go_on(b):
    go_on = lambda **more: b.client.completions.create(
        **({"model": "smol", "prompt": "The capital of France is", "temperature": 0, "max_tokens": 8} | more)
    )
    answer = go_on(logprobs=2)
    choice = answer.choices[0]
    assert "Paris" in choice.text and choice.finish_reason == "length", choice
    assert len(choice.logprobs.tokens) == 8 and choice.logprobs.text_offset[0] == 0, choice.logprobs
    assert "".join(c.choices[0].text for c in go_on(stream=True)) == choice.text
    both = go_on(prompt=["The capital of France is", "One, two, three,"])
    assert both.choices[0].text == choice.text and "four" in both.choices[1].text, both
    with refused(openai.BadRequestError, param="echo", code="unsupported_parameter"):
        go_on(echo=True)


def errors(b):
    with refused(openai.NotFoundError, param="model", code="model_not_found"):
        say(b, model="nobody")
    with refused(openai.BadRequestError, param="model"):
        say(b, model="iris")
    with refused(openai.BadRequestError, param="temperature"):
        say(b, temperature=-1)
    with refused(openai.BadRequestError, param="presence_penalty", code="unsupported_parameter"):
        say(b, presence_penalty=1)
    with refused(openai.BadRequestError, param="made_up"):
        say(b, extra_body={"made_up": 1})
    with refused(openai.BadRequestError, code="context_length_exceeded"):
        say(b, messages=[{"role": "user", "content": "word " * 20_000}])


def many_at_once(b):
    """Conversations that are written together say what they say alone."""
    asks = [[{"role": "user", "content": f"Count from {n} to {n + 3}."}] for n in range(8)]
    alone = [say(b, messages=ask).choices[0].message.content for ask in asks]
    together = [None] * len(asks)

    def answer(i):
        together[i] = say(b, messages=asks[i]).choices[0].message.content

    threads = [threading.Thread(target=answer, args=[i]) for i in range(len(asks))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    same = sum(a == t for a, t in zip(alone, together))
    # Sums are added up in another order in a batch, which may tip a token now and then.
    assert None not in together and same >= len(asks) - 2, (alone, together)


def a_client_that_leaves(b):
    stream = say(b, messages=[{"role": "user", "content": "Tell me a very long story."}], max_tokens=2000, stream=True)
    next(iter(stream))
    stream.close()
    text = lambda: urllib.request.urlopen(f"http://{b.address}/metrics").read().decode()
    running = lambda: 'modelwright_conversations_running{model="smol"} 0' in text()
    from program import eventually

    assert eventually(running), "it still writes"
    assert "modelwright_first_token_seconds_count" in text()


def only_chat(b):
    assert "Paris" in say(b).choices[0].message.content
    with refused(openai.PermissionDeniedError):
        b.client.embeddings.create(model="minilm", input="a")
    stranger = b.client.with_options(api_key="mw_0_guess")
    with refused(openai.AuthenticationError, code="invalid_api_key"):
        stranger.chat.completions.create(model="smol", messages=SAY)


CHECKS = [
    models,
    a_whole_answer,
    a_stream,
    the_clients_own_stream_helper,
    length_and_stop,
    several_answers_and_seeds,
    log_probabilities,
    json_objects,
    json_of_a_schema,
    calls_of_tools,
    texts_in_parts,
    texts_that_go_on,
    errors,
    many_at_once,
    a_client_that_leaves,
]
WITH_TOKEN = [only_chat]
