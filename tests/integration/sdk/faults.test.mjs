// SPDX-License-Identifier: Apache-2.0
// Every fault of the emulator, seen through Microsoft's SDK: what it reports, and that it goes on.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";

import { earliestEventPosition } from "@azure/event-hubs";

import { collect, consumer, producer, sendNumbers } from "./clients.mjs";
import { here, startEmulator, startProgram, waitFor } from "./lib.mjs";

const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);
const numbers = (seen) => seen.events.map((e) => e.body.number);

/** An emulator with 10 events in partition 0 and a receiver that has them. */
async function reading(t, options = {}) {
  const emulator = await startEmulator(t, { partitions: 2, ...options });
  const client = producer(t, emulator);
  await sendNumbers(client, 0, 10, { partitionId: "0" });
  const seen = collect(t, consumer(t, emulator), { partition: 0, startPosition: earliestEventPosition });
  await waitFor("the first events", () => seen.events.length === 10);
  const goesOn = async (from, to) => {
    for (let i = from; i < to; i++) {
      await emulator.append(0, JSON.stringify({ number: i }));
    }
    await waitFor("the next events", () => numbers(seen).includes(to - 1));
    assert.deepEqual(numbers(seen), range(0, to));
  };
  return { emulator, client, seen, goesOn };
}

for (const fault of [
  { fault: "detach" },
  { fault: "detach", condition: "com.microsoft:server-busy", text: "busy", hub: "hub", partition: "0",
    consumer_group: "$default" },
  { fault: "close" },
  { fault: "reset" },
]) {
  test(`${fault.fault} ${fault.condition ?? ""}: the receiver comes back where it was`, async (t) => {
    const { emulator, goesOn } = await reading(t);
    assert.deepEqual(await emulator.fault({ partition: "0", consumer_group: "$Default", ...fault }), { applied: 1 });
    await goesOn(10, 20);
  });
}

test("detach elsewhere touches nobody", async (t) => {
  const { emulator, goesOn } = await reading(t);
  assert.deepEqual(await emulator.fault({ fault: "detach", partition: "1" }), { applied: 0 });
  const [link] = await emulator.links("consumer");
  await goesOn(10, 12);
  assert.equal((await emulator.links("consumer"))[0].id, link.id);
});

test("expire-tokens: links are detached, a new token brings them back", async (t) => {
  const { emulator, goesOn } = await reading(t);
  const [before] = await emulator.links("consumer");
  await emulator.fault({ fault: "expire-tokens", seconds: 0.1 });
  await waitFor("a new link", async () =>
    (await emulator.links("consumer")).some((l) => l.attached && l.id !== before.id));
  await goesOn(10, 15);
});

test("put-token refused once, then delayed: the client tries again and waits", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await emulator.fault({ fault: "put-token", status: 401 });
  const refused = producer(t, emulator, { retryOptions: { maxRetries: 0 } });
  await assert.rejects(refused.sendBatch([{ body: 1 }]), /InvalidSignature|Unauthorized|token/i);
  await emulator.fault({ fault: "put-token", status: 404, text: "no such namespace", condition: "amqp:not-found" });
  await assert.rejects(producer(t, emulator, { retryOptions: { maxRetries: 0 } }).sendBatch([{ body: 1 }]));
  await emulator.fault({ fault: "put-token", delay_ms: 700 });
  const started = performance.now();
  await producer(t, emulator).sendBatch([{ body: 1 }]);
  assert.ok(performance.now() - started >= 650);
});

test("refuse-attach and server-busy, counted", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await emulator.fault({ fault: "refuse-attach", condition: "amqp:not-found", text: "gone for a test", count: 2 });
  const none = { retryOptions: { maxRetries: 0 } };
  for (let i = 0; i < 2; i++) {
    await assert.rejects(producer(t, emulator, none).sendBatch([{ body: 1 }]), /gone for a test/);
  }
  await emulator.fault({ fault: "server-busy" });
  await assert.rejects(producer(t, emulator, none).sendBatch([{ body: 1 }]),
                       (error) => error.code === "ServerBusyError");
  await producer(t, emulator, none).sendBatch([{ body: 1 }]);
  assert.equal((await emulator.partition(0)).last_sequence_number, 0);
});

test("argument-error on one partition only", async (t) => {
  const emulator = await startEmulator(t, { partitions: 2 });
  await emulator.append(0, "{}");
  await emulator.append(1, "{}");
  await emulator.fault({ fault: "argument-error", partition: 1, count: 0 });
  const seen = collect(t, consumer(t, emulator), { startPosition: earliestEventPosition });
  await waitFor("partition 0 and the error of 1", () => seen.events.length === 1 && seen.errors.length > 0);
  assert.equal(seen.events[0].partition, "0");
  assert.match(seen.errors[0].message, /The supplied sequence number .* is invalid/);
});

test("starve: nothing is sent and nothing is taken, then everything", async (t) => {
  const { emulator, seen, goesOn } = await reading(t);
  await emulator.fault({ fault: "starve", partition: "0" });
  await emulator.append(0, JSON.stringify({ number: 10 }));
  await emulator.append(1, "x"); // another partition
  const sending = producer(t, emulator).sendBatch([{ body: { number: 11 } }], { partitionId: "0" });
  await waitFor("a sender without credit", async () =>
    (await emulator.links("producer")).some((l) => l.attached && l.credit === 0));
  assert.equal(seen.events.length, 10);
  assert.equal((await emulator.partition(0)).last_sequence_number, 10);
  await emulator.clearFaults();
  await sending;
  await waitFor("both events", () => seen.events.length === 12);
  await goesOn(12, 13);
});

test("delay: deliveries come later", async (t) => {
  const { emulator, seen } = await reading(t);
  await emulator.fault({ fault: "delay", delay_ms: 600 });
  const started = performance.now();
  await emulator.append(0, JSON.stringify({ number: 10 }));
  await waitFor("the event", () => seen.events.length === 11);
  assert.ok(performance.now() - started >= 550);
});

test("management: busy, then well", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await emulator.fault({ fault: "management" });
  const client = producer(t, emulator, { retryOptions: { maxRetries: 0 } });
  await assert.rejects(client.getPartitionIds(), (error) => error.code === "ServerBusyError");
  assert.deepEqual(await client.getPartitionIds(), ["0"]);
});

test("status-spelling: the older names do as well", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await emulator.fault({ fault: "status-spelling", count: 0 });
  assert.deepEqual(await producer(t, emulator).getPartitionIds(), ["0"]);
});

test("ignore-attach: the next attach is answered", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await emulator.append(0, JSON.stringify({ number: 0 }));
  await emulator.fault({ fault: "ignore-attach" });
  const reader = startProgram(t, process.execPath,
                              [join(here, "subscribe.mjs"), emulator.connectionString, emulator.hub]);
  await waitFor("the attach", async () => (await emulator.links("consumer")).some((l) => !l.attached));
  await emulator.fault({ fault: "reset" }); // the SDK itself would wait a minute
  await waitFor("the event", () => reader.stdout === '{"number":0}\n');
});

test("mute: silence ends", async (t) => {
  const { emulator, goesOn } = await reading(t);
  await emulator.fault({ fault: "mute", seconds: 1 });
  const started = performance.now();
  await producer(t, emulator).sendBatch([{ body: { number: 1 } }], { partitionId: "1" });
  assert.ok(performance.now() - started > 700);
  await goesOn(10, 12);
});

test("faults are listed, cleared, and wrong ones are told", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  for (const wrong of [{}, { fault: "nothing" }, { fault: "mute" }, { fault: "starve", color: 1 }, []]) {
    await assert.rejects(emulator.fault(wrong), /400/);
  }
  await emulator.fault({ fault: "starve" });
  const response = await fetch(`${emulator.base}/faults?fault=put-token&status=404&count=3&text=a%20b`, { method: "POST" });
  assert.equal(response.status, 200);
  const list = await (await fetch(`${emulator.base}/faults`)).json();
  assert.deepEqual(list.map((f) => [f.fault, f.count]), [["starve", 0], ["put-token", 3]]);
  await emulator.clearFaults();
  assert.deepEqual(await (await fetch(`${emulator.base}/faults`)).json(), []);
  assert.equal((await fetch(`${emulator.base}/nowhere`)).status, 404);
  assert.equal((await fetch(`${emulator.base}/state`, { method: "PUT" })).status, 405);
});
