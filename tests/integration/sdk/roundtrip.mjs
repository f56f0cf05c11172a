// SPDX-License-Identifier: Apache-2.0
// A program of its own, because the CA to trust is set by the environment: sends 200 events and reads
// them back. Prints their numbers as JSON.
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from "@azure/event-hubs";

const [connectionString, hub] = process.argv.slice(2);
const options = { retryOptions: { maxRetries: 0, timeoutInMs: 10000 } };
const producer = new EventHubProducerClient(connectionString, hub, options);
try {
  const batch = await producer.createBatch({ partitionId: "0" });
  for (let number = 0; number < 200; number++) {
    batch.tryAdd({ body: { number, pad: "x".repeat(2000) } });
  }
  await producer.sendBatch(batch);
} catch (error) {
  console.error(`${error.code} ${error.message}`);
  process.exit(1);
}
const consumer = new EventHubConsumerClient("$Default", connectionString, hub, options);
const numbers = [];
await new Promise((resolve, reject) => {
  consumer.subscribe("0", {
    async processEvents(events) {
      numbers.push(...events.map((e) => e.body.number));
      if (numbers.length >= 200) {
        resolve();
      }
    },
    async processError(error) {
      reject(error);
    },
  }, { startPosition: earliestEventPosition, maxBatchSize: 100, maxWaitTimeInSeconds: 1 });
});
console.log(JSON.stringify(numbers));
await consumer.close();
await producer.close();
