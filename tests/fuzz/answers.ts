import { generateKeyPairSync } from 'node:crypto'
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { expect } from 'vitest'
import { FILTERS, filterOf } from '../../packages/cli/src/audit-filter.ts'
import { COMMANDS } from '../../packages/cli/src/commands.ts'
import { CliFailure } from '../../packages/cli/src/failure.ts'
import { run } from '../../packages/cli/src/run.ts'
import { LunaDefendClientError } from '../../packages/node-sdk/src/client-error.ts'
import { readTime } from '../../packages/node-sdk/src/deletion.ts'
import { readProtection } from '../../packages/node-sdk/src/end-to-end.ts'
import { asMembers, readEnvelope, readResults } from '../../packages/node-sdk/src/envelope.ts'
import { readPresigned } from '../../packages/node-sdk/src/object-store.ts'
import { readSettings } from '../../packages/node-sdk/src/settings.ts'
import { answerSite } from '../../packages/node-sdk/src/site-routes.ts'
import { checkUpload } from '../../packages/node-sdk/src/upload-plan.ts'
import { type Target, target } from './guard.ts'
import { hostileJson, hostileJsonText, hostileText } from './hostile.ts'
import { token } from './names-and-times.ts'

const { privateKey } = generateKeyPairSync('ed25519')
const signingKey = { ...privateKey.export({ format: 'jwk' }), kid: 'k', alg: 'EdDSA' }
const options = { tokenizerUrl: 'https://tokens.example', app: 'shop', signingKey }
const settings = readSettings(options as never)
const isClientError = (error: unknown) => error instanceof LunaDefendClientError

const success = fc.record({
  success: fc.constant(true),
  error: fc.constant({}),
  data: fc.record({
    downloadUrl: fc.webUrl(),
    headers: fc.dictionary(fc.string({ maxLength: 9 }), fc.string({ maxLength: 9 })),
    e2e: fc.constant({ v: 1, alg: 'Cobblestone-256', key: 'A'.repeat(43) }),
    shreddedAt: fc.maxSafeInteger(),
  }),
})
const failure = fc.record({
  success: fc.constant(false),
  error: fc.record({
    name: fc.string({ maxLength: 20 }),
    message: token,
    code: fc.constantFrom('invalid_request', 'internal', 'toString'),
    requestId: fc.string({ maxLength: 20 }),
  }),
})
const results = fc.array(fc.oneof(success, failure), { maxLength: 3 }).map((items) => ({ results: items }))
const batch = results.map((data) => ({ success: true, error: {}, data }))
const answerOf = (text: string) => ({ status: 200, headers: new Headers(), bytes: Buffer.from(text) })

const asked = fc.constant({ thumbprint: 'A'.repeat(43), challenge: 'B'.repeat(90) })
const upload = fc.record({
  token,
  size: fc.integer({ min: 1, max: 100 }).map((parts) => parts * 8_388_608),
  partSize: fc.constant(8_388_608),
  partCount: fc.integer({ min: 1, max: 100 }),
  resumable: fc.boolean(),
})

const words = fc.constantFrom(
  ...['audit', 'verify', 'export', 'tail', 'find', 'key', 'policy', 'test', 'validate', 'dry-run', 'version'],
  ...[
    '--json',
    '--help',
    '--config',
    '/none/here',
    '--since',
    '90m',
    '--app',
    'shop',
    '--vkey',
    '--out',
    '--',
  ],
  ...['--export', '--policies', '--refused', '--__proto__=1', '--constructor', '-x', '', '--json=1', 'help'],
)

/** What came from elsewhere, at the server of an app and at an operator's machine. */
export const ANSWERS: readonly Target[] = [
  target({
    reads: 'answers of the Tokenizer, at the server of an app',
    file: 'node-sdk/envelope.ts',
    cases: hostileJsonText(fc.oneof(success, failure), 70_000),
    check: (text) => readEnvelope(answerOf(text), (data) => readPresigned(data, 'downloadUrl')),
    refuses: (error) => isClientError(error) && !/lunasec-[0-9a-f]/i.test(String(error)),
  }),
  target({
    reads: 'answers to a batch',
    file: 'node-sdk/envelope.ts',
    cases: hostileJsonText(batch, 70_000),
    check: (text) =>
      expect(readResults(answerOf(text), 2, (data) => readPresigned(data, 'downloadUrl')).length).toBe(2),
    refuses: isClientError,
  }),
  target({
    reads: 'times, keys and URLs in answers',
    file: 'node-sdk/object-store.ts',
    cases: hostileJson(success),
    check: (value) => {
      const data = asMembers(asMembers(value)?.['data'])
      if (data === null) return
      readTime(data['shreddedAt'])
      readProtection(data['e2e'], 'lunasec-0')
      const presigned = readPresigned(data, 'downloadUrl')
      if (presigned !== null) expect(URL.canParse(presigned.url)).toBe(true)
    },
  }),
  target({
    reads: 'an upload that was kept',
    file: 'node-sdk/upload-plan.ts',
    cases: hostileJson(upload),
    check: (given) => {
      const { plan } = checkUpload(given)
      expect(plan.partCount).toBe(Math.ceil(plan.length / plan.partSize))
    },
    refuses: isClientError,
  }),
  target({
    reads: 'the settings of the SDK',
    file: 'node-sdk/settings.ts',
    cases: hostileJson(fc.constant(options)),
    check: (given) => expect(readSettings(given as never).id).toBeTruthy(),
    refuses: isClientError,
    runs: 2_000,
  }),
  target({
    reads: "requests of a page for an assertion, at an app's server",
    file: 'node-sdk/site-routes.ts',
    cases: fc.tuple(
      hostileJsonText(asked, 4_096),
      hostileText(fc.constantFrom('application/json', 'application/json; charset=utf-8'), 512),
      hostileText(fc.constantFrom('https://shop.example', 'null'), 512),
    ),
    check: async ([body, type, origin]) => {
      const headers = new Headers()
      for (const [name, value] of [
        ['content-type', type],
        ['origin', origin],
      ] as const) {
        // What no HTTP client can send does not arrive.
        if (/^[\t -~]*$/.test(value)) headers.set(name, value)
      }
      const request = new Request('https://shop.example/.lunadefend/session', {
        method: 'POST',
        headers,
        body,
      })
      const site = { settings, origins: null }
      const { status } = await answerSite(site, request, { find: async () => ({ id: 'session' }), pin: null })
      expect([200, 400, 401, 403, 413, 415]).toContain(status)
    },
    runs: 3_000,
  }),
  target({
    reads: 'times and filters of the command line',
    file: 'cli/audit-filter.ts',
    cases: hostileText(fc.constantFrom('2026-03-01T12:00:00Z', '90m', '2026-03-01'), 2_048),
    check: (since) => {
      const lists = Object.entries(FILTERS).map(([name, { kind }]) => [
        name,
        kind === 'texts' ? [] : kind === 'flag' ? false : null,
      ])
      const filter = filterOf({ ...Object.fromEntries(lists), since } as never, Date.now())
      expect(Number.isFinite(filter.since)).toBe(true)
    },
    refuses: (error) => error instanceof CliFailure,
  }),
  target({
    reads: 'command lines',
    file: 'cli/run.ts',
    cases: fc.array(
      fc.oneof({ weight: 5, arbitrary: words }, { weight: 1, arbitrary: hostileText(words, 512) }),
      { maxLength: 6 },
    ),
    check: async (args) => {
      const stream = () => Object.assign(new PassThrough(), { isTTY: false }).resume()
      const [output, errors] = [stream(), stream()]
      let said = ''
      errors.on('data', (piece) => {
        said += piece
      })
      const world = {
        input: stream().end(),
        output,
        errors,
        now: Date.now,
        interruption: () => AbortSignal.abort(),
      }
      expect([0, 1, 2, 3]).toContain(await run(args, COMMANDS, world))
      expect(said).not.toContain('on our side')
    },
    runs: 2_000,
  }),
]
