"""A server that wants tokens."""
from inference import refused, tensor
from program import eventually, fetch


def doors_without_token(b):
    """Health and the description are open; nothing else is."""
    assert b.client.is_server_live() and b.client.is_server_ready()
    for path in ("/docs", "/openapi.json"):
        assert fetch(f"http://{b.address}{path}")[0] == 200, path
    for path in ("/v2", "/v1/models", "/v2/models/digits", "/metrics"):
        assert fetch(f"http://{b.address}{path}")[0] == 401, path
    with refused(401):
        b.client.infer("digits", [tensor("image", b.pixels)])
    with refused(401):
        b.client.infer("digits", [tensor("image", b.pixels)], headers={"Authorization": "Bearer mw_0_guess"})


def revoked(b):
    """A token works until it is revoked."""
    file = b.program.folder / "tokens.json"
    secret = b.program.token(file)
    headers = {"Authorization": f"Bearer {secret}"}
    infer = lambda: b.client.infer("digits", [tensor("image", b.pixels)], headers=headers)
    assert eventually(lambda: works(infer)), "a new token is not taken"
    b.program.call("token", "revoke", secret.split("_")[1], "--token-file", str(file))
    assert eventually(lambda: not works(infer)), "a revoked token is taken"


def works(call):
    try:
        call()
    except Exception as error:
        assert getattr(error, "status", lambda: None)() == "401", error
        return False
    return True


CHECKS = [doors_without_token, revoked]
