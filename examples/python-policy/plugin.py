"""The wire of a Migrascope plugin (protocol/SPEC.md): requests are lines of JSON, and so are answers."""
import json
import sys


def serve(methods):
    """Answers requests until the input ends. `methods` maps a method's name to what carries it out."""
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        method = methods.get(message["method"])
        if method is None:
            fault = {"code": -32601, "message": f"There is no method {message['method']}."}
            _answer(message, error=fault)
            continue
        try:
            _answer(message, result=method(message.get("params", {})))
        except Exception as error:  # Whatever it is, the host is to hear of it.
            _answer(message, error={"code": -32603, "message": f"{type(error).__name__}: {error}"})


def _answer(message, **what):
    print(json.dumps({"jsonrpc": "2.0", "id": message["id"], **what}, separators=(",", ":")), flush=True)
