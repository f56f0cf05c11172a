// SPDX-License-Identifier: Apache-2.0
// Checkpoints are shared: Microsoft's BlobCheckpointStore lists what hubdrain's store wrote, and
// hubdrain's store reads what that one wrote. The store is driven by the tool in store-blob.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";

import { buildDir, here, startAzurite } from "./lib.mjs";

const installed = existsSync(join(here, "node_modules", "azurite"));
const skip = installed ? false : "the Node modules are not installed: run scripts/setup";

const place = {
  fullyQualifiedNamespace: "Contoso.servicebus.windows.net",
  eventHubName: "Hub-One",
  consumerGroup: "$Default",
};
const container = "shared";

function tool(azurite, verb, ...rest) {
  const program = join(buildDir(), "tests", "integration", "azurite", "store-blob");
  const args = [verb, azurite.connectionString, container, place.fullyQualifiedNamespace,
                place.eventHubName, place.consumerGroup, ...rest.map(String)];
  const result = spawnSync(program, args, { encoding: "utf8", timeout: 60000 });
  assert.equal(result.status, 0, `store-blob ${verb}: ${result.stderr}`);
  return result.stdout.split("\n").filter(Boolean).sort();
}

async function open(azurite) {
  const { ContainerClient } = await import("@azure/storage-blob");
  const { BlobCheckpointStore } = await import("@azure/eventhubs-checkpointstore-blob");
  const client = new ContainerClient(azurite.connectionString, container);
  return { client, store: new BlobCheckpointStore(client) };
}

const listed = async (store) => {
  const found = await store.listCheckpoints(place.fullyQualifiedNamespace, place.eventHubName,
                                            place.consumerGroup);
  return found.map(({ partitionId, sequenceNumber, offset }) =>
    `${partitionId} ${sequenceNumber} ${offset}`).sort();
};

test("Microsoft's store lists what ours wrote", { skip }, async (t) => {
  const azurite = await startAzurite(t);
  const { client, store } = await open(azurite);
  tool(azurite, "write", "0", 41, "1000");
  tool(azurite, "write", "0", 42, "1040");
  tool(azurite, "write", "31", 0, "0");
  assert.deepEqual(await listed(store), ["0 42 1040", "31 0 0"]);
  const names = [];
  for await (const blob of client.listBlobsFlat()) {
    names.push(blob.name);
  }
  assert.deepEqual(names.sort(), [
    "contoso.servicebus.windows.net/hub-one/$default/checkpoint/0",
    "contoso.servicebus.windows.net/hub-one/$default/checkpoint/31",
  ]);
});

test("ours reads what Microsoft's store wrote, and each goes on from the other", { skip }, async (t) => {
  const azurite = await startAzurite(t);
  const { client, store } = await open(azurite);
  await client.create();
  assert.deepEqual(tool(azurite, "list"), []);
  for (const [partitionId, sequenceNumber, offset] of [["0", 7, "700"], ["1", 9, "2:900:3"]]) {
    await store.updateCheckpoint({ ...place, partitionId, sequenceNumber, offset });
  }
  assert.deepEqual(tool(azurite, "list"), ["0 7 700", "1 9 2:900:3"]);
  tool(azurite, "write", "0", 8, "800");
  assert.deepEqual(await listed(store), ["0 8 800", "1 9 2:900:3"]);
  await store.updateCheckpoint({ ...place, partitionId: "0", sequenceNumber: 10, offset: "1000" });
  assert.deepEqual(tool(azurite, "list"), ["0 10 1000", "1 9 2:900:3"]);

  // Ownership beside it is none of ours, and stays as it is.
  const claimed = await store.claimOwnership([{ ...place, partitionId: "0", ownerId: "js" }]);
  assert.equal(claimed.length, 1);
  tool(azurite, "write", "0", 11, "1100");
  assert.deepEqual(tool(azurite, "list"), ["0 11 1100", "1 9 2:900:3"]);
  const owners = await store.listOwnership(place.fullyQualifiedNamespace, place.eventHubName,
                                           place.consumerGroup);
  const unquoted = (etag) => etag.replaceAll('"', ""); // lists have them bare, headers in quotes
  assert.deepEqual(owners.map((o) => [o.partitionId, o.ownerId, unquoted(o.etag)]),
                   [["0", "js", unquoted(claimed[0].etag)]]);
});

test("what another writer left behind is shown, not taken", { skip }, async (t) => {
  const azurite = await startAzurite(t);
  const { client } = await open(azurite);
  await client.create();
  const folder = "contoso.servicebus.windows.net/hub-one/$default/checkpoint/";
  const put = (name, metadata) =>
    client.getBlockBlobClient(folder + name).upload("", 0, { metadata });
  await put("0", { SequenceNumber: "5", Offset: "50", ClientIdentifier: "net" });
  await put("1", { sequencenumber: "6" });
  await put("2", { offset: "70" });
  await put("3", { sequencenumber: "many", offset: "80" });
  await put("4", undefined);
  assert.deepEqual(tool(azurite, "list").map((line) => line.trimEnd()), [
    "0 5 50", "1 6", "2 -1 70",
    '3 unreadable no position: sequencenumber "many", offset "80"',
    '4 unreadable no position: sequencenumber "", offset ""',
  ]);
});
