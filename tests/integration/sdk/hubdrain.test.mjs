// SPDX-License-Identifier: Apache-2.0
// hubdrain between Microsoft's producer and Azurite, in the clear and over TLS with a private CA; and
// checkpoints shared with Microsoft's processor, both ways.
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from "@azure/event-hubs";
import { ContainerClient } from "@azure/storage-blob";

import {
  hubdrainProgram, makeCertificates, startAzurite, startEmulator, startProgram, temporaryDir, waitFor,
} from "./lib.mjs";

const container = "checkpoints";

/** A message as the Azure Diagnostics extension writes it: Sysmon 5, told apart by its record id. */
function message(number) {
  const time = "2026-01-02T03:04:05.1234567Z";
  const xml = "<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System>" +
    "<Provider Name='Microsoft-Windows-Sysmon' Guid='{5770385f-c22a-43e0-bf4c-06f5698ffbd9}'/>" +
    "<EventID>5</EventID><Version>3</Version><Level>4</Level><Task>5</Task><Opcode>0</Opcode>" +
    `<Keywords>0x8000000000000000</Keywords><TimeCreated SystemTime='${time}'/>` +
    `<EventRecordID>${number}</EventRecordID><Correlation/><Execution ProcessID='3000' ThreadID='4000'/>` +
    "<Channel>Microsoft-Windows-Sysmon/Operational</Channel><Computer>vm01.example.org</Computer>" +
    "<Security UserID='S-1-5-18'/></System><EventData><Data Name='RuleName'>-</Data>" +
    "<Data Name='UtcTime'>2026-01-02 03:04:05.123</Data>" +
    "<Data Name='ProcessGuid'>{11111111-2222-3333-4444-555555555555}</Data>" +
    "<Data Name='ProcessId'>1234</Data><Data Name='Image'>C:\\Windows\\System32\\cmd.exe</Data>" +
    "<Data Name='User'>EXAMPLE\\alice</Data></EventData></Event>";
  return {
    time, category: "WindowsEventLogsTable", level: "Informational",
    properties: { EventId: 5, Channel: "Microsoft-Windows-Sysmon/Operational", RawXml: xml },
  };
}

/** Single events, batches, partition keys and explicit partitions; returns how many. */
async function produce(connectionString, hub, from, count) {
  const producer = new EventHubProducerClient(connectionString, hub);
  try {
    let number = from;
    const end = from + count;
    while (number < end) {
      const options = [{}, { partitionKey: "host-01" }, { partitionId: "1" }][number % 3];
      const batch = await producer.createBatch(options);
      for (let i = 0; i < 37 && number < end; i++) {
        assert.ok(batch.tryAdd({ body: message(number) }), "the batch takes the event");
        number++;
      }
      await producer.sendBatch(batch);
    }
  } finally {
    await producer.close();
  }
}

async function startHubdrain(t, dir, connectionString, storage, extra = {}) {
  const config = join(dir, "hubdrain.yaml");
  writeFileSync(config, JSON.stringify({
    eventhub: { connection_string: connectionString, name: "hub", ...extra },
    checkpoint: { store: "blob", connection_string: storage, container, interval: "200ms" },
    outputs: { out: { type: "file", path: join(dir, "out.ndjson") } },
    dead_letter: { path: join(dir, "dead.ndjson") },
    log: { format: "logfmt" },
  }));
  return startProgram(t, hubdrainProgram(), ["run", "--config", config]);
}

function delivered(dir) {
  let text = "";
  try {
    text = readFileSync(join(dir, "out.ndjson"), "utf8");
  } catch {
    return [];
  }
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

const records = (dir) => delivered(dir).map((event) => Number(event.winlog.record_id));

function assertAll(dir, count) {
  assert.deepEqual(records(dir).sort((a, b) => a - b), Array.from({ length: count }, (_, i) => i),
                   "each event once");
}

async function waitForAll(dir, count, hubdrain) {
  await waitFor(`${count} events in the file`, () => {
    if (hubdrain.exit) {
      throw new Error(`hubdrain ended: ${JSON.stringify(hubdrain.exit)} ${hubdrain.stderr}`);
    }
    return records(dir).length >= count;
  }, { timeoutMs: 60000, everyMs: 100 });
}

for (const tls of [false, true]) {
  test(`Microsoft's producer, hubdrain, a file, Azurite; ${tls ? "TLS with a private CA" : "plain"}`,
       async (t) => {
    const dir = temporaryDir(t);
    const certificates = tls ? makeCertificates(t) : undefined;
    const emulator = await startEmulator(t, { hub: "hub", partitions: 4, tls: certificates });
    const azurite = await startAzurite(t);
    await produce(emulator.connectionString, "hub", 0, 500);
    const hubdrain = await startHubdrain(
      t, dir, tls ? emulator.tlsConnectionString : emulator.connectionString,
      azurite.connectionString, tls ? { ca_file: certificates.ca } : {});
    await waitForAll(dir, 500, hubdrain);
    await produce(emulator.connectionString, "hub", 500, 250);
    await waitForAll(dir, 750, hubdrain);
    assert.equal((await hubdrain.stop()).code, 0, hubdrain.stderr);
    assertAll(dir, 750);
    const event = delivered(dir).find((e) => e.winlog.record_id === "17");
    assert.equal(event.process.pid, 1234);
    assert.equal(event.event.code, "5");
    assert.equal(event.user.name, "alice");

    // Microsoft's own store reads what hubdrain wrote.
    const store = new BlobCheckpointStore(
      new ContainerClient(azurite.connectionString, container));
    const checkpoints = await store.listCheckpoints("localhost", "hub", "$Default");
    const state = await emulator.state();
    const partitions = state.hubs[0].partitions.filter((p) => p.last_sequence_number >= 0);
    assert.equal(checkpoints.length, partitions.length);
    for (const partition of partitions) {
      const found = checkpoints.find((c) => c.partitionId === partition.id);
      assert.equal(found.sequenceNumber, partition.last_sequence_number);
      assert.equal(String(found.offset), String(partition.last_offset));
    }
  });
}

test("hubdrain refuses a server whose certificate it has no reason to trust", async (t) => {
  const dir = temporaryDir(t);
  const certificates = makeCertificates(t);
  const other = makeCertificates(t);
  const emulator = await startEmulator(t, { hub: "hub", partitions: 1, tls: certificates });
  const azurite = await startAzurite(t);
  await produce(emulator.connectionString, "hub", 0, 10);
  const hubdrain = await startHubdrain(t, dir, emulator.tlsConnectionString,
                                       azurite.connectionString, { ca_file: other.ca });
  await waitFor("a word about the certificate", () => /certificate/i.test(hubdrain.stderr));
  assert.equal(hubdrain.exit, undefined, "it goes on trying");
  assert.deepEqual(records(dir), []);
  assert.doesNotMatch(hubdrain.stderr, /SAS_KEY_VALUE/);
});

/** Runs Microsoft's processor until it has seen `count` events, checkpointing the last one. */
async function process(emulator, azurite, count) {
  const containerClient = new ContainerClient(azurite.connectionString, container);
  await containerClient.createIfNotExists();
  const consumer = new EventHubConsumerClient("$Default", emulator.connectionString, "hub",
                                              new BlobCheckpointStore(containerClient));
  const seen = [];
  const subscription = consumer.subscribe({
    processEvents: async (events, context) => {
      for (const event of events) {
        seen.push(/<EventRecordID>(\d+)</.exec(event.body.properties.RawXml)[1]);
      }
      if (events.length > 0) {
        await context.updateCheckpoint(events[events.length - 1]);
      }
    },
    processError: async () => {},
  }, { startPosition: earliestEventPosition, maxBatchSize: 50, maxWaitTimeInSeconds: 1 });
  await waitFor(`${count} events at Microsoft's processor`, () => seen.length >= count,
                { timeoutMs: 60000 });
  await subscription.close();
  await consumer.close();
  return seen.map(Number).sort((a, b) => a - b);
}

test("hubdrain resumes from Microsoft's checkpoints, and Microsoft's processor from hubdrain's",
     async (t) => {
  const dir = temporaryDir(t);
  const emulator = await startEmulator(t, { hub: "hub", partitions: 2 });
  const azurite = await startAzurite(t);
  await produce(emulator.connectionString, "hub", 0, 120);
  assert.equal((await process(emulator, azurite, 120)).length, 120);

  await produce(emulator.connectionString, "hub", 120, 80);
  const hubdrain = await startHubdrain(t, dir, emulator.connectionString, azurite.connectionString);
  await waitForAll(dir, 80, hubdrain);
  assert.equal((await hubdrain.stop()).code, 0, hubdrain.stderr);
  assert.deepEqual(records(dir).sort((a, b) => a - b), Array.from({ length: 80 }, (_, i) => 120 + i),
                   "only what came after Microsoft's checkpoints");

  await produce(emulator.connectionString, "hub", 200, 60);
  assert.deepEqual(await process(emulator, azurite, 60), Array.from({ length: 60 }, (_, i) => 200 + i),
                   "only what came after hubdrain's checkpoints");
});
