export type { Access } from './access.ts';
export { createKey, digestOf } from './key.ts';
export { isKeyName, parseKeyFile } from './key-file.ts';
export { type Keyring, openKeyring } from './keyring.ts';
export { createLimiter, type Limiter, type RateLimits } from './limiter.ts';
