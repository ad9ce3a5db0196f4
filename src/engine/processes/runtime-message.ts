/**
 * The place in ONNX Runtime's own sources at the start of its messages: file, line and the function's
 * signature.
 */
const SOURCE_LOCATION = /\/onnxruntime_src\/\S+:\d+ [^()]*\([^()]*\)(?: const)? /g;

/** "Load model from /some/path failed:", once or twice. Our name for the model says more than its path. */
const LOAD_PREFIX = /^(?:Load model (?:from )?.*? failed[:.] ?)+/;

/**
 * An error message of ONNX Runtime as one sentence, without its source locations and without the model's
 * path.
 */
export function cleanRuntimeMessage(message: string): string {
  const short = message.replace(LOAD_PREFIX, '').replaceAll(SOURCE_LOCATION, '');
  const line = short.replaceAll(/\s+/g, ' ').trim();
  return /[.!?]$/.test(line) ? line : `${line}.`;
}
