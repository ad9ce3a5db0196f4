import { createHash, randomBytes } from 'node:crypto';

/** 256 bits cannot be guessed, not even with the digest at hand. */
const KEY_BYTES = 32;

/** A new key. The prefix lets people and scanners of leaked secrets see what it is. */
export const createKey = (): string => `dent_${randomBytes(KEY_BYTES).toString('base64url')}`;

/**
 * The SHA-256 of a key in hexadecimal, as the key file has it. A slow hash protects passwords, which people
 * choose and others guess. Nobody finds a random key by trying, and a slow hash would let strangers keep the
 * server busy.
 */
export const digestOf = (key: string): string => createHash('sha256').update(key).digest('hex');
