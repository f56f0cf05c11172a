// SPDX-License-Identifier: Apache-2.0
// Microsoft's EventProcessorClient (a consumer with a checkpoint store) on the emulator and Azurite:
// load balancing, checkpoints, hand-over between two processors.
import assert from "node:assert/strict";
import { test } from "node:test";

import { BlobCheckpointStore } from "@azure/eventhubs-checkpointstore-blob";
import { earliestEventPosition } from "@azure/event-hubs";
import { ContainerClient } from "@azure/storage-blob";

import { collect, consumer, producer, sendNumbers } from "./clients.mjs";
import { atEnd, startAzurite, startEmulator, waitFor } from "./lib.mjs";

const quick = { loadBalancingOptions: { updateIntervalInMs: 250, partitionOwnershipExpirationIntervalInMs: 5000 } };

async function storage(t) {
  const azurite = await startAzurite(t);
  const container = new ContainerClient(azurite.connectionString, "checkpoints");
  await container.create();
  return () => new BlobCheckpointStore(new ContainerClient(azurite.connectionString, "checkpoints"));
}

/** Subscribes to all partitions through the store and checkpoints every batch. */
function process(t, emulator, store) {
  const client = consumer(t, emulator, quick, "$Default", store);
  const seen = { numbers: [], partitions: new Set(), closed: [], errors: [] };
  const subscription = client.subscribe({
    async processInitialize(context) {
      seen.partitions.add(context.partitionId);
    },
    async processEvents(events, context) {
      if (events.length > 0) {
        seen.numbers.push(...events.map((e) => e.body.number));
        await context.updateCheckpoint(events.at(-1));
      }
    },
    async processError(error) {
      seen.errors.push(error.message);
    },
    async processClose(reason, context) {
      seen.partitions.delete(context.partitionId);
      seen.closed.push(reason);
    },
  }, { startPosition: earliestEventPosition, maxBatchSize: 10, maxWaitTimeInSeconds: 1 });
  seen.close = () => subscription.close();
  atEnd(t, () => subscription.close().catch(() => {}));
  return seen;
}

test("a processor drains, checkpoints and goes on where it was", async (t) => {
  const store = await storage(t);
  const emulator = await startEmulator(t, { partitions: 2 });
  const client = producer(t, emulator);
  await sendNumbers(client, 0, 30, { partitionId: "0" });
  await sendNumbers(client, 30, 60, { partitionId: "1" });
  const first = process(t, emulator, store());
  await waitFor("all events", () => first.numbers.length === 60);
  const links = (await emulator.links("consumer")).filter((l) => l.attached);
  assert.deepEqual(links.map((l) => l.epoch), [0, 0]);
  await first.close();
  await waitFor("its links to go", async () => (await emulator.links("consumer")).length === 0);
  await sendNumbers(client, 60, 70, { partitionId: "1" });
  const second = process(t, emulator, store());
  await waitFor("the new events", () => second.numbers.length === 10);
  assert.deepEqual(second.numbers.toSorted((a, b) => a - b), Array.from({ length: 10 }, (_, i) => 60 + i));
  const checkpoints = await store().listCheckpoints("localhost", "hub", "$Default");
  assert.deepEqual(checkpoints.map((c) => [c.partitionId, c.sequenceNumber]).sort(), [["0", 29], ["1", 39]]);
});

test("a second processor takes its share; nothing is lost", async (t) => {
  const store = await storage(t);
  const emulator = await startEmulator(t, { partitions: 4 });
  const client = producer(t, emulator);
  const send = async (from) => {
    for (let p = 0; p < 4; p++) {
      await sendNumbers(client, from + p * 10, from + p * 10 + 10, { partitionId: String(p) });
    }
  };
  await send(0);
  const first = process(t, emulator, store());
  await waitFor("the first to hold all", () => first.partitions.size === 4 && first.numbers.length === 40);
  const second = process(t, emulator, store());
  await waitFor("an even share", () => first.partitions.size === 2 && second.partitions.size === 2,
                { timeoutMs: 60000 });
  assert.ok(first.closed.includes("OwnershipLost"), first.closed.join());
  await send(40);
  const all = () => new Set([...first.numbers, ...second.numbers]);
  await waitFor("everything", () => all().size === 80);
  await first.close();
  await waitFor("the second to hold all", () => second.partitions.size === 4, { timeoutMs: 60000 });
  await send(80);
  await waitFor("the rest", () => all().size === 120);
});

test("a hub made anew: the old checkpoint is refused with the service's words", async (t) => {
  const store = await storage(t);
  const emulator = await startEmulator(t, { partitions: 1 });
  const client = producer(t, emulator);
  await sendNumbers(client, 0, 30, { partitionId: "0" });
  const first = process(t, emulator, store());
  await waitFor("all events", () => first.numbers.length === 30);
  await first.close();
  await emulator.recreate();
  const second = process(t, emulator, store());
  await waitFor("the refusal", () => second.errors.length > 0);
  assert.match(second.errors[0], /The supplied offset '\d+' is invalid. The last offset in the system is '-1'/);
});
