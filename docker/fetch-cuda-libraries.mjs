// Puts ONNX Runtime's CUDA libraries beside its binaries in ./node_modules, from the NuGet package that onnxruntime-node itself would take them
// from. Its install script would do the same and look at no hash; here nothing is unpacked before the hash is right.
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, resolve } from 'node:path';

const { ONNXRUNTIME_GPU_SHA256 = '', NUGET_URL = 'https://api.nuget.org/v3-flatcontainer' } = process.env;
const PACKAGE = 'microsoft.ml.onnxruntime.gpu.linux';
/** TensorRT's is left out: nothing here uses it. */
const LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

const runtime = resolve('node_modules/onnxruntime-node');
const { version } = JSON.parse(readFileSync(`${runtime}/package.json`, 'utf8'));
const url = `${NUGET_URL}/${PACKAGE}/${version}/${PACKAGE}.${version}.nupkg`;

async function download() {
  if (!/^[0-9a-f]{64}$/.test(ONNXRUNTIME_GPU_SHA256)) {
    throw new Error(`ONNXRUNTIME_GPU_SHA256 must be the SHA-256 of ${url} in lowercase hex.`);
  }
  const response = await fetch(url).catch(({ cause }) => {
    throw new Error(`${url} cannot be reached: ${cause?.code ?? cause?.message}.`);
  });
  if (!response.ok) throw new Error(`${url} was answered with ${response.status}.`);
  const bytes = Buffer.from(await response.arrayBuffer());
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (sha256 !== ONNXRUNTIME_GPU_SHA256) {
    throw new Error(`${url} has the SHA-256 ${sha256}, not ${ONNXRUNTIME_GPU_SHA256}.`);
  }
  return bytes;
}

/** A package is a ZIP file; the reader is onnxruntime-node's own. */
function unpack(bytes) {
  const Zip = createRequire(`${runtime}/script/install.js`)('adm-zip');
  const zip = new Zip(bytes);
  for (const library of LIBRARIES) {
    const entry = zip.getEntry(`runtimes/linux-x64/native/${library}`);
    if (!entry) throw new Error(`${basename(url)} has no ${library}.`);
    writeFileSync(`${runtime}/bin/napi-v6/linux/x64/${library}`, entry.getData(), { mode: 0o755 });
  }
}

try {
  unpack(await download());
} catch (error) {
  process.stderr.write(`${error.message}\n`);
  process.exitCode = 1;
}
