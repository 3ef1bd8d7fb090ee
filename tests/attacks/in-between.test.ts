import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { UserSession } from '../harness/handshake.ts'
import { type Installation, install } from '../harness/installation.ts'
import type { Answer } from '../harness/wire.ts'
import { Writer } from '../harness/writer.ts'

/*
 * A request is looked at, and then committed. What ends between the two (revoked, logged out, spent, deleted by
 * another process) must count: only the commit decides. The test holds the lock that the commit waits for.
 */

let on: Installation
let writer: Writer
let alice: UserSession
let tokenId: string
let n = 0
beforeAll(async () => {
  on = await install()
  writer = new Writer(on.lunaDefend.paths.database)
})
afterAll(async () => {
  writer[Symbol.dispose]()
  await on[Symbol.asyncDispose]()
})

async function prepare(): Promise<void> {
  const sid = `alice ${++n}`
  alice = await on.logIn(sid)
  tokenId = await on.protect(alice, 'value')
  await on.grant(sid, tokenId, { maxUses: 1 })
}

const MEANWHILE: [string, string][] = [
  ['the session ends', 'DELETE FROM sessions'],
  ['the session expires', 'UPDATE sessions SET expires_at = 1'],
  ['the grant is revoked', 'DELETE FROM grants'],
  ['the grant expires', 'UPDATE grants SET expires_at = 1'],
  ['the grant is spent', 'UPDATE grants SET uses = 1'],
  ['the token is deleted', 'UPDATE records SET deleted_at = 1'],
]

/** The answer to a request that was looked at before the change and is committed after it. */
async function caughtInBetween(ask: () => Promise<Answer>, change: string): Promise<Answer> {
  for (let pause = 50; ; pause *= 2) {
    await prepare()
    const asked = await writer.locked(async () => {
      const answer = ask()
      await new Promise((resolve) => setTimeout(resolve, pause))
      writer.run(change)
      return { answer }
    })
    const answer = await asked.answer
    // Where the change came too early, it was simply seen.
    if (refusalOf(answer) === 'changed-meanwhile' || pause > 2000) return answer
  }
}

function refusalOf({ headers }: Answer): string | null | undefined {
  const requestId = headers.get('x-request-id')
  return readAudit(on.lunaDefend.paths.database).find((row) => row.requestId === requestId)?.refusal
}

describe.each(MEANWHILE)('%s', (_what, change) => {
  test('no value is given', async () => {
    const answer = await caughtInBetween(() => on.detokenize(alice, tokenId), change)
    expect(refusalOf(answer)).toBe('changed-meanwhile')
    expect(answer.status).toBe(403)
    expect(answer.body.error.code).toBe('access_denied')
  })

  test('no metadata is given', async () => {
    const read = () => on.wire.call('/metadata/get', { headers: alice.headers, body: { tokenId } })
    const answer = await caughtInBetween(read, change)
    expect(refusalOf(answer)).toBe('changed-meanwhile')
    expect(answer.status).toBe(403)
  })
})

describe.each(MEANWHILE.slice(2))('%s', (_what, change) => {
  test('a grant is not valid', async () => {
    const verify = async () => {
      const body = { sessionId: `alice ${n}`, tokenId, access: 'read' }
      return on.wire.call('/grant/verify', { headers: await on.application(), body })
    }
    const answer = await caughtInBetween(verify, change)
    expect(refusalOf(answer)).toBe('changed-meanwhile')
    expect(answer.body.data).toEqual({ valid: false })
  })
})

test('a record is said to be sealed anew, and is not: it is looked at again, and does not open', async () => {
  await prepare()
  const asked = await writer.locked(async () => {
    const answer = on.detokenize(alice, tokenId)
    await new Promise((resolve) => setTimeout(resolve, 200))
    writer.run('UPDATE records SET generation = generation + 1')
    return { answer }
  })
  const answer = await asked.answer
  expect([answer.status, answer.body.error.code]).toEqual([500, 'internal'])
})

test('nothing changes: all of them succeed', async () => {
  const ask = () => on.detokenize(alice, tokenId)
  await prepare()
  const asked = await writer.locked(async () => ({ answer: ask() }))
  expect((await asked.answer).status).toBe(200)
})
