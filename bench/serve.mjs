/** What several measurements share: a `dent serve` of their own, and requests to it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));

/**
 * Starts the built `dent serve` on a free port with these options. Resolves when it is ready: its log says
 * so, and is read and thrown away from then on, as if by a quick collector.
 */
export async function startServe({ options = [], env = {}, nodeOptions = [], limitMs = 60_000 } = {}) {
  const child = spawn(process.execPath, [...nodeOptions, CLI, 'serve', '--port', '0', ...options], {
    cwd: fileURLToPath(new URL('..', import.meta.url)),
    env: { ...process.env, DENT_LOG_LEVEL: 'info', DENT_DRAIN_DELAY_MS: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit').then(([code, signal]) => code ?? signal);
  const timer = setTimeout(() => child.kill('SIGKILL'), limitMs);
  try {
    for await (const line of createInterface(child.stdout)) {
      const { msg, url } = JSON.parse(line);
      if (!msg?.startsWith('ready')) continue;
      child.stdout.resume();
      return { child, exited, url, port: Number(new URL(url).port) };
    }
  } finally {
    clearTimeout(timer);
  }
  throw new Error(`The server ended with ${await exited} before it was ready.`);
}

/** Ends a server, which answers what it has accepted. */
export async function stopServe({ child, exited }) {
  child.kill('SIGTERM');
  await exited;
}

/** One request, on a connection of its own where `agent` is false: its status. */
export const send = (url, options, body) =>
  new Promise((resolve, reject) => {
    const request = http.request(url, options, (response) =>
      response.resume().on('end', () => resolve(response.statusCode)),
    );
    request.on('error', reject).end(body);
  });
