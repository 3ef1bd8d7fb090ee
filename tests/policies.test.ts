import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { scratch } from './harness/directory.ts'
import { shakeHands, type UserSession } from './harness/handshake.ts'
import { type Installation, install } from './harness/installation.ts'

const VALUE = '4111 1111 1111 6789'
const POLICIES = `
@id("everybody-stores-and-deletes")
permit(principal, action in [Action::"tokenize", Action::"setGrant", Action::"deleteToken"], resource);

@id("support-sees-the-end")
@mask("last:4")
permit(principal, action == Action::"detokenize", resource)
when { principal.roles.contains("support") };

@id("auditors-see-all")
permit(principal, action == Action::"detokenize", resource)
when { principal.roles.contains("auditor") };
`

const folder = scratch()
let on: Installation
let token: string
beforeAll(async () => {
  mkdirSync(join(folder.path, 'policies'))
  writeFileSync(join(folder.path, 'policies', 'all.cedar'), POLICIES)
  on = await install({ authorizers: { cedar: join(folder.path, 'policies'), timeoutMs: 5000 } })
  token = await on.protect(await on.logIn('maker'), VALUE)
})
afterAll(async () => {
  await on[Symbol.asyncDispose]()
  folder[Symbol.dispose]()
})

/** Somebody of whom the app says that they are all that, and who may read the token. */
async function logInAs(sid: string, roles?: readonly string[]): Promise<UserSession> {
  const answer = await shakeHands(on.wire, on.who(sid), { assertionClaims: { roles } })
  expect(answer.status).toBe(200)
  await on.grant(sid, token)
  const { sessionHash } = answer.body.data
  const cookie = (answer.headers.get('set-cookie') ?? '').split(';', 1)[0] ?? ''
  return {
    sid,
    sessionHash,
    cookie,
    headers: { cookie, 'sec-fetch-site': 'same-origin', 'lunasec-session-hash': sessionHash },
  }
}

const read = (session: UserSession) =>
  on.wire.call('/detokenize', { headers: session.headers, body: { tokenId: token, accept: ['mask'] } })

test('who sees what is in a file', async () => {
  const support = await read(await logInAs('sam', ['support']))
  expect(await on.reveal(support)).toBe('6789')
  const auditor = await read(await logInAs('ann', ['auditor']))
  expect(await on.reveal(auditor)).toBe(VALUE)
  for (const roles of [undefined, [], ['Support'], ['support ']]) {
    expect((await read(await logInAs(`other ${roles}`, roles))).status).toBe(403)
  }
  const rows = readAudit(on.lunaDefend.paths.database).filter(({ action }) => action === 'detokenize')
  expect(rows.map(({ policy, refusal }) => [policy, refusal]).slice(0, 3)).toEqual([
    ['support-sees-the-end', null],
    ['auditors-see-all', null],
    [expect.any(String), 'policy-denied'],
  ])
})

test('without a policy that is right there is no start', async () => {
  const file = join(folder.path, 'wrong.cedar')
  writeFileSync(file, 'permit(principal, action, resource) when { principal.rolls.contains("support") };')
  await expect(install({ authorizers: { cedar: file } })).rejects.toMatchObject({ name: 'NotStarted' })
  await expect(install({ authorizers: { cedar: join(folder.path, 'nowhere') } })).rejects.toThrow()
})
