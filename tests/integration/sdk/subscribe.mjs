// SPDX-License-Identifier: Apache-2.0
// A program of its own, because the SDK keeps timers of a minute when an ATTACH is not answered:
// reads partition 0 from the start, prints each body on a line, and is ended by a signal.
import { EventHubConsumerClient, earliestEventPosition } from "@azure/event-hubs";

import { quickRetry } from "./clients.mjs";

const [connectionString, hub] = process.argv.slice(2);
new EventHubConsumerClient("$Default", connectionString, hub, quickRetry).subscribe("0", {
  async processEvents(events) {
    for (const event of events) {
      console.log(JSON.stringify(event.body));
    }
  },
  async processError(error) {
    console.error(error.message);
  },
}, { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 });
