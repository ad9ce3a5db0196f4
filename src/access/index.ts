export type { Access, Caller, Priority, Scope } from './access.ts';
export { createKey, digestOf } from './key.ts';
export { isKeyName, parseKeyFile } from './key-file.ts';
export { type Keyring, type KeyringObserver, openKeyring } from './keyring.ts';
export { createLimiter, type Limiter, type RateLimits } from './limiter.ts';
