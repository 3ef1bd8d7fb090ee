import { randomBytes } from 'node:crypto'
import { startObjectStore } from '@lunadefend/object-store'
import {
  type Check,
  type CheckName,
  openProvenS3,
  type ProbeReport,
  probeObjectStore,
  type S3Options,
} from '@lunadefend/stores/s3'
import { describe, expect, test } from 'vitest'
import { type Flaws, startCarelessStore } from './s3-careless-store.ts'
import { credentials, settings, sseKey, unusedEndpoint } from './s3-stub.ts'
import { scratch } from './scratch.ts'

const origin = 'https://tokenizer.example'
const KEY = 'v1/00112233445566778899aabbccddeeff'

async function startEmbedded(corsOrigins: string[]) {
  const folder = scratch()
  const directory = folder.file('objects')
  const store = await startObjectStore({
    ...{ directory, port: 0, bucket: settings.bucket, region: settings.region, credentials, corsOrigins },
    masterKey: randomBytes(32),
  })
  return {
    options: { ...settings, endpoint: store.url, clock: { now: () => Date.now() } } satisfies S3Options,
    async [Symbol.asyncDispose]() {
      await store.close()
      folder[Symbol.dispose]()
    },
  }
}

const verdicts = ({ checks }: ProbeReport) =>
  Object.fromEntries(checks.map(({ name, verdict }) => [name, verdict]))
const notOk = ({ checks }: ProbeReport) => checks.filter(({ verdict }) => verdict !== 'ok')

describe('the embedded store', () => {
  test.each(['store', 'both', 'end-to-end'] as const)('can all that is needed: %s', async (encryption) => {
    await using embedded = await startEmbedded([origin])
    const report = await probeObjectStore(embedded.options, { origin, encryption }, 'full')
    expect(notOk(report)).toEqual([])
    expect(report.proof).toBe(encryption === 'end-to-end' ? 'not-needed' : 'encrypts')
    const names = report.checks.map(({ name }) => name)
    expect(names.includes('no-key')).toBe(encryption !== 'end-to-end')
  })

  test('keeps nothing of the probe', async () => {
    await using embedded = await startEmbedded([origin])
    await probeObjectStore(embedded.options, { origin }, 'full')
    await using store = await openProvenS3(embedded.options, { origin, report: () => undefined })
    expect(await store.list(null, 10)).toEqual({ items: [], next: null })
    expect(await store.listUploads(null, 10)).toEqual({ items: [], next: null })
  })

  test('that lets in another origin only is told apart', async () => {
    await using embedded = await startEmbedded(['https://other.example'])
    const report = await probeObjectStore(embedded.options, { origin }, 'full')
    expect(notOk(report).map(({ name }) => name)).toEqual(['cors'])
  })
})

/** A flaw, the check that finds it, and how it judges. */
const FLAWS: [what: string, flaws: Flaws, name: CheckName, verdict: Check['verdict'], proof: ProbeReport['proof']][] = [
  ['keeps values readable', { keepsReadable: true }, 'no-key', 'failed', 'readable'],
  ['gives a value for any key', { takesAnyKey: true }, 'other-key', 'failed', 'readable'],
  ['has SSE-C switched off', { switchedOff: true }, 'upload', 'failed', 'unknown'],
  ['changes values', { changes: true }, 'read', 'failed', 'unknown'],
  ['lets an upload URL be used again', { overwrites: true }, 'write-once', 'lacking', 'encrypts'],
  ['takes URLs that have expired', { takesExpired: true }, 'expired-url', 'failed', 'encrypts'],
  ['shows objects to anybody', { isPublic: true }, 'anonymous-read', 'failed', 'encrypts'],
  ['lists objects for anybody', { isPublic: true }, 'anonymous-list', 'failed', 'encrypts'],
  ['lets no page in', { cors: null }, 'cors', 'failed', 'encrypts'],
  ['lets every page in', { cors: '*' }, 'cors', 'failed', 'encrypts'],
  ['lets in whoever asks', { cors: 'any' }, 'cors-elsewhere', 'failed', 'encrypts'],
  ['keeps versions', { versions: true }, 'versions', 'lacking', 'encrypts'],
  ['has another time', { clockMs: 300_000 }, 'clock', 'lacking', 'encrypts'],
  ['gives more than a part', { takesAnyRange: true }, 'part', 'failed', 'encrypts'],
  ['gives no part', { wholeOnly: true }, 'part', 'lacking', 'encrypts'],
  ['tells the MD5 of what it hides', { tellsMd5: true }, 'part', 'lacking', 'encrypts'],
  ['does not delete', { keeps: true }, 'delete', 'failed', 'encrypts'],
] // biome-ignore format: a table

describe('a store that', () => {
  test.each(FLAWS)('%s is told apart', async (_, flaws, name, verdict, proof) => {
    await using store = await startCarelessStore({ cors: origin, ...flaws })
    const options = { ...settings, endpoint: store.endpoint }
    const report = await probeObjectStore(options, { origin }, 'full')
    expect(verdicts(report)).toMatchObject({ [name]: verdict })
    expect(report.proof).toBe(proof)
    expect(report.checks.find((check) => check.name === name)?.detail).toMatch(/\w+.*\./)
    const good = await startCarelessStore({ cors: origin })
    const other = await probeObjectStore({ ...options, endpoint: good.endpoint }, { origin }, 'full')
    await good[Symbol.asyncDispose]()
    expect(verdicts(other)).toMatchObject({ [name]: 'ok' })
  })

  test('has SSE-C switched off: the way out is named', async () => {
    await using store = await startCarelessStore({ switchedOff: true })
    const report = await probeObjectStore({ ...settings, endpoint: store.endpoint }, { origin }, 'start')
    expect(report.checks[0]?.detail).toMatch(/PutBucketEncryption.*BlockedEncryptionTypes=NONE.*end-to-end/)
    expect(report.checks.slice(1).map(({ verdict }) => verdict)).toEqual(
      report.checks.slice(1).map(() => 'skipped'),
    )
  })

  test('says nothing of a secret, whatever it finds', async () => {
    for (const flaws of [{ keepsReadable: true }, { switchedOff: true }, { changes: true }]) {
      await using store = await startCarelessStore(flaws)
      const report = await probeObjectStore({ ...settings, endpoint: store.endpoint }, { origin }, 'full')
      const said = JSON.stringify(report)
      for (const secret of [credentials.secretAccessKey, credentials.accessKeyId, 'Signature']) {
        expect(said).not.toContain(secret)
      }
      expect(said).not.toMatch(/v1\/[0-9a-f]{32}/)
    }
  })

  test('is away answers nothing, and nothing is proven', async () => {
    const report = await probeObjectStore(
      { ...settings, endpoint: await unusedEndpoint() },
      { origin },
      'start',
    )
    expect(report.proof).toBe('unknown')
    expect(report.checks[0]).toMatchObject({ name: 'upload', verdict: 'failed' })
  })
})

describe('no value before the store has shown that it encrypts', () => {
  const silent = { origin, report: () => undefined }

  test('one that keeps values readable is refused at once', async () => {
    await using store = await startCarelessStore({ keepsReadable: true })
    const opened = openProvenS3({ ...settings, endpoint: store.endpoint }, silent)
    await expect(opened).rejects.toMatchObject({ code: 'objects_readable' })
    expect(store.objects.size).toBe(0)
  })

  test('clients that encrypt themselves may use it', async () => {
    await using store = await startCarelessStore({ keepsReadable: true })
    const options = { ...settings, endpoint: store.endpoint }
    await using opened = await openProvenS3(options, { ...silent, encryption: 'end-to-end' })
    expect((await opened.presignPut(KEY, null, 1)).url).toContain(KEY)
  })

  test('what is lacking is told, once for each', async () => {
    await using store = await startCarelessStore({ overwrites: true, versions: true })
    const told: string[] = []
    const options = { ...settings, endpoint: store.endpoint }
    await using _ = await openProvenS3(options, { origin, report: ({ name }) => void told.push(name) })
    expect(told).toEqual(['write-once', 'versions'])
  })

  const gated: [string, (store: Awaited<ReturnType<typeof openProvenS3>>, key: Uint8Array | null) => Promise<unknown>][] = [
    ['presignPut', (store, key) => store.presignPut(KEY, key, 1)],
    ['beginUpload', (store, key) => store.beginUpload({ objectKey: KEY, sseKey: key })],
    ['presignPart', (store, key) => store.presignPart({ objectKey: KEY, uploadId: 'u' }, 1, key, 1)],
    ['copy', (store, key) => store.copy({ objectKey: KEY, sseKey: null }, { objectKey: KEY, sseKey: key })],
  ] // biome-ignore format: a table

  test.each(gated)('%s waits for one that could not be tried at the start', async (_, call) => {
    await using store = await startCarelessStore({ switchedOff: true })
    await using opened = await openProvenS3({ ...settings, endpoint: store.endpoint }, silent)
    await expect(call(opened, sseKey)).rejects.toMatchObject({ code: 'objects_unproven' })
    store.flaws = { keepsReadable: true }
    await expect(call(opened, sseKey)).rejects.toMatchObject({ code: 'objects_readable' })
    expect([...store.objects.keys()].filter((name) => name.includes(KEY))).toEqual([])
  })

  test('when it answers it is tried once for all who wait, and then never again', async () => {
    await using store = await startCarelessStore({ switchedOff: true })
    await using opened = await openProvenS3({ ...settings, endpoint: store.endpoint }, silent)
    store.flaws = {}
    store.asked.length = 0
    await Promise.all(Array.from({ length: 20 }, () => opened.presignPut(KEY, sseKey, 1)))
    const puts = store.asked.filter((method) => method === 'PUT')
    expect(puts).toHaveLength(2)
    await opened.presignPut(KEY, sseKey, 1)
    expect(store.asked.filter((method) => method === 'PUT')).toHaveLength(2)
  })

  test('what needs no key of the store does not wait', async () => {
    await using opened = await openProvenS3({ ...settings, endpoint: await unusedEndpoint() }, silent)
    expect((await opened.presignPut(KEY, null, 1)).url).toContain(KEY)
    expect((await opened.presignGet(KEY, sseKey)).url).toContain(KEY)
  })
})
