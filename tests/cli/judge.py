"""A client in another language, which knows nothing of the shop but the contract.

    judge.py CASE

The shop is named by SHOP_NATS, SHOP_HTTP, SHOP_TOKEN, SHOP_KEYS, SHOP_PRODUCT and SHOP_WAREHOUSE. A case ends with
status 0, or with what it found. Some cases print or do something for the test that runs them.
"""

import asyncio
import json
import os
import re
import sys
import urllib.request

import nats
from nats.js.api import DeliverPolicy, DiscardPolicy
from nats.micro.service import ServiceInfo, ServicePing, ServiceStats

SHOP = {name: os.environ[f"SHOP_{name}"] for name in ("NATS", "HTTP", "TOKEN", "KEYS", "PRODUCT", "WAREHOUSE")}
PARTITIONS = 8
# Time enough on a busy machine; nobody waits for it when all is well.
WITHIN = 20.0
SEMVER = re.compile(r"^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$")
NAME = re.compile(r"^[A-Za-z0-9_-]+$")
TIME = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def check(fact, *about):
    if not fact:
        raise AssertionError(" ".join(str(word) for word in about))


def same(found, expected, about=""):
    check(found == expected, f"{about}: found {found!r}, expected {expected!r}")


async def connect(user=None):
    """As a person, who needs no key on this machine, or as one of the shop's own users."""
    seed = None if user is None else os.path.join(SHOP["KEYS"], f"{user}.nk")
    inbox = b"_INBOX" if user is None else f"_INBOX_{user}".encode()
    return await nats.connect(SHOP["NATS"], nkeys_seed=seed, inbox_prefix=inbox, allow_reconnect=False)


PROTOBUF = {"Content-Type": "application/x-protobuf"}


async def ask(nc, subject, request, headers=None):
    """The answer to a request in JSON."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    answer = await nc.request(subject, body, timeout=WITHIN, headers=headers)
    return answer, json.loads(answer.data)


def refused(answer, kind, code):
    """That an answer refuses, in the words of ADR-32."""
    headers = answer.headers or {}
    same(headers.get("Nats-Service-Error-Code"), kind, headers)
    check(headers.get("Nats-Service-Error", "").startswith(code), "no", code, "in", headers)


def http(method, path, body):
    request = urllib.request.Request(SHOP["HTTP"] + path, json.dumps(body).encode(), method=method)
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {SHOP['TOKEN']}")
    with urllib.request.urlopen(request, timeout=WITHIN) as answer:
        return json.load(answer)


async def eventually(what, look):
    """Asks again until the answer is true. Each look is a round trip."""
    end = asyncio.get_running_loop().time() + WITHIN
    while not await look():
        check(asyncio.get_running_loop().time() < end, "waited in vain for", what)


# Protobuf, as far as it is needed, by hand: whoever reads the wire format can read the shop.


def fields(data):
    """The fields of a message: number to list of values, bytes or int."""
    found, at = {}, 0

    def varint():
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        tag = varint()
        if tag & 7 == 0:
            value = varint()
        elif tag & 7 == 2:
            length = varint()
            value, at = data[at : at + length], at + length
        else:
            raise AssertionError(f"wire type {tag & 7}")
        found.setdefault(tag >> 3, []).append(value)
    return found


def message(**parts):
    """A message of fields `f1=…`: bytes, text or a number each."""
    out = bytearray()

    def varint(value):
        while value >= 0x80:
            out.append(value & 0x7F | 0x80)
            value >>= 7
        out.append(value)

    for name, value in parts.items():
        number = int(name[1:])
        if isinstance(value, int):
            varint(number << 3)
            varint(value)
        else:
            value = value.encode() if isinstance(value, str) else value
            varint(number << 3 | 2)
            varint(len(value))
            out.extend(value)
    return bytes(out)


# What the services API says (ADR-32), read by nats-py's own reader.


async def services(nc, verb, reader, rest=""):
    """Every answer to a question to all services, by name."""
    inbox, found = nc.new_inbox(), {}
    subscription = await nc.subscribe(inbox)
    await nc.publish(f"$SRV.{verb}{rest}", b"", reply=inbox)
    while not {"product", "inventory"} <= set(found):
        said = json.loads((await subscription.next_msg(timeout=WITHIN)).data)
        for endpoint in said.get("endpoints", []):
            # Optional in ADR-32, but nats-py 2.16 does not read without it.
            endpoint.setdefault("data", None)
        found[said["name"]] = (said, reader.from_dict(said))
    return found


def identified(said, kind):
    same(said["type"], f"io.nats.micro.v1.{kind}_response")
    check(NAME.match(said["name"]) and NAME.match(said["id"]), said)
    check(SEMVER.match(said["version"]), said["version"])
    check(all(isinstance(value, str) for value in said["metadata"].values()), said["metadata"])


async def discovery():
    nc = await connect()
    pinged = await services(nc, "PING", ServicePing)
    informed = await services(nc, "INFO", ServiceInfo)
    counted = await services(nc, "STATS", ServiceStats)
    for name in ("product", "inventory"):
        ping, read = pinged[name]
        identified(ping, "ping")
        same(read.metadata["partitions"], str(PARTITIONS), name)

        info, read = informed[name]
        identified(info, "info")
        same(info["id"], ping["id"], "one instance has one id")
        check(read.description and read.endpoints, info)
        for endpoint in read.endpoints:
            check(NAME.match(endpoint.name), endpoint)
            check(endpoint.subject in (f"shop.{name}.*.{endpoint.name}", f"shop.query.{name}.{endpoint.name}"), endpoint)
            same(endpoint.queue_group, name, endpoint)
            check({"rpc", "kind", "request", "response"} <= set(endpoint.metadata), endpoint)

        stats, read = counted[name]
        identified(stats, "stats")
        check(TIME.match(stats["started"]), stats["started"])
        same({e.name for e in read.endpoints}, {e.name for e in informed[name][1].endpoints}, "the same endpoints")
        for endpoint in stats["endpoints"]:
            for number in ("num_requests", "num_errors", "processing_time", "average_processing_time"):
                check(isinstance(endpoint[number], int) and endpoint[number] >= 0, endpoint)
            check(isinstance(endpoint["last_error"], str), endpoint)

        for rest in (f".{name}", f".{name}.{ping['id']}"):
            answer = await nc.request(f"$SRV.PING{rest}", b"", timeout=WITHIN)
            same(json.loads(answer.data), ping, rest)
    await nc.close()


async def statistics():
    """That errors are counted, and the last one is named."""
    nc = await connect()

    async def level():
        said = json.loads((await nc.request("$SRV.STATS.inventory", b"", timeout=WITHIN)).data)
        return next(endpoint for endpoint in said["endpoints"] if endpoint["name"] == "level")

    before = await level()
    subject = f"shop.inventory.{SHOP['WAREHOUSE']}.level"
    await ask(nc, subject, {"sku": "MUG-BLUE"})
    answer, _ = await ask(nc, subject, {"sku": "NO-SUCH-THING"})
    refused(answer, "404", "")
    after = await level()
    same(after["num_requests"] - before["num_requests"], 2, "requests")
    same(after["num_errors"] - before["num_errors"], 1, "errors")
    check(after["last_error"] and after["processing_time"] > before["processing_time"], after)
    await nc.close()


async def asking_in_json():
    nc = await connect()
    product = f"shop.product.{SHOP['PRODUCT']}"
    answer, shown = await ask(nc, f"{product}.get", {})
    same(answer.headers["Content-Type"], "application/json")
    same(answer.headers["Shop-Version"], str(shown["version"]))
    same((shown["product_id"], shown["title"], shown["status"]), (SHOP["PRODUCT"], "Enamel mug", "active"))

    # With a header instead of a brace, and with a command.
    answer, shown = await ask(nc, f"{product}.get", b"", {"Content-Type": "application/json"})
    same(shown["title"], "Enamel mug")
    stock = {"sku": "MUG-WHITE", "delta": 1, "reason": "received"}
    key = {"Idempotency-Key": f"judge-{os.getpid()}"}
    shelf = f"shop.inventory.{SHOP['WAREHOUSE']}"
    first, adjusted = await ask(nc, f"{shelf}.adjust", stock, key)
    check(re.match(r"^inventory/[0-7]/\d+$", first.headers["Shop-Position"]), first.headers)
    again, repeated = await ask(nc, f"{shelf}.adjust", stock, key)
    same(repeated, adjusted, "asking twice does once")
    same(again.headers["Shop-Position"], first.headers["Shop-Position"])
    same(again.headers.get("Shop-Replayed"), "1")
    answer, _ = await ask(nc, f"{shelf}.adjust", {**stock, "delta": 2}, key)
    refused(answer, "422", "")

    # A read that must include that write.
    answer, life = await ask(nc, f"{shelf}.history", {"sku": "MUG-WHITE"}, {"Shop-Wait": first.headers["Shop-Position"]})
    same(life["data"][-1]["data"]["delta"], 1)
    same(life["data"][-1]["type"], "inventory.stock_adjusted")
    await nc.close()


async def refusals():
    nc = await connect()
    nobody = "shop.product.prd_00000000000000000000000000.get"
    answer, problem = await ask(nc, nobody, {})
    refused(answer, "404", "not_found")
    check(problem["code"] == "not_found" and "no such product" in problem["detail"], problem)

    answer, problem = await ask(nc, f"shop.product.{SHOP['PRODUCT']}.get", {"colour": "blue"})
    refused(answer, "400", problem["code"])
    check("/colour" in json.dumps(problem), problem)

    answer, problem = await ask(nc, f"shop.product.{SHOP['PRODUCT']}.get", b"{")
    refused(answer, "400", problem["code"])

    answer, problem = await ask(nc, f"shop.inventory.{SHOP['WAREHOUSE']}.adjust", {"sku": "", "delta": "many"})
    refused(answer, "400", problem["code"])
    check(len(problem["errors"]) >= 2, "all errors at once", problem)

    answer, problem = await ask(nc, f"shop.product.{SHOP['PRODUCT']}.polish", {})
    refused(answer, "404", problem["code"])
    answer = await nc.request(nobody, b"", timeout=WITHIN, headers=PROTOBUF)
    refused(answer, "404", "not_found")
    check(b"no such product" in answer.data and not answer.data.startswith(b"{"), answer.data)
    await nc.close()


async def asking_in_protobuf():
    nc = await connect()
    answer = await nc.request(f"shop.product.{SHOP['PRODUCT']}.get", b"", timeout=WITHIN, headers=PROTOBUF)
    check((answer.headers or {}).get("Content-Type", "application/x-protobuf") == "application/x-protobuf", answer.headers)
    product = fields(fields(answer.data)[1][0])
    same(product[1][0].decode(), SHOP["PRODUCT"])
    same(product[3][0].decode(), "Enamel mug")
    same(fields(fields(product[8][0])[3][0])[1][0], 1499, "the price of its first variant in cents")

    listed = await nc.request("shop.query.product.list", message(f1=2), timeout=WITHIN, headers=PROTOBUF)
    same(len(fields(listed.data)[1]), 2, "a limit of two")
    await nc.close()


async def hearing_events():
    nc = await connect()
    heard = await nc.subscribe("shop.evt.product.*.product.created")
    await nc.flush()
    created = http("POST", "/api/v1/products", {"title": "Heard in Python", "product_type": "physical"})
    subject = f"shop.evt.product.{created['product_id']}.product.created"
    while True:
        event = await heard.next_msg(timeout=WITHIN)
        if event.subject == subject:
            break
    same(event.headers["Content-Type"], "application/cloudevents+json")
    said = json.loads(event.data)
    same(said["specversion"], "1.0")
    same((said["type"], said["subject"], said["source"]), ("product.created", created["product_id"], "/product"))
    same(said["datacontenttype"], "application/json")
    check(TIME.match(said["time"]) and said["id"], said)
    same(said["data"]["title"], "Heard in Python")
    # An attribute's name has lower-case letters and digits only.
    check(all(re.match(r"^[a-z0-9]{1,20}$", name) for name in said), list(said))
    await nc.close()


async def reading_the_feed():
    """All events, once each, and each partition's in its own order."""
    nc = await connect()
    js = nc.jetstream()
    for number in range(3):
        http("POST", "/api/v1/products", {"title": f"For the feed {number}"})
    last = (await js.stream_info("PRODUCT")).state.last_seq

    async def fed():
        positions = await read_feed(js)
        return max(positions.get("product", {0: [0]}).items(), key=lambda item: item[1][-1])[1][-1] >= last

    await eventually("the feed to hold all of the log", fed)
    await nc.close()


async def read_feed(js):
    state = (await js.stream_info("EVENTS")).state
    feed = await js.subscribe("shop.evt.>", ordered_consumer=True, deliver_policy=DeliverPolicy.ALL)
    positions, ids, at = {}, set(), 0
    while at < state.last_seq:
        event = await feed.next_msg(timeout=WITHIN)
        at = event.metadata.sequence.stream
        said = json.loads(event.data)
        check(said["id"] not in ids, "twice:", said["id"])
        ids.add(said["id"])
        same(event.headers["Nats-Msg-Id"], said["id"])
        group, partition, sequence = said["position"].split("/")
        places = positions.setdefault(group, {}).setdefault(int(partition), [])
        check(not places or places[-1] <= int(sequence), "out of order:", said["position"])
        places.append(int(sequence))
    await feed.unsubscribe()
    return positions


async def places_of_hearers():
    nc = await connect()
    js = nc.jetstream()
    for hearer in ("inventory", "evt"):
        for partition in range(PARTITIONS):
            place = await js.consumer_info("PRODUCT", f"{hearer}-{partition}")
            same(place.config.filter_subject, f"shop.log.product.{partition}")
            same(place.config.max_ack_pending, 1, "one turn at a time")
            same(place.config.ack_wait, 5.0)
            same(place.config.max_deliver, -1, "the runtime counts tries, not the server")

    async def caught_up():
        names = [f"{hearer}-{partition}" for hearer in ("inventory", "evt") for partition in range(PARTITIONS)]
        places = [await js.consumer_info("PRODUCT", name) for name in names]
        return all(place.num_pending == 0 and place.num_ack_pending == 0 for place in places)

    await eventually("hearers to catch up", caught_up)
    await nc.close()


async def the_log():
    """The chain of turns, followed with nothing but its headers."""
    nc = await connect()
    js = nc.jetstream()
    state = (await js.stream_info("INVENTORY")).state
    last, commits = {}, 0
    for sequence in range(1, state.last_seq + 1):
        turn = await js.get_msg("INVENTORY", sequence)
        number, previous, before, own = turn.headers["Shop-Turn"].split()
        expected = last.get(turn.subject, (0, 0, "0" * 64))
        same((int(number), int(previous), before), (expected[0] + 1, expected[1], expected[2]), turn.subject)
        last[turn.subject] = (int(number), sequence, own)
        commits += int(turn.headers["Shop-Commits"])
        check(re.match(r"^[a-z]+\.[a-z_]+ \S+", turn.headers.get("Shop-Events", "no.event here")), turn.headers)
        same(len(fields(turn.data)[COMMITS]), int(turn.headers["Shop-Commits"]))
    check(commits > 20, "a seeded shop has more than", commits, "commits")
    await nc.close()


# The number of `commits` in `shop.runtime.v1.Turn`.
COMMITS = 8


async def operations():
    nc = await connect()
    _, seen = await ask(nc, "shop.ops.product.all.inspect", b"")
    same((seen["group"], seen["ready"], seen["draining"]), ("product", True, False))
    same(seen["hosts"], list(range(PARTITIONS)), "a replica alone hosts all")
    same([look["partition"] for look in seen["partitions"]], list(range(PARTITIONS)))
    check(all(look["stopped"] is None and look["quarantined"] == [] for look in seen["partitions"]), seen)
    check(seen["counters"]["turns"] >= 12, seen["counters"])

    _, by_name = await ask(nc, f"shop.ops.product.{seen['replica']}.inspect", b"")
    same(by_name["replica"], seen["replica"])
    _, report = await ask(nc, "shop.ops.inventory.all.verify", b"")
    same(report["faults"], [], "verify")
    check(report["compared"] > 0 and report["turns"] <= report["messages"], report)
    answer, problem = await ask(nc, "shop.ops.product.all.polish", b"")
    refused(answer, "400", "")
    check("inspect" in problem["detail"], problem)
    await nc.close()


# What a test needs done by somebody who is not us.


async def print_a_turn():
    nc = await connect()
    turn = await nc.jetstream().get_msg("INVENTORY", 1)
    sys.stdout.buffer.write(turn.data)
    await nc.close()


async def plant_garbage():
    """What no turn is, in a log, by somebody who holds the group's key."""
    nc = await connect("product")
    await nc.publish("shop.log.product.0", b"not a turn")
    await nc.flush()
    await nc.close()


async def plant_letters():
    """Two dead letters: one that can be replayed, because it holds a true turn, and one that cannot."""
    person = await connect()
    turn = await person.jetstream().get_msg("PRODUCT", 1)
    # A shop makes it with its first dead letter.
    await person.jetstream().add_stream(name="DLQ", subjects=["shop.dlq.>"], discard=DiscardPolicy.NEW, max_bytes=1 << 20)
    partition = turn.subject.rsplit(".", 1)[1]
    inventory = await connect("inventory")
    subject = f"shop.dlq.inventory.product.{partition}.{SHOP['PRODUCT']}"
    for number, payload in enumerate((turn.data, b"\xff not a turn")):
        letter = message(f1="PRODUCT", f2=1, f3=0, f4="inventory on product", f5="planted by a test", f6=3, f7=payload)
        headers = {"Shop-Reason": "planted by a test", "Nats-Msg-Id": f"planted-{number}"}
        await inventory.publish(subject, letter, headers=headers)
    await inventory.flush()

    async def kept():
        return (await person.jetstream().stream_info("DLQ")).state.messages == 2

    await eventually("both letters to be kept", kept)
    await person.close()
    await inventory.close()


CASES = [discovery, statistics, asking_in_json, refusals, asking_in_protobuf, hearing_events, reading_the_feed]
CASES += [places_of_hearers, the_log, operations, print_a_turn, plant_garbage, plant_letters]

if __name__ == "__main__":
    asyncio.run({case.__name__: case for case in CASES}[sys.argv[1]]())
