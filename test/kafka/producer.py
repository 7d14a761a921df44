"""Writes the envelope of the reference architecture as any Python service does, with garbage between.

usage: producer.py <brokers> <topic> <messages> <people>
Prints one line of JSON for each piece of garbage: where it lies.
"""

import json
import sys

from confluent_kafka import Producer

brokers, topic, messages, people = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
producer = Producer(
    {"bootstrap.servers": brokers, "enable.idempotence": True, "partitioner": "murmur2_random"}
)
GARBAGE = [b"not json at all", b"\xff\xfe\x00\x80", b"", b'{"type":"ping"}', b'{"type":"track","userId":"u0"']


def told(error, message):
    if error is not None:
        sys.exit(str(error))


def told_garbage(error, message):
    told(error, message)
    print(json.dumps({"partition": message.partition(), "offset": message.offset()}))


for n in range(messages):
    user = f"u{n % people}"
    if n % 100 == 50:
        producer.produce(topic, key=user, value=GARBAGE[(n // 100) % len(GARBAGE)], on_delivery=told_garbage)
    envelope = {
        "type": "track",
        "userId": user,
        "payload": {"event": "order", "properties": {"n": n}},
        "timestamp": "2026-11-25T18:00:00Z",
        "correlationId": f"order-{n}",
    }
    producer.produce(topic, key=user, value=json.dumps(envelope), on_delivery=told)
    producer.poll(0)
left = producer.flush(60)
if left > 0:
    sys.exit(f"{left} messages were not delivered")
