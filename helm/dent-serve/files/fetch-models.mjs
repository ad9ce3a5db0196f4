// Fetches the archive at MODELS_URL into MODELS_DIR, and unpacks it there only if its SHA-256 is
// MODELS_SHA256. The init container of `models.source: download` runs it. It never prints the URL, which may
// hold a token.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

const { MODELS_URL, MODELS_SHA256, MODELS_MAX_BYTES, MODELS_DIR } = process.env;
const archive = join(MODELS_DIR, '.archive');

/** Passes bytes on, counts and hashes them. */
async function* measured(chunks, hash) {
  let bytes = 0;
  for await (const chunk of chunks) {
    bytes += chunk.length;
    if (bytes > Number(MODELS_MAX_BYTES)) {
      throw new Error(`The archive is larger than models.download.maxBytes, ${MODELS_MAX_BYTES} bytes.`);
    }
    hash.update(chunk);
    yield chunk;
  }
}

async function download() {
  const response = await fetch(MODELS_URL).catch(({ cause }) => {
    throw new Error(`The server of the models cannot be reached: ${cause?.code ?? cause?.message}.`);
  });
  if (!response.ok) throw new Error(`The server of the models answered with ${response.status}.`);
  const hash = createHash('sha256');
  // Opened before the first byte. A stream that opens the file itself may do so after a refusal has removed
  // it.
  const file = await open(archive, 'w');
  await pipeline(measured(Readable.fromWeb(response.body), hash), file.createWriteStream());
  const sha256 = hash.digest('hex');
  if (sha256 !== MODELS_SHA256) {
    throw new Error(`The archive has the SHA-256 ${sha256}, not ${MODELS_SHA256}: it is not unpacked.`);
  }
}

function unpack() {
  const { status, stderr, error } = spawnSync(
    'tar',
    ['--extract', '--file', archive, '--directory', MODELS_DIR, '--no-same-owner', '--no-same-permissions'],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`The archive cannot be unpacked: ${error?.message ?? stderr.trim()}`);
}

try {
  await download();
  unpack();
  const models = readdirSync(MODELS_DIR).filter((name) => existsSync(join(MODELS_DIR, name, 'model.json')));
  if (models.length === 0) throw new Error('The archive has no <name>/model.json at its top.');
  console.log(`fetched ${models.join(', ')}`);
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
} finally {
  rmSync(archive, { force: true });
}
