// SPDX-License-Identifier: Apache-2.0
// Microsoft's JavaScript SDK, unmodified, against hubdrain-emulator: what it sends, reads and asks.
import assert from "node:assert/strict";
import net from "node:net";
import { join } from "node:path";
import { test } from "node:test";

import { earliestEventPosition, latestEventPosition } from "@azure/event-hubs";

import { collect, consumer, producer, sendNumbers } from "./clients.mjs";
import {
  emulatorProgram, here, makeCertificates, startEmulator, startProgram, temporaryDir, waitFor,
} from "./lib.mjs";
import { writeFileSync } from "node:fs";

const numbers = (seen) => seen.events.map((e) => e.body.number);
const range = (from, to) => Array.from({ length: to - from }, (_, i) => from + i);

test("properties of hub and partitions", async (t) => {
  const emulator = await startEmulator(t, { partitions: 3 });
  const client = producer(t, emulator);
  const hub = await client.getEventHubProperties();
  assert.equal(hub.name, "hub");
  assert.deepEqual(hub.partitionIds, ["0", "1", "2"]);
  assert.ok(Math.abs(hub.createdOn.getTime() - Date.now()) < 60000);
  const empty = await client.getPartitionProperties("1");
  assert.equal(empty.isEmpty, true);
  assert.equal(empty.lastEnqueuedSequenceNumber, -1);
  assert.equal(empty.lastEnqueuedOffset, "-1");
  await sendNumbers(client, 0, 3, { partitionId: "1" });
  const full = await client.getPartitionProperties("1");
  assert.equal(full.isEmpty, false);
  assert.equal(full.beginningSequenceNumber, 0);
  assert.equal(full.lastEnqueuedSequenceNumber, 2);
  assert.match(full.lastEnqueuedOffset, /^\d+$/);
  assert.ok(Number(full.lastEnqueuedOffset) > 2, "an offset is a position, not a count");
  await assert.rejects(client.getPartitionProperties("9"), /could not be found|MessagingEntityNotFound/);
});

test("partition, partition key, round robin and what an event carries", async (t) => {
  const emulator = await startEmulator(t, { partitions: 4 });
  const client = producer(t, emulator);
  await client.sendBatch([{
    body: Buffer.from([0, 1, 255]), contentType: "application/x", correlationId: "c", messageId: "m",
    properties: { text: "ü", number: 7, yes: true },
  }], { partitionId: "3" });
  await client.sendBatch([{ body: "k" }], { partitionKey: "pk1" }); // hashes to 1 of 4
  await client.sendBatch([{ body: "k2" }], { partitionKey: "alphabet" }); // to 2 of 4
  const keyed = await client.createBatch({ partitionKey: "TestKey" });
  keyed.tryAdd({ body: "k3" });
  await client.sendBatch(keyed); // to 1 of 4
  for (let i = 0; i < 8; i++) {
    await client.sendBatch([{ body: `round ${i}` }]);
  }
  const seen = collect(t, consumer(t, emulator), { startPosition: earliestEventPosition });
  await waitFor("12 events", () => seen.events.length === 12);
  const of = (p) => seen.events.filter((e) => e.partition === p);
  const [first] = of("3");
  assert.deepEqual([...first.body], [0, 1, 255]);
  assert.deepEqual(first.properties, { text: "ü", number: 7, yes: true });
  assert.equal(first.contentType, "application/x");
  assert.equal(first.correlationId, "c");
  assert.equal(first.messageId, "m");
  assert.ok(Math.abs(first.enqueuedTimeUtc.getTime() - Date.now()) < 60000);
  assert.deepEqual(of("1").filter((e) => e.partitionKey).map((e) => [e.body, e.partitionKey]),
                   [["k", "pk1"], ["k3", "TestKey"]]);
  assert.deepEqual(of("2").filter((e) => e.partitionKey).map((e) => e.body), ["k2"]);
  for (const p of ["0", "1", "2", "3"]) {
    assert.equal(of(p).filter((e) => String(e.body).startsWith("round")).length, 2);
    assert.deepEqual(of(p).map((e) => e.sequenceNumber), range(0, of(p).length));
    const offsets = of(p).map((e) => Number(e.offset));
    assert.deepEqual(offsets, [...offsets].sort((a, b) => a - b));
  }
});

test("start positions: earliest, latest, sequence number, offset, time", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  const client = producer(t, emulator);
  await sendNumbers(client, 0, 5, { partitionId: "0" });
  const boundary = (await emulator.partition(0)).last_enqueued_ms;
  await waitFor("the clock to go on", () => Date.now() > boundary + 1);
  await sendNumbers(client, 5, 10, { partitionId: "0" });
  const all = collect(t, consumer(t, emulator), { partition: 0, startPosition: earliestEventPosition });
  await waitFor("all", () => all.events.length === 10);
  assert.deepEqual(numbers(all), range(0, 10));
  const cases = [
    [{ sequenceNumber: 6 }, 7], [{ sequenceNumber: 6, isInclusive: true }, 6],
    [{ offset: all.events[2].offset }, 3], [{ offset: all.events[2].offset, isInclusive: true }, 2],
    [{ enqueuedOn: new Date(boundary) }, 5],
  ];
  for (const [startPosition, from] of cases) {
    const seen = collect(t, consumer(t, emulator), { partition: 0, startPosition });
    await waitFor(`from ${from}`, () => seen.events.length === 10 - from);
    assert.deepEqual(numbers(seen), range(from, 10));
    await seen.close();
  }
  const tail = collect(t, consumer(t, emulator), { partition: 0, startPosition: latestEventPosition });
  await waitFor("the tail to be attached", async () =>
    (await emulator.links("consumer")).some((l) => l.next_sequence_number === 10 && l.credit > 0 && l.sent === 0));
  await sendNumbers(client, 10, 12, { partitionId: "0" });
  await waitFor("the tail", () => tail.events.length === 2);
  assert.deepEqual(numbers(tail), [10, 11]);
});

test("a position beyond the end is an argument error; one before retention is not", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1, args: ["--retain-bytes", "2000"] });
  const client = producer(t, emulator);
  await sendNumbers(client, 0, 100, { partitionId: "0" });
  const begin = (await emulator.partition(0)).begin_sequence_number;
  assert.ok(begin > 50);
  const old = collect(t, consumer(t, emulator), { partition: 0, startPosition: { sequenceNumber: 1 } });
  await waitFor("what is left", () => old.events.length === 100 - begin);
  assert.deepEqual(numbers(old), range(begin, 100));
  const ahead = collect(t, consumer(t, emulator), { partition: 0, startPosition: { sequenceNumber: 71181 } });
  await waitFor("the refusal", () => ahead.errors.length > 0);
  assert.match(ahead.errors[0].message,
               /The supplied sequence number '71181' is invalid. The last sequence number in the system is '99'/);
});

test("many events in small frames: windows, credit and messages in pieces", async (t) => {
  const emulator = await startEmulator(t, { partitions: 2 });
  const client = producer(t, emulator);
  const text = "x".repeat(150000); // several frames even without the fault
  await emulator.append(1, text);
  for (let i = 0; i < 20; i++) {
    await sendNumbers(client, i * 500, (i + 1) * 500, { partitionId: "0" });
  }
  await emulator.fault({ fault: "small-frames", bytes: 200 });
  const seen = collect(t, consumer(t, emulator),
                       { startPosition: earliestEventPosition, maxBatchSize: 1000 });
  await waitFor("all events", () => seen.events.length === 10001, { timeoutMs: 60000 });
  assert.deepEqual(numbers({ events: seen.events.filter((e) => e.partition === "0") }), range(0, 10000));
  assert.equal(seen.events.find((e) => e.partition === "1").body.toString(), text);
  assert.deepEqual(seen.errors, []);
});

test("last enqueued event properties", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await sendNumbers(producer(t, emulator), 0, 5, { partitionId: "0" });
  const seen = collect(t, consumer(t, emulator), {
    partition: 0, startPosition: earliestEventPosition, trackLastEnqueuedEventProperties: true,
  });
  await waitFor("the events", () => seen.events.length === 5);
  const last = seen.context.lastEnqueuedEventProperties;
  assert.equal(last.sequenceNumber, 4);
  assert.equal(last.offset, seen.events[4].offset);
});

test("owner levels: a higher one takes the partition, a lower one is refused", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  await sendNumbers(producer(t, emulator), 0, 1, { partitionId: "0" });
  const options = { partition: 0, startPosition: earliestEventPosition };
  const first = collect(t, consumer(t, emulator), { ...options, ownerLevel: 1 });
  await waitFor("the first", () => first.events.length === 1);
  const second = collect(t, consumer(t, emulator), { ...options, ownerLevel: 2 });
  await waitFor("the second", () => second.events.length === 1);
  await waitFor("the first to lose it", () => first.errors.length > 0);
  assert.match(first.errors[0].message, /New receiver '.*' with higher epoch of '2' is created/);
  assert.equal(first.errors[0].code, "ReceiverDisconnectedError");
  const third = collect(t, consumer(t, emulator), { ...options, ownerLevel: 1 });
  await waitFor("the third to be refused", () => third.errors.length > 0);
  assert.match(third.errors[0].message, /with a higher epoch '2' already exists/);
  const fourth = collect(t, consumer(t, emulator), options);
  await waitFor("the one without level to be refused", () => fourth.errors.length > 0);
  assert.match(fourth.errors[0].message, /non-epoch receiver is not allowed/);
  assert.equal(third.events.length + fourth.events.length, 0);
});

test("five receivers without level, not six", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1, groups: ["other"] });
  const options = { partition: 0, startPosition: earliestEventPosition };
  for (let i = 0; i < 5; i++) {
    collect(t, consumer(t, emulator), options);
  }
  await waitFor("five", async () => (await emulator.links("consumer")).filter((l) => l.attached).length === 5);
  const sixth = collect(t, consumer(t, emulator), options);
  await waitFor("the refusal", () => sixth.errors.length > 0);
  assert.match(sixth.errors[0].message, /Exceeded the maximum number of allowed receivers/);
  collect(t, consumer(t, emulator, {}, "other"), options);
  await waitFor("another group", async () =>
    (await emulator.links("consumer")).some((l) => l.attached && l.consumer_group === "other"));
});

test("unknown hub, partition and consumer group; wrong key", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  const nowhere = producer(t, { ...emulator, hub: "nowhere" });
  await assert.rejects(nowhere.sendBatch([{ body: 1 }]), /could not be found/);
  const group = collect(t, consumer(t, emulator, {}, "nobody"), { partition: 0 });
  await waitFor("the group", () => group.errors.length > 0);
  assert.match(group.errors[0].message, /could not be found/);
  const wrong = emulator.connectionString.replace("SAS_KEY_VALUE", "WRONG");
  const stranger = producer(t, { ...emulator, connectionString: wrong }, { retryOptions: { maxRetries: 0 } });
  await assert.rejects(stranger.sendBatch([{ body: 1 }]), /InvalidSignature|[Uu]nauthorized/);
  const other = await startEmulator(t, { partitions: 1, args: ["--key", "RootManageSharedAccessKey=WRONG"] });
  await producer(t, { ...other, connectionString: other.connectionString.replace("SAS_KEY_VALUE", "WRONG") })
    .sendBatch([{ body: 1 }]);
  await assert.rejects(producer(t, other, { retryOptions: { maxRetries: 0 } }).sendBatch([{ body: 1 }]));
});

test("over TLS with a private CA", async (t) => {
  const certificates = makeCertificates(t);
  const emulator = await startEmulator(t, { partitions: 1, tls: certificates });
  const run = async (env) => {
    const child = startProgram(t, process.execPath,
                               [join(here, "roundtrip.mjs"), emulator.tlsConnectionString, emulator.hub], { env });
    await child.ended;
    return child;
  };
  const good = await run({ NODE_EXTRA_CA_CERTS: certificates.ca });
  assert.equal(good.exit.code, 0, good.stderr);
  assert.deepEqual(JSON.parse(good.stdout), range(0, 200));
  const bad = await run({});
  assert.notEqual(bad.exit.code, 0);
  assert.match(bad.stderr, /certificate/);
});

test("an event survives a restart with --data, and positions stay valid", async (t) => {
  const dir = temporaryDir(t);
  const args = ["--data", dir];
  let emulator = await startEmulator(t, { partitions: 1, args });
  await sendNumbers(producer(t, emulator), 0, 50, { partitionId: "0" });
  const before = await emulator.partition(0);
  await emulator.stop("SIGKILL");
  emulator = await startEmulator(t, { partitions: 1, args });
  assert.deepEqual(await emulator.partition(0), before);
  await sendNumbers(producer(t, emulator), 50, 60, { partitionId: "0" });
  const seen = collect(t, consumer(t, emulator),
                       { partition: 0, startPosition: { offset: before.last_offset, isInclusive: true } });
  await waitFor("the last and the new", () => seen.events.length === 11);
  assert.deepEqual(numbers(seen), range(49, 60));
});

test("a data directory belongs to one emulator at a time", async (t) => {
  const args = ["--data", join(temporaryDir(t), "data")];
  const first = await startEmulator(t, { partitions: 1, args });
  await first.append(0, "one");
  const second = startProgram(t, emulatorProgram(), ["--listen", "127.0.0.1:0", ...args]);
  assert.equal((await second.ended).code, 69);
  assert.match(second.stderr, /data directory .* is in use by another hubdrain-emulator/);
  await first.stop("SIGKILL");
  const third = await startEmulator(t, { partitions: 1, args });
  assert.equal((await third.partition(0)).last_sequence_number, 0);
});

test("--load, --batch, --rate, --loop and Config.json", async (t) => {
  const dir = temporaryDir(t);
  const lines = join(dir, "lines.jsonl"), whole = join(dir, "whole.json"), config = join(dir, "Config.json");
  writeFileSync(lines, range(0, 10).map((i) => JSON.stringify({ number: i })).join("\n") + "\n\n");
  writeFileSync(whole, '{\n  "records": []\n}\n');
  writeFileSync(config, JSON.stringify({ UserConfig: {
    NamespaceConfig: [{ Type: "EventHub", Name: "emulatorNs1", Entities: [
      { Name: "eh1", PartitionCount: "3", ConsumerGroups: [{ Name: "cg1" }] }] }],
    LoggingConfig: { Type: "File" } } }));
  const loaded = await startEmulator(t, { partitions: 2, args: ["--load", `${lines}:1`, "--load", whole] });
  assert.equal((await loaded.partition(1)).last_sequence_number, 9);
  assert.equal((await loaded.partition(0)).last_sequence_number, 0);
  const seen = collect(t, consumer(t, loaded), { partition: 1, startPosition: earliestEventPosition });
  await waitFor("the lines", () => seen.events.length === 10);
  assert.deepEqual(numbers(seen), range(0, 10));
  const wrapped = await startEmulator(t, { partitions: 1, args: ["--load", lines, "--batch", "4"] });
  const batches = collect(t, consumer(t, wrapped), { partition: 0, startPosition: earliestEventPosition });
  await waitFor("three batches", () => batches.events.length === 3);
  assert.deepEqual(batches.events.flatMap((e) => e.body.records.map((r) => r.number)), range(0, 10));
  const looping = await startEmulator(t, { partitions: 1, args: ["--load", lines, "--rate", "1000", "--loop"] });
  await waitFor("more than one round", async () => (await looping.partition(0)).last_sequence_number > 25);
  const official = startProgram(t, emulatorProgram(), ["--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0",
                                                       "--config", config]);
  const line = await waitFor("it to listen", () => official.stdout.match(/admin=(\S+)\n/));
  const state = await (await fetch(`http://${line[1]}/state`)).json();
  assert.deepEqual(state.hubs.map((h) => [h.name, h.partitions.length, h.consumer_groups]),
                   [["eh1", 3, ["$Default", "cg1"]]]);
});

test("--load with --data loads once", async (t) => {
  const dir = temporaryDir(t), lines = join(dir, "lines.jsonl");
  writeFileSync(lines, "one\ntwo\nthree\n");
  const args = ["--data", join(dir, "data"), "--load", lines];
  const last = async (emulator) => [(await emulator.partition(0)).last_sequence_number,
                                    (await emulator.partition(1)).last_sequence_number];
  const first = await startEmulator(t, { partitions: 2, args });
  assert.deepEqual(await last(first), [1, 0]);
  await first.stop();
  for (const more of [[], ["--rate", "1000", "--loop"]]) {
    const again = await startEmulator(t, { partitions: 2, args: [...args, ...more] });
    assert.deepEqual(await last(again), [1, 0]);
    assert.match(again.program.stderr, /events from an earlier start, so --load appends nothing/);
    await again.append(0, "direct"); // a loop turn later it is still the only one that is new
    assert.equal((await last(again))[1], 0);
    await again.recreate();
    await again.append(0, "one");
    await again.append(0, "two");
    await again.append(1, "three");
    await again.stop();
  }
});

test("nothing above --max-message-size gets in by /append, --load or --batch", async (t) => {
  const dir = temporaryDir(t), lines = join(dir, "lines.jsonl"), long = join(dir, "long.jsonl");
  const line = (bytes) => JSON.stringify({ text: "x".repeat(bytes - 11) }); // so many bytes as a whole
  // a body has 2048 - 8 bytes, 14 of them around the records: 1012 + 1 + 1013 go in, 1013 + 1 + 1013 do not
  const sizes = [[1012, 1013], [1013], [1013, 1012], [2026], [20, 20]];
  writeFileSync(lines, sizes.flat().map(line).join("\n") + "\n");
  writeFileSync(long, `1\n\n${line(2027)}\n`);
  const limit = ["--max-message-size", "2KiB"];
  const emulator = await startEmulator(t, { partitions: 1, args: [...limit, "--load", lines, "--batch", "100"] });
  const seen = collect(t, consumer(t, emulator), { partition: 0, startPosition: earliestEventPosition });
  const count = (await emulator.partition(0)).last_sequence_number + 1;
  await waitFor("all batches", () => seen.events.length === count);
  const batches = seen.events.map((e) => e.body.records.map((r) => JSON.stringify(r).length));
  assert.deepEqual(batches, sizes);
  const refused = startProgram(t, emulatorProgram(), ["--listen", "127.0.0.1:0", ...limit, "--load", long, "--batch", "2"]);
  assert.notEqual((await refused.ended).code, 0);
  assert.match(refused.stderr, /long.jsonl: the message in line 3 has 2027 bytes, above the 2026 that --max-message-size/);
  const unwrapped = await startEmulator(t, { partitions: 1, args: [...limit, "--load", long, "--rate", "1000"] });
  await waitFor("both", async () => (await unwrapped.partition(0)).last_sequence_number === 1);
  await unwrapped.append(0, "x".repeat(2040));
  await assert.rejects(unwrapped.append(0, "x".repeat(2041)), /413 .*2049 bytes is above --max-message-size, 2048/);
  await assert.rejects(unwrapped.append(0, "x".repeat(5000000)), /413 .*--max-message-size/);
  assert.equal((await unwrapped.partition(0)).last_sequence_number, 2);
});

test("SIGTERM ends it in order, wrong usage is told", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  const client = producer(t, emulator);
  await client.sendBatch([{ body: 1 }]);
  assert.deepEqual(await emulator.stop(), { code: 0, signal: null });
  for (const [args, text] of [[["--hubb", "x"], /unknown option "--hubb"/], [["--listen", "nowhere"], /cannot listen/],
                              [["--partitions", "0"], /from 1 to/], [["--tls-listen", "127.0.0.1:0"], /--tls-cert/],
                              [["--retain-bytes", "5 lots"], /no size/], [["--load", "/nonexistent"], /cannot load/],
                              [["--hub", ".."], /no name for a hub/], [["--hub", "a/b"], /no name for a hub/],
                              [["--consumer-group", ".x"], /no name for a consumer group/]]) {
    const program = startProgram(t, emulatorProgram(), args);
    const end = await program.ended;
    assert.notEqual(end.code, 0);
    assert.match(program.stderr, text);
  }
});

/** One raw request to the admin endpoint; the whole answer, or "" when the connection ended. */
const rawRequest = (emulator, text) => new Promise((resolve) => {
  const socket = net.connect(emulator.adminPort, "127.0.0.1");
  let answer = "";
  socket.setEncoding("utf8").on("data", (data) => {
    answer += data;
    if (answer.includes("}")) {
      socket.destroy();
    }
  });
  socket.on("error", () => {});
  socket.on("close", () => resolve(answer));
  socket.write(text);
});

test("a query without '=' is a wrong fault and nothing else", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  for (const query of ["x", "", "&", "&&x&", "fault", "fault=&x", "=", "=x", `${"x".repeat(100)}=1`]) {
    const answer = await rawRequest(emulator, `POST /faults?${query} HTTP/1.1\r\nA:aaaaaaaaaa\r\n\r\n`);
    assert.match(answer, /^HTTP\/1.1 400 .*"error":/s, `"${query}"`);
  }
  assert.equal((await emulator.health()).status, "healthy");
});

test("a fault with a value of a wrong type or out of range is refused and said", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  const values = {
    count: ["-1", '"abc"', '""', "1.5", "true", "null", "[]", "1e300"], seconds: ["-1", '"1x"', "{}", "1e300", '"nan"'],
    delay_ms: ["1e300", "-1", '"inf"', "0.5"], status: ["-1e99", "0", "600", "true"], bytes: ["-1", "127", "1e12", '"x"'],
    partition: ["true", '"x"', "-1", "1024", "null"], hub: ["1", "null", "[]", `"${"x".repeat(300)}"`],
    consumer_group: ["1"], condition: ["1"], text: ["{}", `"${"x".repeat(600)}"`], nothing: ["1"],
  };
  for (const [key, bad] of Object.entries(values)) {
    for (const value of bad) {
      const answer = await fetch(`${emulator.base}/faults`, { method: "POST", body: `{"fault":"delay","${key}":${value}}` });
      assert.equal(answer.status, 400, `${key} ${value}`);
      assert.match((await answer.json()).error, new RegExp(`^"${key}"`));
    }
  }
  const query = await fetch(`${emulator.base}/faults?fault=delay&count=two`, { method: "POST" });
  assert.equal(query.status, 400);
  assert.deepEqual(await (await fetch(`${emulator.base}/faults`)).json(), []);
  await emulator.fault({ fault: "delay", partition: 0, count: 0, delay_ms: 0, seconds: 0.5, status: 599, bytes: 128 });
  assert.ok((await fetch(`${emulator.base}/faults?fault=delay&count=2&partition=0`, { method: "POST" })).ok);
});

test("bytes that are not AMQP end the connection and nothing else", async (t) => {
  const emulator = await startEmulator(t, { partitions: 1 });
  const garbage = [
    Buffer.from("GET / HTTP/1.1\r\n\r\n"), Buffer.from([0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]),
    Buffer.from("AMQP\x00\x00\x09\x01"), Buffer.alloc(100000, 0xff),
    Buffer.concat([Buffer.from("AMQP\x03\x01\x00\x00"), Buffer.alloc(64)]),
    Buffer.concat([Buffer.from("AMQP\x00\x01\x00\x00"), Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x10, 0xc0])]),
    Buffer.concat([Buffer.from("AMQP\x00\x01\x00\x00"), Buffer.from([0, 0, 0, 12, 2, 0, 0, 0, 0, 0x53, 0x14, 0x45])]),
  ];
  for (const bytes of garbage) {
    const socket = net.connect(emulator.port, "127.0.0.1");
    socket.on("error", () => {}); // the end may come as a reset
    const closed = new Promise((resolve) => socket.once("close", resolve));
    socket.resume();
    socket.write(bytes);
    socket.end();
    await closed;
  }
  await producer(t, emulator).sendBatch([{ body: 1 }]);
  assert.equal((await emulator.health()).status, "healthy");
});
