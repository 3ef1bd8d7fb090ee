import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import type { SessionId } from '@lunadefend/contract'
import {
  type Alarm,
  type AlarmReceiver,
  type AlarmTerms,
  type Caller,
  deliverAlarms,
  pseudonymsOf,
  raiseAlarm,
} from '@lunadefend/core'
import { LunaDefend } from '@lunadefend/node-sdk'
import { readAudit } from '@lunadefend/stores/sqlite'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { askServer, NoAnswer } from '../packages/tokenizer/src/ask-server.ts'
import { BadSecret, webhookReceiver } from '../packages/tokenizer/src/send-webhook.ts'
import { APP, type House, openHouse } from './harness/house.ts'
import { install } from './harness/installation.ts'
import { type Heard, startListener } from './harness/listener.ts'
import { fleetOf, newSigningKey } from './harness/tokenizers.ts'

const newSecret = () => `whsec_${randomBytes(32).toString('base64')}`
const SECRET = newSecret()

type Listener = Awaited<ReturnType<typeof startListener>>

let listener: Listener
beforeAll(async () => {
  listener = await startListener()
})
afterAll(() => listener[Symbol.asyncDispose]())
afterEach(() => {
  listener.heard.length = 0
  Object.assign(listener.state, { status: 204, headers: {}, hang: false })
})

const client = new LunaDefend({
  tokenizerUrl: 'http://localhost:1',
  app: 'acme',
  signingKey: await newSigningKey('key'),
})
const verify = ({ headers, body }: Heard, secret: string = SECRET) =>
  client.webhooks.verify(headers, body, secret)

const ALARM: Alarm = {
  alarmId: 'a'.repeat(32),
  kind: 'honeytoken',
  effect: 'freeze',
  writer: '0123456789abcdef',
  seq: 7,
  at: Date.UTC(2026, 0, 2),
  requestId: 'r'.repeat(32),
  app: APP,
  actor: 'user',
  epoch: 692_000,
  session: '1'.repeat(32),
  user: '2'.repeat(32),
  token: '3'.repeat(32),
  network: null,
}

describe('a webhook', () => {
  const outcomes: unknown[] = []
  const receiver = (changes: object = {}, secrets = SECRET) =>
    webhookReceiver({ url: listener.url, ...changes }, secrets, (...outcome) => outcomes.push(outcome))

  test('is told, signed, what the alarm says and nothing else', async () => {
    expect(await receiver().tell(ALARM)).toBe('told')
    const [request] = listener.heard as [Heard]
    const event = verify(request)
    const { alarmId, writer, seq, at, actor: _, epoch: __, ...same } = ALARM
    expect(event).toEqual({ ...same, id: `alarm_${alarmId}`, at: new Date(at), audit: { writer, seq } })
    expect(Object.keys(JSON.parse(request.body))).toEqual(['type', 'timestamp', 'data'])
    expect(request.headers['content-type']).toBe('application/json')
  })

  test('is signed with each secret of the file, while they change', async () => {
    const [older, newer] = [newSecret(), newSecret()]
    await receiver({}, `${newer}\n${older}\n`).tell(ALARM)
    const [request] = listener.heard as [Heard]
    expect(request.headers['webhook-signature']).toMatch(/^v1,\S+ v1,\S+$/)
    for (const secret of [older, newer]) expect(verify(request, secret).id).toBe(`alarm_${ALARM.alarmId}`)
    expect(() => verify(request, newSecret())).toThrow()
  })

  test('is the same id every time', async () => {
    for (const _ of [1, 2]) await receiver().tell(ALARM)
    expect(new Set(listener.heard.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test.each([
    [200, 'told'],
    [299, 'told'],
    [410, 'gone'],
    [400, 'failed'],
    [404, 'failed'],
    [429, 'failed'],
    [503, 'failed'],
  ])('an answer of %i is %s', async (status, outcome) => {
    listener.state.status = status
    expect(await receiver().tell(ALARM)).toBe(outcome)
  })

  test.each([301, 302, 303, 307, 308])('a redirection (%i) leads nowhere', async (status) => {
    await using inside = await startListener()
    Object.assign(listener.state, { status, headers: { location: inside.url } })
    expect(await receiver().tell(ALARM)).toBe('failed')
    expect(inside.heard).toEqual([])
  })

  test('nobody there is a failure, of which only its kind is said', async () => {
    const gone = await startListener()
    await gone[Symbol.asyncDispose]()
    expect(await receiver({ url: `${gone.url}?key=hidden` }).tell(ALARM)).toBe('failed')
    expect(outcomes.at(-1)).toEqual(['failed', 'ECONNREFUSED'])
  })

  test('a server that is slow is not waited for, and the log has the reason', async () => {
    listener.state.hang = true
    const asked = askServer(listener.url, { method: 'POST', ca: undefined, timeoutMs: 50 }, () => 'answered')
    await expect(asked).rejects.toEqual(new NoAnswer('no whole answer within 50 ms'))
  })

  test('hears of its apps and its kinds', () => {
    const hears = (changes: object) => receiver(changes).hears(ALARM)
    expect(hears({})).toBe(true)
    expect(hears({ apps: ['acme'], kinds: ['honeytoken', 'refusals'] })).toBe(true)
    expect(hears({ apps: ['other'] })).toBe(false)
    expect(hears({ kinds: ['refusals'] })).toBe(false)
    expect(receiver({ apps: ['acme'] }).hears({ ...ALARM, app: null })).toBe(false)
  })

  test('its name does not say where it is', () => {
    expect(receiver().name).toMatch(/^[0-9a-f]{16}$/)
    expect(receiver().name).toBe(receiver().name)
  })

  test.each(['', '\n', 'secret', 'whsec_', `${SECRET} `, `whsec_${'A'.repeat(28)}`])(
    'a secret that is none starts nothing: %j',
    (secret) => {
      expect(() => receiver({}, secret)).toThrow(BadSecret)
    },
  )
})

const HOUR = 3_600_000
const caller: Caller = {
  actor: { kind: 'application', app: APP, sid: 'thief' as SessionId },
  requestId: 'f'.repeat(32),
  network: '203.0.113.0/24',
}

const raise = (house: House, changes: Partial<AlarmTerms> = {}) =>
  raiseAlarm(house.needs, caller, {
    kind: 'honeytoken',
    effect: 'freeze',
    sid: 'thief' as SessionId,
    token: null,
    ...changes,
  })

/** Somebody who fails as long as they are told to. */
function listenerNamed(name: string, hears = true) {
  const state = { fails: false, told: [] as string[] }
  const receiver: AlarmReceiver = {
    name,
    hears: () => hears,
    async tell({ alarmId }) {
      state.told.push(alarmId)
      return state.fails ? 'failed' : 'told'
    },
  }
  return { state, receiver }
}

describe('raising an alarm', () => {
  test('its row of audit is about the session that is meant, under its pseudonyms', async () => {
    await using house = await openHouse()
    const token = await house.protect('x')
    expect(await raise(house, { token, kind: 'refusals', effect: 'step-up' })).toBe(true)
    const row = readAudit(house.databaseFile).at(-1)
    expect(row?.action).toBe('alarm-refusals')
    const names = (kind: 'session' | 'token' | 'network', name: string) =>
      pseudonymsOf(house.needs, kind, APP, name)
    expect(names('session', 'thief')).toContain(row?.session)
    expect(names('token', token)).toContain(row?.token)
    expect(names('network', '203.0.113.0/24')).toContain(row?.network)
    const all = { refs: null, blockId: null, app: null, setBy: null }
    const blocks = await house.needs.database.read((reader) => reader.findBlocks(all, 0, 9))
    expect(blocks).toMatchObject([
      { scope: 'session', app: APP, setBy: 'system', reason: 'alarm', effect: 'step-up' },
    ])
  })

  test('of the same kind about the same session one is raised in an hour', async () => {
    await using house = await openHouse()
    const other = { sid: 'other' as SessionId }
    expect(await raise(house)).toBe(true)
    expect(await raise(house)).toBe(false)
    expect(await raise(house, { kind: 'refusals' })).toBe(true)
    expect(await raise(house, other)).toBe(true)
    house.clock.advance(HOUR - 1000)
    expect(await raise(house)).toBe(false)
    house.clock.advance(1000)
    expect(await raise(house)).toBe(true)
  })

  test('about no session it stops nothing', async () => {
    await using house = await openHouse()
    expect(await raise(house, { sid: null })).toBe(true)
    const [due] = await house.needs.database.read((reader) => reader.findDueAlarms(house.clock.now(), 9))
    expect(due?.effect).toBe('none')
  })
})

describe('delivering alarms', () => {
  const run = async (house: House, receivers: readonly AlarmReceiver[], givenUp: Alarm[] = []) =>
    deliverAlarms(
      house.needs,
      receivers,
      (alarm) => givenUp.push(alarm),
      () => true,
    )

  test('each receiver is told once; who fails is tried again, and the others are not told twice', async () => {
    await using house = await openHouse()
    const [good, bad, deaf] = [listenerNamed('good'), listenerNamed('bad'), listenerNamed('deaf', false)]
    const all = [good, bad, deaf].map(({ receiver }) => receiver)
    bad.state.fails = true
    await raise(house)
    await run(house, all)
    await run(house, all)
    expect([good, bad, deaf].map(({ state }) => state.told.length)).toEqual([1, 1, 0])
    house.clock.advance(5000)
    bad.state.fails = false
    for (const _ of [1, 2, 3]) await run(house, all)
    expect([good, bad, deaf].map(({ state }) => state.told.length)).toEqual([1, 2, 0])
    expect(new Set(bad.state.told).size).toBe(1)
  })

  test('pauses grow, with some chance in them, until the day is over; then it is given up and said', async () => {
    await using house = await openHouse()
    const dead = listenerNamed('dead')
    dead.state.fails = true
    const givenUp: Alarm[] = []
    const begin = house.clock.now()
    await raise(house)
    const tries: number[] = []
    while (givenUp.length === 0) {
      const before = dead.state.told.length
      await run(house, [dead.receiver], givenUp)
      if (dead.state.told.length > before) tries.push(house.clock.now() - begin)
      house.clock.advance(tries.length < 8 ? 1000 : 60_000)
      if (house.clock.now() - begin > 26 * HOUR) break
    }
    const pauses = tries.slice(1).map((time, index) => time - (tries[index] ?? 0))
    for (const [index, pause] of pauses.slice(0, 7).entries()) {
      const most = 5000 * 2 ** index
      expect(pause).toBeGreaterThanOrEqual(most / 2)
      expect(pause).toBeLessThanOrEqual(most + 2000)
    }
    expect(Math.max(...pauses)).toBeLessThanOrEqual(2 * HOUR + 60_000)
    expect(tries.at(-1)).toBeGreaterThanOrEqual(24 * HOUR)
    expect(tries.at(-1)).toBeLessThan(24 * HOUR + 120_000)
    expect(givenUp).toHaveLength(1)
    await run(house, [dead.receiver], givenUp)
    expect(givenUp).toHaveLength(1)
  })

  test('while one process tells, another does not; what died in between is told once more', async () => {
    await using house = await openHouse()
    const { needs, clock } = house
    await raise(house)
    const slow = listenerNamed('hook')
    const gate = Promise.withResolvers<'told'>()
    const hanging: AlarmReceiver = { ...slow.receiver, tell: () => gate.promise }
    const first = deliverAlarms(
      needs,
      [hanging],
      () => {},
      () => true,
    ).catch(() => {})
    await expect.poll(async () => (await needs.database.read((reader) => reader.findWork())).length).toBe(1)
    await run(house, [slow.receiver])
    expect(slow.state.told).toEqual([])
    // The first one never comes back: its lease ends.
    clock.advance(61_000)
    await run(house, [slow.receiver])
    expect(slow.state.told).toHaveLength(1)
    gate.resolve('told')
    await first
    await run(house, [slow.receiver])
    expect(slow.state.told).toHaveLength(1)
  })
})

describe('the service', () => {
  test('tells webhooks, writes a line, and counts; nothing secret is in any of it', async () => {
    const lines: string[] = []
    const logTo = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const surroundings = { logTo, environment: { HOOK: SECRET } }
    const webhooks = [{ url: listener.url, secretVariable: 'HOOK' }]
    await using on = await install({ alarms: { webhooks }, surroundings, logLevel: 'info' })
    expect(surroundings.environment).toEqual({})
    const { tokenizerUrl } = on.lunaDefend
    const app = new LunaDefend({ tokenizerUrl, app: 'acme', signingKey: on.lunaDefend.signingKey('acme') })
    const bait = await app.honeytokens.plant({ value: 'nobody' })
    const thief = await on.logIn('a thief')
    const answer = await on.detokenize(thief, bait)
    const requestId = answer.headers.get('x-request-id')
    await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBe(1)
    const event = verify(listener.heard[0] as Heard)
    const row = readAudit(on.lunaDefend.paths.database).find(
      ({ writer, seq }) => writer === event.audit.writer && seq === event.audit.seq,
    )
    const { session, user, token, network, app: where } = event
    expect(row).toMatchObject({ action: 'alarm-honeytoken', requestId, session, user, token, network })
    expect([where, event.kind, event.effect, event.requestId]).toEqual([
      'acme',
      'honeytoken',
      'freeze',
      requestId,
    ])
    const told = lines.filter((line) => line.includes('"alarm":"honeytoken"')).map((line) => JSON.parse(line))
    expect(told).toMatchObject([{ level: 40, effect: 'freeze', requestId, session, token, msg: 'alarm' }])
    const metrics = await (await fetch(`${tokenizerUrl}/metrics`)).text()
    expect(metrics).toContain('lunadefend_alarms_total{kind="honeytoken"} 1')
    expect(metrics).toContain('lunadefend_alarm_deliveries_total{outcome="told"} 1')
    const secrets = [bait, 'a thief', 'user of', SECRET, thief.cookie]
    for (const secret of secrets)
      expect(lines.join('') + JSON.stringify(listener.heard)).not.toContain(secret)
  })

  const BAD: [string, object][] = [
    ['/alarms/webhooks/0/url', { url: 'http://hooks.example.com/', secretVariable: 'HOOK' }],
    ['/alarms/webhooks/0/url', { url: 'https://user:pass@hooks.example.com/', secretVariable: 'HOOK' }],
    ['/alarms/webhooks/0', { url: 'https://hooks.example.com/' }],
    ['/alarms/webhooks/0', { url: 'https://hooks.example.com/', secretFile: 'x', secretVariable: 'HOOK' }],
    ['/alarms/webhooks/0', { url: 'https://hooks.example.com/', secretFile: '/no/such/file' }],
    ['/alarms/webhooks/0', { url: 'https://hooks.example.com/', secretVariable: 'UNSET' }],
    ['/alarms/webhooks/0/apps', { url: 'https://h.example.com/', secretVariable: 'HOOK', apps: ['nobody'] }],
    ['/alarms/webhooks/0/kinds', { url: 'https://h.example.com/', secretVariable: 'HOOK', kinds: ['fire'] }],
  ]
  test.each(BAD)('does not start with what is wrong at %s: case %#', async (where, webhook) => {
    const surroundings = { environment: { HOOK: SECRET } }
    const alarms = { webhooks: [webhook] } as never
    await expect(install({ alarms, surroundings })).rejects.toThrow(where)
  })

  test('killed with -9 before it could tell: another process does, with the same id', async () => {
    await using house = await openHouse()
    const key = await newSigningKey('key')
    const fleet = await fleetOf(house)
    const secretFile = join(house.directory, 'webhook.secret')
    writeFileSync(secretFile, SECRET, { mode: 0o600 })
    const alarms = { webhooks: [{ url: listener.url, secretFile }] }
    listener.state.status = 503
    const first = await fleet.start([key], undefined, { alarms })
    const app = new LunaDefend({ tokenizerUrl: fleet.publicUrl, app: 'acme', signingKey: { ...key } })
    const bait = await app.honeytokens.plant({ value: 'nobody' })
    await expect(app.detokenize('thief', bait)).rejects.toThrow()
    await expect.poll(() => listener.heard.length, { timeout: 10_000 }).toBeGreaterThanOrEqual(1)
    await first.kill()
    listener.state.status = 204
    const before = listener.heard.length
    await using second = await fleet.start([key], undefined, { alarms })
    await using third = await fleet.start([key], 0, { alarms })
    expect(second.url).not.toBe(third.url)
    await expect.poll(() => listener.heard.length, { timeout: 70_000 }).toBe(before + 1)
    expect(new Set(listener.heard.map((request) => verify(request).id)).size).toBe(1)
    // Long enough for both to look again.
    await new Promise((resolve) => setTimeout(resolve, 2500))
    expect(listener.heard).toHaveLength(before + 1)
  }, 90_000)
})
