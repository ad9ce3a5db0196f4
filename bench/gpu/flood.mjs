/**
 * A client of served.mjs, in a process of its own: one event loop alone sends fewer requests a second than a
 * server with a GPU answers. Reads `{url, files, count, atATime}` as one line, posts the files in turn, and
 * prints the latencies in milliseconds and how often each status came.
 */
import { readFileSync } from 'node:fs';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { send } from '../serve.mjs';

async function flood({ url, files, count, atATime }) {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atATime });
  const bodies = files.map((file) => readFileSync(file));
  const latencies = [];
  const statuses = {};
  let next = 0;
  async function client() {
    while (next < count) {
      const body = bodies[next++ % bodies.length];
      const headers = { 'content-type': 'application/octet-stream', 'content-length': body.length };
      const start = performance.now();
      const status = await send(url, { method: 'POST', agent, headers }, body);
      latencies.push(performance.now() - start);
      statuses[status] = (statuses[status] ?? 0) + 1;
    }
  }
  await Promise.all(Array.from({ length: atATime }, client));
  agent.destroy();
  return { latencies, statuses };
}

for await (const line of createInterface(process.stdin))
  console.log(JSON.stringify(await flood(JSON.parse(line))));
