"""What checks/contract adds to schemathesis: ids that exist, and the check that strangers stay strangers."""
import json
import os
import re
import zlib

import schemathesis

CALLER = json.loads(os.environ["CONTRACT_CALLER"])
IDS = CALLER["ids"]
SPACES = [id for noun, id in IDS if noun == "space"]
PRINCIPALS = [f"{noun}:{id}" for noun, id in IDS if noun in ("user", "group", "key")]
TASKS = [id for noun, id in IDS if noun == "task"]
# Fields and parameters that name something, and what they may name.
NAMED = {
    "space": SPACES, "parent": SPACES, "default_space": SPACES, "principal": PRINCIPALS, "member": PRINCIPALS,
    "owner": PRINCIPALS, "author": PRINCIPALS, "actor": PRINCIPALS, "kind": ["task"], "role": ["reader", "writer"],
    "named": ["@none"], "resource": TASKS,
}
NOUNS = {"spaces": "space", "resources": "task", "users": "user", "groups": "group", "grants": "grant"}


def pick(choices, by):
    return choices[by % len(choices)]


@schemathesis.serializer("application/x-ndjson")
def lines(context, value):
    """What an import reads is text to its document."""
    return value if isinstance(value, bytes) else str(value).encode()


@schemathesis.hook
def map_case(context, case):
    """Of three requests, one is sent as it was made; the others name what there is, the stranger's things among it."""
    case.body = renamed(case.body)
    by = zlib.crc32(repr((case.path_parameters, case.query, case.body)).encode())
    if by % 3 == 0:
        return case
    by //= 3
    steps = case.operation.path.strip("/").split("/")
    for before, step in zip(steps, steps[1:]):
        name = step.strip("{}")
        if step.startswith("{") and name in (case.path_parameters or {}):
            noun = "space" if name == "space" else NOUNS.get(before)
            choices = [id for kind, id in IDS if kind == noun]
            if choices:
                case.path_parameters[name] = pick(choices, by)
                by //= 7
    for part in (case.query, case.body):
        if isinstance(part, dict):
            for name in part:
                if name in NAMED and isinstance(part[name], str):
                    part[name] = pick(NAMED[name], by)
                    by //= 7
    if isinstance(case.body, dict) and "/access/v1/" in case.operation.path or case.operation.path.endswith("/explain"):
        case.body = question(case.body, by)
    return case


def renamed(value):
    """The same, where nobody calls himself as a thing of his is called (schemathesis learns words from answers): others may
    be told of people."""
    if isinstance(value, dict):
        return {name: renamed(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [renamed(inner) for inner in value]
    return re.sub("zq(ann|ben)za", "own", value) if isinstance(value, str) else value


def question(body, by):
    """A question about a thing that there is, by somebody there is."""
    noun, id = pick([known for known in IDS if known[0] in ("space", "task")], by)
    kind, who = pick([known for known in IDS if known[0] in ("user", "group", "key")], by // 13)
    asked = {"subject": {"type": kind, "id": who}, "action": {"name": pick(["read", "write", "task:close"], by // 31)},
             "resource": {"type": noun, "id": id}}
    if isinstance(body, dict):
        asked.update({name: body[name] for name in body if name not in asked})
    return asked


@schemathesis.check
def strangers_stay_strangers(context, response, case):
    """Nothing of the other space, but what the caller said themselves."""
    request = response.request
    said = f"{request.url}\n{request.body!r}\n{json.dumps(case.body, default=str, ensure_ascii=False)}"
    told = response.text + "\n" + "\n".join(f"{name}: {value}" for name, value in response.headers.items())
    for word in CALLER["never"]:
        if word in told and word not in said:
            raise AssertionError(f"{CALLER['name']} was told of a stranger: {word!r} in {told[:2000]}")
