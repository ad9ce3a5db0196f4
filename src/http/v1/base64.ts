import { ServiceError } from '../../errors.ts';

const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/;

const invalid = (sentence: string, cause?: unknown): ServiceError =>
  new ServiceError('invalid_request', sentence, { cause });

/** The base64 of a data: URL, which may be written with percent signs. Throws `invalid_request`. */
function payloadOfUrl(url: string, name: string): string {
  const comma = url.indexOf(',');
  if (comma < 0 || !/;\s*base64\s*$/i.test(url.slice(0, comma))) {
    throw invalid(`The ${name} is a data: URL without base64; write it as "data:image/png;base64,...".`);
  }
  const payload = url.slice(comma + 1);
  if (!payload.includes('%')) return payload;
  try {
    return decodeURIComponent(payload);
  } catch (cause) {
    throw invalid(`The ${name} is a data: URL that is broken: a percent sign has no number.`, cause);
  }
}

/**
 * The bytes of base64 as clients really send it: in either alphabet, with or without line breaks, padded or
 * not, and as a data: URL. `name` says where it came from. Throws `invalid_request`.
 */
export function bytesOfBase64(given: string, name: string): Buffer {
  if (/^\s*https?:/i.test(given)) {
    throw invalid(`The ${name} is an address, and nothing is fetched from there; send the image in base64.`);
  }
  const text = /^\s*data:/i.test(given) ? payloadOfUrl(given, name) : given;
  // Encoding a form turns each space into a plus, so nobody can tell which spaces were pluses.
  if (/[^\s] +[^\s]/.test(text)) {
    throw invalid(
      `The ${name} has spaces in it, where base64 has "+"; something on its way took it for a form.`,
    );
  }
  const base64 = /\s/.test(text) ? text.replaceAll(/\s+/g, '') : text;
  if (!BASE64.test(base64)) throw invalid(`The ${name} is not base64: ${oddCharacter(base64)}.`);
  if (base64.replace(/=+$/, '').length % 4 === 1) {
    throw invalid(`The ${name} is not base64, or cut short: no text in base64 has its length.`);
  }
  return Buffer.from(base64, 'base64');
}

function oddCharacter(text: string): string {
  // A "=" is odd only where nothing else is: the text may end in some.
  const other = text.search(/[^A-Za-z0-9+/_=-]/);
  const at = other >= 0 ? other : text.indexOf('=');
  return `at place ${at + 1} it has ${JSON.stringify(String.fromCodePoint(text.codePointAt(at)!))}`;
}
