#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Debian's azure-eventhub (python3-azure) against the emulator, unmodified, over TLS.

    azure_eventhub_peer.py CONNECTION_STRING HUB CA_FILE

The SDK always uses port 5671 and takes the CA as connection_verify. Prints one JSON object with
what it saw; the test that started it judges.
"""
import json
import sys
import threading
import time

from azure.eventhub import EventData, EventHubConsumerClient, EventHubProducerClient
from azure.eventhub.exceptions import EventHubError

connection_string, hub, ca_file = sys.argv[1:4]
seen = {"events": [], "stolen": []}


def produce():
    producer = EventHubProducerClient.from_connection_string(
        connection_string, eventhub_name=hub, connection_verify=ca_file)
    with producer:
        seen["hub"] = producer.get_eventhub_properties()["eventhub_name"]
        seen["partitions"] = producer.get_partition_ids()
        seen["empty"] = producer.get_partition_properties("0")["is_empty"]
        batch = producer.create_batch(partition_id="0")
        event = EventData('{"a":1}')
        event.properties = {"x": "y"}
        batch.add(event)
        batch.add(EventData('{"b":2}'))
        producer.send_batch(batch)
        producer.send_batch([EventData("keyed")], partition_key="pk1")
        producer.send_event(EventData("single"), partition_id="0")
        properties = producer.get_partition_properties("0")
        seen["last"] = properties["last_enqueued_sequence_number"]
        seen["last_offset"] = properties["last_enqueued_offset"]


def text(value):
    return value.decode() if isinstance(value, bytes) else value


def consume(want, **options):
    """Receives until `want` events are there; returns them."""
    got, enough = [], threading.Event()
    consumer = EventHubConsumerClient.from_connection_string(
        connection_string, consumer_group="$Default", eventhub_name=hub, connection_verify=ca_file)

    def on_event(context, event):
        if event is None:
            return
        got.append({
            "partition": context.partition_id,
            "sequence": event.sequence_number,
            "offset": event.offset,
            "body": event.body_as_str(),
            "key": text(event.partition_key),
            "properties": {text(k): text(v) for k, v in (event.properties or {}).items()},
        })
        if len(got) >= want:
            enough.set()

    thread = threading.Thread(
        target=consumer.receive, args=(on_event,), kwargs={"max_wait_time": 1, **options})
    thread.start()
    in_time = enough.wait(30)
    consumer.close()
    thread.join(30)
    if not in_time:
        raise SystemExit(f"received {len(got)} of {want} events")
    return got


def steal():
    """The second receiver with the same owner level takes the partition from the first."""
    errors, first_up, stolen = [], threading.Event(), threading.Event()

    def client():
        return EventHubConsumerClient.from_connection_string(
            connection_string, consumer_group="$Default", eventhub_name=hub,
            connection_verify=ca_file, retry_total=0)

    def on_error(context, error):
        errors.append(str(error))
        stolen.set()

    first, second = client(), client()
    threads = [
        threading.Thread(target=first.receive, args=(lambda c, e: first_up.set(),), kwargs={
            "partition_id": "0", "owner_level": 1, "starting_position": "-1",
            "max_wait_time": 1, "on_error": on_error}),
        threading.Thread(target=second.receive, args=(lambda c, e: None,), kwargs={
            "partition_id": "0", "owner_level": 2, "starting_position": "-1", "max_wait_time": 1}),
    ]
    threads[0].start()
    first_up.wait(30)
    threads[1].start()
    stolen.wait(30)
    first.close()
    second.close()
    for thread in threads:
        thread.join(30)
    return errors


produce()
seen["events"] = consume(4, starting_position="-1")
seen["after"] = consume(1, partition_id="0", starting_position=1)
seen["metrics"] = consume(3, partition_id="0", starting_position="-1",
                          track_last_enqueued_event_properties=True)
seen["stolen"] = steal()
print(json.dumps(seen))
