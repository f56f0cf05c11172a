// SPDX-License-Identifier: Apache-2.0
// What all peer tests share: start programs on ports that the system picks, wait for conditions,
// stop by pid. HUBDRAIN_BUILD names the build directory.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import net from "node:net";

export const here = dirname(fileURLToPath(import.meta.url));

export function buildDir() {
  const dir = process.env.HUBDRAIN_BUILD;
  if (!dir) {
    throw new Error("HUBDRAIN_BUILD must name the build directory");
  }
  return dir;
}

export const emulatorProgram = () => join(buildDir(), "emulator", "hubdrain-emulator");
export const hubdrainProgram = () => join(buildDir(), "hubdrain");

const ends = new WeakMap();

/** Like t.after(), but the last registered runs first: clients close before what they talk to. */
export function atEnd(t, action) {
  if (!t) {
    return;
  }
  if (!ends.has(t)) {
    const actions = [];
    ends.set(t, actions);
    t.after(async () => {
      for (const each of actions.reverse()) {
        await each();
      }
    });
  }
  ends.get(t).push(action);
}

export function temporaryDir(t, prefix = "hubdrain-test-") {
  const dir = mkdtempSync(join(tmpdir(), prefix));
  atEnd(t, () => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Polls until check() gives something truthy, and returns it. Errors of check() count as "not yet". */
export async function waitFor(what, check, { timeoutMs = 30000, everyMs = 25 } = {}) {
  const deadline = Date.now() + timeoutMs;
  let last;
  for (;;) {
    try {
      const value = await check();
      if (value) {
        return value;
      }
    } catch (error) {
      last = error;
    }
    if (Date.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms for: ${what}${last ? ` (last error: ${last.message})` : ""}`);
    }
    await new Promise((resolve) => setTimeout(resolve, everyMs));
  }
}

/** A child process with what it printed; stop() sends SIGTERM (then SIGKILL) and waits for its end. */
export function startProgram(t, program, args, { env = {}, cwd, input = "ignore" } = {}) {
  const child = spawn(program, args, {
    env: { ...process.env, ...env }, cwd, stdio: [input, "pipe", "pipe"],
  });
  const running = { child, pid: child.pid, stdout: "", stderr: "", exit: undefined };
  child.stdout.setEncoding("utf8").on("data", (text) => { running.stdout += text; });
  child.stderr.setEncoding("utf8").on("data", (text) => { running.stderr += text; });
  running.ended = new Promise((resolve) => {
    child.on("error", (error) => { running.exit = { error }; resolve(running.exit); });
    child.on("close", (code, signal) => { running.exit = { code, signal }; resolve(running.exit); });
  });
  running.stop = async (signal = "SIGTERM") => {
    if (!running.exit) {
      child.kill(signal);
      const timer = setTimeout(() => child.kill("SIGKILL"), 20000);
      await running.ended;
      clearTimeout(timer);
    }
    return running.exit;
  };
  atEnd(t, () => running.stop());
  return running;
}

export const keyName = "RootManageSharedAccessKey";
export const key = "SAS_KEY_VALUE";

/**
 * Starts hubdrain-emulator on free ports. options: hub, partitions, groups, tls ({cert, key} files,
 * listen address), args (more of them).
 * Returns { host, port, tlsPort, adminPort, connectionString, tlsConnectionString, stop, state,
 * fault, clearFaults, append, recreate }.
 */
export async function startEmulator(t, options = {}) {
  const { hub = "hub", partitions = 2, groups = [], tls, args = [], listen = "127.0.0.1:0" } = options;
  const all = ["--listen", listen, "--admin", "127.0.0.1:0", "--hub", hub,
               "--partitions", String(partitions)];
  for (const group of groups) {
    all.push("--consumer-group", group);
  }
  if (tls) {
    all.push("--tls-listen", tls.listen ?? "127.0.0.1:0", "--tls-cert", tls.cert, "--tls-key", tls.key);
  }
  const program = startProgram(t, emulatorProgram(), [...all, ...args]);
  const line = await waitFor("the emulator to listen", () => {
    if (program.exit) {
      throw new Error(`the emulator ended: ${JSON.stringify(program.exit)} ${program.stderr}`);
    }
    return program.stdout.match(/^listening .*\n/m)?.[0];
  }, { timeoutMs: 60000 });
  const port = Number(line.match(/ amqp=\S*:(\d+)/)?.[1] ?? 0);
  const tlsPort = Number(line.match(/ amqps=\S*:(\d+)/)?.[1] ?? 0);
  const adminPort = Number(line.match(/ admin=\S*:(\d+)/)?.[1] ?? 0);
  const base = `http://127.0.0.1:${adminPort}`;
  const call = async (method, path, body) => {
    const response = await fetch(base + path, { method, body });
    const text = await response.text();
    if (!response.ok) {
      throw new Error(`${method} ${path}: ${response.status} ${text}`);
    }
    return JSON.parse(text);
  };
  const access = `SharedAccessKeyName=${keyName};SharedAccessKey=${key}`;
  return {
    ...program, program, hub, port, tlsPort, adminPort, host: "127.0.0.1", base, stop: program.stop,
    connectionString: `Endpoint=sb://localhost:${port};${access};UseDevelopmentEmulator=true`,
    tlsConnectionString: `Endpoint=sb://localhost:${tlsPort};${access}`,
    state: () => call("GET", "/state"),
    health: () => call("GET", "/health"),
    fault: (fault) => call("POST", "/faults", JSON.stringify(fault)),
    clearFaults: () => call("DELETE", "/faults"),
    append: (partition, body, name = hub) =>
      call("POST", `/append?hub=${encodeURIComponent(name)}&partition=${partition}`, body),
    recreate: (name = hub) => call("POST", `/recreate?hub=${encodeURIComponent(name)}`),
    /** All links of one kind ("consumer", "producer"), with their connection's id. */
    links: async (kind) => (await call("GET", "/state")).connections.flatMap((c) =>
      c.links.filter((l) => l.kind === kind).map((l) => ({ connection: c.id, ...l }))),
    partition: async (id, name = hub) => (await call("GET", "/state")).hubs
      .find((h) => h.name === name).partitions.find((p) => p.id === String(id)),
  };
}

export const storageAccount = "devstoreaccount1";
export const storageKey =
  "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

export async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Starts Azurite's blob service. Returns { port, endpoint, connectionString, stop }. */
export async function startAzurite(t) {
  const dir = temporaryDir(t, "hubdrain-azurite-");
  const program = startProgram(t, process.execPath, [
    join(here, "node_modules", "azurite", "dist", "src", "blob", "main.js"),
    "--blobHost", "127.0.0.1", "--blobPort", "0", "--location", dir,
    "--silent", "--skipApiVersionCheck", "--disableTelemetry",
  ]);
  const port = await waitFor("Azurite to listen", () => {
    if (program.exit) {
      throw new Error(`Azurite ended: ${program.stderr} ${program.stdout}`);
    }
    return Number(program.stdout.match(/listen(?:s|ing).*?:(\d+)/)?.[1] ?? 0);
  }, { timeoutMs: 60000 });
  const endpoint = `http://127.0.0.1:${port}/${storageAccount}`;
  return {
    ...program, program, port, endpoint, stop: program.stop,
    connectionString: `DefaultEndpointsProtocol=http;AccountName=${storageAccount};` +
      `AccountKey=${storageKey};BlobEndpoint=${endpoint};`,
  };
}

/** A private CA and a server certificate for the names, made with openssl. */
export function makeCertificates(t, names = ["localhost", "127.0.0.1"]) {
  const dir = temporaryDir(t, "hubdrain-ca-");
  const run = (...args) => {
    const result = spawnSync("openssl", args, { cwd: dir, encoding: "utf8" });
    if (result.status !== 0) {
      throw new Error(`openssl ${args[0]}: ${result.stderr}`);
    }
  };
  const san = names.map((n) => (net.isIP(n) ? `IP:${n}` : `DNS:${n}`)).join(",");
  run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
      "-subj", "/CN=hubdrain test CA", "-keyout", "ca.key", "-out", "ca.pem");
  run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-subj", `/CN=${names[0]}`, "-addext", `subjectAltName=${san}`,
      "-keyout", "server.key", "-out", "server.csr");
  run("x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial",
      "-days", "2", "-copy_extensions", "copy", "-out", "server.pem");
  return { dir, ca: join(dir, "ca.pem"), cert: join(dir, "server.pem"), key: join(dir, "server.key") };
}

export { existsSync, mkdirSync };
