import { randomBytes, randomUUID } from 'node:crypto'
import { createWriteStream, openAsBlob, readFileSync } from 'node:fs'
import { readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { inspect } from 'node:util'
import { ERRORS } from '@lunadefend/contract'
import { CLIENT_ERRORS, LunaDefend, LunaDefendClientError, LunaDefendOperator } from '@lunadefend/node-sdk'
import { type LunaDefend as Service, startLunaDefend } from '@lunadefend/testing'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { scratch } from '../harness/directory.ts'
import { asApplication } from '../harness/handshake.ts'
import { Wire } from '../harness/wire.ts'
import { between, membersOf, name, names, read, rows, section } from './document.ts'

const NODE = read('docs/node.md')

const folder = scratch()
let service: Service
let lunadefend: LunaDefend
beforeAll(async () => {
  service = await startLunaDefend({
    directory: folder.path,
    apps: [{ id: 'hello', origins: ['http://localhost:3999'] }],
    operators: ['ops'],
  })
  const { tokenizerUrl } = service
  lunadefend = newClient(tokenizerUrl, service.paths.apps)
})
afterAll(async () => {
  await service.close()
  folder[Symbol.dispose]()
})

function newClient(tokenizerUrl: string, directory: string): LunaDefend {
  const keyFile = join(directory, 'hello.private.jwk')
  // In the document from here …
  const lunadefend = new LunaDefend({
    tokenizerUrl,
    app: 'hello',
    signingKey: readFileSync(keyFile, 'utf8'),
  })
  // … to here.
  return lunadefend
}

describe('the code of the document runs', () => {
  test('a session that must log in again', async () => {
    const sid = lunadefend.sid(randomUUID())
    const token = await lunadefend.tokenize(sid, 'a value')
    await lunadefend.grants.create(sid, token)
    await lunadefend.blocks.set({ sid }, { effect: 'step-up', reason: 'fraud' })
    await expect(lunadefend.detokenizeText(sid, token)).rejects.toMatchObject({ code: 'step_up_required' })
    await lunadefend.blocks.lift({ sid })
  })

  test('a witness of the audit log', async () => {
    const remembered = join(folder.path, 'checkpoint')
    const headers = await asApplication(
      await Wire.open(service.tokenizerUrl),
      'hello',
      service.signingKey('hello'),
    )
    const listed = await fetch(`${service.tokenizerUrl}/audit/vkeys`, { headers })
    const vkeys = (await listed.text()).trimEnd().split('\n')
    await lunadefend.tokenize(lunadefend.sid(randomUUID()), 'a value')
    const look = async () => {
      const { size } = await lunadefend.audit.witness({
        vkeys,
        load: () => readFile(remembered, 'utf8').catch(() => null),
        save: async (checkpoint) => {
          await writeFile(`${remembered}.new`, checkpoint)
          await rename(`${remembered}.new`, remembered)
        },
      })
      return size
    }
    await expect.poll(look, { timeout: 20_000 }).toBeGreaterThan(0)
    expect(await readFile(remembered, 'utf8')).toContain('/audit\n')
  })

  test('a value that is the server’s own', async () => {
    const sid = lunadefend.sid(randomUUID())
    const token = await lunadefend.tokenize(sid, '078-05-1120', { metadata: { field: 'ssn' } })
    await lunadefend.grants.create(sid, token, { ttl: '1m', maxUses: 1, purpose: 'tax form' })
    const ssn = await lunadefend.detokenizeText(sid, token)
    expect(ssn).toBe('078-05-1120')
    await expect(lunadefend.detokenize(sid, token)).rejects.toMatchObject({
      code: 'access_denied',
      status: 403,
    })
  })

  test('the kill switch of an operator', async () => {
    const { tokenizerUrl } = service
    const operatorKeyFile = join(service.paths.operators, 'ops.private.jwk')
    const sid = lunadefend.sid(randomUUID())
    const token = await lunadefend.tokenize(sid, 'x')
    await lunadefend.grants.create(sid, token)
    const operator = new LunaDefendOperator({
      tokenizerUrl,
      operator: 'ops',
      signingKey: readFileSync(operatorKeyFile, 'utf8'),
    })
    const { blockId } = await operator.blocks.set({ app: 'hello', sid }, { ttl: '1h', reason: 'fraud' })
    await expect(lunadefend.detokenizeText(sid, token)).rejects.toMatchObject({ code: 'access_denied' })
    expect(await operator.blocks.list()).toMatchObject([
      { blockId, scope: 'session', app: 'hello', setBy: 'operator', effect: 'freeze', reason: 'fraud' },
    ])
    expect(await operator.blocks.list('another')).toEqual([])
    expect(await lunadefend.blocks.list()).toEqual([])
    await operator.blocks.lift({ blockId })
    expect(await lunadefend.detokenizeText(sid, token)).toBe('x')
    expect(JSON.stringify(operator) + inspect(operator, { depth: 9, showHidden: true })).not.toContain('"d"')
  })

  test('a form with a field that may be cleared', async () => {
    const sid = lunadefend.sid(randomUUID())
    const token = await lunadefend.tokenize(sid, 'x')
    const row = { ssn: '', notes: 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8' }
    const body = { ssn: token, notes: '' }
    await lunadefend.grants.verify(
      sid,
      { ssn: body.ssn, notes: body.notes },
      { stored: { ssn: row.ssn, notes: row.notes }, allowEmpty: ['notes'] },
    )
    const swapped = lunadefend.grants.verify(sid, { ssn: row.notes }, { stored: { ssn: row.ssn } })
    await expect(swapped).rejects.toMatchObject({ code: 'not_granted' })
  })

  test('what has been granted', async () => {
    const sid = lunadefend.sid(randomUUID())
    const token = await lunadefend.tokenize(sid, 'x')
    await lunadefend.grants.create(sid, token, { purpose: 'report' })
    const reported: unknown[][] = []
    const report = (...what: unknown[]) => reported.push(what)
    for await (const { access, expiresAt, uses, purpose } of lunadefend.grants.list({ sid })) {
      report(access, expiresAt, uses, purpose)
    }
    const when = expect.any(Date)
    expect(reported.sort()).toEqual([['read', when, 0, 'report'], ['store', when, 0, null]]) // biome-ignore format: two rows
  })

  test('a large file, in parts and as a stream; a new key; its end', async () => {
    const sid = lunadefend.sid(randomUUID())
    const [file, kept, unfinished, finished] = ['value', 'upload', 'unfinished', 'finished'].map((name) =>
      join(folder.path, name),
    ) as [string, string, string, string]
    const value = randomBytes(16 * 1024 ** 2 + 1)
    await writeFile(file, value)
    const shown: number[] = []
    const showProgress = (share: number) => void shown.push(share)
    const saveUpload = (upload: string) => writeFile(kept, upload)
    const loadUpload = () => readFile(kept, 'utf8')

    const first = await protect()
    expect(shown.at(-1)).toBe(1)
    // As after a lost answer: nothing is missing.
    const token = await goOn()
    expect(token).toBe(first)
    await lunadefend.grants.create(sid, token, { purpose: 're-keying' })
    await lunadefend.tokens.rekey(token, { sid })
    await pipeline(await lunadefend.detokenizeStream(sid, token), createWriteStream(unfinished))
    await rename(unfinished, finished)
    expect(Buffer.compare(await readFile(finished), value)).toBe(0)
    const { shreddedAt, objectRemoved, finalAt } = await lunadefend.tokens.delete(token)
    expect(objectRemoved).toBe(true)
    expect(finalAt.getTime()).toBeGreaterThan(shreddedAt.getTime())

    async function protect(): Promise<string> {
      const token = await lunadefend.tokenize(sid, await openAsBlob(file), {
        ttl: '720h',
        onProgress: ({ uploaded, total }) => showProgress(uploaded / total),
        onUpload: (upload) => saveUpload(JSON.stringify(upload)),
      })
      return token
    }

    async function goOn(): Promise<string> {
      const upload = JSON.parse(await loadUpload())
      const token = await lunadefend.resumeUpload(sid, upload, await openAsBlob(file))
      return token
    }
  })

  test('what may fail', async () => {
    const answer = await answerTo(
      lunadefend.sid(randomUUID()),
      'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8',
    )
    expect(answer).toBe(400)
    await service.tokenizer.stop()
    expect(await answerTo(lunadefend.sid(randomUUID()), service.signingKey('hello').kid)).toBe(400)
    const sid = lunadefend.sid(randomUUID())
    expect(await answerTo(sid, 'lunasec-2b58d9b2-83c1-4e9b-9692-b149112810c8')).toBe(503)
    await service.tokenizer.start()
  })

  async function answerTo(sid: string, token: string): Promise<number> {
    try {
      await lunadefend.grants.verify(sid, token)
      return 200
    } catch (error) {
      if (!(error instanceof LunaDefendClientError)) throw error
      switch (error.code) {
        case 'not_granted':
        case 'missing_token':
        case 'invalid_token':
          return 400 // What came in the request is not what this session made.
        default:
          return 503 // Not decided: store nothing, and let the user try again.
      }
    }
  }
})

describe('the tables are those of the source', () => {
  test.each([
    ['## The client', 'settings.ts', 'LunaDefendOptions'],
    ['## The router', 'router-options.ts', 'RouterOptions'],
    ['### What `session` gives', 'site-routes.ts', 'AppSession'],
    ['### `grants.create(sid, tokens, options?)`', 'grants.ts', 'CreateOptions'],
    ['### `grants.verify(sid, tokens, options?)`', 'grants.ts', 'VerifyOptions'],
    ['### `grants.revoke({ sid, tokens })`', 'grants.ts', 'RevokeOptions'],
    ['### `grants.list({ sid, token, access })`', 'grants.ts', 'ListedGrant'],
    ['### `tokens.delete(token)`', 'deletion.ts', 'DeletionReceipt'],
    ['### `tokens.rekey(token, options?)`', 'rekey.ts', 'RekeyOptions'],
    ['### `tokenize(sid, value, options?)`', 'uploads.ts', 'TokenizeOptions'],
    ['### Large values', 'upload-in-parts.ts', 'UploadOptions'],
    ['### `resumeUpload(sid, upload, value, options?)`', 'upload-plan.ts', 'Upload'],
    ['### `detokenize(sid, token, options?)`', 'values.ts', 'DetokenizeOptions'],
  ])('%s', (heading, file, type) => {
    const text = section(NODE, heading)
    const [own = ''] = text.split(/^#/m)
    const documented = rows(own).map(([option]) => name(option))
    expect(documented.sort()).toEqual(membersOf(`packages/node-sdk/src/${file}`, type).sort())
  })

  test('methods', () => {
    const documented = rows(section(NODE, '## In short')).map(([method]) => name(method).split('(')[0])
    const own = [
      ...['router', 'fetchRouter', 'sid', 'tokenize', 'resumeUpload', 'abortUpload'],
      ...['detokenize', 'detokenizeText', 'detokenizeStream'],
    ]
    const grouped = (
      ['audit', 'grants', 'honeytokens', 'webhooks', 'sessions', 'tokens', 'blocks'] as const
    ).flatMap((group) => Object.keys(lunadefend[group]).map((method) => `${group}.${method}`))
    expect(documented.sort()).toEqual([...own, ...grouped].sort())
    const onPrototype = Object.getOwnPropertyNames(LunaDefend.prototype).filter(
      (each) => each !== 'constructor',
    )
    expect(onPrototype.sort()).toEqual(own.sort())
  })

  test('answers of the session path', () => {
    const source = between(
      read('packages/node-sdk/src/site-routes.ts'),
      'const REFUSALS = {\n',
      '\n} as const',
    )
    const expected = [...source.matchAll(/^ {2}(\w+): \{ status: (\d+)/gm)].map(([, code, status]) => [
      code,
      status,
    ])
    const documented = rows(section(NODE, '### Its answers')).map(([status, code]) => [name(code), status])
    expect(documented.sort()).toEqual(expected.sort())
  })

  test('errors: every code of the package, and every code of the Tokenizer', () => {
    const text = section(NODE, '## Errors')
    const own = rows(text).map(([code]) => name(code))
    expect(own.sort()).toEqual(Object.keys(CLIENT_ERRORS).sort())
    const elsewhere = names(between(text, 'The codes of the Tokenizer are', ': see'))
    expect(elsewhere.sort()).toEqual(Object.keys(ERRORS).sort())
  })
})
