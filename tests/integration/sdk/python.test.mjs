// SPDX-License-Identifier: Apache-2.0
// Debian's python3-azure against the emulator. That SDK knows port 5671 only, so the emulator
// listens there on a loopback address of its own; it is skipped where the package is missing.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import { here, key, keyName, makeCertificates, startEmulator, startProgram } from "./lib.mjs";

const host = "127.0.0.7";
const python = "/usr/bin/python3";
const missing = spawnSync(python, ["-c", "import azure.eventhub"]).status !== 0;

test("azure-eventhub for Python produces, consumes, reads properties and is ousted", {
  skip: missing && "python3-azure is not installed", timeout: 180000,
}, async (t) => {
  const certificates = makeCertificates(t, ["localhost", host]);
  await startEmulator(t, { partitions: 2, tls: { ...certificates, listen: `${host}:5671` } });
  const access = `SharedAccessKeyName=${keyName};SharedAccessKey=${key}`;
  const run = startProgram(t, python, [
    join(here, "azure_eventhub_peer.py"), `Endpoint=sb://${host}/;${access}`, "hub", certificates.ca,
  ]);
  const end = await run.ended;
  assert.equal(end.code, 0, run.stderr);
  const seen = JSON.parse(run.stdout);
  assert.equal(seen.hub, "hub");
  assert.deepEqual(seen.partitions, ["0", "1"]);
  assert.equal(seen.empty, true);
  assert.equal(seen.last, 2);
  const zero = seen.events.filter((e) => e.partition === "0");
  assert.deepEqual(zero.map((e) => e.body), ['{"a":1}', '{"b":2}', "single"]);
  assert.deepEqual(zero.map((e) => e.sequence), [0, 1, 2]);
  assert.deepEqual(zero[0].properties, { x: "y" });
  assert.equal(zero[2].offset, seen.last_offset);
  const keyed = seen.events.filter((e) => e.partition === "1"); // pk1 hashes to partition 1 of 2
  assert.deepEqual(keyed.map((e) => [e.body, e.key]), [["keyed", "pk1"]]);
  assert.deepEqual(seen.after.map((e) => e.sequence), [2]);
  assert.deepEqual(seen.metrics.map((e) => e.body), ['{"a":1}', '{"b":2}', "single"]);
  assert.match(seen.stolen.join("\n"), /New receiver .* with higher epoch of '2' is created/);
});
