// SPDX-License-Identifier: Apache-2.0
// Small wrappers around Microsoft's clients that the peer tests share.
import { EventHubConsumerClient, EventHubProducerClient } from "@azure/event-hubs";

import { atEnd } from "./lib.mjs";

/** Retries at once: the SDK's default waits 30 s between tries. */
export const quickRetry = { retryOptions: { retryDelayInMs: 50, maxRetries: 20 } };

export function producer(t, emulator, options = {}) {
  const client = new EventHubProducerClient(emulator.connectionString, emulator.hub,
                                            { ...quickRetry, ...options });
  atEnd(t, () => client.close().catch(() => {}));
  return client;
}

export function consumer(t, emulator, options = {}, group = "$Default", store = undefined) {
  const client = store
    ? new EventHubConsumerClient(group, emulator.connectionString, emulator.hub, store,
                                 { ...quickRetry, ...options })
    : new EventHubConsumerClient(group, emulator.connectionString, emulator.hub,
                                 { ...quickRetry, ...options });
  atEnd(t, () => client.close().catch(() => {}));
  return client;
}

/** Subscribes and collects: { events, errors, closed, close() }. Without partition: all of them. */
export function collect(t, client, { partition, ...options } = {}) {
  const seen = { events: [], errors: [], closed: [] };
  const handlers = {
    async processEvents(events, context) {
      for (const event of events) {
        seen.events.push({ ...event, partition: context.partitionId, context });
      }
      seen.context = context;
    },
    async processError(error, context) {
      seen.errors.push({ code: error.code ?? error.name, message: error.message, partition: context.partitionId });
    },
    async processClose(reason, context) {
      seen.closed.push({ reason, partition: context.partitionId });
    },
  };
  const all = { maxBatchSize: 50, maxWaitTimeInSeconds: 1, ...options };
  const subscription = partition === undefined
    ? client.subscribe(handlers, all)
    : client.subscribe(String(partition), handlers, all);
  seen.close = () => subscription.close();
  atEnd(t, () => subscription.close().catch(() => {}));
  return seen;
}

export async function sendNumbers(client, from, to, options = {}) {
  const batch = await client.createBatch(options);
  for (let i = from; i < to; i++) {
    if (!batch.tryAdd({ body: { number: i } })) {
      throw new Error("the batch is full");
    }
  }
  await client.sendBatch(batch);
}
