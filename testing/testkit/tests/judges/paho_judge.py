"""Lets the client of the Eclipse Paho project (paho-mqtt, from PyPI) judge a server: python paho_judge.py PORT

Ends with 0 and the word "content" when everything went as the standard says, and with the first complaint otherwise.
"""

import queue
import sys

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

PORT = int(sys.argv[1])
PATIENCE = 10


class Client:
    """A client whose events come out of queues."""

    def __init__(self, version, client_id, expiry=None, clean=True, will=None):
        v5 = version == mqtt.MQTTv5
        options = {} if v5 else {"clean_session": clean}
        self.mqtt = mqtt.Client(
            mqtt.CallbackAPIVersion.VERSION2, client_id=client_id, protocol=version, **options
        )
        self.connected, self.messages, self.gone = queue.Queue(), queue.Queue(), queue.Queue()
        self.granted, self.published, self.removed = queue.Queue(), queue.Queue(), queue.Queue()
        self.mqtt.on_connect = lambda c, u, flags, reason, p: self.connected.put((flags, reason, p))
        self.mqtt.on_message = lambda c, u, message: self.messages.put(message)
        self.mqtt.on_subscribe = lambda c, u, mid, reasons, p: self.granted.put(reasons)
        self.mqtt.on_unsubscribe = lambda c, u, mid, reasons, p: self.removed.put(reasons)
        self.mqtt.on_publish = lambda c, u, mid, reason, p: self.published.put(reason)
        self.mqtt.on_disconnect = lambda c, u, flags, reason, p: self.gone.put(reason)
        if will:
            self.mqtt.will_set(*will)
        more = {}
        if v5:
            properties = Properties(PacketTypes.CONNECT)
            if expiry:
                properties.SessionExpiryInterval = expiry
            more = {"clean_start": clean, "properties": properties}
        self.mqtt.connect("127.0.0.1", PORT, keepalive=60, **more)
        self.mqtt.loop_start()
        flags, reason, self.properties = self.connected.get(timeout=PATIENCE)
        check("connect", reason.is_failure, False)
        self.session_present = flags.session_present

    def subscribe(self, *arguments, **more):
        self.mqtt.subscribe(*arguments, **more)
        return [reason.value for reason in self.granted.get(timeout=PATIENCE)]

    def publish(self, *arguments, **more):
        self.mqtt.publish(*arguments, **more)
        return self.published.get(timeout=PATIENCE).value

    def message(self):
        message = self.messages.get(timeout=PATIENCE)
        return message.topic, message.payload.decode(), message.qos, bool(message.retain)

    def leave(self):
        self.mqtt.disconnect()
        self.gone.get(timeout=PATIENCE)
        self.mqtt.loop_stop()

    def vanish(self):
        """Without DISCONNECT."""
        self.mqtt.loop_stop()
        self.mqtt.socket().close()


def check(what, found, wanted):
    if found != wanted:
        sys.exit(f"{what}: found {found!r}, wanted {wanted!r}")


def judge_both(version):
    name = f"v{version}"
    a, b = Client(version, name + "a"), Client(version, name + "b")
    check("granted", b.subscribe([(name + "/+", 2), ("x/#", 1)]), [2, 1])
    for qos in (0, 1, 2):
        check("published", a.publish(f"{name}/q", str(qos), qos), 0)
        check("message", b.message(), (f"{name}/q", str(qos), qos, False))
    for qos in (0, 1, 2):
        for number in range(200):
            a.mqtt.publish(f"{name}/many", str(number), qos)
        for number in range(200):
            check("order", b.message(), (f"{name}/many", str(number), qos, False))

    a.publish(f"{name}/kept", "kept", 1, retain=True)
    check("not retained", b.message(), (f"{name}/kept", "kept", 1, False))
    c = Client(version, name + "c", will=(f"{name}/will", "gone", 2, False))
    c.subscribe(f"{name}/kept", 0)
    check("retained", c.message(), (f"{name}/kept", "kept", 0, True))
    c.vanish()
    check("will", b.message(), (f"{name}/will", "gone", 2, False))
    b.mqtt.unsubscribe(f"{name}/+")
    b.removed.get(timeout=PATIENCE)

    kept = Client(version, name + "kept", expiry=60, clean=False)
    check("first session", kept.session_present, False)
    kept.subscribe(f"{name}/while/away", 2)
    kept.leave()
    a.publish(f"{name}/while/away", "waited", 2)
    kept = Client(version, name + "kept", expiry=60, clean=False)
    check("second session", kept.session_present, True)
    check("waited", kept.message(), (f"{name}/while/away", "waited", 2, False))
    successor = Client(version, name + "kept", expiry=60, clean=False)
    check("taken over", kept.gone.get(timeout=PATIENCE).is_failure, True)
    kept.mqtt.loop_stop()
    for client in (a, b, successor):
        client.leave()


def judge_v5():
    a, b = Client(mqtt.MQTTv5, "five-a"), Client(mqtt.MQTTv5, "")
    check("assigned", bool(b.properties.AssignedClientIdentifier), True)
    identifier = Properties(PacketTypes.SUBSCRIBE)
    identifier.SubscriptionIdentifier = 77
    options = SubscribeOptions(qos=1, noLocal=True, retainAsPublished=True)
    b.subscribe("five/#", options=options, properties=identifier)
    check("nobody", a.publish("none/of/it", "x", 1), 0x10)

    properties = Properties(PacketTypes.PUBLISH)
    properties.UserProperty = [("b", "1"), ("a", "2")]
    properties.ContentType = "text/plain"
    properties.CorrelationData = b"\x00\xff"
    properties.ResponseTopic = "answers"
    properties.MessageExpiryInterval = 100
    properties.PayloadFormatIndicator = 1
    a.publish("five/1", "x", 2, retain=True, properties=properties)
    got = b.messages.get(timeout=PATIENCE)
    check("kept as published", (got.qos, bool(got.retain)), (1, True))
    check("user properties", got.properties.UserProperty, [("b", "1"), ("a", "2")])
    check("content type", got.properties.ContentType, "text/plain")
    check("correlation", got.properties.CorrelationData, b"\x00\xff")
    check("response topic", got.properties.ResponseTopic, "answers")
    check("identifier", got.properties.SubscriptionIdentifier, [77])
    check("expiry", got.properties.MessageExpiryInterval in (99, 100), True)

    check("mine", b.publish("five/mine", "x", 1), 0x10)
    alias = Properties(PacketTypes.PUBLISH)
    alias.TopicAlias = 3
    a.publish("five/alias", "1", 1, properties=alias)
    check("alias", b.message(), ("five/alias", "1", 1, False))
    a.publish("", "2", 1, properties=alias)
    check("alias again", b.message(), ("five/alias", "2", 1, False))

    members = [Client(mqtt.MQTTv5, f"member{number}") for number in range(2)]
    for member in members:
        member.subscribe("$share/group/jobs", 1)
    for number in range(6):
        a.publish("jobs", str(number), 1)
    for member in members:
        for _ in range(3):
            member.message()
    a.mqtt.unsubscribe("never/subscribed")
    check("no subscription", [reason.value for reason in a.removed.get(timeout=PATIENCE)], [0x11])
    for client in (a, b, *members):
        client.leave()


judge_both(mqtt.MQTTv311)
judge_both(mqtt.MQTTv5)
judge_v5()
print("content")
