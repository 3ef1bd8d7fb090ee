import { randomBytes } from 'node:crypto'
import { ALARM_KINDS } from '@lunadefend/core'
import { type AlarmEvent, LunaDefend } from '@lunadefend/node-sdk'
import { expect, test } from 'vitest'
import { install } from '../harness/installation.ts'
import { startListener } from '../harness/listener.ts'
import { name, read, rows, section } from './document.ts'

const ALARMS = read('docs/alarms.md')

test('the table of kinds is the list', () => {
  expect(rows(section(ALARMS, '## What raises one')).map(([kind]) => name(kind))).toEqual([...ALARM_KINDS])
})

test('the code of the document runs: a honeytoken, and the webhook that tells of it', async () => {
  const secret = `whsec_${randomBytes(32).toString('base64')}`
  await using listener = await startListener()
  const webhooks = [{ url: listener.url, secretVariable: 'HOOK' }]
  const surroundings = { environment: { HOOK: secret } }
  await using on = await install({ alarms: { webhooks }, surroundings })
  const { tokenizerUrl } = on.lunaDefend
  const lunadefend = new LunaDefend({
    tokenizerUrl,
    app: 'acme',
    signingKey: on.lunaDefend.signingKey('acme'),
  })
  const told: AlarmEvent[] = []
  const tellSomebody = async (alarm: AlarmEvent) => told.push(alarm)

  const token = await lunadefend.honeytokens.plant({ value: '900-11-2222', metadata: { field: 'ssn' } })

  async function hook(request: Request): Promise<Response> {
    const alarm = lunadefend.webhooks.verify(request.headers, await request.bytes(), secret)
    await tellSomebody(alarm)
    return new Response(null, { status: 204 })
  }

  await on.detokenize(await on.logIn('thief'), token)
  await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBe(1)
  const [{ headers, body } = { headers: {}, body: '' }] = listener.heard
  const sent = new Headers(Object.entries(headers).map(([key, value]): [string, string] => [key, `${value}`]))
  const answer = await hook(new Request('http://localhost/hook', { method: 'POST', headers: sent, body }))
  expect(answer.status).toBe(204)
  expect(told).toMatchObject([{ kind: 'honeytoken', effect: 'freeze', app: 'acme' }])
  // The document shows what is sent.
  const [, shown] = /```json\n([\s\S]+?)```/.exec(ALARMS) ?? []
  const shapeOf = (value: object): unknown =>
    Object.entries(value).map(([key, member]) =>
      typeof member === 'object' && member !== null ? [key, shapeOf(member)] : key,
    )
  expect(shapeOf(JSON.parse(shown ?? '{}'))).toEqual(shapeOf(JSON.parse(body)))
})
