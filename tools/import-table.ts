import type { Ban } from './bans.ts'

/** A part of the house with its own rights. */
export interface Room {
  /** One clause: what this room is for, and so why it may import no more. */
  readonly purpose: string
  /** Files, and folders with a slash at the end. The longest match decides which room a file is in. */
  readonly at: readonly string[]
  /**
   * What the room may import: other rooms (`#name`), packages (`@fastify/*` for all of a scope), Node's own modules
   * (`node:fs`, `node:*`), a module whose name is computed (`?`). A room may always import itself.
   */
  readonly may: readonly string[] | 'anything'
  /** What it may import with `import type` alone, beyond that. */
  readonly types?: readonly string[]
  /** What it does without. */
  readonly without?: readonly Ban[]
}

const FILES = ['node:fs', 'node:fs/promises', 'node:path', 'node:url']
const PURE = ['async', 'clock', 'chance', 'window messages'] as const

/**
 * The import table. Rows stand from the ground floor up: a row names only rows above itself, so there are no cycles.
 * A file in no row, a row with no file, and a name that is not in the row are all refused.
 */
export const ROOMS = {
  'contract/frame-messages': {
    purpose: 'what page and frame say to each other, loaded by both',
    at: ['packages/contract/src/frame-messages.ts', 'packages/contract/src/frame-texts.ts'],
    may: [],
    without: [...PURE],
  },
  contract: {
    purpose: 'what is said on the wire',
    at: ['packages/contract/src/'],
    may: ['#contract/frame-messages', 'typebox'],
    without: [...PURE],
  },
  'content-cipher/lengths': {
    purpose: 'how long an encrypted value is, for whoever must know it beforehand',
    at: ['packages/content-cipher/src/lengths.ts'],
    may: [],
    without: [...PURE],
  },
  'content-cipher/file-envelope': {
    purpose: 'how a file is one value with its name and type, for whoever stores or shows one',
    at: ['packages/content-cipher/src/file-envelope.ts', 'packages/content-cipher/src/content-error.ts'],
    may: [],
    without: [...PURE],
  },
  'content-cipher': {
    purpose: 'end-to-end encryption with WebCrypto alone, on every platform',
    at: ['packages/content-cipher/src/'],
    may: ['#content-cipher/lengths', '#content-cipher/file-envelope'],
    without: ['clock', 'window messages'],
  },
  'audit-log': {
    purpose:
      'the audit log as a verifiable log: for whoever writes it, and for whoever checks it and trusts nobody',
    at: ['packages/audit-log/src/'],
    may: ['node:crypto'],
    without: ['clock', 'chance'],
  },
  'core/domain': {
    purpose: 'the rules, pure and synchronous',
    at: ['packages/core/src/domain/'],
    may: ['#contract'],
    without: [...PURE],
  },
  'core/crypto': {
    purpose: 'the only files that see key bytes',
    at: ['packages/core/src/crypto/'],
    may: ['#contract', '#audit-log', 'node:crypto'],
    without: ['clock'],
  },
  'core/ports': {
    purpose: 'what the rules need from the world, and how it fails; no implementation of it',
    at: ['packages/core/src/ports.ts', 'packages/core/src/port-failure.ts'],
    may: [],
    types: ['#contract', '#core/domain', '#core/crypto'],
  },
  'core/operations': {
    purpose: 'one file a verb, over domain, crypto and ports',
    at: ['packages/core/src/operations/'],
    may: [
      '#contract',
      '#content-cipher/lengths',
      '#audit-log',
      '#core/domain',
      '#core/crypto',
      '#core/ports',
    ],
    without: ['clock', 'chance'],
  },
  core: {
    purpose: 'the door of core',
    at: ['packages/core/src/index.ts'],
    may: ['#core/domain', '#core/crypto', '#core/ports', '#core/operations'],
  },
  'core/port-contracts': {
    purpose: 'the suites that every adapter must pass, also in processes of their own',
    at: ['packages/core/src/port-contracts/'],
    may: [
      ...['#contract', '#core/domain', '#core/crypto', '#core/ports'],
      ...['vitest', 'fast-check', 'node:*', '?'],
    ],
  },
  'stores/limits': {
    purpose: 'what limiters over any store have in common, and the one in memory that stands in for them',
    at: ['packages/stores/src/limits/'],
    may: ['#core'],
  },
  'stores/sqlite': {
    purpose: 'the database port over its one driver',
    at: ['packages/stores/src/sqlite/'],
    may: [
      '#contract',
      '#core',
      '#stores/limits',
      'node:sqlite',
      'node:crypto',
      'node:timers/promises',
      ...FILES,
    ],
  },
  'stores/postgres': {
    purpose: 'the database port over its one driver',
    at: ['packages/stores/src/postgres/'],
    may: [
      '#contract',
      '#core',
      '#stores/limits',
      'pg',
      'node:crypto',
      'node:fs/promises',
      'node:timers/promises',
    ],
  },
  'stores/s3': {
    purpose: 'the object store port over HTTP',
    at: ['packages/stores/src/s3/'],
    may: [
      ...['#contract', '#core', '#core/crypto', 'node:crypto', 'node:fs', 'node:timers/promises'],
      ...['undici', 'cockatiel', 'fast-xml-parser', '@aws-sdk/credential-provider-node'],
    ],
  },
  'stores/root-keys': {
    purpose:
      'the root key port: files, variables, HSMs, KMS, Vault; each driver is loaded only where it is used',
    at: ['packages/stores/src/root-keys/'],
    may: [
      ...['#contract', '#core', 'node:crypto', ...FILES],
      ...['cockatiel', 'undici', '@aws-sdk/client-kms', 'koffi'],
    ],
  },
  authorizers: {
    purpose: 'policies, and the only place that runs them',
    at: ['packages/authorizers/src/'],
    may: ['#contract', '#core', '@cedar-policy/cedar-wasm', 'node:*', '?'],
  },
  'object-store': {
    purpose: 'an S3-compatible server of its own over a folder',
    at: ['packages/object-store/src/'],
    may: [
      ...['#core', '#core/crypto', 'node:*'],
      ...['@aws-crypto/crc32c', '@aws-sdk/crc64-nvme', 'fast-xml-parser'],
    ],
  },
  'secure-frame': {
    purpose: 'the only place in the browser that sees a value',
    at: ['packages/secure-frame/src/frame/'],
    may: ['#contract/frame-messages', '#content-cipher', '#content-cipher/file-envelope'],
    types: ['#contract'],
  },
  'secure-frame/assets': {
    purpose: 'the Node side of the frame: bundles it, never runs it',
    at: ['packages/secure-frame/src/assets.ts', 'packages/secure-frame/src/assets/'],
    may: ['#contract/frame-messages', 'esbuild', 'node:crypto', 'node:zlib', ...FILES],
    types: ['#contract', '#secure-frame'],
  },
  'tokenizer/http': {
    purpose: 'the only part that speaks HTTP; it is handed stores and settings',
    at: ['packages/tokenizer/src/http/'],
    may: [
      '#contract',
      '#contract/frame-messages',
      '#audit-log',
      '#core',
      'fastify',
      '@fastify/*',
      'typebox',
      'jose',
      'ipaddr.js',
      'node:crypto',
    ],
    types: ['pino'],
  },
  'tokenizer/config': {
    purpose: 'reads the settings whole, once',
    at: [
      'packages/tokenizer/src/config.ts',
      'packages/tokenizer/src/config-alarms.ts',
      'packages/tokenizer/src/config-authorizers.ts',
      'packages/tokenizer/src/config-frame.ts',
      'packages/tokenizer/src/config-limits.ts',
      'packages/tokenizer/src/config-signals.ts',
      'packages/tokenizer/src/config-texts.ts',
      'packages/tokenizer/src/config-object-store.ts',
      'packages/tokenizer/src/config-root-keys.ts',
    ],
    // `core` for durations, as callers write them, and for the limits that settings replace.
    may: ['#contract', '#core', 'typebox', 'node:net'],
  },
  'tokenizer/asking': {
    purpose: 'asks servers that the settings name',
    at: ['packages/tokenizer/src/ask-server.ts'],
    may: ['node:http', 'node:https'],
  },
  'tokenizer/key-sets': {
    purpose: 'asks the servers of apps for their public keys, and nobody for anything else',
    at: ['packages/tokenizer/src/fetch-key-set.ts'],
    may: ['#tokenizer/asking', 'node:fs'],
    types: ['node:http'],
  },
  'tokenizer/webhooks': {
    purpose: 'tells of alarms at the URLs of the settings, and speaks to nobody else',
    at: ['packages/tokenizer/src/send-webhook.ts'],
    may: ['#tokenizer/asking', 'node:crypto', 'node:fs'],
    types: ['#core', '#tokenizer/config'],
  },
  'tokenizer/fonts': {
    purpose: 'reads the fonts of the settings, and no other file',
    at: ['packages/tokenizer/src/frame-fonts.ts'],
    may: ['#secure-frame/assets', '#tokenizer/config', ...FILES],
  },
  'tokenizer/jobs': {
    purpose: 'what runs by the clock',
    at: [
      'packages/tokenizer/src/rounds.ts',
      'packages/tokenizer/src/jobs.ts',
      'packages/tokenizer/src/audit-guard.ts',
      'packages/tokenizer/src/alarms.ts',
    ],
    may: ['#contract', '#core'],
    types: ['pino'],
  },
  'tokenizer/metrics': {
    purpose: 'counts what was answered',
    at: ['packages/tokenizer/src/metrics.ts'],
    may: ['prom-client'],
    types: ['#tokenizer/http'],
  },
  tokenizer: {
    purpose: 'the only wiring',
    at: [
      'packages/tokenizer/src/service.ts',
      'packages/tokenizer/src/live-keys.ts',
      'packages/tokenizer/src/audit-access.ts',
      'packages/tokenizer/src/loopback.ts',
      'packages/tokenizer/src/postgres-place.ts',
      'packages/tokenizer/src/maintenance.ts',
      'packages/tokenizer/src/environment.ts',
      'packages/tokenizer/src/index.ts',
    ],
    may: [
      ...['#contract', '#contract/frame-messages', '#core', '#secure-frame/assets'],
      ...[
        '#stores/sqlite',
        '#stores/postgres',
        '#stores/limits',
        '#stores/s3',
        '#stores/root-keys',
        '#authorizers',
        '#audit-log',
      ],
      ...[
        '#tokenizer/http',
        '#tokenizer/config',
        '#tokenizer/jobs',
        '#tokenizer/metrics',
        '#tokenizer/key-sets',
        '#tokenizer/webhooks',
        '#tokenizer/fonts',
      ],
      ...['pino', 'node:*'],
    ],
  },
  'tokenizer/commands': {
    purpose: 'what an operator runs; loads no service',
    at: ['packages/tokenizer/src/commands/'],
    may: ['#core', '#stores/s3', '#tokenizer/config', 'node:fs', 'node:util'],
  },
  browser: {
    purpose: 'the page side of the frame, free of frameworks',
    at: ['packages/browser/src/'],
    may: ['#contract/frame-messages'],
    types: ['#contract', 'svelte', 'vue'],
  },
  'react-sdk': {
    purpose: 'components over browser, which alone talks to frames',
    at: ['packages/react-sdk/src/'],
    may: ['#browser', 'react'],
    without: ['window messages'],
  },
  'node-sdk': {
    purpose: "the application's server: it speaks to the Tokenizer over the wire alone",
    at: ['packages/node-sdk/src/'],
    may: ['#contract', '#content-cipher', '#content-cipher/lengths', '#audit-log', 'jose', 'node:*'],
    types: ['express'],
  },
  cli: {
    purpose: 'the lunadefend command; what needs an installation loads the Tokenizer',
    at: ['packages/cli/src/'],
    may: [
      '#contract',
      '#core',
      '#audit-log',
      '#authorizers',
      '#node-sdk',
      '#tokenizer',
      '#tokenizer/config',
      'node:*',
    ],
  },
  testing: { purpose: 'a whole LunaDefend in one process', at: ['packages/testing/src/'], may: 'anything' },
  demo: { purpose: 'a small real application', at: ['apps/demo/src/'], may: 'anything' },
  gallery: { purpose: 'every component, to look at', at: ['apps/gallery/src/'], may: 'anything' },
} as const satisfies Record<string, Room>

/** The one file of each program that reads `process.env`; everything else is handed its settings. */
export const ENVIRONMENT: readonly string[] = [
  'apps/demo/src/environment.ts',
  'packages/tokenizer/src/environment.ts',
]

export interface ImportTable {
  readonly rooms: Readonly<Record<string, Room>>
  readonly environment: readonly string[]
}
